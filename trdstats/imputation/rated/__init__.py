"""Imputation of binary and ordinal outcomes by a generalised linear mixed model."""
