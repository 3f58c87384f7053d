"""A model of times fitted by maximum likelihood, and the best of several starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, covariance_of, influence_of


@dataclass(frozen=True, slots=True)
class ParametricFit:
    """A fitted model of times.

    Attributes
    ----------
    distribution : str
    theta : ndarray, shape (p,)
        Parameters of the columns as they were given.
    information : ndarray, shape (p, p)
        Observed information on the parameters of the search, whose columns are orthogonal.
    scores : ndarray, shape (n, p)
        Weighted score of each subject in them; columns sum to 0.
    back : ndarray, shape (p, p)
        Matrix from the parameters of the search to `theta`. Errors keep their digits when they
        are taken along it, and lose them in an inverse for columns far from 0.
    loglik : float
    converged : bool
    iterations : int
    """

    distribution: str
    theta: FloatArray
    information: FloatArray
    scores: FloatArray
    back: FloatArray
    loglik: float
    converged: bool
    iterations: int

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on each parameter, shape (n, p)."""
        return influence_of(self.information, self.scores) @ self.back.T

    def covariance(self, *, robust: bool = False) -> FloatArray:
        """Return the inverse information, or the cross-product of influences; shape (p, p)."""
        inner = covariance_of(self.information, self.scores, robust=robust)
        return np.asarray(self.back @ inner @ self.back.T)


def best_of(reached: Sequence[Optimum[Surface] | None]) -> Optimum[Surface]:
    """Return the highest maximum that searches from several starts reached.

    Raises
    ------
    FloatingPointError
        When no start has a finite likelihood.
    """
    optima = [s for s in reached if s is not None]
    if not optima:
        raise FloatingPointError("the likelihood is not finite at any start")
    return max(optima, key=lambda s: (s.converged, s.point.loglik))
