"""Cells of an export as numbers and labels."""
