"""Who stands behind a result: each subject with how it was counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from trdstats.outcomes import EventTimes, Rates, ResponseHistory
from trdstats.study import Study

_KEYS = ["subject", "treatment", "status"]


def members_of_rates(result: Rates, **keys: str | float) -> pd.DataFrame:
    """Return who was counted as met or not met, and who was left out and why.

    Parameters
    ----------
    result : Rates
    **keys
        Columns that tell this rate from others of the step, such as outcome and day.

    Returns
    -------
    pandas.DataFrame
        subject, treatment, status, and the keys.
    """
    outcomes = result.outcomes
    status = [
        "left out: " + str(why)
        if pd.isna(met)
        else ("in the numerator" if met else "in the denominator")
        + ("" if why == "assessed" else f", {why}")
        for met, why in zip(outcomes["met"], outcomes["reason"], strict=True)
    ]
    return outcomes[["subject", "treatment"]].assign(status=status, **keys)


def members_of_times(times: EventTimes, **keys: str | float) -> pd.DataFrame:
    """Return who had the event, who was censored, and who was left out and why."""
    frame = times.frame
    causes: Mapping[int, str] = {0: "censored", **times.causes}
    counted = frame[["subject", "treatment"]].assign(status=frame["status"].map(causes))
    return _with_left_out(counted, times.left_out).assign(**keys)


def members_of_history(history: ResponseHistory) -> pd.DataFrame:
    """Return who is part of the curves over time, and who was left out and why."""
    counted = history.frame[["subject", "treatment"]].drop_duplicates().assign(status="counted")
    return _with_left_out(counted, history.left_out)


def _with_left_out(counted: pd.DataFrame, left_out: pd.DataFrame) -> pd.DataFrame:
    status = "left out: " + left_out["reason"].astype(str)
    rest = left_out[["subject", "treatment"]].assign(status=status)
    return pd.concat([counted, rest], ignore_index=True)[_KEYS]


def members_of_model(study: Study, analysed: Collection[object]) -> pd.DataFrame:
    """Return who is in the likelihood of a model, and who has no outcome or covariate for it."""
    inside = study.subjects["subject"].isin(list(analysed))
    status = inside.map({True: "in the model", False: "left out: no outcome with its covariates"})
    return study.subjects[["subject", "treatment"]].assign(status=status)
