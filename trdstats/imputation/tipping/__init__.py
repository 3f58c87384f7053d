"""Tipping points: how much worse missing values must be to change the conclusion."""
