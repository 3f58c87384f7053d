"""Mixed models of scores: MMRM and random effects, marginal means, predictions."""
