"""A model of times fitted by maximum likelihood, and the best of several starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.newton_loglik import Optimum, Surface, covariance_of, influence_of


@dataclass(frozen=True, slots=True)
class ParametricFit:
    """A fitted model of times.

    Attributes
    ----------
    distribution : str
    theta : ndarray, shape (p,)
    information : ndarray, shape (p, p)
        Observed information.
    scores : ndarray, shape (n, p)
        Weighted score of each subject; columns sum to 0.
    loglik : float
    converged : bool
    iterations : int
    """

    distribution: str
    theta: FloatArray
    information: FloatArray
    scores: FloatArray
    loglik: float
    converged: bool
    iterations: int

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on each parameter, shape (n, p)."""
        return influence_of(self.information, self.scores)

    def covariance(self, *, robust: bool = False) -> FloatArray:
        """Return the inverse information, or the cross-product of influences; shape (p, p)."""
        return covariance_of(self.information, self.scores, robust=robust)


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
