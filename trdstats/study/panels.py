"""The visits of each scale: checked, one a day, sorted by subject and day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_numbers, numbers
from trdstats.errors import Problem, UnknownNameError, add_problems, count_of
from trdstats.intake.mapping.units import note_unit_in_name
from trdstats.kernels.visits.blocks import rows_where
from trdstats.kernels.visits.runs import run_starts
from trdstats.scales import get_scale
from trdstats.study import notes
from trdstats.study.checks.totals import check_scores, exact_totals
from trdstats.study.checks.values import check_days
from trdstats.study.plausibility.days import check_day_range
from trdstats.study.plausibility.duplicates import one_a_day
from trdstats.study.roles import Measure, Roles
from trdstats.study.subjects import SubjectTable, is_sorted
from trdstats.study.windows import VisitWindows, schedule_visits

# What is said of subjects by their days, and means nothing where days cannot be read.
OF_DAYS = ("no_baseline", "baseline_at_floor", "baseline_at_ceiling", "no_visits")
RESERVED = ("subject", "treatment", "day", "visit", "score", "scale", "baseline", "change")


@dataclass(frozen=True, slots=True)
class Panel:
    """The visits of one scale, sorted by subject and day.

    Attributes
    ----------
    visits : pandas.DataFrame
        subject (categorical), day, visit (scheduled day, NaN when unscheduled), score (NaN when
        not assessed), then the user's other columns.
    baseline : ndarray, shape (n_subjects,)
        Baseline totals, NaN when there is none.
    """

    visits: pd.DataFrame
    baseline: FloatArray


@dataclass(frozen=True, slots=True)
class _RawVisits:
    frame: pd.DataFrame
    code: IntArray
    day: FloatArray
    order: IntArray | None  # None where rows are sorted
    subject_table: SubjectTable
    is_whole: bool


def build_panels(
    visits: pd.DataFrame,
    code: IntArray,
    subject_table: SubjectTable,
    roles: Roles,
    schedule: dict[str, VisitWindows] | None,
    problems: list[Problem],
    *,
    is_whole: bool = True,
) -> dict[str, Panel]:
    """Return the visits of each scale; problems are appended.

    Parameters
    ----------
    visits : pandas.DataFrame
        The user's visits.
    code : ndarray of int, shape (n_rows,)
        Place of each row's subject in `subject_table`, -1 where it has none.
    subject_table : SubjectTable
    roles : Roles
    schedule : dict of str to VisitWindows, or None
    problems : list of Problem
    is_whole : bool
        Whether these are all visits of the study: of some of them nothing is said that only all
        can show.
    """
    names = visits[roles.subject].array
    day, wrong = numbers(visits[roles.day])
    add_problems(
        problems,
        check_numbers(
            visits[roles.day],
            wrong,
            f"`visits` column {roles.day!r}",
            "Days are numbers counted from first treatment (day 0): "
            "(date - first treatment).dt.total_seconds() / 86400.",
        ),
        check_days(names, day, wrong, "visits"),
        check_day_range(names, day, "visits"),
        note_unit_of_days(roles.day, day) if is_whole else None,
    )
    order = None if is_sorted(code, day) else np.lexsort((day, code))
    raw = _RawVisits(visits, code, day, order, subject_table, is_whole)
    return {m.scale.label: _build_panel(raw, m, roles, schedule, problems) for m in roles.measures}


def _build_panel(
    raw: _RawVisits,
    measure: Measure,
    roles: Roles,
    schedule: dict[str, VisitWindows] | None,
    problems: list[Problem],
) -> Panel:
    frame, scale = raw.frame, measure.scale
    order: IntArray | slice = slice(None) if raw.order is None else raw.order
    if roles.instrument is not None:
        from_scale = _rows_of_scale(frame[roles.instrument], measure, roles, problems)
        rows = np.arange(len(frame))[order]
        order = rows[from_scale[rows]]
    names = frame[roles.subject].array
    score, wrong = numbers(frame[measure.score])
    totals = exact_totals(score, scale, _items_imputed(frame))
    what = f"{scale.label} scores"
    if roles.instrument is None or measure is roles.measures[0]:
        add_problems(
            problems,
            check_numbers(
                frame[measure.score],
                wrong,
                f"`visits` column {measure.score!r}",
                "Leave the cell empty where a visit was not assessed.",
            ),
        )
    inside = slice(None) if isinstance(order, slice) or len(order) == len(frame) else np.sort(order)
    row = range(len(frame)) if isinstance(inside, slice) else inside
    problems += check_scores(names[inside], raw.day[inside], totals.of(inside), row, scale, what)
    filled_in = totals.filled_in[inside]
    add_problems(problems, notes.note_filled_in(names[inside], raw.day[inside], filled_in, scale))
    code, day, score = raw.code[order], raw.day[order], totals.score[order]
    place = None if isinstance(order, slice) else order
    single = one_a_day(frame, names[order], code, day, score, place, scale, roles.duplicates)
    problems += single.problems
    score = single.score
    if not single.keep.all():
        order = np.flatnonzero(single.keep) if place is None else place[single.keep]
        code, day, score = code[single.keep], day[single.keep], score[single.keep]
    baseline = _baseline(raw.subject_table, measure, code, day, score, problems)
    arm = raw.subject_table.treatment
    visit = schedule_visits(code, day, score, arm.codes, list(arm.categories), schedule)
    if not days_are_wrong(problems):
        ids = raw.subject_table.ids
        is_named = measure.baseline is not None and raw.is_whole
        if is_named and not any(p.level == "error" for p in problems):
            other = notes.note_other_baseline(ids, code, day, score, baseline, scale)
            add_problems(problems, other)
        last = _last_totals(code, day, score, len(ids))
        add_problems(problems, notes.note_unseen(ids, np.isnan(last), scale))
        if raw.is_whole:
            add_problems(problems, notes.note_low_totals(code, score, scale))
            arms = list(arm.categories)
            add_problems(problems, notes.note_mostly_worse(last, baseline, arm.codes, arms, scale))
    extra = [c for c in frame.columns if c not in _role_columns(roles, raw.subject_table)]
    visits = pd.DataFrame(
        {
            "subject": pd.Categorical.from_codes(
                code.astype(np.int32), categories=raw.subject_table.ids
            )
            if not len(code) or code.min() >= 0
            else names[order].astype(object),
            "day": day,
            "visit": visit,
            "score": score,
            **{
                f"{c}_given" if c in RESERVED else str(c): _copied(frame[c].iloc[order], order)
                for c in extra
            },
        },
        copy=False,
    )
    return Panel(visits, baseline)


def _copied(values: pd.Series[Any], order: IntArray | slice) -> Any:
    """Return the values of rows in order, never those of the user's table themselves."""
    return values.array.copy() if isinstance(order, slice) else values.array


