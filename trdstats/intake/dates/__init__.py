"""Dates as they are written into days since first treatment."""
