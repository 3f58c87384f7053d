"""Tables of profile likelihood limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.errors import check_level
from trdstats.kernels.glmm.profile import Profile
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.threads import one_thread

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm_result import GLMMResult

_WEIGHTED = "weights of subjects make a pseudo-likelihood, which has no profile"
_BOUNDARY = "a variance is estimated at its boundary; random='1' has a profile"
_NOT_FOUND = "the search along the profile did not reach this limit; use more points"


@one_thread
def profile_table(
    fit: GLMMResult, names: list[str], conf_level: float, *, tests: bool
) -> pd.DataFrame:
    """Return profile limits of coefficients, standard deviations and a correlation.

    Parameters
    ----------
    fit : GLMMResult
    names : list of str
        Terms of `tidy()`, or names of `deviations`.
    conf_level : float
    tests : bool
        Whether to add likelihood-ratio tests of 0.
    """
    check_level(conf_level)
    estimates, deviations = fit.estimates(), fit.deviations
    k, p = fit.fitted.n_thresholds, fit.fitted.rows.n_fixed
    place = {name: j for j, name in enumerate(fit.thresholds)}
    for i, column in enumerate(fit.fitted.estimated):
        place[fit.design.terms[column]] = k + i
    place |= {name: p + i for i, name in enumerate(deviations.names)}
    value = dict(zip(estimates.keys["term"], estimates.value, strict=True))
    value |= dict(zip(deviations.names, deviations.value, strict=True))
    why = dict(zip(estimates.keys["term"], estimates.reasons, strict=True))
    ranges = {
        name: (0.0, np.inf) if j < len(fit.effects.names) else (-1.0, 1.0)
        for j, name in enumerate(deviations.names)
    }
    profile, reason = _profile(fit)
    critical = critical_value(conf_level)
    rows = []
    for name in names:
        row = {
            "term": name, "estimate": value[name], "conf_low": np.nan, "conf_high": np.nan,
            "conf_level": conf_level,
        }  # fmt: skip
        statistic, lost = np.nan, why.get(name, "") or reason
        if profile is not None and np.isfinite(value[name]) and not lost:
            j = place[name]
            least, most = ranges.get(name, (-np.inf, np.inf))
            low = profile.limit(j, -1, critical, bound=least)
            high = profile.limit(j, 1, critical, bound=most)
            row |= {"conf_low": low, "conf_high": high}
            lost = "" if np.isfinite([low, high]).all() else _NOT_FOUND
            if tests:
                statistic = profile.ratio_at(j, 0.0)
        if tests:
            row |= {"statistic": statistic, "p_value": float(chi2_sf(statistic, 1))}
        rows.append({**row, "reason": lost})
    return pd.DataFrame(rows)


def _profile(fit: GLMMResult) -> tuple[Profile | None, str]:
    """Return the profile of a fit, or why there is none."""
    if fit.is_weighted:
        return None, _WEIGHTED
    mixed = fit.fitted
    if mixed.fit.at_zero.any() and len(fit.effects.names) > 1:
        return None, _BOUNDARY
    return Profile.of(mixed.rows, mixed.fit, mixed.points), ""
