"""Outcomes by subject and visit, intercurrent events, and the strategy for each."""
