"""Analyses of one outcome a subject: regressions of yes or no and of categories, and ranks."""
