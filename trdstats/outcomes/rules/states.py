"""Response, remission and their kin: states that hold or not at a visit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from trdstats.arguments import checked
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import (
    RatedVisits,
    States,
    at_most,
    both,
    complement,
    ever_by,
    fell_by_points,
)
from trdstats.outcomes.rules.amounts import (
    Of,
    check_of,
    direction,
    improved_by,
    improved_limit,
    is_usual,
    of_words,
    proportion_label,
)
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.rules.given_numbers import (
    check_amount,
    percent,
    read_points,
    read_proportion,
    read_total,
)
from trdstats.outcomes.rules.score_limits import ScoreLimit
from trdstats.outcomes.rules.spacing import Spacing
from trdstats.scales import SET_BY_ANALYST, RemissionCutoff, Scale, Source


@dataclass(frozen=True, repr=False)
class Response(Definition):
    """Improvement by at least a share of the baseline, or by some points.

    Where low is good that is a fall, where high is good (WHO-5) a rise. The test is made in
    integers, ``q (B - S) >= p (B - floor)`` for ``reduction = p / q``, so a fall of exactly one
    half is a response.

    Parameters
    ----------
    reduction : float, optional
        Share of the baseline above the floor. Default: 0.5, unless `points` are given.
    points : float, optional
        Improvement in points instead of a share, on either kind of scale.
    of : {"baseline", "distance"}, optional
        What the share is a share of where high is good; there is no default there. "distance":
        of the distance from the baseline to the highest total, ``q (S - B) >= p (maximum - B)``;
        "baseline": of the baseline above the floor, not defined for a baseline at the floor and
        out of reach for a high one. Where low is good both are the same.

    Raises
    ------
    SpecError
        When `reduction` does not lie in (0, 1], `points` are not positive, or both are given;
        later, when high is good and neither `of` nor `points` was said.

    Examples
    --------
    >>> Response().describe()
    'fall of at least 50 % of the baseline above the floor of the scale'
    >>> from trdstats.scales import get_scale
    >>> Response(of="distance").describe(get_scale("WHO-5"))
    'rise of at least 50 % of the distance from the baseline to the highest total (25)'
    >>> Response(points=10).label(get_scale("WHO5PCT"))
    'response (≥ 10 points rise)'
    """

    reduction: float | None = None
    points: float | None = None
    of: Of | None = None

    def __post_init__(self) -> None:
        check_of(self.of)
        if self.points is None:
            if self.reduction is None:
                object.__setattr__(self, "reduction", 0.5)
            read_proportion("reduction", self._proportion)
            return
        read_points("points", self.points)
        if self.reduction is not None or self.of is not None:
            raise SpecError(
                "points say the whole rule: give either points, or reduction with of, not both."
            )

    @property
    def _proportion(self) -> float:
        return 0.5 if self.reduction is None else self.reduction

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        if self.points is None:
            return improved_by(visits, scale, self._proportion, self.of, self.name)
        check_amount(scale, self.name)
        return fell_by_points(visits, read_points("points", self.points))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        if self.points is None:
            return (improved_limit(scale, self._proportion, self.of, self.name),)
        check_amount(scale, self.name)
        return (ScoreLimit(-read_points("points", self.points), Fraction(1)),)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        if self.points is not None:
            return f"{direction(scale, self.points)} of at least {self.points:g} points"
        least = f"{direction(scale, self.of)} of at least {percent(self._proportion)}"
        return f"{least} {of_words(scale, self.of, self.name)}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        if self.points is not None:
            word = "" if scale is None else f" {direction(scale, None)}"
            return f"response (≥ {self.points:g} points{word})"
        proportion = f"≥ {percent(self._proportion)}"
        return f"response ({proportion_label(scale, proportion, self.of, self.name)})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if self.reduction != 0.5 or not is_usual(scale, self.of):
            return (SET_BY_ANALYST,)
        return (Source("conventional; e.g. ELEKT-D, Anand 2023, N Engl J Med 388:2315-2325"),)


@dataclass(frozen=True, repr=False)
class PartialResponse(Definition):
    """Improvement by at least `reduction` but less than `below` of the baseline.

    Two meanings are in use: 25 % to below 50 % (the default) and at least 30 % without an upper
    end (``PartialResponse(0.3, below=None)``), as in trials of stimulation.

    Parameters
    ----------
    reduction : float, default 0.25
        Lower end, included.
    below : float or None, default 0.5
        Upper end, not included; None leaves it open.
    of : {"baseline", "distance"}, optional
        What they are shares of where high is good, as in `Response`.

    Raises
    ------
    SpecError
        When the ends are no shares or out of order; later, when high is good and `of` was not
        said.

    Examples
    --------
    >>> PartialResponse(0.3, below=None).label()
    'partial response (≥ 30 % fall)'
    """

    reduction: float = 0.25
    below: float | None = 0.5
    of: Of | None = None

    def __post_init__(self) -> None:
        check_of(self.of)
        read_proportion("reduction", self.reduction)
        if self.below is not None:
            read_proportion("below", self.below)
            if self.below <= self.reduction:
                raise SpecError(
                    f"below ({self.below}) must be larger than reduction ({self.reduction})."
                )

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        reached = improved_by(visits, scale, self.reduction, self.of, self.name)
        if self.below is None:
            return reached
        return both(reached, complement(improved_by(visits, scale, self.below, self.of, self.name)))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        ends = [self.reduction] if self.below is None else [self.below, self.reduction]
        return tuple(improved_limit(scale, proportion, self.of, self.name) for proportion in ends)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        upper = "" if self.below is None else f" and less than {percent(self.below)}"
        least = f"{direction(scale, self.of)} of at least {percent(self.reduction)}{upper}"
        return f"{least} {of_words(scale, self.of, self.name)}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        upper = "" if self.below is None else f", < {percent(self.below)}"
        proportion = f"≥ {percent(self.reduction)}{upper}"
        return f"partial response ({proportion_label(scale, proportion, self.of, self.name)})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if not is_usual(scale, self.of):
            return (SET_BY_ANALYST,)
        if (self.reduction, self.below) == (0.25, 0.5):
            return (Source("Sforzini 2022, Mol Psychiatry 27:1286-1299", certainty="M"),)
        if (self.reduction, self.below) == (0.3, None):
            return (Source("RECOVER, Conway 2025", "10.1016/j.brs.2024.12.1191"),)
        if (self.reduction, self.below) == (0.3, 0.5):
            return (Source("Mantovani 2012, Depress Anxiety 29:883-890", "10.1002/da.21967"),)
        return (SET_BY_ANALYST,)


@dataclass(frozen=True, repr=False)
class Remission(Definition):
    """A total at or below a cut-off; where high is good, at or above one.

    Parameters
    ----------
    at_most : int, optional
        The cut-off, closed: a paper's "below 10" is 9. Default: the default of the scale, which
        is printed with its source.
    at_least : int, optional
        The cut-off on a scale on which high is good, closed.

    Raises
    ------
    SpecError
        When a cut-off is not an integer, or both are given; later, when it does not fit the
        scale.

    Examples
    --------
    >>> from trdstats.scales import get_scale
    >>> Remission().label(get_scale("MADRS"))
    'remission (MADRS ≤ 10)'
    >>> Remission(at_least=52).label(get_scale("WHO5PCT"))
    'remission (WHO5PCT ≥ 52)'
    """

    at_most: int | None = None
    at_least: int | None = None

    def __post_init__(self) -> None:
        if self.at_most is not None:
            read_total("at_most (a paper's '< 10' is 9)", self.at_most)
        if self.at_least is not None:
            read_total("at_least (a paper's '> 50' is 51)", self.at_least)
            if self.at_most is not None:
                raise SpecError("Give at_most, or at_least where high is good, not both.")

    def _cutoff(self, scale: Scale) -> RemissionCutoff:
        return scale.remission_cutoff(self.at_most, at_least=self.at_least)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        return at_most(visits, scale.oriented(self._cutoff(scale).total))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        return (ScoreLimit(Fraction(scale.oriented(self._cutoff(scale).total))),)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        if scale is not None:
            return f"{scale.label} total {self._cutoff(scale).words}"
        if self.at_least is not None:
            return f"total at least {self.at_least}"
        if self.at_most is None:
            return "total at most the default remission cut-off of the scale"
        return f"total at most {self.at_most}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its cut-off."""
        if scale is not None:
            return f"remission ({scale.label} {self._cutoff(scale).sign})"
        if self.at_least is not None:
            return f"remission (≥ {self.at_least})"
        return "remission" if self.at_most is None else f"remission (≤ {self.at_most})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return who used the cut-off on the scale."""
        return () if scale is None else (self._cutoff(scale).source,)


