"""Response and remission that last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.kernels.visits.sustained_states import span_of_days, span_of_visits, sustained
from trdstats.outcomes.rules.definition import Definition, check_states, spacings_of
from trdstats.outcomes.rules.given_numbers import read_total
from trdstats.outcomes.rules.missed import MISSED_WORDS, Missed, bound_of, check_missed, lay_out
from trdstats.outcomes.rules.score_limits import ScoreLimit, joined
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.scales import Scale, Source


@checked
@dataclass(frozen=True, repr=False)
class Sustained(Definition):
    """A state that is met and kept, dated at the first visit of the stretch.

    Visits that were missed are passed over, unless `max_gap_days` sets an end to that. A stretch
    that follow-up does not cover is not known rather than not met: without the event, time ends
    at the last visit whose state is known.

    Parameters
    ----------
    definition : Definition
        The state that must last, e.g. ``Response()``.
    visits : int, optional
        Number of rated visits of the stretch, the first included.
    for_days : float, optional
        Length of the stretch in days; give either this or `visits`.
    excursions : int, default 0
        Visits of the stretch after the first that may fail the definition: ``visits=4,
        excursions=1`` is three of four.
    excursion : Definition, optional
        What must hold even then, e.g. ``Response(0.25)``.
    max_gap_days : float, optional
        Largest number of days between two visits of the stretch.
    slack_days : float, default 0
        A visit this long before the end of `for_days` completes the stretch: visits are rarely
        on the day.
    missing : {"ignore", "excursion", "failure"}
        Scheduled visits without a rating: passed over, counted as excursions, or failures. All
        but the first need a study with windows.
    dated : {"first", "last"}
        Visit of the stretch that dates it: where it began, or where it was complete.

    Raises
    ------
    SpecError
        When the arguments contradict each other or are out of range.

    Examples
    --------
    Visits a week apart, response over two visits; that of day 7 does not last, the one that
    begins on day 21 does, is lost on day 42, and follow-up ends before the last is confirmed::

        day        7  14  21  28  35  42  49
        response   #   .   #   #   #   .   #
        sustained  n   n   Y   Y   n   n   ?

    >>> from trdstats import Response, Sustained
    >>> Sustained(Response(), visits=2).label()
    'sustained response (≥ 50 % fall) over 2 visits'
    """

    definition: Definition
    visits: int | None = None
    for_days: float | None = None
    excursions: int = 0
    excursion: Definition | None = None
    max_gap_days: float | None = None
    slack_days: float = 0.0
    missing: Missed = "ignore"
    dated: Literal["first", "last"] = "first"

    def __post_init__(self) -> None:
        check_states("Sustained", self.definition, self.excursion)
        if (self.visits is None) == (self.for_days is None):
            raise SpecError("Sustained needs either visits=... or for_days=..., and not both.")
        if self.visits is not None and read_total("visits", self.visits) < 1:
            raise SpecError(f"visits must be at least 1; got {self.visits!r}.")
        if self.for_days is not None and not self.for_days >= 0:
            raise SpecError(f"for_days must be 0 or more; got {self.for_days!r}.")
        if read_total("excursions", self.excursions) < 0:
            raise SpecError(f"excursions must be 0 or more; got {self.excursions!r}.")
        if self.excursion is not None and self.excursions == 0:
            raise SpecError("excursion says what must hold on an excursion; allow some first.")
        if self.max_gap_days is not None and not self.max_gap_days > 0:
            raise SpecError(f"max_gap_days must be positive; got {self.max_gap_days!r}.")
        if not self.slack_days >= 0:
            raise SpecError(f"slack_days must be 0 or more; got {self.slack_days!r}.")
        check_missed(self.missing)
        check_choice("dated", self.dated, ("first", "last"))

    @property
    def is_worsening(self) -> bool | None:
        """Whether the definition is a bad outcome."""
        return self.definition.is_worsening

    @property
    def ends_when_known(self) -> bool:
        """Whether time without the event ends at the last visit whose state is known: it does."""
        return True

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """How far apart its visits may lie, and for how long it must be followed."""
        required = list(spacings_of(self.definition, self.excursion))
        if self.visits is not None and self.visits > 1:
            required.append(Spacing(f"{self.visits} rated visits", visits=int(self.visits)))
        if self.max_gap_days is not None:
            words = f"assessments at most {self.max_gap_days:g} days apart"
            required.append(Spacing(words, most=float(self.max_gap_days)))
        if self.for_days:
            length = float(self.for_days) - float(self.slack_days)
            required.append(Spacing(f"ratings over {self.for_days:g} days", follow_up=length))
        return tuple(required)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return at which rated visits a sustained stretch begins."""
        grid = lay_out(visits, self.missing, f"sustained {self.definition.name}")
        if self.visits is not None:
            span = span_of_visits(grid.visits, int(self.visits))
        else:
            span = span_of_days(grid.visits, float(self.for_days or 0), float(self.slack_days))
        bound = None if self.excursion is None else self.excursion.evaluate(visits, scale)
        state = sustained(
            grid.visits,
            grid.spread(self.definition.evaluate(visits, scale), missed_counts=True),
            span,
            excursions=int(self.excursions),
            bound=bound_of(grid, bound, self.missing),
            max_gap=self.max_gap_days,
            at_close=self.dated == "last",
        )
        return grid.collect(state)

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it."""
        bound = () if self.excursion is None else self.excursion.score_limits(scale)
        return joined(self.definition.score_limits(scale), bound)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        text = f"{self.definition.describe(scale)}, {self._stretch()}"
        if self.excursions:
            times = "one visit" if self.excursions == 1 else f"{self.excursions} visits"
            text += f", {times} may fail it"
            if self.excursion is not None:
                text += f" but not fall short of: {self.excursion.describe(scale)}"
        if self.max_gap_days is not None:
            text += f", visits at most {self.max_gap_days:g} days apart"
        if self.missing != "ignore":
            text += f", {MISSED_WORDS[self.missing]}"
        return text + f"; dated at the {self.dated} visit"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with the stretch."""
        return f"sustained {self.definition.label(scale)} {self._stretch()}"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state that lasts."""
        return self.definition.sources(scale)

    def _stretch(self) -> str:
        if self.visits is not None:
            return f"over {self.visits} visits"
        slack = f" (within {self.slack_days:g})" if self.slack_days else ""
        return f"for {self.for_days:g} days{slack}"
