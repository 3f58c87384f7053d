"""The verbs that return the same study on another scale, or with other baselines or visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.errors import Problem, unknown_name
from trdstats.scales import Scale
from trdstats.study.study.completed import complete
from trdstats.study.study.held import HeldTables
from trdstats.study.study.variants import BaselineRule, baseline_by, reschedule
from trdstats.study.timing import OF_WINDOWS, check_windows
from trdstats.study.windows import WindowsLike, read_windows

if TYPE_CHECKING:
    from trdstats.study.study.study import Study


@checked_methods
class Changes(HeldTables):
    """What can be changed for the same subjects: see `Study`."""

    __slots__ = ()

    def on(self, scale: str | Scale) -> Study:
        """Return the same study seen on another of its scales.

        Raises
        ------
        UnknownNameError
            When the study has no such scale.
        """
        other = self._measured_by(scale)
        baseline = self._tables.panels[other.label].baseline
        return self._with(scale=other, subjects=self.subjects.assign(baseline=baseline))

    def with_baseline(self, rule: BaselineRule) -> Study:
        """Return the same study with baselines taken by another rule from its visits.

        Parameters
        ----------
        rule : {"last", "first", "mean", "worst"}
            Which of the scores at day 0 or before; "worst" is the highest, or the lowest where
            high is good.

        Raises
        ------
        SpecError
            When the rule is not known.
        """
        values = baseline_by(self.visits, len(self.subjects), rule, self.scale)
        return self._with(subjects=self.subjects.assign(baseline=values))

    def with_windows(self, windows: WindowsLike | None) -> Study:
        """Return the same study with other visit windows, given as to `Study`.

        Raises
        ------
        SpecError, UnknownNameError
            When the windows are not usable.

        Notes
        -----
        What `notices` say of the windows is what holds of the new ones; it is not issued again.
        """
        schedule = read_windows(windows, list(self.treatments))
        treatment = self.subjects["treatment"]
        panels = {
            label: replace(panel, visits=reschedule(panel.visits, treatment, schedule))
            for label, panel in self._tables.panels.items()
        }
        primary = panels[self.scales[0]].visits
        fresh = check_windows(primary, self.subjects, schedule)
        notices = tuple(p for p in self.notices if p.kind not in OF_WINDOWS)
        notices += (fresh,) if fresh is not None else ()
        return self._with(panels=panels, windows=schedule, notices=notices)

    def with_scores(self, scores: pd.DataFrame, *, decided: Sequence[str] = ()) -> Study:
        """Return the same study with other scores at its scheduled visits, such as imputed ones.

        Parameters
        ----------
        scores : pandas.DataFrame
            subject, visit (scheduled day above 0), score; they need be neither whole numbers nor
            within the range of the scale. A visit that was not attended takes place on its
            scheduled day; visits after baseline that are not named are no part of the study.
        decided : sequence of str
            Kinds of events whose strategy these scores follow: nothing more is done after them.

        Raises
        ------
        UnknownNameError
            When a subject is not known.
        """
        subjects = pd.Index(self.subjects["subject"])
        code = subjects.get_indexer(pd.Index(scores["subject"]))
        if (code < 0).any():
            raise unknown_name("subject", scores["subject"].iloc[int(np.argmin(code))], subjects)
        panel = self._tables.panels[self._scale.label]
        table = scores[["visit", "score"]].assign(subject=code)
        visits = complete(panel.visits, table)
        panels = {**self._tables.panels, self._scale.label: replace(panel, visits=visits)}
        events = tuple(dict.fromkeys((*self.decided_events, *decided)))
        return self._with(panels=panels, decided_events=events)

    def noting(self, notices: Sequence[Problem]) -> Study:
        """Return the same study with what was found out before it was built, said first.

        Parameters
        ----------
        notices : sequence of Problem
            Warnings and notes, such as how its files were read.
        """
        return self._with(notices=(*notices, *self.notices))
