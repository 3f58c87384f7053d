"""Visits into states and event times: runs of rows, one subject after another."""
