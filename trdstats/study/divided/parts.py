"""A partition of visits as a study of its subjects, and what its checks say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.columns import numbers
from trdstats.errors import Problem, add_problems
from trdstats.frames import to_pandas
from trdstats.intake.mapping.units import days_to_judge
from trdstats.partitions import in_plain_columns
from trdstats.study import notes
from trdstats.study.build import Tables, Whole, named_baselines, subject_frame
from trdstats.study.panels import Panel, build_panels
from trdstats.study.roles import Roles
from trdstats.study.study import Study
from trdstats.study.study.rated import VisitCounts, count_visits, days_of_ratings
from trdstats.study.subjects import SubjectTable, code_rows, note_other_treatment
from trdstats.study.windows import VisitWindows

_SCORED = ("day", "visit", "score", "place")


@dataclass(frozen=True, slots=True)
class Agreed:
    """What holds in every partition: roles, visit windows, allocation."""

    roles: Roles
    windows: dict[str, VisitWindows] | None
    randomised: bool


@dataclass(frozen=True, slots=True)
class OfSubjects:
    """Subjects of a partition, with their events and courses; `named` where a table names them."""

    subjects: SubjectTable
    events: pd.DataFrame
    courses: pd.DataFrame
    named: bool


@dataclass(frozen=True, slots=True)
class Built:
    """The study of a partition, the problems of its visits, and days that show their unit."""

    study: Study
    problems: tuple[Problem, ...]
    days: FloatArray


def build_part(visits: pd.DataFrame, who: OfSubjects, agreed: Agreed) -> Built:
    """Build the study of a partition."""
    roles, problems = agreed.roles, list[Problem]()
    # As in memory: columns that stay are copied where their rows are put in order.
    table = to_pandas(in_plain_columns(visits), what="visits", copied=False)
    code = code_rows(table[roles.subject], who.subjects, "visits", problems)
    if not who.named:
        problems.clear()  # said already where subjects were looked for
    elif roles.treatment in table.columns:
        other = note_other_treatment(table[roles.treatment], code, who.subjects)
        add_problems(problems, other)
    add_problems(problems, notes.note_two_places(table, code, who.subjects.ids))
    panels = build_panels(
        table, code, who.subjects, roles, agreed.windows, problems, is_whole=False
    )
    first = roles.measures[0].scale
    tables = Tables(
        panels=panels,
        subjects=subject_frame(
            who.subjects, panels[first.label].baseline, named_baselines(panels, roles)
        ),
        events=who.events,
        courses=who.courses,
        windows=agreed.windows,
        notices=(),
    )
    days = days_to_judge(roles.day, numbers(table[roles.day])[0])
    return Built(Study.of_tables(tables, roles, first, agreed.randomised), tuple(problems), days)


def study_of_part(study: Study, whole: Whole) -> Study:
    """Return the study of a partition that knows what all say together."""
    return study.as_part_of(whole)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a partition says of itself.

    Attributes
    ----------
    problems : tuple of Problem
    some : dict of str to Panel, or None
        By scale the visits and baselines of some of its subjects; None where rows name none.
    days : ndarray
        As `days_to_judge` returns them.
    """

    problems: tuple[Problem, ...]
    some: dict[str, Panel] | None
    days: FloatArray


def check_part(built: Built, every: int) -> Checked:
    """Return the problems of a partition, and the visits of every so many of its subjects."""
    panels = built.study.panels()
    if not all(isinstance(p.visits["subject"].dtype, pd.CategoricalDtype) for p in panels.values()):
        return Checked(built.problems, None, built.days)
    some = {label: _every(panel, every) for label, panel in panels.items()}
    visits = some[built.study.scale.label].visits
    derived = notes.note_derived_rows(visits, [c for c in visits if c not in _SCORED])
    problems = [*built.problems, *([] if derived is None else [derived])]
    scored = {k: Panel(p.visits[list(_SCORED)], p.baseline) for k, p in some.items()}
    return Checked(tuple(problems), scored, built.days)


def _every(panel: Panel, every: int) -> Panel:
    """Return the visits of some subjects, each with the place of its subject."""
    code = panel.visits["subject"].cat.codes.to_numpy().astype(np.intp)
    kept = code % every == 0
    visits = panel.visits if every == 1 else panel.visits.loc[kept]
    others = visits.drop(columns="subject")
    return Panel(others.assign(place=code[kept]), panel.baseline[::every])


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What the visits of a partition come to.

    Attributes
    ----------
    baselines : dict of str to ndarray
        By scale, one a subject.
    visits, size : int
        Visits of all scales, and the memory they take in bytes.
    counts : dict of str to VisitCounts
        By scale.
    rated_days : dict of str to dict of str to ndarray
        As in `Whole`.
    """

    baselines: dict[str, FloatArray]
    visits: int
    size: int
    counts: dict[str, VisitCounts]
    rated_days: dict[str, dict[str, FloatArray]]


def survey_part(study: Study) -> Surveyed:
    """Count the visits of a partition."""
    panels = study.panels()
    scales = {label: study.on(label) for label in panels}
    frames = [panel.visits for panel in panels.values()]
    is_open = study.windows is None
    return Surveyed(
        {label: panel.baseline for label, panel in panels.items()},
        sum(len(frame) for frame in frames),
        sum(int(frame.memory_usage(index=False).sum()) for frame in frames),
        {label: count_visits(other) for label, other in scales.items()},
        {label: days_of_ratings(other) for label, other in scales.items()} if is_open else {},
    )


def together(
    frames: list[pd.DataFrame],
    places: list[IntArray],
    ids: pd.Index[Any],
) -> pd.DataFrame:
    """Return rows of partitions in the order of all subjects, each named among all.

    Parameters
    ----------
    frames : list of DataFrame
        With a categorical column subject, whose codes are places among the partition's subjects.
    places : list of ndarray of int
        Places of the subjects of each partition among all.
    ids : pandas.Index
        Identifiers of all.
    """
    code = np.concatenate(
        [place[f["subject"].cat.codes] for f, place in zip(frames, places, strict=True)]
    )
    order = np.argsort(code, kind="stable")
    rows = pd.concat([f.drop(columns="subject") for f in frames], ignore_index=True)
    rows = rows.iloc[order].reset_index(drop=True)
    subject = pd.Categorical.from_codes(code[order].astype(np.int32), categories=ids)
    return pd.concat([pd.DataFrame({"subject": subject}), rows], axis=1)
