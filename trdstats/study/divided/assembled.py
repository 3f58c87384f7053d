"""From a dask frame of visits to partitions that are studies, with every problem on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.columns import check_not_empty
from trdstats.errors import DataError, Problem, SpecError, add_problems
from trdstats.partitions import (
    columns_of_some,
    computed,
    problems_together,
    sent,
    shuffled,
    task_of,
    with_columns,
)
from trdstats.study.build import Tables, named_baselines, raise_if_fatal, subject_frame
from trdstats.study.checks import identifiers
from trdstats.study.checks.values import check_treated
from trdstats.study.courses.build import build_courses
from trdstats.study.courses.changes import with_changes
from trdstats.study.divided.parts import (
    Agreed,
    Checked,
    OfSubjects,
    Surveyed,
    build_part,
    check_part,
    study_of_part,
    survey_part,
)
from trdstats.study.divided.subjects import (
    SubjectsOfPart,
    in_two_parts,
    look_for_subjects,
    places_of_subjects,
    rows_of_subjects,
    some_of_subjects,
    subjects_of_parts,
)
from trdstats.study.divided.whole import (
    LOOKED_AT,
    GivenTables,
    judge_days,
    note_covariates_of,
    note_divided,
    note_names,
    whole_of,
)
from trdstats.study.events import build_events
from trdstats.study.panels import OF_DAYS, Panel, days_are_wrong, note_unit_of_days
from trdstats.study.roles import Roles
from trdstats.study.subjects import SubjectTable, subjects_from_table
from trdstats.study.windows import WindowsLike, read_windows


@dataclass(frozen=True, slots=True)
class Assembled:
    """Partitions as studies.

    Attributes
    ----------
    tables : Tables
        Of all subjects; its panels have no visits.
    parts : list of Delayed
        The study of each partition.
    places : list of ndarray of int
        Places of the subjects of each partition among all.
    surveys : list of Surveyed
    """

    tables: Tables
    parts: list[Any]
    places: list[IntArray]
    surveys: list[Surveyed]


def assemble(
    visits: Any, given: GivenTables, roles: Roles, windows: WindowsLike | None, randomised: bool
) -> Assembled:
    """Check all partitions and return them as studies.

    Raises
    ------
    DataError
        With all problems of the first stage that has any.
    """
    given.check(visits._meta, roles)
    frames, who_is_where, n_split, of_some = _brought_together(visits, given, roles)
    numbers = [p.number for p in who_is_where]
    problems = problems_together([p.problems for p in who_is_where], numbers) + of_some
    of_events: list[Problem] = []
    subjects = _subjects(who_is_where, given, roles, problems)
    schedule = read_windows(windows, list(subjects.treatment.categories))
    events = build_events(given.events, roles, subjects, of_events)
    courses = build_courses(given.courses, roles, subjects, of_events)
    places = places_of_subjects(who_is_where, subjects, roles.subject)
    who = [
        _of_part(subjects, events, courses, place, given.subjects is not None) for place in places
    ]
    agreed = Agreed(roles, schedule, randomised)
    built = _built(frames, sent(who), agreed)
    every = max(1, ceil(sum(p.rows for p in who_is_where) / LOOKED_AT))
    checked: list[Checked] = computed([task_of(check_part)(b, every) for b in built])
    add_problems(problems, note_unit_of_days(roles.day, np.concatenate([c.days for c in checked])))
    problems += [*problems_together([c.problems for c in checked], numbers), *of_events]
    if days_are_wrong(problems):  # in any partition
        problems = [p for p in problems if p.kind not in (*OF_DAYS, "derived_rows")]
    problems += note_names(subjects)
    some = [c.some for c in checked if c.some is not None]
    if len(some) == len(checked) and not days_are_wrong(problems):
        has_errors = any(p.level == "error" for p in problems)
        problems += judge_days(some, places, every, subjects, events, schedule, roles,
                               has_errors=has_errors)  # fmt: skip
    problems += note_covariates_of(subjects)
    raise_if_fatal(problems)
    changed = with_changes(events, courses, subjects.treatment)
    if len(courses):
        who = [_of_part(subjects, changed, courses, place, w.named)
               for place, w in zip(places, who, strict=True)]  # fmt: skip
        built = _built(frames, sent(who), agreed)
    studies = [task_of(_study)(b) for b in built]
    surveys: list[Surveyed] = computed([task_of(survey_part)(s) for s in studies])
    whole = whole_of(surveys, changed, list(subjects.treatment.categories))
    panels = _panels(surveys, places, len(subjects.ids))
    first = panels[roles.measures[0].scale.label]
    tables = Tables(
        panels=panels,
        subjects=subject_frame(subjects, first.baseline, named_baselines(panels, roles)),
        events=changed,
        courses=courses,
        windows=schedule,
        notices=(*problems, note_divided(len(frames), n_split)),
    )
    (shared,) = sent([whole])
    parts = [task_of(study_of_part)(s, shared) for s in studies]
    return Assembled(tables, parts, places, surveys)


def _brought_together(
    visits: Any, given: GivenTables, roles: Roles
) -> tuple[list[Any], list[SubjectsOfPart], int, list[Problem]]:
    """Return partitions that have visits, who is in each, and how many stood in two before.

    Columns that only some partitions have are missing in the others, and are named.
    """
    frames, who_is_where = _look(list(visits.to_delayed()), given, roles)
    names, of_some = columns_of_some(
        [p.columns for p in who_is_where], [p.rows for p in who_is_where],
        [p.number for p in who_is_where], "visits",
    )  # fmt: skip
    if of_some:
        completed = with_columns(visits._meta, names)
        visits = visits.map_partitions(with_columns, names, meta=completed)
        frames, who_is_where = _look(list(visits.to_delayed()), given, roles)
    n_split = in_two_parts(who_is_where, roles.subject)
    if n_split:
        if roles.duplicates in ("first", "last"):
            raise SpecError(
                f"duplicates={roles.duplicates!r} goes by the order of rows, and {n_split:,} "
                "subjects have visits in two partitions: a shuffle keeps no order. Write the "
                "visits sorted by subject, or name another rule."
            )
        frames, who_is_where = _look(shuffled(visits, roles.subject), given, roles)
    return frames, who_is_where, n_split, of_some


def _look(
    frames: list[Any], given: GivenTables, roles: Roles
) -> tuple[list[Any], list[SubjectsOfPart]]:
    look = task_of(look_for_subjects)
    who_is_where = computed(
        [look(f, k, roles, given.subjects is None) for k, f in enumerate(frames)]
    )
    kept = [k for k, part in enumerate(who_is_where) if part.rows]
    if not kept:
        empty = check_not_empty(pd.DataFrame(), "visits")
        raise DataError([empty] if empty is not None else [])
    lacking = [p for p in who_is_where if any(q.kind == "unknown_column" for q in p.problems)]
    raise_if_fatal(problems_together([p.problems for p in lacking], [p.number for p in lacking]))
    return [frames[k] for k in kept], [who_is_where[k] for k in kept]


def _subjects(
    who_is_where: Sequence[SubjectsOfPart],
    given: GivenTables,
    roles: Roles,
    problems: list[Problem],
) -> SubjectTable:
    ids = pd.concat([part.frame[roles.subject] for part in who_is_where], ignore_index=True)
    # Identifiers, one a subject: their numbers are no rows of the visits.
    kinds = [replace(p, where=tuple(w.split(" (row")[0] for w in p.where))
             for p in identifiers.check_kinds_of_identifiers(ids, "visits")]  # fmt: skip
    if not len(ids):
        raise DataError(problems)  # no row names a subject
    raise_if_fatal(kinds)
    if given.subjects is None:
        subjects = subjects_of_parts(who_is_where, roles, problems)
    else:
        subjects = subjects_from_table(given.subjects, roles, problems)
    add_problems(problems, check_treated(subjects.columns.get("treated")))
    return subjects


def _of_part(
    subjects: SubjectTable, events: pd.DataFrame, courses: pd.DataFrame, place: IntArray,
    named: bool,
) -> OfSubjects:  # fmt: skip
    ids = subjects.ids[place]
    return OfSubjects(
        some_of_subjects(subjects, place),
        rows_of_subjects(events, place, ids),
        rows_of_subjects(courses, place, ids),
        named,
    )


def _built(frames: list[Any], who: list[Any], agreed: Agreed) -> list[Any]:
    build = task_of(partial(build_part, agreed=agreed))
    return [build(frame, of_part) for frame, of_part in zip(frames, who, strict=True)]


def _study(built: Any) -> Any:
    return built.study


def _panels(surveys: Sequence[Surveyed], places: Sequence[IntArray], n: int) -> dict[str, Panel]:
    """Return the baselines of all subjects, and no visits."""
    panels = {}
    none = pd.DataFrame({"subject": [], "day": [], "visit": [], "score": []})
    for label in surveys[0].baselines:
        baseline = np.full(n, np.nan)
        for survey, place in zip(surveys, places, strict=True):
            baseline[place] = survey.baselines[label]
        panels[label] = Panel(none, baseline)
    return panels