def _last_totals(code: IntArray, day: FloatArray, score: FloatArray, n: int) -> FloatArray:
    """Return the last total after day 0 of each of n subjects, NaN without one."""
    first = int(np.searchsorted(code, 0))  # rows that name no subject stand before all others
    return notes.last_totals(day[first:], score[first:], run_starts(code[first:], n))


def _items_imputed(frame: pd.DataFrame) -> FloatArray | None:
    """Return how many items a scored total fills in, None where the table does not say."""
    return numbers(frame["items_imputed"])[0] if "items_imputed" in frame else None


def _role_columns(roles: Roles, subject_table: SubjectTable) -> set[str]:
    """Columns of the visits table that became part of a canonical column."""
    used = {roles.subject, roles.day, *(m.score for m in roles.measures)}
    if roles.instrument is not None:
        used.add(roles.instrument)
    return used | set(subject_table.from_visits)


def _rows_of_scale(
    column: pd.Series[Any], measure: Measure, roles: Roles, problems: list[Problem]
) -> BoolArray:
    """Return which rows belong to the scale; rows of scales not asked for are noted once."""
    labels: dict[Any, str | None] = {}
    wanted = {m.scale.label for m in roles.measures}  # a scale of the user's own is not registered
    for value in column.unique():
        try:
            label = str(value) if str(value) in wanted else get_scale(str(value)).label
            labels[value] = None if pd.isna(value) else label
        except UnknownNameError:
            labels[value] = None
    labels_of_rows = column.map(labels)
    if measure is roles.measures[0]:
        other = ~labels_of_rows.isin(wanted).to_numpy(dtype=bool)
        if other.any():
            values = column.to_numpy(dtype=object)
            problems.append(
                Problem(
                    "other_instrument",
                    count_of(int(other.sum()), "row of `visits` belongs", "rows of `visits` belong")
                    + " to no scale that was asked for: left out.",
                    tuple(dict.fromkeys(repr(v) for v in values[other])),
                    "Name their scales in scale=[...] to use them.",
                    level="warning",
                )
            )
    return (labels_of_rows == measure.scale.label).to_numpy(dtype=bool)


def _baseline(
    subject_table: SubjectTable,
    measure: Measure,
    code: IntArray,
    day: FloatArray,
    score: FloatArray,
    problems: list[Problem],
) -> FloatArray:
    scale = measure.scale
    if measure.baseline is not None:
        column = subject_table.columns[measure.baseline]
        values, wrong = numbers(column)
        totals = exact_totals(values, scale)
        row = np.asarray(subject_table.row)
        nowhere = np.full(len(values), np.nan)
        add_problems(
            problems,
            check_numbers(
                column,
                wrong,
                f"baseline column {measure.baseline!r}",
                "Leave the cell empty where there is no baseline.",
            ),
        )
        problems += check_scores(
            subject_table.ids, nowhere, totals, row, scale, f"{scale.label} baselines"
        )
        values = totals.score
        how = f"column {measure.baseline!r}"
    else:
        values = np.full(len(subject_table.ids), np.nan)
        before = rows_where(lambda d, s: (d <= 0) & ~np.isnan(s), day, score)
        before = before[code[before] >= 0]
        values[code[before]] = score[before]  # rows are sorted by day: the last one stays
        how = "no score at day 0 or before"
    if not days_are_wrong(problems):
        problems += notes.note_baselines(subject_table.ids, values, scale, how)
    return values


def note_unit_of_days(name: str, day: FloatArray) -> Problem | None:
    """Note that the column of days is called by another unit."""
    return note_unit_in_name(
        f"`visits` column {name!r}", name, day,
        f"Convert it where it holds them: visits[{name!r}] *= 7 (weeks).",
    )  # fmt: skip


def days_are_wrong(problems: list[Problem]) -> bool:
    """Whether days or scores cannot be read, so that what follows from them says nothing."""
    unreadable = ("missing_day", "not_a_number", "impossible_day")
    return any(p.kind in unreadable for p in problems)
