"""What is compared of a pair of cohorts: outcomes of every subject, put side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison.cohorts.cohorts import Cohort
from trdstats.outcomes import EventTimes, ResponseHistory, response_history, time_to
from trdstats.outcomes.switching import (
    AfterSwitch,
    SwitchCounts,
    count_switches,
    switch_days,
)
from trdstats.outcomes.time_to import among_those
from trdstats.outcomes.verdicts.verdicts import verdicts
from trdstats.study import Study
from trdstats.study.caveats import UNADJUSTED


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of one cohort, each derived when it is first asked for."""

    cohort: Cohort
    after_switch: AfterSwitch | None = None
    _met: dict[tuple[float, float], pd.DataFrame] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def onset(self) -> EventTimes:
        """Time to the first response, between two visits."""
        cohort = self.cohort
        return time_to(cohort.study, cohort.response, after_switch=self.after_switch)

    @cached_property
    def history(self) -> ResponseHistory:
        """Stays out of response, in response and in relapse."""
        cohort = self.cohort
        return response_history(
            cohort.study, cohort.response, cohort.relapse, after_switch=self.after_switch
        )

    @cached_property
    def durability(self) -> EventTimes:
        """Time from the first response to relapse, responders only."""
        cohort = self.cohort
        return time_to(
            cohort.study, cohort.relapse, since=cohort.response, after_switch=self.after_switch
        )

    def met(self, day: float, *, shift: float = 0.0) -> pd.DataFrame:
        """Return subject, treatment and whether each responds at a day; not assessed is not met.

        Parameters
        ----------
        day : float
        shift : float, default 0
            Points by which every score after baseline is worse; steps, on a scale whose totals
            lie further apart.
        """
        cohort = self.cohort
        if (day, shift) not in self._met:  # a cohort has several pairs
            self._met[day, shift] = verdicts(
                _shifted(cohort.study, shift) if shift else cohort.study,
                cohort.response,
                day=day,
                missing="nonresponse",
                reference=cohort.study.treatments[0],
                after_switch=self.after_switch,
            )
        return self._met[day, shift]

    def switched(self, day: float) -> SwitchCounts | None:
        """Return who started another treatment by a day, kinds that a rule counts apart."""
        cohort = self.cohort
        counted = (*cohort.response.events, *cohort.relapse.events)
        with np.errstate(invalid="ignore"):
            early = switch_days(cohort.study, counted) <= day
        return count_switches(
            cohort.study, early, strategy=self.after_switch, when=f"by day {day:g}", of="history"
        )


@dataclass(frozen=True)
class Pair:
    """Two cohorts, the second as reference."""

    treatment: Outcomes
    reference: Outcomes

    @property
    def labels(self) -> tuple[str, str]:
        """Reference, then treatment: the order of groups."""
        return self.reference.cohort.label, self.treatment.cohort.label

    @property
    def randomised(self) -> bool:
        """Whether one study allocated both treatments at random."""
        a, b = self.treatment.cohort, self.reference.cohort
        return a.randomised and b.randomised and a.source == b.source

    @property
    def caveat(self) -> str:
        """Caution that a crude comparison of the two carries."""
        return "" if self.randomised else UNADJUSTED

    def covariates(self) -> pd.DataFrame:
        """Return one row a subject: subject, treatment, baseline and covariates."""
        return self._join(lambda o: o.cohort.study.subjects)

    def met(self, day: float, *, shift: float = 0.0) -> pd.DataFrame:
        """Return whether each subject responds at a day, all scores worse by some points."""
        return self._join(lambda o: o.met(day, shift=shift))

    def onset(self) -> EventTimes:
        """Return the times to the first response."""
        return self._times(lambda o: o.onset)

    def durability(self) -> EventTimes:
        """Return the times from the first response to relapse, of responders."""
        return self._times(lambda o: o.durability, conditional=True)

    def history(self) -> ResponseHistory:
        """Return the stays of all subjects."""
        a, b = self.reference.history, self.treatment.history
        # No subject is in both cohorts: rows that were valid apart are valid together.
        return ResponseHistory.of_valid(
            self._join(lambda o: o.history.frame),
            switching=self._switches(lambda o: o.history.switching),
            response=_either(a.response, b.response),
            relapse=_either(a.relapse, b.relapse),
            unseen=self._join(lambda o: o.history.unseen),
            left_out=self._join(lambda o: o.history.left_out),
            visits=pd.concat([a.visits, b.visits], ignore_index=True),
            caveat=self.caveat,
            first_look=self._looks(lambda o: o.history.first_look),
        )

    def _times(
        self, of: Callable[[Outcomes], EventTimes], *, conditional: bool = False
    ) -> EventTimes:
        a, b = of(self.reference), of(self.treatment)
        caveats = [self.caveat] if self.caveat else []
        caveats += [among_those(self.reference.cohort.response)] if conditional else []
        return EventTimes.of_valid(
            self._join(lambda o: of(o).frame),
            switching=self._switches(lambda o: of(o).switching),
            outcome=_either(a.outcome, b.outcome),
            origin=_either(a.origin, b.origin),
            causes={1: _either(a.causes[1], b.causes[1])},
            left_out=self._join(lambda o: of(o).left_out),
            caveat=". ".join(caveats),
            first_look=self._looks(lambda o: of(o).first_look),
        )

    def _join(self, of: Callable[[Outcomes], pd.DataFrame]) -> pd.DataFrame:
        """Put the frames of the two below each other, treatments under the labels of cohorts."""
        parts = [
            of(o).assign(subject=lambda f: f["subject"].astype(object), treatment=o.cohort.label)
            for o in (self.reference, self.treatment)
        ]
        frame = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
        frame["treatment"] = pd.Categorical(frame["treatment"], categories=list(self.labels))
        return frame

    def _switches(self, of: Callable[[Outcomes], SwitchCounts | None]) -> SwitchCounts | None:
        """Return the counts of the two together; None where neither study knows of switches."""
        known = [c for c in (of(self.reference), of(self.treatment)) if c is not None]
        if not known:
            return None
        parts = [
            c.frame.astype({"subject": object}).assign(treatment=o.cohort.label)
            for o in (self.reference, self.treatment)
            if (c := of(o)) is not None
        ]
        frame = pd.concat(parts, ignore_index=True)
        frame["treatment"] = pd.Categorical(frame["treatment"], categories=list(self.labels))
        return replace(known[0], frame=frame)

    def _looks(self, of: Callable[[Outcomes], Any]) -> dict[str, float]:
        return {
            o.cohort.label: float(day)
            for o in (self.reference, self.treatment)
            for day in of(o).values()
        }


def _shifted(study: Study, points: float) -> Study:
    """Return a study whose scores after baseline are worse by some points."""
    points *= max(study.scale.step, 1) * (-1 if study.scale.high_is_good else 1)
    rows = study.visits
    rows = rows[(rows["day"] > 0) & rows["visit"].notna() & rows["score"].notna()]
    return study.with_scores(
        rows[["subject", "visit"]].assign(score=rows["score"].astype(float) + points)
    )


def _either(a: str, b: str) -> str:
    return a if a == b else f"{a} / {b}"
