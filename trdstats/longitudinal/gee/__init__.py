"""Generalised estimating equations for outcomes rated repeatedly."""
