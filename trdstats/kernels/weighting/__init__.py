"""Weights of subjects, balance, matching, models of the outcome."""
