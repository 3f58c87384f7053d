"""Visits of a study as definitions and models take them: rated, scheduled, long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.study.plausibility.scheduled import Scheduled, no_ratings
from trdstats.study.study.parts import WorkOnParts
from trdstats.study.study.rated import (
    Rated,
    RecordedBeside,
    days_of_ratings,
    days_stood_for,
    long_rows,
    rate_visits,
)
from trdstats.study.study.remembered import remembering

if TYPE_CHECKING:
    from trdstats.study.study.study import Study


@checked_methods
class VisitRows(WorkOnParts):
    """The visits of a study for definitions and models: see `Study`."""

    __slots__ = ()

    def rated(self) -> Rated:
        """Return the rated visits after baseline as arrays, with where they stand."""
        rated = rate_visits(self.visits, self.subjects, self.windows, self.scale)
        return Rated(replace(rated.arrays, beside=RecordedBeside(cast("Study", self))), rated.among)

    def schedule_end(self, by: FloatArray | None = None) -> FloatArray:
        """Return, for each subject, the day from which a visit counts as the last scheduled.

        Parameters
        ----------
        by : ndarray, shape (n_subjects,), optional
            Day on which follow-up ends for each subject: only visits due by then are scheduled.
            NaN, and the default: the whole schedule.

        Returns
        -------
        ndarray, shape (n_subjects,)
            With windows the first day of the last one, or of the last that has opened by the
            given day; else the last day, up to the given one, on which any subject under the same
            treatment was assessed.
        """
        arm = self.subjects["treatment"].cat.codes.to_numpy()
        limit = np.full(len(arm), np.inf) if by is None else np.where(np.isnan(by), np.inf, by)
        rated = {} if self.windows is not None else self.rated_days()
        end = np.full(len(arm), -np.inf)
        for k, name in enumerate(self.treatments):
            in_arm = arm == k
            if self.windows is not None:
                end[in_arm] = self.windows[name].due_opens(limit[in_arm])
            else:
                days = np.append(-np.inf, rated[name])
                end[in_arm] = days[np.searchsorted(days, limit[in_arm], side="right") - 1]
        return end

    def rated_days(self) -> dict[str, FloatArray]:
        """Return the distinct days above 0 of rated visits, by treatment."""
        if self._tables.whole is not None:
            return self._tables.whole.rated_days[self._scale.label]
        return days_of_ratings(self)

    def scheduled_days(
        self, treatments: Sequence[str] | None = None, *, rated: bool = False
    ) -> list[float]:
        """Return the scheduled days above 0 that some visit stands for, increasing.

        Parameters
        ----------
        treatments : sequence of str, optional
            Default: all.
        rated : bool, default False
            Whether only visits with a score count.
        """
        names = self.treatments if treatments is None else tuple(treatments)
        return sorted(set().union(*self.on_parts(days_stood_for, names, rated)))

    def longitudinal(self, days: Sequence[float] | None = None) -> pd.DataFrame:
        """Return scheduled visits after baseline with their change, one row a visit.

        Parameters
        ----------
        days : sequence of float, optional
            Scheduled days to keep. Default: all.

        Returns
        -------
        pandas.DataFrame
            subject, treatment, day (actual), visit (scheduled), score, baseline, change
            (negative is improvement, positive where high is good), other columns of the
            visits, covariates. Unscheduled visits are not part of it; unrated visits keep a NaN
            score. The frame remembers, in ``attrs``, that treatments were not randomised,
            which scores are better and the scale.

        Raises
        ------
        UnknownNameError
            When a day is not scheduled.
        """
        if days is not None:
            check_days(self, days)
        return remembering(self.gathered(long_rows, days), self)


def check_days(study: Scheduled, days: Sequence[float]) -> None:
    """Raise `UnknownNameError` unless some visit stands for each of the days."""
    scheduled = study.scheduled_days()
    for d in days:
        if d not in scheduled:
            raise no_ratings(study, d)
