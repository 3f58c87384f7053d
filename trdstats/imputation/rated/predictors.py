"""Linear predictors of missing ratings: the strategy's fixed part and a drawn random effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, known_level
from trdstats.imputation.trial.distributions import borrow, check_known, subjects_together
from trdstats.imputation.trial.strategies import SetTo
from trdstats.kernels.gaussian.reference_based import VisitDistribution
from trdstats.kernels.glmm.category_draws import rated_rows
from trdstats.kernels.glmm.effect_draws import draw_effects

if TYPE_CHECKING:
    from trdstats.imputation.rated.glmm_draws import GLMMDraws


@dataclass(frozen=True)
class Predictors:
    """What decides the missing ratings of every draw.

    Attributes
    ----------
    eta : ndarray, shape (M, n_missing)
        Linear predictors, without thresholds.
    chance : ndarray, shape (M, n_missing)
        Uniform numbers, the same whatever the strategy.
    given : ndarray of int, shape (n, T)
        Place of the category that a strategy sets; -1 where it sets none.
    """

    eta: FloatArray
    chance: FloatArray
    given: IntArray


def impute_predictors(draws: GLMMDraws, strategies: npt.NDArray[np.object_]) -> Predictors:
    """Return linear predictors of the missing ratings.

    The fixed part follows the strategy, at observed visits too: a subject under copy reference has
    the random effect that its ratings tell of under the reference.
    """
    layout = draws.layout
    missing = np.isnan(layout.y)
    fixed = _fixed_parts(draws, strategies)
    open_ = np.asarray(missing.any(axis=1))
    effects = np.stack(
        [_effects(draws, open_, fixed[b], b) for b in range(draws.n_draws)]
    )  # fmt: skip
    who, when = np.nonzero(missing)
    size = len(who)
    chance = np.stack(
        [
            np.random.default_rng((draws.spec.seed, b, 2)).random(size)
            for b in range(draws.n_draws)
        ]
    )  # fmt: skip
    return Predictors(fixed[:, who, when] + effects[:, who], chance, _given(draws, strategies))


def _fixed_parts(draws: GLMMDraws, strategies: npt.NDArray[np.object_]) -> FloatArray:
    """Return the linear predictor of the fixed effects under the strategies, shape (M, n, T)."""
    layout, model = draws.layout, draws.fitted
    beta, T = model.coefficients(draws.theta), layout.y.shape[1]
    # Strategies shift means; the covariance of the random intercept is the same in every arm.
    latent = model.deviation(draws.theta)[:, None, None, None] ** 2 * np.ones((T, T))

    def of_arm(subjects: IntArray, arm: int) -> VisitDistribution:
        mean = np.einsum("ktq,bq->bkt", model.design[arm, subjects], beta, optimize=True)
        return VisitDistribution(mean, latent + np.eye(T))

    fixed = np.zeros((draws.n_draws, *layout.y.shape))
    for subjects, arm, event, strategy in subjects_together(layout, strategies):
        by_model = None if isinstance(strategy, SetTo) else strategy
        mean = borrow(of_arm, layout, subjects, arm, event, by_model).mean
        check_known(mean, layout, subjects)
        fixed[:, subjects] = mean
    return fixed


def _effects(draws: GLMMDraws, open_: BoolArray, fixed: FloatArray, b: int) -> FloatArray:
    """Return drawn random intercepts of one draw, shape (n,); 0 where nothing is missing."""
    layout, model = draws.layout, draws.fitted
    rng = np.random.default_rng((draws.spec.seed, b, 1))
    theta = draws.theta[b : b + 1]
    deviation = float(model.deviation(theta)[0])
    v = np.zeros(len(open_))
    v[open_] = rng.standard_normal(int(open_.sum()))  # of subjects without a rating
    who, when = np.nonzero(~np.isnan(layout.y) & open_[:, None])
    if len(who):
        rated, subject = np.unique(who, return_inverse=True)
        # A category that no informing rating has lies between the same thresholds as its neighbour.
        category = np.searchsorted(model.place, layout.y[who, when].astype(np.intp))
        category = np.minimum(category, len(model.place) - 1)
        rows, eta, rating = rated_rows(
            draws.spec.model.link_name, subject.reshape(-1).astype(np.intp), category,
            fixed[who, when], model.thresholds(theta)[0],
        )  # fmt: skip
        drawn = draw_effects(rows, eta, np.full((len(rating), 1), deviation), rng)
        if drawn is None:
            raise NotEstimableError(
                f"The random effects of draw {b + 1} could not be drawn: their standard deviation "
                f"is {abs(deviation):,.1f} on the scale of the link, so that subjects hardly "
                "change between ratings. Fewer terms, or imputation of the scores (Imputation), "
                "may be had."
            )
        v[rated] = drawn[:, 0]
    return deviation * v


def _given(draws: GLMMDraws, strategies: npt.NDArray[np.object_]) -> IntArray:
    """Return the category that a strategy sets from the event on, else -1."""
    layout = draws.layout
    given = np.full(layout.y.shape, -1, dtype=np.intp)
    for i in np.flatnonzero(layout.event < layout.y.shape[1]):
        strategy = strategies[i]
        if isinstance(strategy, SetTo):
            value = int(strategy.value) if isinstance(strategy.value, bool) else strategy.value
            given[i, layout.event[i] :] = known_level("category", value, list(layout.categories))
    return given
