"""What a definition of an outcome is: a frozen value that judges visits and speaks for itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import RatedVisits, States, both, complement, either
from trdstats.outcomes.rules.score_limits import ScoreLimit, joined
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.scales import Scale, Source
from trdstats.tables import Summary, SummaryMixin


@dataclass(frozen=True, repr=False)
class Definition(SummaryMixin, ABC):
    """Base of all definitions of an outcome.

    Combine definitions with ``&`` (both hold at the visit), ``|`` (one of them holds) and ``~``
    (it does not hold).
    """

    @property
    def is_event(self) -> bool:
        """Whether it happens once and has a time, instead of holding or not at a visit."""
        return False

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        words = "".join(f" {c}" if c.isupper() else c for c in type(self).__name__)
        return words.strip().lower()

    @property
    def is_cumulative(self) -> bool:
        """Whether a visit speaks for all visits before it ("at any visit up to ...")."""
        return False

    @property
    def fixed_day(self) -> float | None:
        """Scheduled day of which alone it can speak; None where any day will do."""
        return None

    @property
    def own_day(self) -> float | None:
        """Scheduled day it is judged at where no other is asked for; None where it names none."""
        return self.fixed_day

    @property
    def ends_when_known(self) -> bool:
        """Whether time without the event ends at the last visit whose state is known."""
        return False

    @property
    def events(self) -> tuple[str, ...]:
        """Kinds of the events table that count as the outcome."""
        return ()

    @property
    def events_alone(self) -> bool:
        """Whether recorded events are all that it looks for, whatever the scores."""
        return False

    @property
    def failures(self) -> tuple[str, ...]:
        """Kinds of the events table that count as failure from their day on."""
        return ()

    @property
    def is_worsening(self) -> bool | None:
        """Whether it is a bad outcome, such as a relapse; None where parts differ in that."""
        return False

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """What it asks of the days between assessments, so that a schedule can be held to it."""
        return ()

    @abstractmethod
    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""

    @abstractmethod
    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words; with a scale, in its points."""

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it, so that scores between two are all alike.

        None where scores are not judged by limits alone: where something else is asked than
        scores, or scores are compared with each other. `MMRMResult.probability` needs them.
        """
        return None

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return where the rule comes from."""
        return ()

    def label(self, scale: Scale | None = None) -> str:
        """Return a name short enough for a row or an axis that still tells the cut-off."""
        return self.name

    def __and__(self, other: Definition) -> Definition:
        return AllOf((self, other))

    def __or__(self, other: Definition) -> Definition:
        return AnyOf((self, other))

    def __invert__(self) -> Definition:
        return Complement(self)

    def methods(self, scale: Scale | None = None) -> str:
        """Return the sentence for the methods section of a paper, with its citation."""
        name = self.name[:1].upper() + self.name[1:]
        rule = self.describe(scale)
        first = rule.split()[:2]
        article = "a " if {"fall", "rise", "total", "worsening"} & set(first) else ""
        article = "an " if first[:1] == ["improvement"] else article
        cited = "; ".join(s.cite() for s in self.sources(scale))
        return f"{name} was defined as {article}{rule}" + (f" ({cited})." if cited else ".")

    def summary(self) -> Summary:
        """Return the rule and its source."""
        header = [("Rule", self.describe())]
        header += [("Source", s.cite()) for s in self.sources()]
        return Summary(self.name.capitalize(), tuple(header))


@dataclass(frozen=True, repr=False)
class _Combined(Definition):
    """Several definitions read as one."""

    parts: tuple[Definition, ...]
    word: ClassVar[str]

    def __post_init__(self) -> None:
        wrong = [p for p in self.parts if not isinstance(p, Definition)]
        if wrong:
            raise SpecError(
                f"& and | join definitions such as Response() and Remission(); got {wrong[0]!r}."
            )
        for p in self.parts:
            refuse_fixed_day("& and | join states or events", p)
        # (a & b) & c reads as one list of three.
        flat: list[Definition] = []
        for p in self.parts:
            flat += p.parts if type(p) is type(self) else [p]
        object.__setattr__(self, "parts", tuple(flat))

    @property
    def is_cumulative(self) -> bool:
        """Whether every part is cumulative."""
        return all(p.is_cumulative for p in self.parts)

    @property
    def ends_when_known(self) -> bool:
        """Whether one part ends so."""
        return any(p.ends_when_known for p in self.parts)

    @property
    def is_worsening(self) -> bool | None:
        """Whether every part is a bad outcome; None where they differ."""
        directions = {p.is_worsening for p in self.parts}
        return directions.pop() if len(directions) == 1 else None

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """What its parts ask of the days between assessments."""
        return spacings_of(*self.parts)

    @property
    def name(self) -> str:
        return f" {self.word} ".join(self._bracket(p, p.name) for p in self.parts)

    def describe(self, scale: Scale | None = None) -> str:
        return f" {self.word} ".join(self._bracket(p, p.describe(scale)) for p in self.parts)

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide the parts."""
        return joined(*(p.score_limits(scale) for p in self.parts))

    def label(self, scale: Scale | None = None) -> str:
        return f" {self.word} ".join(self._bracket(p, p.label(scale)) for p in self.parts)

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        return tuple(dict.fromkeys(s for p in self.parts for s in p.sources(scale)))

    def _bracket(self, part: Definition, text: str) -> str:
        return f"({text})" if isinstance(part, _Combined) else text


@dataclass(frozen=True, repr=False)
class AllOf(_Combined):
    """Met when every part is met; made by ``&``."""

    word: ClassVar[str] = "and"

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(p.is_event for p in self.parts):
            raise SpecError(
                "A relapse is an event, not a state at a visit: join it with | or use it alone."
            )

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the states joined by "and"."""
        first, *rest = (p.evaluate(visits, scale) for p in self.parts)
        for state in rest:
            first = both(first, state)
        return first


