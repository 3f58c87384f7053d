"""What is checked of all partitions together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.errors import Problem, count_of
from trdstats.frames import to_pandas
from trdstats.kernels.visits.runs import run_starts
from trdstats.study import notes
from trdstats.study.build import Whole, check_structure, raise_if_fatal
from trdstats.study.checks import identifiers
from trdstats.study.divided.parts import Surveyed
from trdstats.study.panels import Panel
from trdstats.study.plausibility.covariates import note_covariates
from trdstats.study.plausibility.lookalikes import note_lookalikes
from trdstats.study.roles import Roles
from trdstats.study.subjects import SubjectTable
from trdstats.study.timing import check_time
from trdstats.study.totals import check_totals
from trdstats.study.windows import VisitWindows

# Whether the days are plausible is judged on about so many visits.
LOOKED_AT = 2_000_000


@dataclass(frozen=True, slots=True)
class GivenTables:
    """Tables that are held in memory: one row a subject, an event, a course; None if not given."""

    subjects: pd.DataFrame | None
    events: pd.DataFrame | None
    courses: pd.DataFrame | None

    @classmethod
    def of(cls, subjects: object, events: object, courses: object) -> GivenTables:
        """Read the tables."""
        tables = {"subjects": subjects, "events": events, "courses": courses}
        return cls(**{
            what: None if table is None else to_pandas(table, what=what)
            for what, table in tables.items()
        })  # fmt: skip

    def check(self, visits: pd.DataFrame, roles: Roles) -> None:
        """Raise `DataError` unless tables, and visits without rows, have their columns."""
        problems = check_structure(
            to_pandas(visits, what="visits"), self.subjects, self.events, self.courses, roles
        )
        none = "`visits` has no rows."
        raise_if_fatal([p for p in problems if p.summary != none])
        kinds: list[Problem] = []
        for what, table in (
            ("subjects", self.subjects), ("events", self.events), ("courses", self.courses)
        ):  # fmt: skip
            if table is not None:
                kinds += identifiers.check_kinds_of_identifiers(table[roles.subject], what)
        raise_if_fatal(kinds)


def whole_of(surveys: Sequence[Surveyed], events: pd.DataFrame, treatments: Sequence[str]) -> Whole:
    """Return what all partitions say together."""
    days = {
        label: {
            name: np.unique(np.concatenate([s.rated_days[label][name] for s in surveys]))
            for name in treatments
        }
        for label in surveys[0].rated_days
    }
    return Whole(tuple(dict.fromkeys(events["event"].tolist())), days)


def note_names(subjects: SubjectTable) -> list[Problem]:
    """Return what is noted of the names of subjects and treatments."""
    treatments = list(subjects.treatment.categories)
    notices = (
        note_lookalikes(subjects.ids, "subject"),
        note_lookalikes(treatments, "treatment"),
        notes.note_treatments(treatments),
        notes.note_unnamed_treatments(subjects.treatment),
    )
    return [p for p in notices if p is not None]


def note_covariates_of(subjects: SubjectTable) -> list[Problem]:
    """Return what is noted of the columns that describe subjects."""
    columns = {c: v for c, v in subjects.columns.items() if c not in subjects.roles}
    return list(note_covariates(columns))


def judge_days(
    some: Sequence[dict[str, Panel]],
    places: Sequence[IntArray],
    every: int,
    subjects: SubjectTable,
    events: pd.DataFrame,
    windows: dict[str, VisitWindows] | None,
    roles: Roles,
    *,
    has_errors: bool,
) -> list[Problem]:
    """Return what is implausible in the days and scores of some subjects of every partition.

    Parameters
    ----------
    some : sequence of dict of str to Panel
        By scale, the visits of every so many subjects of each partition.
    places : sequence of ndarray of int
        Places of each partition's subjects among all.
    every : int
    subjects : SubjectTable
        All subjects.
    events : pandas.DataFrame
    windows : dict of str to VisitWindows, or None
    roles : Roles
    has_errors : bool
        Whether the study is refused already: baselines are not compared then.
    """
    looked_at = [place[::every] for place in places]
    order = np.sort(np.concatenate(looked_at))
    ids, arm = subjects.ids[order], subjects.treatment[order]
    problems: list[Problem | None] = []
    of_totals: list[Problem] = []
    for measure in roles.measures:
        panels = [of_part[measure.scale.label] for of_part in some]
        visits = _in_order(panels, places, order, ids)
        baseline = np.full(len(subjects.ids), np.nan)
        for place, panel in zip(looked_at, panels, strict=True):
            baseline[place] = panel.baseline
        code = visits["subject"].cat.codes.to_numpy().astype(np.intp)
        day, score = visits["day"].to_numpy(), visits["score"].to_numpy()
        if measure.baseline is not None and not has_errors:
            named = baseline[order]
            problems.append(notes.note_other_baseline(ids, code, day, score, named, measure.scale))
        last = notes.last_totals(day, score, run_starts(code, len(order)))
        arms = list(arm.categories)
        problems += [
            notes.note_low_totals(code, score, measure.scale),
            notes.note_mostly_worse(
                last, baseline[order], np.asarray(arm.codes), arms, measure.scale
            ),
        ]
        is_primary = measure is roles.measures[0]
        of_totals += check_totals(
            visits, ids, arm, baseline[order], measure.scale, is_primary=is_primary
        )
        if is_primary:
            primary = visits
    of_some = events[events["subject"].isin(ids)]
    of_some = of_some.assign(subject=of_some["subject"].cat.set_categories(ids))
    problems += check_time(
        primary, ids, arm, of_some, windows, has_baselines=roles.measures[0].baseline is not None
    )
    problems += of_totals
    if every > 1:
        problems.append(_note_some(len(order), len(subjects.ids)))
    return [p for p in problems if p is not None]


def _in_order(
    panels: Sequence[Panel],
    places: Sequence[IntArray],
    order: IntArray,
    ids: pd.Index[Any],
) -> pd.DataFrame:
    """Return the visits of the subjects that are looked at, by their order."""
    rows = pd.concat(
        [
            p.visits.assign(place=of[p.visits["place"]])
            for p, of in zip(panels, places, strict=True)
        ],
        ignore_index=True,
    ).sort_values("place", kind="stable", ignore_index=True)
    code = np.searchsorted(order, rows.pop("place").to_numpy())
    return rows.assign(subject=pd.Categorical.from_codes(code, categories=ids))


def _note_some(n: int, of: int) -> Problem:
    return Problem(
        "days_of_some",
        f"Units, gaps and origins of days were judged on the visits of {n:,} of {of:,} subjects.",
        (),
        "Every other check looked at all visits.",
        level="note",
    )


def note_divided(partitions: int, n_split: int) -> Problem:
    """Return the note on how the visits are held."""
    held = count_of(partitions, "partition", "partitions")
    each = "" if partitions == 1 else ", each with all visits of its subjects"
    sentence = f"The visits stand in {held}{each}."
    if n_split:
        sentence = (
            f"{count_of(n_split, 'subject', 'subjects')} had visits in two partitions or more: the "
            f"visits were shuffled by subject into {held}."
        )
    remedy = "Write them sorted by subject once, and no shuffle is needed." if n_split else ""
    return Problem("divided", sentence, (), remedy, level="note")
