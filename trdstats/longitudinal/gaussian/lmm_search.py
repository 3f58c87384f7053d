"""The fit of a model with random effects: its search, its boundary, its inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.gaussian.mixed_tests import (
    FixedDegrees,
    Inference,
    KenwardRoger,
    Satterthwaite,
)
from trdstats.kernels.random_effects.effects import Effects, split
from trdstats.kernels.random_effects.likelihood import LikelihoodModel
from trdstats.kernels.random_effects.search import Optimum, minimise
from trdstats.longitudinal.designs.by_rating import Grouping, check_several
from trdstats.longitudinal.designs.fitted_rows import FitCoordinates
from trdstats.longitudinal.designs.residual_rows import ResidualRows

_NONE = 1e-8  # share of the larger variance below which one is at zero


def lowest_deviance(
    fitted: FitCoordinates, groupings: Sequence[Grouping], residual: ResidualRows | None
) -> Optimum:
    """Return the optimum from one of a few starts.

    Raises
    ------
    NotEstimableError
        When the search does not end: the variances are not identified.
    """
    optimum = search(fitted, residual)
    if optimum is None:
        names = ", ".join(f"{e} of {g.column}" for g in groupings for e in g.effects)
        raise NotEstimableError(
            f"The covariance of the random effects ({names}) and of the residuals cannot be "
            "estimated: the likelihood has no single maximum, so the variances are not "
            "identified. Leave out a random effect, or take residual='ind' or "
            "correlated=False."
        )
    return optimum


def search(fitted: FitCoordinates, residual: ResidualRows | None) -> Optimum | None:
    """Return the best optimum from a few starts, None without a minimum."""
    model = fitted.model
    total = fitted.rest[0]
    of_residual = np.ones(1) if residual is None else residual.start
    for proportion in (0.5, 0.2, 0.05):
        starts = [_start(f, proportion * total / len(model.factors)) for f in model.factors]
        rest = _scaled_start(residual, of_residual, (1 - proportion) * total)
        optimum = minimise(model, np.concatenate([*starts, rest]))
        if optimum is not None and optimum.is_minimum:
            return optimum
    return None


def _start(factor: Effects, variance: float) -> FloatArray:
    """Return starting parameters: equal variances of all effects, no correlation.

    The columns of the design have mean square 1 over the ratings.
    """
    rows, columns = factor.entries
    return np.where(rows == columns, variance / max(factor.n_effects, 1), 0.0)


def _scaled_start(residual: ResidualRows | None, start: FloatArray, variance: float) -> FloatArray:
    """Return starting parameters of residuals with some variance.

    In a covariance that is not linear in its parameters those that change its diagonal are
    variances, and others, such as correlations, have no unit.
    """
    if residual is None:
        return np.array([variance])
    shape = residual.structure(start)
    if shape.second is None:
        return start * variance
    grows = np.einsum("hktt->h", np.abs(shape.first)) > 0
    return np.where(grows, start * variance, start)


def check_replication(groupings: Sequence[Grouping], n: int) -> None:
    """Refuse factors whose variances are not identified.

    Parameters
    ----------
    groupings : sequence of Grouping
    n : int
        Ratings.

    Raises
    ------
    NotEstimableError
        Where each group has one rating: its variance is that of residuals; and where there is one
        group only.
    """
    for grouping in groupings:
        if len(grouping.labels) == n:
            raise NotEstimableError(
                f"Every {grouping.column!r} has one rating, so its random effects are not "
                "identified beside the residuals. Leave the factor out, or give the rows of one "
                "group the same name."
            )
        check_several(grouping.column, grouping.labels)


def at_boundary(
    fitted: FitCoordinates, optimum: Optimum, groupings: Sequence[Grouping]
) -> tuple[str, ...]:
    """Return sentences that name each estimate at the boundary of the parameters."""
    sentences = []
    thetas = split(fitted.model.factors, optimum.state.theta)
    for k in optimum.singular:
        grouping = groupings[k]
        variance = np.diag(fitted.model.factors[k].matrix(thetas[k]))
        size = variance * fitted.mean_squares(k)
        zero = [
            e
            for e, v in zip(grouping.effects, size, strict=True)
            if v <= _NONE * max(size.max(), fitted.rest[1])
        ]
        if zero:
            sentences.append(
                f"The variance of the random effect {' and '.join(zero)} of {grouping.column} is "
                "estimated at zero, the boundary of the parameter space."
            )
        else:
            what = "correlation" if len(grouping.effects) == 2 else "combination"
            value = "1 or -1" if what == "correlation" else "variance zero"
            sentences.append(
                f"A {what} of the random effects {', '.join(grouping.effects)} of "
                f"{grouping.column} is estimated at {value}, the boundary of the parameter space."
            )
    return tuple(sentences)


def infer(ddf: str, model: LikelihoodModel, optimum: Optimum) -> Inference:
    """Return the covariance of the effects with their degrees of freedom."""
    state, slopes = optimum.state, optimum.slopes
    phi, P = state.vcov, slopes.P
    if ddf == "residual":
        df = np.full(len(phi), float(model.n_obs - len(phi)))
        return FixedDegrees(state.beta, phi, df)
    slope = phi @ P @ phi
    if ddf == "satterthwaite":
        return Satterthwaite(state.beta, phi, slope, optimum.observed)
    of_theta = optimum.expected
    middle = np.tensordot(of_theta, slopes.Q, 2)
    middle -= np.einsum("hij,hjk->ik", np.tensordot(of_theta, P @ phi, 1), P)
    if slopes.R is not None:
        middle -= np.tensordot(of_theta, slopes.R, 2) / 4
    adjusted = phi + 2 * phi @ middle @ phi
    return KenwardRoger(state.beta, (adjusted + adjusted.T) / 2, phi, slope, of_theta)
