"""Counts that a site sends: of rates at a day, and of times to an event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.outcomes import EventTimes


@dataclass(frozen=True, slots=True)
class RateCount:
    """How many of a treatment met an outcome at a day.

    Attributes
    ----------
    outcome : str
        Name in the plan.
    label : str
        The rule in words.
    day : float
    treatment : str
    n : int
        Denominator, after the handling of missing visits.
    events : int
    """

    outcome: str
    label: str
    day: float
    treatment: str
    n: int
    events: int


@dataclass(frozen=True, slots=True)
class TimeCounts:
    """How many of a treatment had an event, or were censored, on which day.

    Attributes
    ----------
    outcome : str
        Name in the plan.
    label, origin : str
        The event, and from where days count.
    causes : tuple of str
        Names of the statuses 1, 2, ...
    treatment : str
    time : tuple of float
    status : tuple of int
    n : tuple of int
        Subjects of each time and status.
    """

    outcome: str
    label: str
    origin: str
    causes: tuple[str, ...]
    treatment: str
    time: tuple[float, ...]
    status: tuple[int, ...]
    n: tuple[int, ...]

    def rows(self) -> pd.DataFrame:
        """Return one row a subject: treatment, time, status."""
        return pd.DataFrame(
            {
                "treatment": self.treatment,
                "time": np.repeat(self.time, self.n),
                "status": np.repeat(self.status, self.n),
            }
        )


def counts_of_times(times: EventTimes, outcome: str) -> Iterator[TimeCounts]:
    """Yield the counts of every treatment; days of visits alone leave the site."""
    causes = times.causes
    names = tuple(causes.get(k, "") for k in range(1, max(causes) + 1))
    frame = times.frame
    for name in times.treatments:
        part = frame[(frame["treatment"] == name).to_numpy()]
        time, place = np.unique(part["time"].to_numpy(dtype=float), return_inverse=True)
        status = part["status"].to_numpy(dtype=np.intp)
        k = len(names) + 1
        cell, n = np.unique(place * k + status, return_counts=True)
        yield TimeCounts(
            outcome, times.outcome, times.origin, names, name,
            tuple(time[cell // k].tolist()), tuple((cell % k).tolist()), tuple(n.tolist()),
        )  # fmt: skip


def as_event_times(parts: Sequence[tuple[str, TimeCounts]], caveat: str) -> EventTimes:
    """Return the event times that counts of several sites stand for, with the column `site`."""
    first = parts[0][1]
    order = list(dict.fromkeys(p.treatment for _, p in parts))
    frame = pd.concat([p.rows().assign(site=site) for site, p in parts], ignore_index=True)
    frame["treatment"] = pd.Categorical(frame["treatment"], categories=order)
    return EventTimes(
        frame.assign(subject=np.arange(len(frame))),
        outcome=first.label,
        origin=first.origin,
        causes=dict(enumerate(first.causes, start=1)),
        caveat=caveat,
    )
