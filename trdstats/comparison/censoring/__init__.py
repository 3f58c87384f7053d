"""Weights for subjects who leave early."""
