"""Cox regressions, recomputed with statsmodels and lifelines."""

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
from trdstats.tables import each_row

SEARCH = Tolerance(1e-4, "standard error", "both search for the maximum of one likelihood")
EARLY = Tolerance(1e-2, "standard error", "lifelines stops its search early")
LOGLIK = Tolerance(1e-8, "value", "one sum of logarithms at nearly one point")
ERRORS = Tolerance(1e-4, "value", "information at nearly one point")


def recompute_cox(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield coefficients, model errors and the partial likelihood."""
    spec, fitted = result.spec, result._regressed
    if spec.time_varying or fitted.sample.weighted:
        yield not_compared("coefficients", "the libraries have neither weights of subjects nor "
                           "effects that change with time here")  # fmt: skip
        return
    if spec.firth:
        yield not_compared("coefficients", "no Python library on which trdstats rests has Firth's "
                           "penalised partial likelihood")  # fmt: skip
        return
    X, origin = design_of(spec.formula, fitted.frame, result.terms, fitted.X)
    yield from _of_statsmodels(result, X, origin)
    plain = spec.ties == "efron" and spec.strata is None and not (fitted.entry > 0).any()
    if plain:
        yield from _of_lifelines(result, X, origin)


def _of_statsmodels(result: Any, given: FloatArray, origin: str) -> Iterator[Recomputed]:
    from statsmodels.duration.hazard_regression import PHReg

    spec, data = result.spec, result._regressed
    library = library_of("statsmodels")
    frame = data.frame
    strata = None if spec.strata is None else pd.factorize(frame[spec.strata])[0]
    # statsmodels counts who enters at a time as at risk at that time already.
    after = data.entry + 1e-9 * data.time.max() * (data.entry > 0)
    entry = after if (data.entry > 0).any() else None
    event = (frame["status"] == spec.cause).to_numpy().astype(int)
    # Centred and scaled columns leave the coefficients what they are and keep the search short.
    scale = given.std(axis=0)
    X = (given - given.mean(axis=0)) / scale
    try:
        model = PHReg(frame["time"].to_numpy(float), X, status=event, entry=entry, strata=strata,
                      ties=spec.ties)  # fmt: skip
        theirs = model.fit(disp=0)
        beta, error = theirs.params / scale, theirs.bse / scale
    except UNABLE as failure:
        yield not_compared("coefficients", unable("statsmodels", failure))
        return
    for j, row in enumerate(each_row(result.tidy())):
        yield compare(f"coefficient, {row.term}", row.estimate, beta[j], library, SEARCH,
                      scale=float(error[j]), note=origin)  # fmt: skip
        if not result.is_robust:
            yield compare(f"standard error, {row.term}", row.std_error, error[j], library, ERRORS)
    loglik = result.glance()["loglik"].item()
    yield compare("log partial likelihood", loglik, theirs.llf, library, LOGLIK)


def _of_lifelines(result: Any, X: FloatArray, origin: str) -> Iterator[Recomputed]:
    from lifelines import CoxPHFitter

    data, library = result._regressed, library_of("lifelines")
    names = [f"x{j}" for j in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names).assign(
        time=data.frame["time"].to_numpy(float),
        event=(data.frame["status"] == result.spec.cause).to_numpy(),
    )
    try:
        theirs = CoxPHFitter().fit(frame, "time", "event")
    except UNABLE as failure:
        yield not_compared("coefficients", unable("lifelines", failure))
        return
    errors = np.asarray(theirs.standard_errors_, dtype=float)
    for row, beta, error in zip(each_row(result.tidy()), theirs.params_, errors, strict=True):
        yield compare(f"coefficient, {row.term}", row.estimate, beta, library, EARLY,
                      scale=float(error), note=origin)  # fmt: skip
