"""Sums over risk sets: curves, incidences, rank tests, hazard regressions."""
