"""Parametric models of times, and the share who will never respond."""
