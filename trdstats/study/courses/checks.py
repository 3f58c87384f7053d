"""What can be wrong with a table of courses: each check returns the problems it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_numbers
from trdstats.errors import Problem, count_of, nearest
from trdstats.kinds import places
from trdstats.study.checks.values import Labels, show_day

# A century from day 0. Dates kept as numbers lie beyond: day 36,526 of Excel is 1 January 2000.
_FARTHEST = 36_525
_NEAR = 0.8  # "Esketamin" and "Esketamine" have 0.95, "rTMS" and "TMS" 0.86, "tDCS" and "TMS" 0.3


def check_start_column(frame: pd.DataFrame) -> list[Problem]:
    """Check that the table says when each course began."""
    if "start" in frame.columns:
        return []
    close = nearest("start", frame.columns, n=1)
    hint = f"Did you mean {close[0]!r}? Rename it to 'start'." if close else "Add it."
    return [
        Problem(
            "unknown_column",
            "`courses` has no column 'start', the day on which a course began.",
            (),
            f"{hint} 'end' and 'kind' may be absent.",
        )
    ]


def check_course_days(
    subjects: Labels, values: pd.Series[Any], day: FloatArray, wrong: BoolArray, column: str
) -> list[Problem]:
    """Check that a column holds finite days, as far as they are needed.

    Parameters
    ----------
    subjects : sequence, shape (n,)
    values : Series, shape (n,)
        As given.
    day : ndarray, shape (n,)
    wrong : ndarray of bool, shape (n,)
        Entries that are no numbers.
    column : {"start", "end"}
        A course that goes on has no end.
    """
    problems = []
    named = f"`courses` column {column!r}"
    unread = check_numbers(
        values, wrong, named,
        "Days are numbers counted from first treatment (day 0): "
        "(date - first treatment).dt.total_seconds() / 86400.",
    )  # fmt: skip
    problems += [unread] if unread is not None else []
    lost = np.isinf(day) if column == "end" else ~np.isfinite(day)
    lost &= ~wrong
    if lost.any():
        missing = "an infinite end" if column == "end" else "a missing or infinite start"
        remedy = (
            "Leave the end empty where a course goes on."
            if column == "end"
            else "Give the day since first treatment on which the course began, or remove the row."
        )
        problems.append(
            Problem(
                "missing_day",
                count_of(int(lost.sum()), "row of `courses` has", "rows of `courses` have")
                + f" {missing}.",
                places(lost, lambda i: f"{subjects[i]} (row {i})"),
                remedy,
            )
        )
    with np.errstate(invalid="ignore"):
        far = np.isfinite(day) & (np.abs(day) > _FARTHEST)
    if far.any():
        problems.append(
            Problem(
                "day_like_date",
                count_of(int(far.sum()), "day", "days")
                + f" of {named} "
                + ("lies" if far.sum() == 1 else "lie")
                + " more than a century from day 0: this looks like dates kept as numbers "
                "(45123 of Excel, 20240131).",
                places(far, lambda i: f"{subjects[i]}: {day[i]:.10g} (row {i})"),
                "Turn them into dates, and give the days since first treatment (day 0).",
            )
        )
    return problems


def check_treatments(
    subjects: Labels, treatment: pd.Series[Any], arms: Sequence[str]
) -> list[Problem]:
    """Check that every course names its treatment, and an arm by the name it has elsewhere."""
    problems = []
    none = treatment.isna().to_numpy(dtype=bool)
    if none.any():
        problems.append(
            Problem(
                "missing_treatment",
                count_of(int(none.sum()), "row of `courses` names", "rows of `courses` name")
                + " no treatment.",
                places(none, lambda i: f"{subjects[i]} (row {i})"),
                "Fill the treatment in, or remove the row.",
            )
        )
    strange = [t for t in treatment.cat.categories if t not in arms]
    folded = {_folded(a): a for a in arms}
    same = {t: folded[_folded(t)] for t in strange if _folded(t) in folded}
    if same:
        problems.append(
            Problem(
                "course_spelling",
                count_of(len(same), "treatment of `courses` is", "treatments of `courses` are")
                + " spelled differently from the arm.",
                tuple(f"{t!r} (did you mean {arm!r}?)" for t, arm in same.items()),
                "Write them alike: under another name a course counts as another treatment.",
            )
        )
    near = {t: nearest(t, arms, n=1, cutoff=_NEAR) for t in strange if t not in same}
    near = {t: close for t, close in near.items() if close}
    if near:
        problems.append(
            Problem(
                "lookalike_course",
                count_of(len(near), "treatment of `courses` looks", "treatments of `courses` look")
                + " like an arm under another name.",
                tuple(f"{t!r} (did you mean {close[0]!r}?)" for t, close in near.items()),
                "A course of another treatment is a switch: if they are the same, write them "
                "alike.",
                level="warning",
            )
        )
    return problems


def _folded(name: str) -> str:
    """Return a name in lower case without spaces, hyphens, dots and the like."""
    return "".join(c for c in name.casefold() if c not in " -_./\t")


def check_order(
    subjects: Labels, treatment: pd.Series[Any], start: FloatArray, end: FloatArray
) -> list[Problem]:
    """Check that no course ends before it begins."""
    with np.errstate(invalid="ignore"):
        early = end < start
    if not early.any():
        return []
    names = treatment.to_numpy(dtype=object)
    return [
        Problem(
            "end_before_start",
            count_of(int(early.sum()), "course ends", "courses end") + " before the day it began.",
            places(
                early,
                lambda i: (
                    f"{subjects[i]}, {names[i]}: {show_day(start[i])} to {end[i]:g} (row {i})"
                ),
            ),
            "Correct the days; leave the end empty where it is not known.",
        )
    ]


def check_overlaps(
    subjects: Labels,
    code: IntArray,
    treatment: pd.Series[Any],
    start: FloatArray,
    end: FloatArray,
) -> list[Problem]:
    """Check that a subject has one course of a treatment at a time.

    A course without an end is not known to reach into the next one. Two that begin on one day
    overlap in any case.
    """
    arm = treatment.cat.codes.to_numpy()
    usable = np.flatnonzero((code >= 0) & (arm >= 0) & np.isfinite(start))
    order = usable[np.lexsort((end[usable], start[usable], arm[usable], code[usable]))]
    frame = pd.DataFrame({"code": code[order], "arm": arm[order], "start": start[order]})
    frame["end"] = np.fmax(start[order], end[order])
    group = frame.groupby(["code", "arm"], sort=False)
    reach = group["end"].cummax().groupby([frame["code"], frame["arm"]], sort=False).shift()
    before = group["start"].shift()
    clash = ((frame["start"] < reach) | (frame["start"] == before)).to_numpy()
    if not clash.any():
        return []
    bad = np.zeros(len(code), dtype=bool)
    bad[order[clash]] = True
    names = treatment.to_numpy(dtype=object)
    return [
        Problem(
            "overlapping_courses",
            count_of(int(bad.sum()), "course begins", "courses begin")
            + " before an earlier one of the same treatment and subject has ended.",
            places(bad, lambda i: f"{subjects[i]}, {names[i]}: {show_day(start[i])} (row {i})"),
            "Join them into one row, or correct their days; a course may begin on the day on which "
            "the one before it ended.",
        )
    ]


def note_kinds(kind: pd.Series[Any], known: Sequence[str]) -> list[Problem]:
    """Note kinds of courses that the library does not know."""
    other = sorted(set(kind.dropna()) - set(known))
    if not other:
        return []
    close = {k: nearest(k, known, n=1) for k in other}
    where = tuple(f"{k!r} (did you mean {c[0]!r}?)" if c else repr(k) for k, c in close.items())
    return [
        Problem(
            "other_course_kind",
            "`courses` holds kinds besides " + ", ".join(known) + ".",
            where,
            "Under such a kind a course of another treatment counts as a switch: what is given "
            "beside the assigned one is 'augmentation' or 'concomitant'.",
            level="warning",
        )
    ]


def note_without_course(ids: Labels, code: IntArray) -> list[Problem]:
    """Note subjects of whom the table says nothing."""
    none = np.ones(len(ids), dtype=bool)
    none[code[code >= 0]] = False
    if not none.any():
        return []
    return [
        Problem(
            "no_course",
            count_of(int(none.sum()), "subject has", "subjects have") + " no row in `courses`.",
            places(none, lambda i: str(ids[i])),
            "They count as without a switch unless `events` names one.",
            level="note",
        )
    ]
