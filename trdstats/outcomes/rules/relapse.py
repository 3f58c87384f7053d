"""Relapse: a confirmed return of symptoms, or an event that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.endpoints import RatedVisits, States, confirmed, rose_since, states
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.rules.given_numbers import read_total
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.scales import SET_BY_ANALYST, Scale, Source

# Thresholds whose use in a trial was verified: scale, at_least, consecutive.
_IN_USE = {
    ("MADRS", 22, 2): Source(
        "threshold and confirmation of SUSTAIN-1, Daly 2019, JAMA Psychiatry 76:893-903",
        "10.1001/jamapsychiatry.2019.1189",
    ),
    ("MADRS", 22, 1): Source(
        "older withdrawal trials, in the meta-analysis of Kato 2021, Mol Psychiatry 26:118-133"
    ),
    ("HAMD17", 14, 1): Source("STAR*D, Rush 2006", "10.1176/ajp.2006.163.11.1905"),
    ("HAMD17", 18, 2): Source("threshold of NCT04007367"),
    ("QIDSSR16", 11, 1): Source("STAR*D, Rush 2006", "10.1176/ajp.2006.163.11.1905"),
}


def read_kinds(events: object) -> tuple[str, ...]:
    """Return kinds of the events table in lower case.

    Raises
    ------
    SpecError
        When they are one text instead of a tuple.
    """
    if isinstance(events, str):
        raise SpecError(f"events must be a tuple, for example ({events!r},).")
    return tuple(str(e).strip().lower() for e in events)  # type: ignore[attr-defined]


@checked
@dataclass(frozen=True, repr=False)
class Relapse(Definition):
    """A total at or beyond a threshold at consecutive visits, or a named event.

    The relapse is dated at the first of the confirming visits unless `dated` says otherwise.
    Visits that were missed do not break a sequence: consecutive means the next rated visit.

    Parameters
    ----------
    at_least : int
        Threshold of the total, included. There is no default: trials differ.
    consecutive : int, default 1
        Number of rated visits in a row at or beyond the threshold.
    within_days : float, optional
        Largest number of days between two of them.
    events : tuple of str, default ()
        Kinds of the events table that count as relapse, e.g. ``("hospitalisation", "death")``.
    after_days : float, optional
        Least number of days between two of them; visits between must meet the threshold too.
    rise : int, optional
        Least increase from the score at the origin, as in trials of continuation after ECT; it
        needs ``time_to(..., since=...)``.
    dated : {"first", "last"}
        Confirming visit that dates the relapse.
    at_most : int, optional
        Threshold instead of `at_least` on a scale on which high is good.
    fall : int, optional
        Least decrease from the score at the origin, instead of `rise` on such a scale.

    Raises
    ------
    SpecError
        When an argument is out of range, or no threshold is given; later, when the threshold is
        for scales of the other direction.

    Examples
    --------
    At least 22 twice, 5 to 15 days apart. The rating two days later confirms nothing, the one of
    day 40 does, and dates the relapse where ``dated="last"``::

        day            14  21  28  33  35  40
        score           9  23  15  24  26  25
        first           n   n   n   Y   Y   ?
        last            n   n   n   n   n   Y

    >>> Relapse(at_least=22, consecutive=2, events=("hospitalisation",)).describe()
    'total at least 22 at 2 consecutive visits, dated at the first; or hospitalisation'
    """

    at_least: int | None = None
    consecutive: int = 1
    within_days: float | None = None
    events: tuple[str, ...] = field(default=())
    after_days: float | None = None
    rise: int | None = None
    dated: Literal["first", "last"] = "first"
    at_most: int | None = None
    fall: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", read_kinds(self.events))
        if (self.at_least is None) == (self.at_most is None):
            raise SpecError(
                "A relapse needs one threshold: at_least=..., or at_most=... on a scale on which "
                "a high total is good."
            )
        read_total("at_least" if self.at_most is None else "at_most", self._threshold)
        check_choice("dated", self.dated, ("first", "last"))
        if read_total("consecutive", self.consecutive) < 1:
            raise SpecError(f"consecutive must be at least 1; got {self.consecutive!r}.")
        for name, wrong in (("rise", self.at_most), ("fall", self.at_least)):
            value = getattr(self, name)
            if value is None:
                continue
            if read_total(name, value) < 1:
                raise SpecError(f"{name} must be at least 1 point; got {value!r}.")
            if wrong is not None:
                raise SpecError("rise belongs to at_least, fall to at_most.")
        for name, days in (("within_days", self.within_days), ("after_days", self.after_days)):
            if days is None:
                continue
            if not days > 0:
                raise SpecError(f"{name} must be positive; got {days!r}.")
            if self.consecutive == 1:
                raise SpecError(f"{name} needs consecutive of 2 or more: one visit has no gap.")
        if self.after_days and self.within_days and self.after_days > self.within_days:
            raise SpecError(
                f"after_days ({self.after_days:g}) must not exceed within_days "
                f"({self.within_days:g})."
            )

    @property
    def is_worsening(self) -> bool:
        """It is a bad outcome."""
        return True

    @property
    def is_event(self) -> bool:
        """Whether it happens once and has a time: it does."""
        return True

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """How many confirming visits there must be, and how far apart."""
        if self.consecutive == 1:
            return ()
        least, most = self.after_days or 0.0, self.within_days or np.inf
        words = f"{self.consecutive} assessments{self._apart()}"
        return (Spacing(words, least, most, visits=int(self.consecutive)),)

    @property
    def _threshold(self) -> int:
        return (self.at_least if self.at_most is None else self.at_most) or 0

    @property
    def _argument(self) -> str:
        return "at_least" if self.at_most is None else "at_most"

    def _check(self, scale: Scale) -> None:
        side = "at_most" if scale.high_is_good else "at_least"
        if self._argument != side:
            good = "high" if scale.high_is_good else "low"
            raise SpecError(
                f"A {good} total is good on {scale.label}: relapse there is Relapse({side}=...), "
                f"not {self._argument}={self._threshold}."
            )
        inside = scale.floor <= self._threshold <= scale.maximum
        if not inside or self._threshold == scale.best:
            raise SpecError(
                f"Relapse({side}={self._threshold}) lies outside {scale.label} "
                f"({scale.floor} to {scale.maximum})."
            )

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return at which rated visits a confirmed relapse is dated."""
        self._check(scale)
        high = visits.score >= scale.oriented(self._threshold)
        if visits.since is not None:
            # What confirms a relapse must lie after the origin too.
            owner = runs.rows_to_runs(visits.start)
            high &= np.arange(len(high)) >= visits.since.row[owner]
        for name in ("rise", "fall"):
            points = getattr(self, name)
            if points is None:
                continue
            if visits.since is None:
                raise SpecError(
                    f"Relapse({name}={points}) counts from the score at an origin: use "
                    "time_to(study, relapse, since=...)."
                )
            high &= rose_since(visits, visits.since, points)
        return confirmed(
            visits,
            high,
            self.consecutive,
            after=self.after_days or 0.0,
            within=self.within_days,
            at_last=self.dated == "last",
        )

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        text = f"{scale.label + ' ' if scale else ''}total "
        text += f"{self._argument.replace('_', ' ')} {self._threshold}"
        for points, side in ((self.rise, "above"), (self.fall, "below")):
            if points is not None:
                text += f" and at least {points} {side} the score at the origin"
        if self.consecutive > 1:
            text += f" at {self.consecutive} consecutive visits{self._apart()}"
            text += f", dated at the {self.dated}"
        if self.events:
            text += "; or " + " or ".join(self.events)
        return text

    def _apart(self) -> str:
        if self.after_days is not None and self.within_days is not None:
            return f" {self.after_days:g} to {self.within_days:g} days apart"
        if self.after_days is not None:
            return f" at least {self.after_days:g} days apart"
        return f" at most {self.within_days:g} days apart" if self.within_days is not None else ""

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the threshold in trials."""
        key = (scale.label if scale else "", self.at_least or -1, self.consecutive)
        return (_IN_USE.get(key, SET_BY_ANALYST),)

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        times = f" × {self.consecutive}" if self.consecutive > 1 else ""
        events = "".join(f", or {e}" for e in self.events)
        sign = "≥" if self.at_most is None else "≤"
        which = f"{scale.label} " if scale else ""
        return f"relapse ({which}{sign} {self._threshold}{times}{events})"


@checked
@dataclass(frozen=True, repr=False)
class Event(Definition):
    """Something recorded in the events table, whatever the scores.

    Parameters
    ----------
    events : tuple of str
        Kinds of the events table, e.g. ``("hospitalisation", "suicide attempt")``.

    Raises
    ------
    SpecError
        When no kind is named.

    Examples
    --------
    >>> (Relapse(at_least=22) | Event(("hospitalisation",))).label()
    'relapse (≥ 22) or hospitalisation'
    """

    # A default keeps the field from being taken for the property of the base class.
    events: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", read_kinds(self.events))
        if not self.events:
            raise SpecError("Event needs a kind of event, for example Event(('death',)).")

    @property
    def is_worsening(self) -> bool:
        """It is a bad outcome."""
        return True

    @property
    def is_event(self) -> bool:
        """Whether it happens once and has a time: it does."""
        return True

    @property
    def events_alone(self) -> bool:
        """Whether recorded events are all that it looks for: they are."""
        return True

    @property
    def name(self) -> str:
        """The kinds of events."""
        return " or ".join(self.events)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return that no visit shows it."""
        n = len(visits.day)
        return states(np.zeros(n, dtype=bool), np.zeros(n, dtype=np.uint8))

    def describe(self, scale: Scale | None = None) -> str:
        """Return the kinds in words."""
        return self.name
