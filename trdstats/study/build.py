"""From the user's tables to canonical ones, with every problem found on the way.

The order of work: columns, identifiers, then values; each stage reports all it finds, and
nothing is sorted, dropped or converted before the whole input was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.columns import check_columns, check_not_empty
from trdstats.errors import DataError, Problem, add_problems
from trdstats.frames import locked, to_pandas
from trdstats.study import notes
from trdstats.study.checks import identifiers
from trdstats.study.checks.values import check_given_names, check_treated
from trdstats.study.courses.build import build_courses, check_course_columns
from trdstats.study.courses.changes import with_changes
from trdstats.study.events import build_events
from trdstats.study.panels import RESERVED, Panel, build_panels, days_are_wrong
from trdstats.study.plausibility.covariates import note_covariates
from trdstats.study.plausibility.lookalikes import note_lookalikes
from trdstats.study.roles import Roles
from trdstats.study.subjects import (
    SubjectTable,
    code_rows,
    note_other_treatment,
    subjects_from_table,
    subjects_from_visits,
)
from trdstats.study.timing import check_time
from trdstats.study.totals import check_totals
from trdstats.study.windows import VisitWindows, read_windows


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
    tables are those of a part. Their numbers and categories cannot be changed: a study stays
    what was checked.
    """

    panels: dict[str, Panel]
    subjects: pd.DataFrame
    events: pd.DataFrame
    courses: pd.DataFrame
    windows: dict[str, VisitWindows] | None
    notices: tuple[Problem, ...]
    decided_events: tuple[str, ...] = ()
    whole: Whole | None = None

    def __post_init__(self) -> None:
        """Lock the frames."""
        panels = {k: replace(p, visits=locked(p.visits)) for k, p in self.panels.items()}
        object.__setattr__(self, "panels", panels)
        for name in ("subjects", "events", "courses"):
            object.__setattr__(self, name, locked(getattr(self, name)))


def build_tables(
    visits: Any, subjects: Any, events: Any, courses: Any, roles: Roles, windows: Any
) -> Tables:
    """Check the user's tables and return canonical ones.

    Raises
    ------
    DataError
        With all problems of the first stage that has any.
    """
    # Every column that stays is copied where its rows are put in order.
    visit_table = to_pandas(visits, what="visits", copied=False)
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
            problems += identifiers.check_kinds_of_identifiers(table[roles.subject], name)
    raise_if_fatal(problems)
    if subject_table is None:
        subject_index, code = subjects_from_visits(visit_table, roles, problems)
    else:
        subject_index = subjects_from_table(subject_table, roles, problems)
        code = code_rows(visit_table[roles.subject], subject_index, "visits", problems)
    add_problems(problems, check_treated(subject_index.columns.get("treated")))
    if subject_table is not None and roles.treatment in visit_table.columns:
        add_problems(
            problems, note_other_treatment(visit_table[roles.treatment], code, subject_index)
        )
    add_problems(problems, notes.note_two_places(visit_table, code, subject_index.ids))
    schedule = read_windows(windows, list(subject_index.treatment.categories))
    panels = build_panels(visit_table, code, subject_index, roles, schedule, problems)
    event_frame = build_events(event_table, roles, subject_index, problems)
    course_frame = build_courses(course_table, roles, subject_index, problems)
    primary = panels[roles.measures[0].scale.label]
    treatments = list(subject_index.treatment.categories)
    add_problems(
        problems,
        note_lookalikes(subject_index.ids, "subject"),
        note_lookalikes(treatments, "treatment"),
        notes.note_treatments(treatments),
        notes.note_unnamed_treatments(subject_index.treatment),
    )
    if not days_are_wrong(problems):
        problems += check_time(
            primary.visits, subject_index.ids, subject_index.treatment, event_frame, schedule,
            has_baselines=roles.measures[0].baseline is not None,
        )  # fmt: skip
        for measure in roles.measures:
            panel = panels[measure.scale.label]
            problems += check_totals(
                panel.visits, subject_index.ids, subject_index.treatment, panel.baseline,
                measure.scale, is_primary=measure is roles.measures[0],
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


def columns_of_visits(roles: Roles, described: bool) -> list[tuple[str, str]]:
    """Return the roles of visits with their columns; `described` where they describe subjects."""
    columns = [("subject", roles.subject), ("day", roles.day)]
    columns += [("score", c) for c in dict.fromkeys(m.score for m in roles.measures)]
    if roles.instrument is not None:
        columns.append(("instrument", roles.instrument))
    if isinstance(roles.duplicates, tuple):
        columns.append(("duplicates", roles.duplicates[0]))
    return columns + (_columns_of_subjects(roles) if described else [])


def _columns_of_subjects(roles: Roles) -> list[tuple[str, str]]:
    baselines = [("baseline", m.baseline) for m in roles.measures if m.baseline is not None]
    return [("treatment", roles.treatment), *baselines]


def check_structure(
    visits: pd.DataFrame,
    subjects: pd.DataFrame | None,
    events: pd.DataFrame | None,
    courses: pd.DataFrame | None,
    roles: Roles,
) -> list[Problem]:
    """Check that the tables have rows and the columns that their roles name."""
    problems = check_columns(visits, columns_of_visits(roles, subjects is None), "visits")
    add_problems(problems, check_given_names(visits, RESERVED, "visits"))
    add_problems(problems, check_not_empty(visits, "visits"))
    if subjects is not None:
        wanted = [("subject", roles.subject), *_columns_of_subjects(roles)]
        problems += check_columns(subjects, wanted, "subjects")
        add_problems(problems, check_given_names(subjects, RESERVED, "subjects"))
        add_problems(problems, check_not_empty(subjects, "subjects"))
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


def raise_if_fatal(problems: list[Problem]) -> None:
    """Raise `DataError` with all problems, errors first, where there is an error."""
    if any(p.level == "error" for p in problems):
        raise DataError(sorted(problems, key=lambda p: p.level != "error"))
