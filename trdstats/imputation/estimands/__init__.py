"""Intercurrent events and the strategy for each."""
