"""Likelihoods of repeated measures and what follows from them."""
