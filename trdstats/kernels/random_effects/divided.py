"""The likelihood of ratings whose subjects stand in parts.

Every part takes out the effects of its subjects. What is left are cross-products by the groups that
are round subjects, such as sites, and by the fixed effects and the outcome. They add up, those of a
site in several parts too, and the levels round the subjects are taken out of the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.random_effects.absorb import Pivot, absorb
from trdstats.kernels.random_effects.chain import Chain
from trdstats.kernels.random_effects.effects import Effects, split
from trdstats.kernels.random_effects.likelihood import RandomModel, numbers_of
from trdstats.kernels.random_effects.moments import Moments, add_moments
from trdstats.kernels.random_effects.pieces import pivot_of


@dataclass(frozen=True)
class DividedModel:
    """Ratings with random effects of subjects, each of whom is in one of several parts.

    Attributes
    ----------
    factors : tuple of Effects
        In the order of the parameters: from the outermost to the effects of the subjects.
    groups : tuple of int
        Number of groups of each factor.
    n_obs : int
    reml : bool
    chain : Chain
        Of the levels round the subjects.
    places : tuple of tuple of ndarray of int
        By part and level, which groups of the chain those of the part are.
    of_parts : callable
        Returns `moments_of_part` of every part, from covariance parameters and order.
    """

    factors: tuple[Effects, ...]
    groups: tuple[int, ...]
    n_obs: int
    reml: bool
    chain: Chain
    places: tuple[tuple[IntArray, ...], ...]
    of_parts: Callable[[FloatArray, int], Sequence[Moments | None]]

    @property
    def sizes(self) -> list[int]:
        """Number of parameters of each factor, then of the residuals."""
        return [*(f.size for f in self.factors), 1]

    def ids(self, factor: int) -> list[int]:
        """Return the numbers of the parameters of a factor; after the last, of the residuals."""
        return numbers_of(self.sizes, factor)

    @property
    def scales(self) -> bool:
        """Whether V is multiplied where all parameters are: residuals are independent."""
        return True

    def moments(self, theta: FloatArray, order: int) -> Moments | None:
        """Return cross-products of fixed effects and outcome weighted by V^-1, and log|V|.

        Parameters
        ----------
        theta : ndarray, shape (h,)
        order : {0, 2}
            Derivatives wanted.
        """
        taken = self._taken_out(theta, order)
        return None if taken is None else taken[0].at_variance(theta, order, self.n_obs)

    def pivots(self, theta: FloatArray) -> list[Pivot]:
        """Return what each level round the subjects takes out, the innermost first.

        Parameters
        ----------
        theta : ndarray, shape (h,)
        """
        taken = self._taken_out(theta, 0)
        if taken is None:
            raise ValueError("the likelihood has no value here")
        return [pivot_of([pivot], float(theta[-1])) for pivot in taken[1]]

    def _taken_out(self, theta: FloatArray, order: int) -> tuple[Moments, list[Pivot]] | None:
        """Return the same where all parameters are divided by the variance of the residuals."""
        answers = self.of_parts(theta, order)
        known = [m for m in answers if m is not None]
        if len(known) < len(answers):
            return None
        current = add_moments(known, self.places, [len(s) for s in self.chain.starts])
        by_factor, pivots = split(self.factors, theta / theta[-1]), []
        for level in range(len(self.chain.starts)):
            k = len(self.factors) - 2 - level
            factor = self.factors[k]
            directions = np.array(self.ids(k), dtype=np.intp), factor.directions()
            absorbed = absorb(
                self.chain, level, current, factor.matrix(by_factor[k]),
                directions if order else None,
            )  # fmt: skip
            if absorbed is None:
                return None
            current, pivot = absorbed
            pivots.append(pivot)
        return current, pivots


def moments_of_part(model: RandomModel, theta: FloatArray, order: int) -> Moments | None:
    """Return the cross-products of one part without the effects of its subjects.

    All parameters are divided by the variance of the residuals.

    Parameters
    ----------
    model : RandomModel
    theta : ndarray, shape (h,)
    order : {0, 2}
    """
    return model.without(1, theta, order)
