"""A Cox regression handed on to lifelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from trdstats.errors import MissingDependencyError, NotEstimableError
from trdstats.outcomes import Episodes

if TYPE_CHECKING:
    from trdstats.survival.regression.cox_result import CoxResult


def cox_of_lifelines(result: CoxResult) -> Any:
    """Return a fitted ``lifelines.CoxPHFitter``; see `CoxResult.to_lifelines`."""
    spec, regressed = result.spec, result._regressed
    if spec.firth:
        raise NotEstimableError(
            "lifelines has no Firth penalty: fit without firth=True to hand the regression on."
        )
    if spec.time_varying or regressed.sample.weighted or isinstance(result.times, Episodes):
        raise NotEstimableError(
            "lifelines' CoxPHFitter has neither weights of subjects nor covariates or effects "
            "that change with time. Fit the regression without them to hand it on."
        )
    try:
        from lifelines import CoxPHFitter
    except ImportError as error:
        raise MissingDependencyError(
            "to_lifelines() needs lifelines: pip install lifelines."
        ) from error
    frame = pd.DataFrame(regressed.X, columns=list(result.terms)).assign(
        duration_=regressed.time, event_=regressed.status == spec.cause, entry_=regressed.entry
    )
    options: dict[str, Any] = {"entry_col": "entry_"}
    if not (regressed.entry > 0).any():
        frame, options = frame.drop(columns="entry_"), {}
    for option, column in (("strata", spec.strata), ("cluster_col", spec.cluster)):
        if column is not None:
            frame[f"{option}_"] = regressed.codes(column)
            options[option] = f"{option}_"
    if spec.ties != "efron":
        raise NotEstimableError("lifelines has Efron's ties only: use ties='efron'.")
    # Without a start: lifelines would rescale the one it is given in place.
    return CoxPHFitter(alpha=1 - spec.conf_level).fit(
        frame, "duration_", "event_", robust=spec.robust,
        **options,
    )  # fmt: skip
