"""Random effects of nested and crossed groups: likelihood, derivatives, search, predictions."""
