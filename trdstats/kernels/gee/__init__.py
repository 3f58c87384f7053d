"""Generalised estimating equations: means, working correlations, sandwiches."""
