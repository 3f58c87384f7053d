"""A state at given days, and the same without an event: remission at week 8 and no relapse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.kernels.visits import held_states as kernel
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.outcomes.rules.amounts import Of
from trdstats.outcomes.rules.definition import (
    Definition,
    check_states,
    refuse_fixed_day,
    spacings_of,
)
from trdstats.outcomes.rules.met_from_then import MetFromThen
from trdstats.outcomes.rules.missed import MISSED_WORDS, lay_out
from trdstats.outcomes.rules.relapse import Event
from trdstats.outcomes.rules.score_limits import ScoreLimit
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.outcomes.rules.states import Remission, Response
from trdstats.scales import Scale, Source


@checked
@dataclass(frozen=True, repr=False)
class AtDays(MetFromThen):
    """A state met at each of several scheduled days.

    Met from the last of the days on. Before it the state is not known, unless one of the days
    refutes it.

    Parameters
    ----------
    definition : Definition
        What must be met.
    days : sequence of float
        Scheduled days.
    missing : {"ignore", "failure"}
        A day without a rating leaves it not known, or counts as not met. The latter needs a
        study with windows.

    Raises
    ------
    SpecError
        When no day is given, or the definition is no state at a visit.

    Examples
    --------
    >>> from trdstats import Response
    >>> AtDays(Response(), (28, 42)).label()
    'response (≥ 50 % fall) at days 28 and 42'
    """

    definition: Definition
    days: Sequence[float]
    missing: Literal["ignore", "failure"] = "ignore"

    def __post_init__(self) -> None:
        check_states("AtDays", self.definition)
        days = tuple(sorted(float(d) for d in self.days))
        if not days or days[0] <= 0 or len(set(days)) < len(days):
            raise SpecError(f"AtDays needs different days after day 0; got {self.days!r}.")
        object.__setattr__(self, "days", days)
        check_choice("missing", self.missing, ("ignore", "failure"))

    @property
    def own_day(self) -> float:
        """The last of the days."""
        return float(self.days[-1])

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """On which days there must be a rating."""
        on = tuple((float(d), float(d)) for d in self.days)
        spacing = Spacing(f"ratings {self._days()}", on=on)
        return (*spacings_of(self.definition), spacing)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return from which rated visits on the state was met at all of the days."""
        grid = lay_out(visits, self.missing, "a state at several days")
        holds = grid.spread(self.definition.evaluate(visits, scale), missed_counts=True)
        return grid.collect(kernel.at_days(grid.visits, holds, np.array(self.days)))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it."""
        return self.definition.score_limits(scale)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        text = f"{self.definition.describe(scale)}, {self._days()}"
        return text if self.missing == "ignore" else f"{text}, {MISSED_WORDS[self.missing]}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its days."""
        return f"{self.definition.label(scale)} {self._days()}"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state."""
        return self.definition.sources(scale)

    def _days(self) -> str:
        *first, last = (f"{d:g}" for d in self.days)
        return f"at days {', '.join(first)} and {last}" if first else f"at day {last}"

    def without(
        self, event: Definition, *, until: float, since: float | None = None
    ) -> WithoutEvent:
        """Return this state and no event up to a day; see `WithoutEvent`."""
        return WithoutEvent(self, event, until, since)


@checked
@dataclass(frozen=True, repr=False)
class WithoutEvent(Definition):
    """A state at a scheduled day, and no event up to another day, for `rates`.

    Met by subjects in the state at the day who are followed to the other day without the event.
    Not met by those not in the state, or with the event. Everyone else is missing: not assessed at
    the day, or not followed to the end; `rates` says what becomes of them. A failure can be known
    early and a success at the end alone: among those with a verdict (``missing="observed"``)
    failures are more frequent than among all. "nonresponse" counts everyone.

    Parameters
    ----------
    state : AtDays
        State and its scheduled day, e.g. ``remission_at(56)``. With several days it must be met at
        all of them, and the last one is the day of the state.
    event : Definition
        What must not happen: a relapse, a loss of response, or an `Event` of the events table.
    until : float
        Scheduled day up to which the event must not happen; the end of its window counts.
    since : float, optional
        Day from which the event counts, that very day included: 0 (the start of treatment) or
        `at` (the assessment in that state). Default: 0 for an `Event` alone (response without
        rescue), else `at` (remission without relapse).

    Raises
    ------
    SpecError
        When the days do not fit, or a part is not of its kind.

    References
    ----------
    Reif et al. 2023, N Engl J Med 389:1298-1309, doi:10.1056/NEJMoa2304145: remission at week 8
    and no relapse to week 32.

    Examples
    --------
    >>> from trdstats import Relapse, remission_at
    >>> remission_at(56).without(Relapse(at_least=22, consecutive=2), until=224).label()
    'remission at day 56 without relapse (≥ 22 × 2) until day 224'
    """

    state: AtDays
    event: Definition
    until: float
    since: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.state, AtDays):
            raise SpecError(
                "WithoutEvent needs a state and its day such as remission_at(56); got "
                f"{self.state!r}."
            )
        if not isinstance(self.event, Definition):
            raise SpecError(
                "WithoutEvent needs an event such as Relapse(at_least=22) or Event(('rescue',)); "
                f"got {self.event!r}."
            )
        refuse_fixed_day("The event of WithoutEvent is a relapse or an Event", self.event)
        if self.at > self.until:
            raise SpecError(
                f"The state is judged at day {self.at:g}: the event must not happen up to that or "
                f"a later day; got until={self.until:g}."
            )
        since = self.since
        if since is None:
            since = 0.0 if isinstance(self.event, Event) else self.at
        if since not in (0, self.at):
            raise SpecError(f"since must be 0 or {self.at:g}, the day of the state; got {since!r}.")
        object.__setattr__(self, "since", float(since))
        if since == self.until:
            raise SpecError(
                f"Between day {self.at:g} and day {self.until:g} nothing can happen: give a later "
                "until, or since=0."
            )

    @property
    def at(self) -> float:
        """Day of the state."""
        return float(self.state.days[-1])

    @property
    def events(self) -> tuple[str, ...]:
        """Kinds of the events table that must not happen."""
        return self.event.events

    @property
    def events_alone(self) -> bool:
        """Whether what must not happen is a recorded event alone."""
        return self.event.events_alone

    @property
    def fixed_day(self) -> float:
        """The day it speaks of."""
        return self.until

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """What its parts ask of the days between assessments."""
        return (*self.state.spacings, *self.event.spacings)

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return f"{self.state.definition.name} without {self.event.name}"

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Refuse: no single visit has this state."""
        raise SpecError(
            f"{self.label(scale)} is an outcome of a subject, not a state at a visit: use "
            "rates(study, definition), which compares it between treatments."
        )

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        after = f"day {self.since:g}"
        rule = self.event.describe(scale)
        rule = "" if rule == self.event.name else f" ({rule})"
        return (
            f"{self.state.describe(scale)}; and no {self.event.name}{rule} from {after} to "
            f"day {self.until:g}"
        )

    def label(self, scale: Scale | None = None) -> str:
        """Return the names with their days."""
        return (
            f"{self.state.label(scale)} without {self.event.label(scale)} until day {self.until:g}"
        )

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state and the event."""
        return tuple(dict.fromkeys((*self.state.sources(scale), *self.event.sources(scale))))


@checked
def remission_at(day: float, *, at_most: int | None = None, at_least: int | None = None) -> AtDays:
    """Return remission at a scheduled day.

    Parameters
    ----------
    day : float
    at_most, at_least : int, optional
        As in `Remission`.

    Examples
    --------
    >>> from trdstats import Relapse, remission_at
    >>> remission_at(56).without(Relapse(at_least=22), until=224).name
    'remission without relapse'
    """
    return AtDays(Remission(at_most=at_most, at_least=at_least), (day,))


@checked
def response_at(day: float, *, reduction: float = 0.5, of: Of | None = None) -> AtDays:
    """Return response at a scheduled day.

    Parameters
    ----------
    day : float
    reduction, of
        As in `Response`.

    Examples
    --------
    >>> from trdstats import Event, response_at
    >>> response_at(28).without(Event(("rescue",)), until=28).name
    'response without rescue'
    """
    return AtDays(Response(reduction, of=of), (day,))
