"""States with a memory: k of the last n visits, response until it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trdstats.arguments import checked
from trdstats.errors import SpecError, check_choice
from trdstats.kernels.visits import held_states as kernel
from trdstats.kernels.visits.endpoints import RatedVisits, States
from trdstats.outcomes.rules.amounts import (
    Of,
    check_of,
    direction,
    improved_by,
    improved_limit,
    is_usual,
    of_words,
)
from trdstats.outcomes.rules.definition import Definition, check_states, spacings_of
from trdstats.outcomes.rules.given_numbers import percent, read_proportion, read_total
from trdstats.outcomes.rules.missed import MISSED_WORDS, lay_out
from trdstats.outcomes.rules.score_limits import ScoreLimit
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.scales import Scale, Source


@checked
@dataclass(frozen=True, repr=False)
class KOfLast(Definition):
    """A state met at `k` or more of the last `n` visits, the visit itself included.

    Parameters
    ----------
    definition : Definition
        The state.
    k, n : int
        ``k=3, n=4`` is three of the last four.
    missing : {"ignore", "failure"}
        Scheduled visits without a rating are passed over, or count among the `n` as not met. The
        latter needs a study with windows.

    Raises
    ------
    SpecError
        When `k` is not between 1 and `n`, or the definition is no state at a visit.

    Examples
    --------
    ::

        response    .  #  #  .  #  #  .  .
        3 of 4      n  n  n  n  Y  Y  n  n

    >>> from trdstats import Response
    >>> KOfLast(Response(), 3, 4).label()
    'response (≥ 50 % fall) at 3 of the last 4 visits'
    """

    definition: Definition
    k: int
    n: int
    missing: Literal["ignore", "failure"] = "ignore"

    def __post_init__(self) -> None:
        check_states("KOfLast", self.definition)
        if not 1 <= read_total("k", self.k) <= read_total("n", self.n):
            raise SpecError(f"k must lie between 1 and n; got {self.k!r} of {self.n!r}.")
        check_choice("missing", self.missing, ("ignore", "failure"))

    @property
    def is_worsening(self) -> bool | None:
        """Whether the definition is a bad outcome."""
        return self.definition.is_worsening

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """How many visits there must be."""
        inner = spacings_of(self.definition)
        if self.k == 1:
            return inner
        return (*inner, Spacing(f"{self.k} rated visits", visits=int(self.k)))

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        grid = lay_out(visits, self.missing, "a state at the last visits")
        holds = grid.spread(self.definition.evaluate(visits, scale), missed_counts=True)
        return grid.collect(kernel.k_of_last(grid.visits, holds, int(self.k), int(self.n)))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it."""
        return self.definition.score_limits(scale)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        text = f"{self.definition.describe(scale)}, {self._proportion()}"
        return text if self.missing == "ignore" else f"{text}, {MISSED_WORDS[self.missing]}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its numbers."""
        return f"{self.definition.label(scale)} {self._proportion()}"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state."""
        return self.definition.sources(scale)

    def _proportion(self) -> str:
        if self.k == self.n:
            return f"at each of the last {self.n} visits"
        return f"at {self.k} of the last {self.n} visits"


@checked
@dataclass(frozen=True, repr=False)
class InResponse(Definition):
    """Being in response with memory: gained by a large fall, lost only by less of one.

    A score that hovers around one half is neither gained nor lost again and again.

    Parameters
    ----------
    gained : float, default 0.5
        Response begins with a fall of at least this share of the baseline.
    lost : float, default 0.4
        It ends with a fall of less than this share. With both equal it is plain response.
    of : {"baseline", "distance"}, optional
        What they are shares of where high is good and a rise counts, as in `Response`.

    Raises
    ------
    SpecError
        When they are no shares, or `lost` exceeds `gained`; later, when high is good and `of`
        was not said.

    Examples
    --------
    From a baseline of 30 (gained at 15 or below, lost above 18)::

        score   20  15  17  18  19  16  14
        state    n   Y   Y   Y   n   n   Y

    >>> InResponse().label()
    'in response (gained ≥ 50 %, lost < 40 % fall)'
    """

    gained: float = 0.5
    lost: float = 0.4
    of: Of | None = None

    def __post_init__(self) -> None:
        check_of(self.of)
        if read_proportion("lost", self.lost) > read_proportion("gained", self.gained):
            raise SpecError(f"lost ({self.lost:g}) must not exceed gained ({self.gained:g}).")

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        return kernel.held(
            visits,
            improved_by(visits, scale, self.gained, self.of, self.name),
            improved_by(visits, scale, self.lost, self.of, self.name),
        )

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        proportions = dict.fromkeys((self.gained, self.lost))
        return tuple(improved_limit(scale, p, self.of, self.name) for p in proportions)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return (
            f"from {_a(direction(scale, self.of))} of at least {percent(self.gained)} until one "
            f"of less than {percent(self.lost)} {of_words(scale, self.of, self.name)}"
        )

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its thresholds."""
        word = direction(scale, self.of)
        return f"in response (gained ≥ {percent(self.gained)}, lost < {percent(self.lost)} {word})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if (self.gained, self.lost) == (0.5, 0.4) and is_usual(scale, self.of):
            kumar = "Kumar 2019, Neuropsychiatr Dis Treat 15:785-792"
            return (Source(kumar, "10.2147/NDT.S196665"),)
        return (Source("set by the analyst"),)


def _a(word: str) -> str:
    return f"an {word}" if word == "improvement" else f"a {word}"
