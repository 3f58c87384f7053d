"""Covariance structures of repeated measures, each a value that a model takes."""
