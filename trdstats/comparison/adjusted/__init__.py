"""Estimates adjusted by standardisation, AIPW, matching and strata."""
