"""A cohort whose treatment starts and stops for reasons tied to the outcome."""