@checked
@dataclass(frozen=True, repr=False)
class EarlyImprovement(Definition):
    """Improvement by at least `reduction` at any visit up to `by_day`.

    Before `by_day` the state says "so far"; visits after it keep the verdict of that day. Without
    a rating by then it is not known. Days are scheduled days where the study has windows.

    Parameters
    ----------
    reduction : float, default 0.2
        Share of the baseline above the floor.
    by_day : float, default 14
        Last day that counts.
    of : {"baseline", "distance"}, optional
        What it is a share of where high is good, as in `Response`.

    Raises
    ------
    SpecError
        When `reduction` is no share or `by_day` is not positive; later, when high is good and
        `of` was not said.
    """

    reduction: float = 0.2
    by_day: float = 14
    of: Of | None = None

    def __post_init__(self) -> None:
        check_of(self.of)
        read_proportion("reduction", self.reduction)
        if not self.by_day > 0:
            raise SpecError(f"by_day must be a day after 0; got {self.by_day!r}.")

    @property
    def is_cumulative(self) -> bool:
        """Whether a visit speaks for all visits before it: it does."""
        return True

    @property
    def spacings(self) -> tuple[Spacing, ...]:
        """By which day there must be a rating."""
        day = float(self.by_day)
        return (Spacing(f"a rating by day {day:g}", on=((0.0, day),)),)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        better = improved_by(visits, scale, self.reduction, self.of, self.name)
        return ever_by(visits, better, self.by_day)

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        return (improved_limit(scale, self.reduction, self.of, self.name),)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return (
            f"{direction(scale, self.of)} of at least {percent(self.reduction)} "
            f"{of_words(scale, self.of, self.name)} at any visit up to day {self.by_day:g}"
        )

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        proportion = proportion_label(scale, f"≥ {percent(self.reduction)}", self.of, self.name)
        return f"early improvement ({proportion} by day {self.by_day:g})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if is_usual(scale, self.of) and (self.reduction, self.by_day) == (0.2, 14):
            return (Source("Szegedi 2009, J Clin Psychiatry 70:344-353"),)
        return (SET_BY_ANALYST,)


