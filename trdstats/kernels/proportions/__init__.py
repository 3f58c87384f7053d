"""Proportions and their differences."""
