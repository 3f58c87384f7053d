"""Arithmetic on arrays: NumPy and SciPy only, frozen records out, no labels."""
