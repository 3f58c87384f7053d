"""Curves of right-censored times and their restricted means."""
