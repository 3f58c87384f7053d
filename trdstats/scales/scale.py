"""An instrument as a frozen value that checks itself and prints its card."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.visits.item_scores import FormLayout
from trdstats.scales.scoring import PLAIN, Scoring
from trdstats.scales.source import SET_BY_ANALYST, Source
from trdstats.tables import Summary, SummaryMixin, Table

Direction = Literal["higher is worse", "higher is better"]


@dataclass(frozen=True, slots=True)
class SeverityScheme:
    """Severity bands of one author.

    Attributes
    ----------
    scheme : str
        Name of the scheme.
    bands : tuple of (str, int, int)
        Label, lowest and highest total, both included.
    source : Source
        Where the bands come from.
    """

    scheme: str
    bands: tuple[tuple[str, int, int], ...]
    source: Source

    def label(self, total: float) -> str | None:
        """Return the band of a total, None where the source leaves a gap."""
        return next((name for name, low, high in self.bands if low <= total <= high), None)


@dataclass(frozen=True, slots=True)
class RemissionCutoff:
    """Remission as "total at most `at_most`", with the source that used it."""

    at_most: int
    source: Source
    default: bool = False

    def describe(self, scale: str) -> str:
        """Return the cut-off in words with its source."""
        return f"{scale} at most {self.at_most} ({self.source.cite()})"


@dataclass(frozen=True, slots=True)
class Difference:
    """A minimal or meaningful difference, in points, in per cent of baseline, or both.

    Attributes
    ----------
    meaning : str
        What the difference stands for.
    points, percent : tuple of (float, float) or None
        Lowest and highest value given by the source.
    population : str
        In whom it was found.
    source : Source
        Where it comes from.
    """

    meaning: str
    source: Source
    points: tuple[float, float] | None = None
    percent: tuple[float, float] | None = None
    population: str = ""

    def describe(self) -> str:
        """Return the size in words: ``6 points``, ``3.9 to 5.8 points``, ``34 %``."""
        parts = [
            (f"{low:g}" if low == high else f"{low:g} to {high:g}") + unit
            for pair, unit in ((self.points, " points"), (self.percent, " %"))
            if pair is not None
            for low, high in [pair]
        ]
        return " or ".join(parts)


@dataclass(frozen=True, repr=False)
class Scale(SummaryMixin):
    """A depression rating scale.

    Attributes
    ----------
    label : str
        Usual label, e.g. ``"MADRS"``.
    name : str
        Full name.
    total : tuple of (int, int)
        Lowest (the floor) and highest total.
    item_maxima : tuple of int
        Highest score of each item in the order of the form.
    item_minimum : int
        Lowest score of every item.
    domains : tuple of tuple of int
        Item numbers by domain where the total is the sum of domain maxima; empty for a plain sum.
    scoring : Scoring
        How unanswered items, alternatives and codes are read.
    direction : {"higher is worse", "higher is better"}
        What a high total means.
    is_ordinal : bool
        Whether totals are categories, of which no per cent change can be taken.
    rater, recall : str
        Who rates, and over which period.
    aliases : tuple of str
        Other names by which the scale is known.
    schemes : tuple of SeverityScheme
        Severity bands; the first is the default.
    remission : tuple of RemissionCutoff
        Cut-offs in use; at most one is the default.
    differences : tuple of Difference
        Minimal and meaningful differences.
    notes : tuple of str
        Traps in scoring.
    source : Source or None
        Where the instrument was published.

    Raises
    ------
    SpecError
        Everything that does not fit together, in one message.

    Examples
    --------
    >>> from trdstats.scales import get_scale
    >>> madrs = get_scale("MADRS")
    >>> madrs.floor, madrs.maximum, madrs.remission_cutoff().at_most
    (0, 60, 10)
    >>> madrs.severity(27)
    'moderate'
    """

    label: str
    name: str
    total: tuple[int, int]
    item_maxima: tuple[int, ...] = ()
    item_minimum: int = 0
    domains: tuple[tuple[int, ...], ...] = ()
    scoring: Scoring = PLAIN
    direction: Direction = "higher is worse"
    is_ordinal: bool = False
    rater: str = ""
    recall: str = ""
    aliases: tuple[str, ...] = ()
    schemes: tuple[SeverityScheme, ...] = ()
    remission: tuple[RemissionCutoff, ...] = ()
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    source: Source | None = None

    def __post_init__(self) -> None:
        problems = list(_find_problems(self))
        if problems:
            raise SpecError(f"The scale {self.label!r} is not consistent: " + "; ".join(problems))

    @property
    def floor(self) -> int:
        """Lowest attainable total."""
        return self.total[0]

    @property
    def maximum(self) -> int:
        """Highest attainable total."""
        return self.total[1]

    @property
    def item_domains(self) -> tuple[tuple[int, ...], ...]:
        """Item numbers by domain; of a plain sum one item each."""
        return self.domains or tuple((i,) for i in range(1, len(self.item_maxima) + 1))

    @property
    def layout(self) -> FormLayout:
        """The form as the kernels see it: items count from 0."""
        return FormLayout(
            maxima=np.array(self.item_maxima, dtype=float),
            minimum=float(self.item_minimum),
            domains=tuple(tuple(i - 1 for i in d) for d in self.item_domains),
            alternatives=tuple((a - 1, b - 1) for a, b in self.scoring.alternatives),
        )

    @property
    def raw_maximum(self) -> int | None:
        """Highest plain sum of items where the total is not that sum, else None."""
        return sum(self.item_maxima) if self.domains else None

    def remission_cutoff(self, at_most: int | None = None) -> RemissionCutoff:
        """Return a remission cut-off.

        Parameters
        ----------
        at_most : int, optional
            The cut-off wanted; default the scale's own default.

        Raises
        ------
        SpecError
            When the scale has no default, or the value lies outside the scale.
        """
        if at_most is None:
            found = next((c for c in self.remission if c.default), None)
            if found is None:
                raise SpecError(
                    f"{self.label} has no default remission cut-off: say Remission(at_most=...)."
                )
            return found
        if not self.floor <= at_most < self.maximum:
            raise SpecError(
                f"A remission cut-off of {at_most} lies outside {self.label} "
                f"({self.floor} to {self.maximum})."
            )
        listed = next((c for c in self.remission if c.at_most == at_most), None)
        return listed or RemissionCutoff(at_most, SET_BY_ANALYST)

    def severity(self, total: float, *, scheme: str | None = None) -> str | None:
        """Return the severity band of a total.

        Parameters
        ----------
        total : float
            Total score.
        scheme : str, optional
            Name of the scheme; default the first one.

        Returns
        -------
        str or None
            None where the scheme leaves a gap.

        Raises
        ------
        UnknownNameError
            When the scheme is not known.
        """
        names = [s.scheme for s in self.schemes]
        wanted = names[0] if scheme is None and names else scheme
        if wanted not in names:
            raise unknown_name(f"severity scheme of {self.label}", wanted, names)
        return self.schemes[names.index(wanted)].label(total)

    def summary(self) -> Summary:
        """Return the card of the instrument."""
        items = f"{len(self.item_maxima)}" if self.item_maxima else "not listed"
        if self.domains:
            items += f" in {len(self.domains)} domains (the total sums the domain maxima)"
        facts = [
            ("Label", self.label),
            ("Items", items),
            (
                "Total",
                f"{self.floor} to {self.maximum}, {self.direction}"
                + (", categories" if self.is_ordinal else ""),
            ),
            ("Missing items", _missing_rule(self)),
            ("Rater", self.rater or "not stated"),
            ("Recall", self.recall or "not stated"),
        ]
        if self.source:
            facts.append(("Source", self.source.cite()))
        return Summary(
            title=self.name,
            header=tuple(facts),
            tables=tuple(t for t in _card_tables(self) if t.rows),
            notes=self.notes,
        )


def _missing_rule(scale: Scale) -> str:
    rule = scale.scoring.missing
    if rule is None:
        return "no rule in use: the total is missing"
    return f"{rule.describe()} ({rule.source.cite()})"


def _find_problems(scale: Scale) -> list[str]:
    low, high = scale.total
    problems = list(scale.scoring.problems(len(scale.item_maxima)))
    if low >= high:
        problems.append(f"total must run from low to high, not {low} to {high}")
    if scale.direction not in ("higher is worse", "higher is better"):
        problems.append(
            f"direction must be 'higher is worse' or 'higher is better', not {scale.direction!r}"
        )
    numbers = set(range(1, len(scale.item_maxima) + 1))
    if scale.domains:
        named = [i for d in scale.domains for i in d]
        if sorted(named) != sorted(numbers):
            problems.append("domains must name every item once")
        else:
            top = sum(max(scale.item_maxima[i - 1] for i in d) for d in scale.domains)
            if top != high:
                problems.append(f"the domain maxima sum to {top}, not {high}")
    elif scale.item_maxima and sum(scale.item_maxima) != high:
        problems.append(f"the item maxima sum to {sum(scale.item_maxima)}, not {high}")
    for s in scale.schemes:
        edges = [(a, b) for _, a, b in s.bands]
        if any(a > b for a, b in edges) or any(b >= c for (_, b), (c, _) in pairwise(edges)):
            problems.append(f"the bands of {s.scheme!r} overlap or run backwards")
        elif edges and (edges[0][0] < low or edges[-1][1] > high):
            problems.append(f"the bands of {s.scheme!r} leave the range {low} to {high}")
    defaults = [c for c in scale.remission if c.default]
    if len(defaults) > 1:
        problems.append("only one remission cut-off can be the default")
    problems += [
        f"the default remission cut-off {c.at_most} rests on a source with doubt"
        for c in defaults
        if c.source.certainty == "M?"
    ]
    problems += [
        f"the remission cut-off {c.at_most} lies outside {low} to {high}"
        for c in scale.remission
        if not low <= c.at_most < high
    ]
    return problems


def _card_tables(scale: Scale) -> list[Table]:
    return [
        Table(
            ("Scheme", "Bands", "Source"),
            tuple(
                (s.scheme, ", ".join(f"{n} {a}-{b}" for n, a, b in s.bands), s.source.cite())
                for s in scale.schemes
            ),
            3,
            "Severity",
        ),
        Table(
            ("At most", "Default", "Source"),
            tuple(
                (str(c.at_most), "yes" if c.default else "", c.source.cite())
                for c in scale.remission
            ),
            3,
            "Remission",
        ),
        Table(
            ("Difference", "Size", "Population", "Source"),
            tuple(
                (d.meaning, d.describe(), d.population, d.source.cite()) for d in scale.differences
            ),
            4,
            "Minimal and meaningful differences",
        ),
    ]
