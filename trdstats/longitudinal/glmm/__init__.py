"""Generalised linear mixed models: binary, ordinal and count outcomes with random effects."""
