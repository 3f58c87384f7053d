"""Weights that balance covariates, and what balance they reach."""
