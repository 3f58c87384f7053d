"""The same study under another baseline rule, other visit windows, or with completed scores."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import check_choice
from trdstats.study.windows import VisitWindows, schedule_visits

FloatArray = npt.NDArray[np.float64]

BaselineRule = Literal["last", "first", "mean", "highest"]
BASELINE_WORDS = {
    "last": "last score at day 0 or before",
    "first": "first score at day 0 or before",
    "mean": "mean of the scores at day 0 or before",
    "highest": "highest score at day 0 or before",
}


def baseline_by(visits: pd.DataFrame, n_subjects: int, rule: str) -> FloatArray:
    """Return each subject's baseline by a rule, NaN where no score stands at day 0 or before.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits, sorted by subject and day.
    n_subjects : int
    rule : {"last", "first", "mean", "highest"}
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
    elif rule == "highest":
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
        visits["score"].notna().to_numpy(),
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


def complete(visits: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return visits whose scores after baseline are those of another table.

    Parameters
    ----------
    visits : pandas.DataFrame
        Canonical visits. Of a scheduled visit that was attended the actual day stays; others take
        place on their scheduled day. Visits after baseline that `scores` does not name go.
    scores : pandas.DataFrame
        subject (codes of the study's subjects), visit (scheduled day), score.
    """
    attended = (visits["day"] > 0) & visits["visit"].notna()
    known = visits.loc[attended].drop(columns="score")
    known = known.assign(code=known["subject"].cat.codes).drop(columns="subject")
    made = scores.rename(columns={"subject": "code"}).merge(known, how="left", on=["code", "visit"])
    made["day"] = made["day"].fillna(made["visit"])
    names = visits["subject"].cat.categories
    made["subject"] = pd.Categorical(names[made["code"].to_numpy()], categories=names)
    before = visits[visits["day"] <= 0]
    whole = pd.concat([before, made[visits.columns]], ignore_index=True)
    order = np.lexsort((whole["day"].to_numpy(), whole["subject"].cat.codes.to_numpy()))
    return whole.iloc[order].reset_index(drop=True)
