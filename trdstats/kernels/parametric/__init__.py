"""Distributions of times, fitted by maximum likelihood."""
