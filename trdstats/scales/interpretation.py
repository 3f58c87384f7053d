"""What totals of a scale mean, each with its source: severity, remission, differences."""

from __future__ import annotations

from dataclasses import dataclass

from trdstats.scales.source import Source


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
    """Remission as a total at most `at_most`, with the source that used it.

    Attributes
    ----------
    at_most : int or None
        Highest total in remission; None on a scale on which high is good.
    source : Source
    default : bool
        Whether `Remission()` takes it.
    at_least : int or None
        Lowest total in remission, on a scale on which high is good.
    """

    at_most: int | None
    source: Source
    default: bool = False
    at_least: int | None = None

    @property
    def total(self) -> int:
        """The cut-off itself, a total in remission."""
        return int(self.at_most if self.at_most is not None else self.at_least or 0)

    @property
    def words(self) -> str:
        """The cut-off in words: ``at most 10``."""
        return f"at {'most' if self.at_least is None else 'least'} {self.total}"

    @property
    def sign(self) -> str:
        """The cut-off in signs: ``≤ 10``."""
        return f"{'≤' if self.at_least is None else '≥'} {self.total}"

    def describe(self, scale: str) -> str:
        """Return the cut-off in words with its source."""
        return f"{scale} {self.words} ({self.source.cite()})"


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
