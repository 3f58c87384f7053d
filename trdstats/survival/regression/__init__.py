"""Regressions of hazards."""
