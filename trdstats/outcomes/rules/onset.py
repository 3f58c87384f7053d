"""Onset of action: a state that begins in time and is kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from trdstats.arguments import checked
from trdstats.errors import SpecError
from trdstats.kernels.visits import held_states as kernel
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.outcomes.rules.definition import Definition, check_states, spacings_of
from trdstats.outcomes.rules.given_numbers import read_total
from trdstats.outcomes.rules.met_from_then import MetFromThen
from trdstats.outcomes.rules.missed import MISSED_WORDS, Missed, bound_of, check_missed, lay_out
from trdstats.outcomes.rules.score_limits import ScoreLimit, joined
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.outcomes.rules.states import Response
from trdstats.scales import Scale, Source


@checked
@dataclass(frozen=True, repr=False)
class Onset(MetFromThen):
    """Onset of action: a state that begins in time and is kept.

    Met from the visit of onset on. Days are scheduled days where the study has windows. What
    follow-up does not settle is not known rather than not met.

    Parameters
    ----------
    definition : Definition
        What must be reached and kept, by default ``Response()``.
    by_day : float, optional
        Last day on which it may begin. Default: any.
    until : float, optional
        Day up to which it must be kept. Default: the end of follow-up.
    from_day : float, default 0
        First day on which it may begin.
    excursions : int, default 0
        Later visits that may fail the definition.
    excursion : Definition, optional
        What must hold even then, e.g. ``Response(0.25)``.
    missing : {"ignore", "excursion", "failure"}
        Scheduled visits without a rating. All but the first need a study with windows.
    visits_after : int, default 0
        Rated visits after the onset that are needed to tell.
    no_rise : bool, default False
        Whether no later score may be worse than the one at onset.

    Raises
    ------
    SpecError
        When the arguments contradict each other or are out of range.

    References
    ----------
    Laska 2009, J Clin Psychiatry 70:1138-1145, doi:10.4088/JCP.09cs05129.

    Examples
    --------
    From a baseline of 40, response within a day of the first dose and at every visit to day 28;
    the visit on day 15 is an excursion that keeps a quarter of the fall::

        day       1    8   15   22   28
        score    18   16   27   15   12
        state     Y    Y    Y    Y    Y      onset on day 1

    >>> import pandas as pd
    >>> from trdstats import Onset, Response, Study, assess
    >>> visits = pd.DataFrame({"subject": "A", "treatment": "IV ketamine",
    ...     "day": [0, 1, 8, 15, 22, 28], "score": [40, 18, 16, 27, 15, 12]})
    >>> rule = Onset(by_day=2, until=28, excursions=1, excursion=Response(0.25))
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):  # one treatment only
    ...     assess(Study(visits, scale="MADRS"), rule)["met"].tolist()
    [True, True, True, True, True]
    """

    definition: Definition = Response()  # noqa: RUF009 - a frozen value
    by_day: float | None = None
    until: float | None = None
    from_day: float = 0.0
    excursions: int = 0
    excursion: Definition | None = None
    missing: Missed = "ignore"
    visits_after: int = 0
    no_rise: bool = False

    def __post_init__(self) -> None:
        check_states("Onset", self.definition, self.excursion)
        check_missed(self.missing)
        for name in ("excursions", "visits_after"):
            if read_total(name, getattr(self, name)) < 0:
                raise SpecError(f"{name} must be 0 or more; got {getattr(self, name)!r}.")
        if self.excursion is not None and self.excursions == 0:
            raise SpecError("excursion says what must hold on an excursion; allow some first.")
        days = [d for d in (self.from_day, self.by_day, self.until) if d is not None]
        if days != sorted(days) or days[0] < 0:
            raise SpecError(
                "from_day, by_day and until must follow each other from day 0 on; "
                f"got {self.from_day!r}, {self.by_day!r}, {self.until!r}."
            )

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """When it may begin, how long it is followed, and at how many visits."""
        required = list(spacings_of(self.definition, self.excursion))
        first, last = float(self.from_day), inf if self.by_day is None else float(self.by_day)
        if first or last < inf:
            required.append(Spacing(f"a rating {self._begins()}", on=((first, last),)))
        if self.until is not None:
            words = f"ratings up to day {self.until:g}"
            required.append(Spacing(words, on=((float(self.until), inf),)))
        if self.visits_after:
            least = 1 + int(self.visits_after)
            required.append(Spacing(f"{least} rated visits", visits=least))
        return tuple(required)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return from which rated visits on the state had its onset."""
        grid = lay_out(visits, self.missing, "onset")
        every = grid.visits
        span = kernel.span_until(every, self.until)
        bound = None if self.excursion is None else self.excursion.evaluate(visits, scale)
        state = kernel.onset(
            every,
            grid.spread(self.definition.evaluate(visits, scale), missed_counts=True),
            span,
            from_day=self.from_day,
            by_day=self.by_day,
            excursions=int(self.excursions),
            bound=bound_of(grid, bound, self.missing),
            least=int(self.visits_after),
            steady=kernel.no_later_rise(every, span) if self.no_rise else None,
        )
        return grid.collect(state)

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it; None where scores are compared."""
        if self.no_rise:
            return None
        bound = () if self.excursion is None else self.excursion.score_limits(scale)
        return joined(self.definition.score_limits(scale), bound)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        text = self.definition.describe(scale)
        begins = self._begins()
        text += f", {begins}" if begins else ""
        text += ", kept at every later visit"
        text += "" if self.until is None else f" to day {self.until:g}"
        if self.excursions:
            times = "one visit" if self.excursions == 1 else f"{self.excursions} visits"
            text += f", {times} may fail it"
            if self.excursion is not None:
                text += f" but not fall short of: {self.excursion.describe(scale)}"
        if self.no_rise:
            side = "below" if scale is not None and scale.high_is_good else "above"
            text += f", no later score {side} the one at onset"
        if self.visits_after:
            text += f", at least {self.visits_after} rated visits after it"
        return text if self.missing == "ignore" else f"{text}, {MISSED_WORDS[self.missing]}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its days."""
        by = "" if self.by_day is None else f" by day {self.by_day:g}"
        kept = "kept" if self.until is None else f"kept to day {self.until:g}"
        return f"onset{by} of {self.definition.label(scale)}, {kept}"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state."""
        return self.definition.sources(scale)

    def _begins(self) -> str:
        """Return the days on which it may begin in words; empty where any will do."""
        if self.by_day is None:
            return f"from day {self.from_day:g} on" if self.from_day else ""
        if not self.from_day:
            return f"by day {self.by_day:g}"
        if self.by_day == self.from_day:
            return f"on day {self.by_day:g}"
        return f"from day {self.from_day:g} to day {self.by_day:g}"
