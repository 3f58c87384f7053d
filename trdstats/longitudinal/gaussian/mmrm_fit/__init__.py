"""How an MMRM is fitted: rows, covariance structure, optimum, inference."""
