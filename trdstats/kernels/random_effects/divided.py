"""The likelihood of ratings whose subjects stand in parts: sums of the likelihoods of the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trdstats.arrays import FloatArray
from trdstats.kernels.random_effects.effects import Effects
from trdstats.kernels.random_effects.likelihood import RandomModel, numbers_of
from trdstats.kernels.random_effects.moments import Moments, add_moments


@dataclass(frozen=True)
class DividedModel:
    """Ratings with random effects of subjects, each of whom is in one of several parts.

    Attributes
    ----------
    factors : tuple of Effects
        One: the effects of the subjects.
    groups : tuple of int
        Number of subjects.
    n_obs : int
    reml : bool
    of_parts : callable
        Returns `moments_of_part` of every part, from covariance parameters and order.
    """

    factors: tuple[Effects, ...]
    groups: tuple[int, ...]
    n_obs: int
    reml: bool
    of_parts: Callable[[FloatArray, int], Sequence[Moments | None]]

    @property
    def sizes(self) -> list[int]:
        """Number of parameters of the factor, then of the residuals."""
        return [*(f.size for f in self.factors), 1]

    def ids(self, factor: int) -> list[int]:
        """Return the numbers of the parameters of a factor; after the last, of the residuals."""
        return numbers_of(self.sizes, factor)

    @property
    def scales(self) -> bool:
        """Whether V is multiplied where all parameters are: residuals are independent."""
        return True

    def moments(self, theta: FloatArray, order: int) -> Moments | None:
        """Return the sums of the parts.

        Parameters
        ----------
        theta : ndarray, shape (h,)
        order : {0, 2}
            Derivatives wanted.
        """
        moments = self.of_parts(theta, order)
        known = [m for m in moments if m is not None]
        return add_moments(known) if len(known) == len(moments) else None


def moments_of_part(model: RandomModel, theta: FloatArray, order: int) -> Moments | None:
    """Return the cross-products of one part.

    Parameters
    ----------
    model : RandomModel
    theta : ndarray, shape (h,)
    order : {0, 2}
    """
    return model.moments(theta, order)
