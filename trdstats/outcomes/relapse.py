"""Relapse: a confirmed return of symptoms, or an event that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from trdstats.errors import SpecError
from trdstats.kernels.endpoints import RatedVisits, States, confirmed
from trdstats.outcomes.definition import Definition, read_total
from trdstats.scales import Scale, Source

# Thresholds whose use in a trial was verified: scale, at_least, consecutive.
_IN_USE = {
    ("MADRS", 22, 2): Source(
        "threshold and confirmation of SUSTAIN-1, Daly 2019, JAMA Psychiatry 76:893-903",
        "10.1001/jamapsychiatry.2019.1189",
    ),
    ("MADRS", 22, 1): Source("older withdrawal trials, in the meta-analysis of Kishi (PMC7815511)"),
    ("HAMD17", 14, 1): Source("STAR*D, Rush 2006", "10.1176/ajp.2006.163.11.1905"),
    ("HAMD17", 18, 2): Source("threshold of NCT04007367"),
    ("QIDSSR16", 11, 1): Source("STAR*D, Rush 2006", "10.1176/ajp.2006.163.11.1905"),
}


@dataclass(frozen=True, repr=False)
class Relapse(Definition):
    """A total at or above a threshold at consecutive visits, or a named event.

    The relapse is dated at the first of the confirming visits. Visits that were missed do not
    break a sequence: consecutive means the next rated visit.

    Parameters
    ----------
    at_least : int
        Threshold of the total, included. There is no default: trials differ.
    consecutive : int, default 1
        Number of rated visits in a row at or above the threshold.
    within_days : float, optional
        Largest number of days between two of them.
    events : tuple of str, default ()
        Kinds of the events table that count as relapse, e.g. ``("hospitalisation", "death")``.

    Raises
    ------
    SpecError
        When an argument is out of range.

    Examples
    --------
    >>> Relapse(at_least=22, consecutive=2, events=("hospitalisation",)).describe()
    'total at least 22 at 2 consecutive visits, dated at the first; or hospitalisation'
    """

    at_least: int
    consecutive: int = 1
    within_days: float | None = None
    events: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        given: object = self.events
        if isinstance(given, str):
            raise SpecError(f"events must be a tuple, for example ({given!r},).")
        object.__setattr__(self, "events", tuple(str(e).strip().lower() for e in self.events))
        read_total("at_least", self.at_least)
        if read_total("consecutive", self.consecutive) < 1:
            raise SpecError(f"consecutive must be at least 1; got {self.consecutive!r}.")
        if self.within_days is not None:
            if not self.within_days > 0:
                raise SpecError(f"within_days must be positive; got {self.within_days!r}.")
            if self.consecutive == 1:
                raise SpecError("within_days needs consecutive of 2 or more: one visit has no gap.")

    @property
    def is_event(self) -> bool:
        """Whether it happens once and has a time: it does."""
        return True

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return at which rated visits a confirmed relapse begins."""
        if not scale.floor < self.at_least <= scale.maximum:
            raise SpecError(
                f"Relapse(at_least={self.at_least}) lies outside {scale.label} "
                f"({scale.floor} to {scale.maximum})."
            )
        return confirmed(visits, self.at_least, self.consecutive, self.within_days)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        text = f"{scale.label + ' ' if scale else ''}total at least {self.at_least}"
        if self.consecutive > 1:
            text += f" at {self.consecutive} consecutive visits"
            if self.within_days is not None:
                text += f" at most {self.within_days:g} days apart"
            text += ", dated at the first"
        if self.events:
            text += "; or " + " or ".join(self.events)
        return text

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the threshold in trials."""
        key = (scale.label if scale else "", self.at_least, self.consecutive)
        return (_IN_USE.get(key, Source("set by the analyst")),)

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        times = f" × {self.consecutive}" if self.consecutive > 1 else ""
        events = "".join(f", or {e}" for e in self.events)
        return f"relapse ({scale.label + ' ' if scale else ''}≥ {self.at_least}{times}{events})"
