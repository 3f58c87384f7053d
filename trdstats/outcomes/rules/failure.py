"""Events that turn an outcome into a failure: discontinuation, rescue, a switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arguments import checked
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import ASSESSED, RatedVisits, States, states
from trdstats.outcomes.rules.beside import records_of
from trdstats.outcomes.rules.definition import Definition, check_states
from trdstats.outcomes.rules.relapse import read_kinds
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.scales import Scale, Source


@checked
@dataclass(frozen=True, repr=False)
class FailureIf(Definition):
    """A state that counts as failed from the day of an event on (composite strategy).

    Discontinuation as non-response: whoever had one of the events by the day of the assessment, or
    by the end of the window where the visit was not assessed, has not met a good outcome, and has
    met a bad one, whatever is seen later. Such failures are known, not missing: they count
    under ``missing="observed"`` too. An event of the day of the assessment counts; an event
    before day 0 does not.

    Parameters
    ----------
    definition : Definition
        A state at a visit.
    kinds : sequence of str
        Kinds of the events table, ``("discontinuation", "rescue")``.

    Raises
    ------
    SpecError
        When no kind is named or the definition is no state at a visit.

    References
    ----------
    ICH E9(R1) 2019, section A.3.2 (composite strategy).

    Examples
    --------
    >>> from trdstats import FailureIf, Response
    >>> FailureIf(Response(), ("discontinuation",)).label()
    'response (≥ 50 % fall), failure if discontinuation'
    """

    definition: Definition
    kinds: Sequence[str]

    def __post_init__(self) -> None:
        check_states("FailureIf", self.definition)
        kinds = read_kinds(self.kinds)
        object.__setattr__(self, "kinds", kinds)
        if not kinds:
            raise SpecError("FailureIf needs a kind of event, for example ('discontinuation',).")
        if self.definition.is_worsening is None:
            raise SpecError(
                f"FailureIf must know whether {self.definition.label()} is a good or a bad "
                "outcome, and its parts differ in that. Use one of them alone."
            )

    @property
    def failures(self) -> tuple[str, ...]:
        """Kinds of the events table that count as failure."""
        return tuple(self.kinds)

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return f"{self.definition.name}, failure if {' or '.join(self.failures)}"

    @property
    def is_worsening(self) -> bool:
        """Whether the state is a bad outcome."""
        return bool(self.definition.is_worsening)

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """What the state asks of the days between assessments."""
        return self.definition.spacings

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit; failed from the day of the event on."""
        state = self.definition.evaluate(visits, scale)
        day = records_of(visits, self.label()).first_event(self.failures)
        with np.errstate(invalid="ignore"):
            failed = visits.day >= visits.spread(day)
        met = np.where(failed, self.is_worsening, state.met)
        return states(met, np.where(failed, ASSESSED, state.reason).astype(np.uint8))

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        bad = "met" if self.is_worsening else "not met"
        kinds = " or ".join(self.failures)
        return f"{self.definition.describe(scale)}; {bad} from a {kinds} on"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its cut-off and the events."""
        return f"{self.definition.label(scale)}, failure if {' or '.join(self.failures)}"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the state."""
        return self.definition.sources(scale)
