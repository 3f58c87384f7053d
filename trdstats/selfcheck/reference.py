"""The packaged trial: 240 simulated subjects; a separate script derived their event times."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from trdstats.outcomes import EventTimes, Relapse, Response, time_to
from trdstats.selfcheck.cases import FOLDER
from trdstats.study import Study

ARMS = ("TMS", "ECT", "ketamine")
ACUTE = (3, 7, 14, 21, 28)


@cache
def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return subjects, visits, and event times."""
    subjects, visits, events = (
        pd.read_csv(FOLDER / f"trial_{name}.csv") for name in ("subjects", "visits", "events")
    )
    return subjects.assign(arm=pd.Categorical(subjects["arm"], ARMS)), visits, events


@cache
def study() -> Study:
    """Return the trial as a study; 16 subjects have no visit."""
    subjects, visits, _ = tables()
    return Study(visits, subjects, scale="MADRS", subject="usubjid", treatment="arm",
                 score="madrs", baseline="madrs_bl", randomised=True)  # fmt: skip


@cache
def cohorts() -> Study:
    """Return ECT and ketamine, taken as cohorts."""
    subjects, visits, _ = tables()
    subjects = subjects[subjects["arm"].isin(["ECT", "ketamine"])]
    subjects = subjects.assign(
        female=(subjects["sex"] == "F").astype(int),
        arm=pd.Categorical(subjects["arm"], ["ECT", "ketamine"]),
    )
    visits = visits[visits["usubjid"].isin(subjects["usubjid"])]
    return Study(visits, subjects, scale="MADRS", subject="usubjid", treatment="arm",
                 score="madrs", baseline="madrs_bl", randomised=True)  # fmt: skip


@cache
def onset() -> EventTimes:
    """Return times to response."""
    return time_to(study(), Response())


@cache
def durability() -> EventTimes:
    """Return times from response to relapse, those of time 0 left out as in R's script."""
    every = time_to(study(), Relapse(20, 2), since=Response(), competing="left follow-up")
    later = every.frame[every.frame["time"] > 0]
    return EventTimes(later, outcome=every.outcome, origin=every.origin, causes=every.causes)


@cache
def acute() -> pd.DataFrame:
    """Return the ratings of days 3 to 28, one row a visit that took place."""
    subjects, visits, _ = tables()
    frame = visits[visits["day"] <= 28].merge(subjects, on="usubjid")
    return frame.assign(
        chg=frame["madrs"] - frame["madrs_bl"], visit=frame["day"], week=frame["day"] / 7
    )


@cache
def scheduled() -> pd.DataFrame:
    """Return TMS and ketamine at all scheduled days, missed ones included."""
    subjects, visits, _ = tables()
    subjects = subjects[subjects["arm"].isin(["TMS", "ketamine"])]
    frame = subjects.merge(pd.DataFrame({"day": ACUTE}), how="cross")
    frame = frame.merge(visits, on=["usubjid", "day"], how="left")
    return frame.assign(chg=frame["madrs"] - frame["madrs_bl"])


@cache
def ketamine() -> pd.DataFrame:
    """Return one row a subject under ketamine, with response at day 28."""
    subjects, visits, _ = tables()
    table = subjects.merge(visits[visits["day"] == 28], on="usubjid", how="left")
    table["response"] = np.where(table["madrs"] <= 0.5 * table["madrs_bl"], 1.0, 0.0)
    table["female"] = (table["sex"] == "F").astype(float)
    return table[table["arm"] == "ketamine"]