@dataclass(frozen=True, repr=False)
class AnyOf(_Combined):
    """Met when at least one part is met; made by ``|``."""

    word: ClassVar[str] = "or"

    @property
    def is_event(self) -> bool:
        """Whether one part is an event."""
        return any(p.is_event for p in self.parts)

    @property
    def events_alone(self) -> bool:
        """Whether every part looks for recorded events alone."""
        return all(p.events_alone for p in self.parts)

    @property
    def events(self) -> tuple[str, ...]:
        """Kinds of the events table that count as the outcome."""
        return tuple(dict.fromkeys(e for p in self.parts for e in p.events))

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the states joined by "or"."""
        first, *rest = (p.evaluate(visits, scale) for p in self.parts)
        for state in rest:
            first = either(first, state)
        return first


@dataclass(frozen=True, repr=False)
class Complement(Definition):
    """Met where a state is known not to be met; made by ``~``."""

    part: Definition

    def __post_init__(self) -> None:
        if not isinstance(self.part, Definition) or self.part.is_event:
            raise SpecError(
                "~ turns a state at a visit into its opposite, for example ~Response(); "
                f"got {self.part!r}."
            )
        refuse_fixed_day("~ turns a state at a visit into its opposite", self.part)

    @property
    def is_cumulative(self) -> bool:
        """Whether the part is."""
        return self.part.is_cumulative

    @property
    def ends_when_known(self) -> bool:
        """Whether the part ends so."""
        return self.part.ends_when_known

    @property
    def is_worsening(self) -> bool | None:
        """Whether the part is a good outcome."""
        bad = self.part.is_worsening
        return None if bad is None else not bad

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """What the part asks of the days between assessments."""
        return self.part.spacings

    @property
    def name(self) -> str:
        """Short name for tables and figures."""
        return f"no {self.part.name}"

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the opposite where the state is known."""
        return complement(self.part.evaluate(visits, scale))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...] | None:
        """Return the limits on scores that decide it."""
        return self.part.score_limits(scale)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return f"not ({self.part.describe(scale)})"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its cut-off."""
        return f"no {self.part.label(scale)}"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the sources of the part."""
        return self.part.sources(scale)


def spacings_of(*parts: Definition | None) -> tuple[Spacing, ...]:
    """Return what the definitions inside another one ask of the days between assessments."""
    return tuple(dict.fromkeys(s for p in parts if p is not None for s in p.spacings))


def refuse_fixed_day(what: str, part: Definition) -> None:
    """Refuse an outcome of a subject, where a state is asked for.

    That is one with a fixed day, or one that counts events as failure.

    Raises
    ------
    SpecError
    """
    if part.failures:
        raise SpecError(
            f"{what}; {part.label()} counts events as failure, and that comes last: write "
            "FailureIf(Response() & Remission(), ('discontinuation',))."
        )
    if part.fixed_day is not None:
        raise SpecError(
            f"{what}; {part.label()} is an outcome with a fixed day: use rates(study, definition)."
        )


def check_states(what: str, *parts: Definition | None) -> None:
    """Refuse all but states that hold or not at a visit.

    Raises
    ------
    SpecError
        When a part is an event, speaks for all visits before it, or is no definition.
    """
    for part in parts:
        if part is None:
            continue
        if not isinstance(part, Definition):
            raise SpecError(f"{what} needs a definition such as Response(); got {part!r}.")
        refuse_fixed_day(f"{what} needs a state at a visit", part)
        if part.is_event or part.is_cumulative:
            raise SpecError(
                f"{part.label()} is no state that holds or not at a visit, so it cannot be "
                "sustained."
            )
