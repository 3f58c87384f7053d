"""Likelihood ratios of random effects, whose variances lie on their boundary without them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from trdstats.kernels.numerics.tails import deviance_drop, mixture_sf
from trdstats.longitudinal.gaussian.lmm_search import lowest_deviance

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm_result import LMMResult


def variance_tests(fit: LMMResult) -> pd.DataFrame:
    """Return a test of each random effect; see `LMMResult.variance_tests`."""
    rows = []
    for k, grouping in enumerate(fit._groupings):
        several = len(grouping.effects) > 1
        for e, effect in enumerate(grouping.effects):
            if several and effect == "Intercept":
                continue
            deviance, lost = _without(fit, k, e)
            statistic = deviance_drop(deviance, fit.deviance)
            name = effect if len(fit._groupings) == 1 else f"{grouping.column}: {effect}"
            rows.append((name, statistic, f"{lost - 1}:{lost}", mixture_sf(statistic, lost)))
    return pd.DataFrame(rows, columns=["term", "statistic", "df", "p_value"])


def _without(fit: LMMResult, k: int, effect: int) -> tuple[float, int]:
    """Return the deviance without a random effect, and how many parameters it has fewer."""
    grouping = fit._groupings[k]
    kept = [e for e in range(len(grouping.effects)) if e != effect]
    less = replace(grouping, effects=[grouping.effects[e] for e in kept], Z=grouping.Z[:, kept])
    groupings = [*fit._groupings[:k], less, *fit._groupings[k + 1 :]]
    fitted = fit._fitted_with(groupings)
    optimum = lowest_deviance(fitted, groupings, fit._residual)
    lost = sum(fit._model.sizes) - sum(fitted.model.sizes)
    return fitted.as_given(optimum).state.deviance, lost