@dataclass(frozen=True, repr=False)
class LossOfResponse(Definition):
    """Improvement below `below` of the baseline: response gained at 50 %, lost below 40 %.

    The gap between gaining and losing keeps a score that hovers around one half from counting
    as a chain of relapses.

    Parameters
    ----------
    below : float, default 0.4
        Response is lost when the improvement is smaller than this share.
    of : {"baseline", "distance"}, optional
        What it is a share of where high is good, as in `Response`.

    Raises
    ------
    SpecError
        When `below` is no share; later, when high is good and `of` was not said.
    """

    below: float = 0.4
    of: Of | None = None

    def __post_init__(self) -> None:
        check_of(self.of)
        read_proportion("below", self.below)

    @property
    def is_worsening(self) -> bool:
        """It is a bad outcome."""
        return True

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        return complement(improved_by(visits, scale, self.below, self.of, self.name))

    def score_limits(self, scale: Scale) -> tuple[ScoreLimit, ...]:
        """Return the limits on scores that decide it."""
        return (improved_limit(scale, self.below, self.of, self.name),)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        least = f"{direction(scale, self.of)} of less than {percent(self.below)}"
        return f"{least} {of_words(scale, self.of, self.name)}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        proportion = proportion_label(scale, f"< {percent(self.below)}", self.of, self.name)
        return f"loss of response ({proportion})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if self.below == 0.4 and is_usual(scale, self.of):
            return (
                Source("Kumar 2019, Neuropsychiatr Dis Treat 15:785-792", "10.2147/NDT.S196665"),
            )
        return (SET_BY_ANALYST,)
