"""Effects of several trials pooled, recomputed with statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from trdstats.second_opinion.recomputed import (
    CLOSED,
    Recomputed,
    Tolerance,
    compare,
    library_of,
    not_compared,
)

ITERATED = Tolerance(1e-5, "value", "statsmodels stops its iteration early")
_NO_REML = (
    "statsmodels has no restricted likelihood of the variance between trials; the pooled effect is "
    "recomputed given ours"
)
# Where rounding takes its last step beyond the root, statsmodels returns 0: it is to end before.
_ENDS = (1e-12, 1e-10, 1e-8, 1e-6)
_METHODS = {"dersimonian-laird": "chi2", "paule-mandel": "iterated", "fixed": "chi2"}


def recompute_meta(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the pooled effect, its error, and what separates the trials."""
    from statsmodels.stats.meta_analysis import combine_effects

    value = np.array([e.value for e in result.effects])
    variance = np.array([e.error**2 for e in result.effects])
    library, fitted = library_of("statsmodels"), result._pooled
    method, knapp = result.method, result.hartung_knapp
    for atol in _ENDS:
        theirs = combine_effects(value, variance, method_re=_METHODS.get(method, "chi2"), atol=atol)
        if theirs.tau2 > 0 or theirs.q <= len(value) - 1:
            break
    yield compare("Q", fitted.Q, theirs.q, library, CLOSED)
    if method == "reml":
        yield from _given_tau(result, value, variance)
        return
    tolerance = ITERATED if method == "paule-mandel" else CLOSED
    if method == "fixed":
        mean, error, scaled = theirs.mean_effect_fe, theirs.sd_eff_w_fe, theirs.sd_eff_w_fe_hksj
    else:
        mean, error, scaled = theirs.mean_effect_re, theirs.sd_eff_w_re, theirs.sd_eff_w_re_hksj
        yield compare("tau2", fitted.tau2, max(float(theirs.tau2), 0.0), library, tolerance)
    if theirs.tau2 < 0 and method != "fixed":
        yield not_compared("pooled effect", "statsmodels does not cut a negative variance at 0")
        return
    yield compare("pooled effect (scale of analysis)", fitted.estimate, mean, library, tolerance)
    if knapp == "truncated":
        scaled = max(float(scaled), float(error))
    theirs_error = scaled if knapp else error
    yield compare("standard error", fitted.std_error, theirs_error, library, tolerance)


def _given_tau(result: Any, value: Any, variance: Any) -> Iterator[Recomputed]:
    """Yield the pooled effect given the variance between trials, by weighted least squares."""
    import statsmodels.api as sm

    fitted, library = result._pooled, library_of("statsmodels")
    yield not_compared("tau2", _NO_REML, ours=fitted.tau2)
    fit = sm.WLS(value, np.ones(len(value)), weights=1 / (variance + fitted.tau2)).fit()
    plain = float(np.sqrt(fit.normalized_cov_params[0, 0]))
    scaled = float(fit.bse[0])
    yield compare("pooled effect (scale of analysis)", fitted.estimate, fit.params[0], library,
                  CLOSED)  # fmt: skip
    knapp = result.hartung_knapp
    error = max(scaled, plain) if knapp == "truncated" else scaled if knapp else plain
    yield compare("standard error", fitted.std_error, error, library, CLOSED)
