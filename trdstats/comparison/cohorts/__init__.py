"""Which cohorts may be compared, and the comparison of every pair."""
