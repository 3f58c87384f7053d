"""The verbs that return a study of fewer treatments, subjects or visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.aliases import SubjectsLike
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import BoolArray
from trdstats.errors import (
    NotEstimableError,
    SpecError,
    by_level,
    pick_levels,
    unknown_day,
    unknown_name,
)
from trdstats.study.study.held import HeldTables
from trdstats.study.study.masks import read_mask
from trdstats.study.study.variants import keep_scheduled, narrow, thin

if TYPE_CHECKING:
    from trdstats.study.study.study import Study


@checked_methods
class Selection(HeldTables):
    """Which treatments, subjects and visits stay: see `Study`."""

    __slots__ = ()

    def only(self, treatments: Sequence[Level]) -> Study:
        """Return the study of some of its treatments.

        Raises
        ------
        UnknownNameError
            When a treatment is not there.
        """
        kept = pick_levels("treatment", treatments, self.treatments)
        is_kept = self.subjects["treatment"].isin(kept).to_numpy()
        return self._narrow(is_kept, kept)

    def keep(self, subjects: SubjectsLike) -> Study:
        """Return the study of some of its subjects; treatments that lose all of them go.

        Parameters
        ----------
        subjects : sequence, or Series of bool
            Identifiers; what is named twice counts once. Or a mask, whose index is that of
            `subjects` or holds the identifiers, such as ``study.subjects["age"] > 40``.

        Raises
        ------
        UnknownNameError
            When there is no such subject.
        NotEstimableError
            When no subject is named.
        SpecError
            When a mask does not say of every subject whether it stays.
        """
        known = self.subjects["subject"]
        subjects = read_mask(self.subjects, subjects)
        wanted = pd.Series(list(subjects), dtype=object)
        strange = wanted[~wanted.isin(known)]
        if len(strange):
            raise unknown_name("subject", strange.iloc[0], known)
        if not len(wanted):
            raise NotEstimableError("No subject is named: there is nothing to analyse.")
        is_kept = known.isin(wanted).to_numpy()
        present = set(self.subjects.loc[is_kept, "treatment"])
        kept = [t for t in self.treatments if t in present]
        return self._narrow(is_kept, kept)

    def _narrow(self, kept: BoolArray, treatments: list[str]) -> Study:
        """Return the study of the subjects that are marked."""
        return self._among(narrow(self._tables, kept, treatments))

    def thinned(self, days: Sequence[float]) -> Study:
        """Return the same study as if it had been rated on fewer days.

        Parameters
        ----------
        days : sequence of float
            Days above 0. Of a subject's rated visits after one day and up to the next, the last
            stays; visits at day 0 or before stay, those after the last day go.

        Raises
        ------
        SpecError
            When a day is not above 0.
        """
        grid = np.unique(np.asarray(days, dtype=float))
        if not len(grid) or not (grid > 0).all() or not np.isfinite(grid).all():
            raise SpecError(f"days must be one or more days above 0; got {list(days)!r}.")
        panels = {
            label: replace(panel, visits=thin(panel.visits, grid))
            for label, panel in self._tables.panels.items()
        }
        return self._with(panels=panels)

    def only_visits(self, days: Mapping[str, Sequence[float]]) -> Study:
        """Return the same study as if only some of its visits had been scheduled.

        Parameters
        ----------
        days : mapping of treatment to sequence of float
            Scheduled days above 0 that stay. Visits at day 0 or before stay; other scheduled
            visits go, and unscheduled ones with them. Treatments not named keep all visits.

        Raises
        ------
        SpecError
            When a treatment is named without a day.
        UnknownNameError
            When a treatment is not there, or a day is not one of its scheduled days.
        """
        kept, treatment = {}, self.subjects["treatment"]
        windows = dict(self.windows) if self.windows is not None else None
        for name, days_of_arm in by_level("treatment", days, self.treatments).items():
            kept[name] = np.unique(np.asarray(days_of_arm, dtype=float))
            known = self._scheduled(name)
            if not len(kept[name]):
                raise SpecError(f"days must hold one or more scheduled days of {name!r}.")
            for day in kept[name]:
                if day not in known:
                    raise unknown_day(float(day), known)
            if windows is not None:
                windows[name] = windows[name].only(kept[name])
        panels = {
            label: replace(panel, visits=keep_scheduled(panel.visits, treatment, kept))
            for label, panel in self._tables.panels.items()
        }
        return self._with(panels=panels, windows=windows)

    def _scheduled(self, treatment: str) -> list[float]:
        """Return the scheduled days of a treatment above 0, attended or not."""
        if self.windows is not None:
            return [d for d in self.windows[treatment].days if d > 0]
        in_arm = (self.subjects["treatment"] == treatment).to_numpy()
        visits = self.visits[in_arm[self.visits["subject"].cat.codes.to_numpy()]]
        return sorted(set(visits.loc[visits["day"] > 0, "day"]))
