"""Marginal likelihoods of binary, ordinal and count outcomes with random effects."""
