"""Times carried beyond the data by parametric curves, with the assumption beside each number."""
