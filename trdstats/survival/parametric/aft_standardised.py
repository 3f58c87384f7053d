"""Times of an accelerated failure time model, standardised, with what each subject does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import Level
from trdstats.arrays import FloatArray
from trdstats.errors import pick_level
from trdstats.kernels.parametric.standardised_survival import (
    mean_survival,
    restricted_mean_of_each,
    restricted_mean_time,
)
from trdstats.survival.parametric.aft_result import AFTResult
from trdstats.survival.parametric.parametric_data import design_at, levels_of
from trdstats.survival.reported_days import check_days


@dataclass(frozen=True)
class StandardisedTimes:
    """Survival at some days, then a restricted mean, under every level of a category.

    Attributes
    ----------
    labels : tuple of str, length k
    estimate : ndarray, shape (m, k)
        One row a day, then one for the horizon where there is one.
    gradient : ndarray, shape (m, k, p)
        In the parameters of the model.
    covariance : ndarray, shape (p, p)
        Of the parameters.
    influence : pandas.DataFrame
        subject, then m k columns, row by row of `estimate`; with the part that covariates have.
    """

    labels: tuple[str, ...]
    estimate: FloatArray
    gradient: FloatArray
    covariance: FloatArray
    influence: pd.DataFrame


def standardise_aft(
    result: AFTResult,
    by: str,
    *,
    days: Sequence[float] = (),
    tau: float | None = None,
    among: Level | None = None,
) -> StandardisedTimes:
    """Average survival and restricted means over subjects, each given every level in turn.

    Parameters
    ----------
    result : AFTResult
    by : str
        A category of the formula.
    days : sequence of float
    tau : float, optional
        Horizon of the restricted mean.
    among : str, optional
        Level whose own subjects are averaged over. Default: every subject.

    Raises
    ------
    UnknownNameError, SpecError
        When the formula has no such category, or a day cannot be used.
    """
    check_days(days, tau)
    design, weight = result._data.designs[0], result._data.weight
    levels = levels_of(result._data.designs, by)
    if among is not None:
        among = pick_level("level", among, levels)
        weight = np.where((design.frame[by] == among).to_numpy(), weight, 0.0)
    proportion = weight / weight.sum()
    on_theta = result._fit.influence()
    estimate, gradient, effect = [], [], []
    for level in levels:
        population = result._population(design_at(design, by, level), weight)
        with np.errstate(divide="ignore"):
            logs = [float(np.log(day)) for day in days]
        means = [(mean_survival(population, y), population.survival_of_each(y)) for y in logs]
        if tau is not None:
            means.append(
                (restricted_mean_time(population, tau), restricted_mean_of_each(population, tau))
            )
        estimate.append([q.value for q, _ in means])
        gradient.append([q.gradient for q, _ in means])
        effect.append(
            [proportion * (of_each - q.value) + on_theta @ q.gradient for q, of_each in means]
        )
    k, m = len(levels), len(days) + (tau is not None)
    flat = np.asarray(effect).transpose(2, 1, 0).reshape(len(proportion), m * k)
    return StandardisedTimes(
        labels=tuple(str(v) for v in levels),
        estimate=np.asarray(estimate).T,
        gradient=np.asarray(gradient).transpose(1, 0, 2),
        covariance=result._variance(),
        influence=result._data.influence([str(j) for j in range(m * k)], flat),
    )
