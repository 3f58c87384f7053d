"""Cohorts to be compared: who they are, how they were assessed, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError, count_of, unknown_name
from trdstats.kinds import label_of
from trdstats.outcomes import Definition
from trdstats.study import Study

_CAME = 0.1


@dataclass(frozen=True)
class Cohort:
    """Subjects under one treatment of one study.

    Attributes
    ----------
    label : str
        Treatment; with the study behind it where two studies have it.
    source : str
        Name of the study; empty when there is one only.
    study : Study
        Of this treatment alone.
    response, relapse : Definition
    randomised : bool
        Whether the study it comes from allocated its treatments at random.
    """

    label: str
    source: str
    study: Study
    response: Definition
    relapse: Definition
    randomised: bool

    @property
    def scale(self) -> str:
        """Label of the scale."""
        return self.study.scale.label

    @property
    def n(self) -> int:
        """Number of subjects."""
        return len(self.study.subjects)

    def rule(self, definition: Definition) -> str:
        """Return a definition in words, on the scale of the cohort."""
        return definition.label(self.study.scale)

    def last_day(self) -> FloatArray:
        """Return the last day after 0 on which each subject was assessed; 0 without one."""
        return self._last_day.copy()

    @cached_property
    def _last_day(self) -> FloatArray:
        visits = self._rated
        last = visits.groupby("subject", observed=True)["day"].max()
        return self.study.subjects["subject"].map(last.to_dict()).fillna(0.0).to_numpy(dtype=float)

    def first_look(self) -> float:
        """Return the earliest day after 0 on which any subject was assessed; infinite without."""
        visits = self._rated
        return float(visits["day"].min()) if len(visits) else np.inf

    def scheduled(self) -> tuple[float, ...]:
        """Return the scheduled days after 0 that were attended, in order."""
        return self._scheduled

    @cached_property
    def _scheduled(self) -> tuple[float, ...]:
        visit = self._rated["visit"].dropna()
        return tuple(float(v) for v in np.unique(visit))

    def last_due(self, until: float) -> float | None:
        """Return the last scheduled day by `until` to which a tenth of the cohort came."""
        last = self.last_day()
        days = [d for d in self.scheduled() if d <= until and (last >= d).mean() >= _CAME]
        return days[-1] if days else None

    def came_to(self, day: float) -> BoolArray:
        """Return whether each subject was assessed at a scheduled day or later, shape (n,)."""
        return np.asarray(self._last_visit >= day)

    @cached_property
    def _last_visit(self) -> FloatArray:
        last = self._rated.groupby("subject", observed=True)["visit"].max()
        return self.study.subjects["subject"].map(last.to_dict()).fillna(0.0).to_numpy(dtype=float)

    def course_changes(self, until: float) -> pd.DataFrame:
        """Return the events by a day that change the course, any but those that end or renew it."""
        events = self.study.events
        same = events["event"].isin(["withdrawal", "second course"])
        return events[(events["day"] <= until) & ~same]

    def visits_a_month(self, until: float) -> float:
        """Return the rated visits a subject and month of follow-up, up to a day."""
        days = np.minimum(self.last_day(), until).sum()
        visits = self._rated
        return float((visits["day"] <= until).sum() / days * 30.4375) if days > 0 else 0.0

    def untreated(self) -> float:
        """Return the proportion of subjects recorded as never treated; NaN when not recorded."""
        covariates = self.study.subjects
        if "treated" not in covariates:
            return float("nan")
        return float(1 - covariates["treated"].astype(float).mean())

    def baseline_lead(self) -> float:
        """Return the median number of days from the baseline rating to day 0."""
        return self._baseline_lead

    @cached_property
    def _baseline_lead(self) -> float:
        visits = self.study.visits
        before = visits[(visits["day"] <= 0) & visits["score"].notna()]
        if not len(before) or self.study.has_given_baseline:
            return 0.0
        return float(-before.groupby("subject", observed=True)["day"].max().median())

    @cached_property
    def _rated(self) -> pd.DataFrame:
        visits = self.study.visits
        return visits[(visits["day"] > 0) & visits["score"].notna()]


def list_cohorts(
    studies: Study | Mapping[str, Study], response: Any, relapse: Any
) -> tuple[Cohort, ...]:
    """Return the cohorts of one or several studies.

    Parameters
    ----------
    studies : Study or mapping of str to Study
    response, relapse : Definition or mapping of str to Definition
        One for all, or one for each study by its name.

    Raises
    ------
    SpecError
        When there are fewer than two cohorts, or subjects of two studies share a name.
    UnknownNameError
        When a study has no definition.
    """
    named = {"": studies} if isinstance(studies, Study) else dict(studies)
    where: dict[str, list[str]] = {}
    for source, study in named.items():
        for treatment in study.treatments:
            where.setdefault(treatment, []).append(source)
    cohorts = []
    for source, study in named.items():
        for treatment in study.treatments:
            label = treatment if len(where[treatment]) == 1 else f"{treatment} ({source})"
            cohorts.append(
                Cohort(
                    label,
                    source,
                    study.only([treatment]),
                    _definition_of(response, source, named, "response"),
                    _definition_of(relapse, source, named, "relapse"),
                    study.randomised,
                )
            )
    if len(cohorts) < 2:
        raise SpecError(
            f"A comparison needs two treatments; the study has {len(cohorts)}. Give several "
            "studies as {'name': study, ...}."
        )
    names = pd.concat([c.study.subjects["subject"].astype(object) for c in cohorts]).map(label_of)
    twice = names[names.duplicated()]
    if len(twice):
        raise SpecError(
            f"{count_of(len(twice), 'subject has', 'subjects have')} the same name in two studies, "
            f"such as {twice.iloc[0]!r}. Names must differ between subjects: put the name of the "
            "study before them. A patient who is in both belongs into one."
        )
    return tuple(cohorts)


def _definition_of(given: Any, source: str, named: Mapping[str, Study], what: str) -> Definition:
    if isinstance(given, Mapping):
        if source not in given:
            raise unknown_name(f"study with another {what}:", source, given)
        given = given[source]
    if not isinstance(given, Definition):
        raise SpecError(f"{what} must be a definition such as Response(); got {given!r}.")
    return given
