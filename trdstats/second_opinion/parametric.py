"""Accelerated failure time models, recomputed with lifelines and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.second_opinion.designs import design_of
from trdstats.second_opinion.recomputed import (
    UNABLE,
    Recomputed,
    Tolerance,
    compare,
    library_of,
    not_compared,
    unable,
)

SEARCH = Tolerance(2e-2, "standard error", "lifelines stops its search early")
ERRORS = Tolerance(1e-2, "value", "lifelines takes them where its search stopped")
LOGLIK = Tolerance(1e-8, "value", "one sum of logarithms")
_FITTERS = {
    "weibull": "WeibullAFTFitter",
    "log-normal": "LogNormalAFTFitter",
    "log-logistic": "LogLogisticAFTFitter",
}


def recompute_aft(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the log-likelihood at the estimates, coefficients and model errors."""
    analysed = result._data
    if analysed.sample.weighted:
        yield not_compared("coefficients", "the libraries take weights as numbers of subjects")
        return
    frame = analysed.times.at_risk().iloc[analysed.row]
    event = (frame["status"] == 1).to_numpy()
    left = frame["left"].to_numpy(float)
    right = np.where(event, frame["right"].to_numpy(float), np.inf)
    entry = frame["entry"].to_numpy(float) if "entry" in frame else np.zeros(len(frame))
    left = np.maximum(left, entry)
    X, origin = _design(result, frame)
    loglik = _log_likelihood(result, X, left, right, entry)
    library = library_of("scipy")
    yield compare("log-likelihood at the estimates", result.glance()["loglik"].item(), loglik,
                  library, LOGLIK)  # fmt: skip
    distribution = result.spec.distribution
    if distribution not in _FITTERS or (entry > 0).any():
        yield not_compared("coefficients", f"lifelines does not fit {distribution} times with "
                           "covariates and delayed entry to intervals")  # fmt: skip
        return
    yield from _of_lifelines(result, X, origin, left, right)


def _design(result: Any, frame: pd.DataFrame) -> tuple[FloatArray, str]:
    """Return the covariates, without intercept, and where they come from."""
    design = result._data.designs[0]
    return design_of(result.spec.formula, frame, design.terms, design.X)


def _log_likelihood(
    result: Any, given: FloatArray, left: FloatArray, right: FloatArray, entry: FloatArray
) -> float:
    """Return the log-likelihood from SciPy's distributions."""
    fit, table = result._fit, result.tidy()
    theta = table["estimate"].to_numpy(float)
    X = np.column_stack([np.ones(len(left)), given])
    location = X @ theta[: fit.q]
    times = _distribution(result.spec.distribution, location, theta[fit.q :])
    exact = left == right
    upper = np.where(np.isinf(right), -np.inf, times.logsf(np.where(np.isinf(right), 1.0, right)))
    lower = np.where(left > 0, times.logsf(np.maximum(left, 1e-300)), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = lower + np.log1p(-np.exp(upper - lower))
        at = times.logpdf(np.where(exact & np.isfinite(right), right, 1.0))
    late = np.where(entry > 0, times.logsf(np.maximum(entry, 1e-300)), 0.0)
    return float(np.sum(np.where(exact, at, between) - late))


def _distribution(name: str, location: FloatArray, shape: FloatArray) -> Any:
    from scipy import stats

    scale = np.exp(location)
    if name == "exponential":
        return stats.expon(scale=scale)
    sigma = float(np.exp(shape[0]))
    if name == "weibull":
        return stats.weibull_min(1 / sigma, scale=scale)
    if name == "log-logistic":
        return stats.fisk(1 / sigma, scale=scale)
    Q = float(shape[1]) if name == "generalised gamma" else 0.0
    if abs(Q) < 1e-6:
        return stats.lognorm(sigma, scale=scale)
    return stats.gengamma(Q**-2, Q / sigma, scale=scale * (Q * Q) ** (sigma / Q))


def _of_lifelines(
    result: Any, X: FloatArray, origin: str, left: FloatArray, right: FloatArray
) -> Iterator[Recomputed]:
    import lifelines

    library, distribution = library_of("lifelines"), result.spec.distribution
    table = result.tidy()
    names = [f"x{j}" for j in range(X.shape[1])]
    # lifelines takes the logarithm of 0 for log-normal times; they have no mass near 0.
    lowest = 1e-9 if distribution == "log-normal" else 0.0
    frame = pd.DataFrame(X, columns=names).assign(left=np.maximum(left, lowest), right=right)
    fitter = getattr(lifelines, _FITTERS[distribution])()
    try:
        # A formula without a covariate would leave the frame without columns.
        theirs = fitter.fit_interval_censoring(frame, "left", "right").summary
    except UNABLE as failure:
        yield not_compared("coefficients", unable("lifelines", failure))
        return
    first = theirs.index.get_level_values(0)[0]
    ours = dict(zip(table["term"], zip(table["estimate"], table["std_error"], strict=True),
                    strict=True))  # fmt: skip
    terms = ["Intercept", *(t for t in table["term"] if t not in ("Intercept", "log(scale)"))]
    for term, name in zip(terms, ["Intercept", *names], strict=True):
        value, error = ours[term]
        row = theirs.loc[(first, name)]
        yield compare(f"coefficient, {term}", value, row["coef"], library, SEARCH,
                      scale=float(row["se(coef)"]), note=origin)  # fmt: skip
        if not result.is_robust:
            yield compare(f"standard error, {term}", error, row["se(coef)"], library, ERRORS)
    shape = theirs.iloc[-1]
    sign = 1.0 if distribution == "log-normal" else -1.0
    yield compare("log(scale)", ours["log(scale)"][0], sign * shape["coef"], library, SEARCH,
                  scale=float(shape["se(coef)"]))  # fmt: skip
