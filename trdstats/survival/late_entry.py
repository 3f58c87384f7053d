"""What delayed entry leaves unknown: days on which no subject of a group is under observation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.errors import NotEstimableError
from trdstats.kernels.risk_sets.follow_up import FollowUp, count, unobserved
from trdstats.survival.groups import Group, Sample


@dataclass(frozen=True, slots=True)
class _Fall:
    """The day on which all at risk had the event; infinite where it never came to that.

    Attributes
    ----------
    day : float
    n : int
        At risk on that day.
    later : int
        Subjects who come under observation on that day or later.
    """

    day: float
    n: int
    later: int


def late_entry_notes(sample: Sample, *, any_cause: bool = False) -> tuple[str, ...]:
    """Return what a curve of groups with delayed entry must say.

    Parameters
    ----------
    sample : Sample
    any_cause : bool
        Whether an event of any cause ends the risk, as for cumulative incidences.
    """
    notes = []
    for g in sample.groups:
        if not (g.entry > 0).any():
            continue
        fall = _fall(g, any_cause=any_cause)
        spans = _spans(g, min(float(g.time.max()), fall.day))
        if spans:
            notes.append(
                f"No subject is under observation in {g.label} {spans}: the curve is carried "
                "on there."
            )
        if fall.later:
            notes.append(f"{_in_words(g, fall)}: the curve cannot change from there on.")
    return tuple(notes)


def unobserved_notes(sample: Sample) -> tuple[str, ...]:
    """Return on which days no subject of a group with delayed entry is under observation."""
    notes = []
    for g in sample.groups:
        spans = _spans(g, float(g.time.max())) if (g.entry > 0).any() else ""
        if spans:
            notes.append(
                f"No subject is under observation in {g.label} {spans}: the curve is carried "
                "on there."
            )
    return tuple(notes)


def check_at_risk_throughout(sample: Sample, where: str = "") -> None:
    """Refuse a test of incidences of which one has ended while others come later.

    Parameters
    ----------
    sample : Sample
    where : str
        The stratum, as in "in site 3".

    Raises
    ------
    NotEstimableError
        When all at risk in a group have an event of any cause before others of it come under
        observation.
    """
    for g in sample.groups:
        if not (g.entry > 0).any():
            continue
        fall = _fall(g, any_cause=True)
        if fall.later:
            raise NotEstimableError(
                f"{_in_words(g, fall)}{where}: the incidence of {g.label} is not known from there "
                "on. Count from a later day with landmark(times, day)."
            )


def check_observed(sample: Sample, tau: float) -> None:
    """Refuse a mean of the days up to a horizon where delayed entry leaves some of them unknown.

    Raises
    ------
    NotEstimableError
        When no subject of a group is under observation on some days before `tau`, or all at risk
        had the event while others come under observation later.
    """
    unobserved = []
    for g in sample.groups:
        if not (g.entry > 0).any():
            continue
        fall = _fall(g, any_cause=False)
        spans = _spans(g, min(tau, fall.day))
        if spans:
            unobserved.append(f"No subject is under observation in {g.label} {spans}.")
        if fall.later and fall.day < tau:
            unobserved.append(f"{_in_words(g, fall)}.")
    if unobserved:
        raise NotEstimableError(
            f"The mean days without the event up to day {tau:g} are not known. "
            f"{' '.join(unobserved)} "
            "Count from a later day with landmark(times, day), or choose another tau."
        )


def _fall(g: Group, *, any_cause: bool) -> _Fall:
    status = (g.status > 0).astype(np.intp) if any_cause else g.status
    counts = count(FollowUp(g.time, status, g.entry, np.ones(len(g.time))))
    left = np.flatnonzero((counts.n_event[:, 0] > 0) & (counts.n_event[:, 0] == counts.n_risk))
    if not len(left):
        return _Fall(np.inf, 0, 0)
    day = float(counts.time[left[0]])
    later = int(((g.entry >= day) & (g.entry > 0)).sum())
    return _Fall(day, int(counts.n_risk[left[0]]), later)


def _spans(g: Group, until: float) -> str:
    spans = unobserved(g.follow_up, until)
    return ", ".join(f"from day {a:g} to {b:g}" for a, b in spans)


def _in_words(g: Group, fall: _Fall) -> str:
    who = "the one subject at risk has" if fall.n == 1 else f"all {fall.n:,} at risk have"
    return (
        f"On day {fall.day:g} {who} the event in {g.label}, though {fall.later:,} come under "
        "observation then or later"
    )
