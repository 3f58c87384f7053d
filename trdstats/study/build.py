"""From the user's tables to canonical ones, with every problem found on the way.

The order of work: columns, identifiers, then values; each stage reports all it finds, and
nothing is sorted, dropped or converted before the whole input was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_columns, check_not_empty, check_numbers, numbers
from trdstats.errors import DataError, Problem, UnknownNameError, count_of
from trdstats.frames import to_pandas
from trdstats.scales import get_scale
from trdstats.study import checks, notes
from trdstats.study.courses.build import build_courses, check_course_columns
from trdstats.study.courses.changes import with_changes
from trdstats.study.events import build_events
from trdstats.study.plausibility.covariates import note_covariates
from trdstats.study.plausibility.days import check_day_range
from trdstats.study.plausibility.duplicates import one_a_day
from trdstats.study.plausibility.lookalikes import note_lookalikes
from trdstats.study.roles import Measure, Roles
from trdstats.study.subjects import (
    SubjectTable,
    code_rows,
    is_sorted,
    note_other_treatment,
    subjects_from_table,
    subjects_from_visits,
)
from trdstats.study.timing import check_time
from trdstats.study.windows import VisitWindows, read_windows, schedule_visits

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
class Whole:
    """What the whole of a study says, where tables are those of some of its subjects.

    Attributes
    ----------
    kinds : tuple of str
        Kinds of events.
    rated_days : dict of str to dict of str to ndarray
        Distinct days above 0 of rated visits, by scale and treatment, increasing. Empty
        where there are windows.
    """

    kinds: tuple[str, ...]
    rated_days: dict[str, dict[str, FloatArray]]


@dataclass(frozen=True, slots=True)
class Tables:
    """Canonical tables of a study: one panel a scale, subjects, events, and what to know.

    Events are those given and those that follow from the courses. `whole` is None unless the
    tables are those of a part.
    """

    panels: dict[str, Panel]
    subjects: pd.DataFrame
    events: pd.DataFrame
    courses: pd.DataFrame
    windows: dict[str, VisitWindows] | None
    notices: tuple[Problem, ...]
    decided_events: tuple[str, ...] = ()
    whole: Whole | None = None


def build_tables(
    visits: Any, subjects: Any, events: Any, courses: Any, roles: Roles, windows: Any
) -> Tables:
    """Check the user's tables and return canonical ones.

    Raises
    ------
    DataError
        With all problems of the first stage that has any.
    """
    visit_table = to_pandas(visits, what="visits")
    subject_table = None if subjects is None else to_pandas(subjects, what="subjects")
    event_table = None if events is None else to_pandas(events, what="events")
    course_table = None if courses is None else to_pandas(courses, what="courses")
    raise_if_fatal(check_structure(visit_table, subject_table, event_table, course_table, roles))

    problems: list[Problem] = []
    for name, table in (
        ("visits", visit_table),
        ("subjects", subject_table),
        ("events", event_table),
        ("courses", course_table),
    ):
        if table is not None:
            problems += checks.check_kinds_of_identifiers(table[roles.subject], name)
    raise_if_fatal(problems)
    if subject_table is None:
        subject_index, code = subjects_from_visits(visit_table, roles, problems)
    else:
        subject_index = subjects_from_table(subject_table, roles, problems)
        code = code_rows(visit_table[roles.subject], subject_index, "visits", problems)
    _note(problems, checks.check_treated(subject_index.columns.get("treated")))
    if subject_table is not None and roles.treatment in visit_table.columns:
        _note(problems, note_other_treatment(visit_table[roles.treatment], code, subject_index))
    _note(problems, notes.note_two_places(visit_table, code, subject_index.ids))
    schedule = read_windows(windows, list(subject_index.treatment.categories))
    panels = build_panels(visit_table, code, subject_index, roles, schedule, problems)
    event_frame = build_events(event_table, roles, subject_index, problems)
    course_frame = build_courses(course_table, roles, subject_index, problems)
    primary = panels[roles.measures[0].scale.label]
    treatments = list(subject_index.treatment.categories)
    _note(
        problems,
        note_lookalikes(subject_index.ids, "subject"),
        note_lookalikes(treatments, "treatment"),
        notes.note_treatments(treatments),
    )
    if not days_are_wrong(problems):
        problems += check_time(
            primary.visits, subject_index.ids, subject_index.treatment, event_frame, schedule,
            has_baselines=roles.measures[0].baseline is not None,
        )  # fmt: skip
    problems += note_covariates(
        {c: v for c, v in subject_index.columns.items() if c not in subject_index.roles}
    )
    raise_if_fatal(problems)
    return Tables(
        panels=panels,
        subjects=subject_frame(subject_index, primary.baseline, named_baselines(panels, roles)),
        events=with_changes(event_frame, course_frame, subject_index.treatment),
        courses=course_frame,
        windows=schedule,
        notices=tuple(problems),
    )


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
    _note(
        problems,
        check_numbers(
            visits[roles.day],
            wrong,
            f"`visits` column {roles.day!r}",
            "Days are numbers counted from first treatment (day 0): "
            "(date - first treatment).dt.total_seconds() / 86400.",
        ),
        checks.check_days(names, day, wrong, "visits"),
        check_day_range(names, day, "visits"),
    )
    order = None if is_sorted(code, day) else np.lexsort((day, code))
    raw = _RawVisits(visits, code, day, order, subject_table, is_whole)
    return {m.scale.label: _build_panel(raw, m, roles, schedule, problems) for m in roles.measures}


@dataclass(frozen=True, slots=True)
class _RawVisits:
    frame: pd.DataFrame
    code: IntArray
    day: FloatArray
    order: IntArray | None  # None where rows are sorted
    subject_table: SubjectTable
    is_whole: bool


def check_structure(
    visits: pd.DataFrame,
    subjects: pd.DataFrame | None,
    events: pd.DataFrame | None,
    courses: pd.DataFrame | None,
    roles: Roles,
) -> list[Problem]:
    """Check that the tables have rows and the columns that their roles name."""
    baselines = [("baseline", m.baseline) for m in roles.measures if m.baseline is not None]
    of_subject = [("treatment", roles.treatment), *baselines]
    of_visit = [("subject", roles.subject), ("day", roles.day)]
    of_visit += [("score", c) for c in dict.fromkeys(m.score for m in roles.measures)]
    if roles.instrument is not None:
        of_visit.append(("instrument", roles.instrument))
    if isinstance(roles.duplicates, tuple):
        of_visit.append(("duplicates", roles.duplicates[0]))
    if subjects is None:
        of_visit += of_subject
    problems = check_columns(visits, of_visit, "visits")
    _note(problems, checks.check_given_names(visits, RESERVED, "visits"))
    _note(problems, check_not_empty(visits, "visits"))
    if subjects is not None:
        wanted = [("subject", roles.subject), *of_subject]
        problems += check_columns(subjects, wanted, "subjects")
        _note(problems, checks.check_given_names(subjects, RESERVED, "subjects"))
        _note(problems, check_not_empty(subjects, "subjects"))
    if events is not None:
        wanted = [("subject", roles.subject), ("day", roles.day)]
        problems += check_columns(events, wanted, "events")
        if "event" not in events.columns:
            problems.append(
                Problem(
                    "unknown_column",
                    "`events` has no column 'event'.",
                    (),
                    "It names what happened: rescue, switch, hospitalisation, death, withdrawal.",
                )
            )
    return problems + ([] if courses is None else check_course_columns(courses, roles))


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
    score, filled_in = checks.exact_totals(score, scale, _items_imputed(frame))
    what = f"{scale.label} scores"
    if roles.instrument is None or measure is roles.measures[0]:
        _note(
            problems,
            check_numbers(
                frame[measure.score],
                wrong,
                f"`visits` column {measure.score!r}",
                "Leave the cell empty where a visit was not assessed.",
            ),
        )
    row = np.arange(len(frame))
    inside = slice(None) if isinstance(order, slice) or len(order) == len(row) else np.sort(order)
    problems += checks.check_scores(
        names[inside], raw.day[inside], score[inside], row[inside], scale, what, filled_in[inside]
    )
    _note(
        problems,
        notes.note_filled_in(names[inside], raw.day[inside], filled_in[inside], scale),
    )
    code, day, score = raw.code[order], raw.day[order], score[order]
    single = one_a_day(frame, names[order], code, day, score, row[order], scale, roles.duplicates)
    problems += single.problems
    score = single.score
    if not single.keep.all():
        order = row[order][single.keep]
        code, day, score = code[single.keep], day[single.keep], score[single.keep]
    baseline = _baseline(raw.subject_table, measure, code, day, score, problems)
    rated = ~np.isnan(score)
    arm = raw.subject_table.treatment
    visit = schedule_visits(code, day, rated, arm.codes, list(arm.categories), schedule)
    seen = np.zeros(len(raw.subject_table.ids), dtype=bool)
    seen[code[rated & (day > 0)]] = True
    if not days_are_wrong(problems):
        _note(problems, notes.note_unseen(raw.subject_table.ids, ~seen, scale))
    if measure.baseline is not None and not any(p.level == "error" for p in problems):
        ids = raw.subject_table.ids
        _note(problems, notes.note_other_baseline(ids, code, day, score, baseline, scale))
    if raw.is_whole and not days_are_wrong(problems):
        _note(
            problems,
            notes.note_low_totals(code, score, scale),
            notes.note_mostly_worse(
                code, day, score, baseline, arm.codes, list(arm.categories), scale
            ),
        )
    extra = [c for c in frame.columns if c not in _role_columns(roles, raw.subject_table)]
    visits = pd.DataFrame(
        {
            "subject": pd.Categorical.from_codes(
                code.astype(np.int32), categories=raw.subject_table.ids
            )
            if (code >= 0).all()
            else names[order].astype(object),
            "day": day,
            "visit": visit,
            "score": score,
            **{
                f"{c}_given" if c in RESERVED else str(c): frame[c].iloc[order].array for c in extra
            },
        },
        copy=False,
    )
    return Panel(visits, baseline)


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
        values, filled_in = checks.exact_totals(values, scale)
        row = np.asarray(subject_table.row)
        nowhere = np.full(len(values), np.nan)
        _note(
            problems,
            check_numbers(
                column,
                wrong,
                f"baseline column {measure.baseline!r}",
                "Leave the cell empty where there is no baseline.",
            ),
        )
        problems += checks.check_scores(
            subject_table.ids, nowhere, values, row, scale, f"{scale.label} baselines", filled_in
        )
        how = f"column {measure.baseline!r}"
    else:
        values = np.full(len(subject_table.ids), np.nan)
        before = np.flatnonzero((day <= 0) & ~np.isnan(score) & (code >= 0))
        values[code[before]] = score[before]  # rows are sorted by day: the last one stays
        how = "no score at day 0 or before"
    if not days_are_wrong(problems):
        problems += notes.note_baselines(subject_table.ids, values, scale, how)
    return values


def named_baselines(panels: Mapping[str, Panel], roles: Roles) -> dict[str, FloatArray]:
    """Return baselines under the names of their columns, so that formulas may use either."""
    return {
        str(m.baseline): panels[m.scale.label].baseline
        for m in roles.measures
        if m.baseline is not None and m.baseline not in RESERVED
    }


def subject_frame(
    subject_table: SubjectTable,
    baseline: FloatArray,
    named: Mapping[str, FloatArray],
) -> pd.DataFrame:
    """Return subject, treatment, baseline and covariates, one row a subject."""
    extra = {
        f"{c}_given" if c in RESERVED else str(c): v.array
        for c, v in subject_table.columns.items()
        if c not in subject_table.roles
    }
    ids = pd.Categorical.from_codes(
        np.arange(len(subject_table.ids), dtype=np.int32), categories=subject_table.ids
    )
    return pd.DataFrame(
        {
            "subject": ids,
            "treatment": subject_table.treatment,
            "baseline": baseline,
            **named,
            **extra,
        }
    )


def days_are_wrong(problems: list[Problem]) -> bool:
    """Whether days or scores cannot be read, so that what follows from them says nothing."""
    unreadable = ("missing_day", "not_a_number", "impossible_day")
    return any(p.kind in unreadable for p in problems)


def _note(collected: list[Problem], *problems: Problem | None) -> None:
    collected += [p for p in problems if p is not None]


def raise_if_fatal(problems: list[Problem]) -> None:
    """Raise `DataError` with all problems, errors first, where there is an error."""
    if any(p.level == "error" for p in problems):
        raise DataError(sorted(problems, key=lambda p: p.level != "error"))
