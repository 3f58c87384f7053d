"""Rows and columns of a longitudinal model: designs, grids, what the data identify."""
