"""Histories of response split into the groups that an estimator compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import Level
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError, check_first_look, pick_level
from trdstats.kernels.risk_sets import state_probabilities as kernel
from trdstats.outcomes import EventTimes, ResponseHistory, as_event_times, as_history
from trdstats.outcomes.check_history import STATES
from trdstats.study import Study
from trdstats.survival.groups import Group, Sample, split


@dataclass(frozen=True, slots=True)
class HistorySample:
    """What an estimator sees of histories.

    Attributes
    ----------
    history : ResponseHistory
    times : EventTimes
        One row a subject, for counts and notes.
    sample : Sample
        Groups of subjects.
    rows : dict of str to DataFrame
        Stays of each group, with `place`, the position of the subject within it.
    spells : dict of str to Histories
        The same on arrays.
    seen : dict of str to Occupation
        Unweighted: numbers of subjects under observation.
    """

    history: ResponseHistory
    times: EventTimes
    sample: Sample
    rows: dict[str, pd.DataFrame]
    spells: dict[str, kernel.Histories]
    seen: dict[str, kernel.Occupation]

    def group(self, label: str) -> Group:
        """Return the subjects of a group."""
        return next(g for g in self.sample.groups if g.label == label)

    def n_risk(self, label: str, at: FloatArray) -> FloatArray:
        """Return the number of subjects seen in each state just before each time, shape (k, s)."""
        counts = self.seen[label]
        place = np.searchsorted(counts.time, at, side="left")
        return np.vstack([counts.n_risk, np.zeros(len(STATES))])[place]

    def moves(self, state: str) -> int:
        """Return how many subjects ever came into a state."""
        came = {n for f in self.rows.values() for n in f.loc[f["to"] == state, "subject"]}
        return len(came)


def split_history(data: Any, by: str | None, weights: Any) -> HistorySample:
    """Return the groups of histories.

    Raises
    ------
    SpecError
        When given a study: definitions of response and relapse are missing.
    NotEstimableError
        When no subject of a group is under observation from day 0.
    """
    if isinstance(data, Study):
        raise SpecError(
            "ResponseState needs histories, which know response and relapse: "
            "fit(response_history(study, Response(), Relapse(...)))."
        )
    history = as_history(data)
    times = as_event_times(history.per_subject(), weights)
    sample = split(times, by, weights)
    position = pd.Index(sample.subjects).get_indexer(pd.Index(history.frame["subject"]))
    rows, spells, seen, late = {}, {}, {}, []
    for g in sample.groups:
        local = np.full(len(sample.subjects), -1)
        local[g.row] = np.arange(len(g.row))
        place = local[position]
        of_arm = history.frame[place >= 0].assign(place=place[place >= 0])
        to = of_arm["to"].cat.codes.to_numpy().astype(np.intp)
        start, stop = of_arm["start"].to_numpy(), of_arm["stop"].to_numpy()
        to, lasting = kernel.pass_through(
            start, stop, np.where(to == len(STATES), kernel.CENSORED, to)
        )
        data_ = kernel.lay_out(
            of_arm["place"].to_numpy()[lasting],
            start[lasting],
            stop[lasting],
            of_arm["state"].cat.codes.to_numpy().astype(np.intp)[lasting],
            to[lasting],
            n_subjects=len(g.row),
            n_states=len(STATES),
        )
        if not (of_arm["start"] == 0).any():
            late.append(g.label)
            continue
        rows[g.label], spells[g.label] = of_arm, data_
        seen[g.label] = kernel.occupation(data_, np.ones(len(g.row)))
    if late:
        raise NotEstimableError(
            f"No subject is under observation from day 0 in {', '.join(late)}: where they began is "
            "not known."
        )
    return HistorySample(history, times, sample, rows, spells, seen)


def choose_reference(sample: HistorySample, reference: Level | None) -> str:
    """Return the group that others are compared with: the first one unless it is named."""
    return pick_level("group", reference, list(sample.spells))


def check_horizon(sample: HistorySample, tau: float, *, by: str | None) -> None:
    """Refuse a horizon beyond follow-up, or before the first visit.

    Raises
    ------
    NotEstimableError
    """
    short = {}
    for label, fit in sample.seen.items():
        # Relapse without return is the only state whose future needs no follow-up.
        settled = not sample.history.regains and fit.probability[-1, 2] > 1 - 1e-12
        if fit.time[-1] < tau and not settled:
            short[label] = float(fit.time[-1])
    if short:
        listed = ", ".join(f"{k} (day {t:g})" for k, t in short.items())
        raise NotEstimableError(
            f"tau = {tau:g} lies beyond the follow-up of {listed}. "
            f"Choose tau of at most {min(short.values()):g}."
        )
    if by == "treatment":
        shown = [t for t in sample.history.treatments if t in sample.spells]
        check_first_look(sample.history.first_look, tau, shown, what="history")


def emptied(sample: HistorySample, tau: float) -> list[str]:
    """Return the states without follow-up up to the horizon, though subjects are in them.

    Their probability is carried on as it was.
    """
    lines = []
    for label, fit in sample.seen.items():
        here = int(np.searchsorted(fit.time, tau, side="right") - 1)
        for j in range(3 if sample.history.regains else 2):
            at_risk = np.flatnonzero(fit.n_risk[:, j] > 0)
            last = float(fit.time[at_risk[-1]]) if len(at_risk) else 0.0
            if last < tau and fit.probability[here, j] > 1e-12:
                lines.append(f"{label}, {STATES[j]} (day {last:g})")
    return lines
