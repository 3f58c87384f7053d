"""Packaged plans, one for each packaged study."""
