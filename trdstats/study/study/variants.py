"""The same study under another baseline rule, on other visits, or of some of its subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import check_choice
from trdstats.scales import Scale
from trdstats.study.build import Tables
from trdstats.study.panels import Panel
from trdstats.study.windows import VisitWindows, schedule_visits

BaselineRule = Literal["last", "first", "mean", "worst"]
BASELINE_WORDS = {
    "last": "last score at day 0 or before",
    "first": "first score at day 0 or before",
    "mean": "mean of the scores at day 0 or before",
    "worst": "worst score at day 0 or before",
}


def baseline_by(visits: pd.DataFrame, n_subjects: int, rule: str, scale: Scale) -> FloatArray:
    """Return each subject's baseline by a rule, NaN where no score stands at day 0 or before.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits, sorted by subject and day.
    n_subjects : int
    rule : {"last", "first", "mean", "worst"}
    scale : Scale
    """
    check_choice("baseline rule", rule, get_args(BaselineRule))
    score = visits["score"].to_numpy()
    row = np.flatnonzero((visits["day"].to_numpy() <= 0) & ~np.isnan(score))
    code = visits["subject"].cat.codes.to_numpy()[row].astype(np.intp)
    score = score[row]
    result = np.full(n_subjects, np.nan)
    if rule == "last":
        result[code] = score  # the last assignment stays
    elif rule == "first":
        result[code[::-1]] = score[::-1]
    elif rule == "worst" and scale.high_is_good:
        np.fmin.at(result, code, score)
    elif rule == "worst":
        np.fmax.at(result, code, score)
    else:
        n = np.bincount(code, minlength=n_subjects)
        total = np.bincount(code, weights=score, minlength=n_subjects)
        result[n > 0] = total[n > 0] / n[n > 0]
    return result


def reschedule(
    visits: pd.DataFrame, treatment: pd.Series[Any], windows: dict[str, VisitWindows] | None
) -> pd.DataFrame:
    """Return the visits with the scheduled days that other windows give them.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits, sorted by subject and day.
    treatment : Series of category
        One a subject.
    windows : dict of str to VisitWindows, or None
        None: every day is its own scheduled day.
    """
    day = schedule_visits(
        visits["subject"].cat.codes.to_numpy().astype(np.intp),
        visits["day"].to_numpy(),
        visits["score"].to_numpy(),
        treatment.cat.codes.to_numpy(),
        list(treatment.cat.categories),
        windows,
    )
    return visits.assign(visit=day)


def thin(visits: pd.DataFrame, days: FloatArray) -> pd.DataFrame:
    """Return the visits with one at most between any two of some days.

    Of the rated visits of a subject after one day and up to the next, the last stays; visits at
    day 0 or before stay, those after the last day go.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits, sorted by subject and day.
    days : ndarray, shape (k,)
        Increasing, above 0.
    """
    day = visits["day"].to_numpy()
    cell = np.searchsorted(days, day, side="left")
    after = day > 0
    usable = after & visits["score"].notna().to_numpy() & (cell < len(days))
    row = np.flatnonzero(usable)
    code = visits["subject"].cat.codes.to_numpy()[row].astype(np.int64)
    place = code * (len(days) + 1) + cell[row]
    last = np.append(place[1:] != place[:-1], True) if len(row) else np.zeros(0, dtype=bool)
    keep = ~after
    keep[row[last]] = True
    return visits[keep].reset_index(drop=True)


def keep_scheduled(
    visits: pd.DataFrame, treatment: pd.Series[Any], days: Mapping[str, FloatArray]
) -> pd.DataFrame:
    """Return the visits up to day 0 and those that stand for some scheduled days.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits.
    treatment : Series of category
        One a subject.
    days : dict of str to ndarray, shape (k,)
        Scheduled days of each treatment; the others keep all visits.
    """
    arm = treatment.cat.codes.to_numpy()[visits["subject"].cat.codes.to_numpy()]
    keep = np.ones(len(visits), dtype=bool)
    for name, scheduled in days.items():
        in_arm = arm == treatment.cat.categories.get_loc(name)
        keep[in_arm] = np.isin(visits["visit"].to_numpy()[in_arm], scheduled)
    keep |= visits["day"].to_numpy() <= 0
    return visits[keep].reset_index(drop=True)


def narrow(tables: Tables, kept: BoolArray, treatments: list[str]) -> Tables:
    """Return the tables of some of the subjects.

    Parameters
    ----------
    tables : Tables
    kept : ndarray of bool, shape (n_subjects,)
    treatments : list of str
        Those that stay, in their order.
    """
    subjects = tables.subjects[kept].reset_index(drop=True)
    subjects["treatment"] = subjects["treatment"].cat.set_categories(treatments)
    names = subjects["subject"]

    def rows_of(frame: pd.DataFrame) -> pd.DataFrame:
        rows = frame[frame["subject"].isin(names)].reset_index(drop=True)
        if isinstance(rows["subject"].dtype, pd.CategoricalDtype):
            old = rows["subject"].cat.categories
            rows["subject"] = rows["subject"].cat.set_categories(old[old.isin(names)])
        return rows

    panels = {
        label: Panel(rows_of(panel.visits), panel.baseline[kept])
        for label, panel in tables.panels.items()
    }
    windows = tables.windows
    if windows is not None:
        windows = {k: v for k, v in windows.items() if k in treatments}
    return replace(
        tables,
        panels=panels,
        subjects=subjects,
        events=rows_of(tables.events),
        courses=rows_of(tables.courses),
        windows=windows,
    )
