"""Response, remission and their kin: states that hold or not at a visit."""

from __future__ import annotations

from dataclasses import dataclass

from trdstats.arguments import checked
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import (
    RatedVisits,
    States,
    at_most,
    both,
    complement,
    ever_by,
    fell_by,
)
from trdstats.outcomes.rules.definition import (
    Definition,
    check_amount,
    percent,
    read_share,
    read_total,
)
from trdstats.scales import SET_BY_ANALYST, Scale, Source

_OF_BASELINE = "of the baseline above the floor of the scale"


@dataclass(frozen=True, repr=False)
class Response(Definition):
    """A fall by at least `reduction` of the baseline.

    The test is made in integers, ``q (B - S) >= p (B - floor)`` for ``reduction = p / q``, so a
    fall of exactly one half is a response.

    Parameters
    ----------
    reduction : float, default 0.5
        Share of the baseline above the floor.

    Raises
    ------
    SpecError
        When `reduction` does not lie in (0, 1].

    Examples
    --------
    >>> Response().describe()
    'fall of at least 50 % of the baseline above the floor of the scale'
    """

    reduction: float = 0.5

    def __post_init__(self) -> None:
        read_share("reduction", self.reduction)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        check_amount(scale, self.name)
        return fell_by(visits, read_share("reduction", self.reduction))

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return f"fall of at least {percent(self.reduction)} {_OF_BASELINE}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        return f"response (≥ {percent(self.reduction)} fall)"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if self.reduction != 0.5:
            return (SET_BY_ANALYST,)
        return (Source("conventional; e.g. ELEKT-D, Anand 2023, N Engl J Med 388:2315-2325"),)


@dataclass(frozen=True, repr=False)
class PartialResponse(Definition):
    """A fall by at least `reduction` but less than `below` of the baseline.

    Two meanings are in use: 25 % to below 50 % (the default) and at least 30 % without an upper
    end (``PartialResponse(0.3, below=None)``), as in trials of stimulation.

    Parameters
    ----------
    reduction : float, default 0.25
        Lower end, included.
    below : float or None, default 0.5
        Upper end, not included; None leaves it open.

    Raises
    ------
    SpecError
        When the ends are no shares or out of order.

    Examples
    --------
    >>> PartialResponse(0.3, below=None).label()
    'partial response (≥ 30 % fall)'
    """

    reduction: float = 0.25
    below: float | None = 0.5

    def __post_init__(self) -> None:
        read_share("reduction", self.reduction)
        if self.below is not None:
            read_share("below", self.below)
            if self.below <= self.reduction:
                raise SpecError(
                    f"below ({self.below}) must be larger than reduction ({self.reduction})."
                )

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        check_amount(scale, self.name)
        reached = fell_by(visits, read_share("reduction", self.reduction))
        if self.below is None:
            return reached
        return both(reached, complement(fell_by(visits, read_share("below", self.below))))

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        upper = "" if self.below is None else f" and less than {percent(self.below)}"
        return f"fall of at least {percent(self.reduction)}{upper} {_OF_BASELINE}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        upper = "" if self.below is None else f", < {percent(self.below)}"
        return f"partial response (≥ {percent(self.reduction)}{upper} fall)"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if (self.reduction, self.below) == (0.25, 0.5):
            return (Source("Sforzini 2022, Mol Psychiatry 27:1286-1299", certainty="M"),)
        if (self.reduction, self.below) == (0.3, None):
            return (Source("RECOVER, Conway 2025", "10.1016/j.brs.2024.12.1191"),)
        if (self.reduction, self.below) == (0.3, 0.5):
            return (Source("Mantovani 2012, Depress Anxiety 29:883-890", "10.1002/da.21967"),)
        return (SET_BY_ANALYST,)


@dataclass(frozen=True, repr=False)
class Remission(Definition):
    """A total at or below a cut-off.

    Parameters
    ----------
    at_most : int, optional
        The cut-off, closed: a paper's "below 10" is 9. Default: the default of the scale, which
        is printed with its source.

    Raises
    ------
    SpecError
        When `at_most` is not an integer; later, when it does not fit the scale.

    Examples
    --------
    >>> from trdstats.scales import get_scale
    >>> Remission().label(get_scale("MADRS"))
    'remission (MADRS ≤ 10)'
    """

    at_most: int | None = None

    def __post_init__(self) -> None:
        if self.at_most is not None:
            read_total("at_most (a paper's '< 10' is 9)", self.at_most)

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        return at_most(visits, scale.remission_cutoff(self.at_most).at_most)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        if scale is not None:
            return f"{scale.label} total at most {scale.remission_cutoff(self.at_most).at_most}"
        if self.at_most is None:
            return "total at most the default remission cut-off of the scale"
        return f"total at most {self.at_most}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its cut-off."""
        if scale is not None:
            return f"remission ({scale.label} ≤ {scale.remission_cutoff(self.at_most).at_most})"
        return "remission" if self.at_most is None else f"remission (≤ {self.at_most})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return who used the cut-off on the scale."""
        return () if scale is None else (scale.remission_cutoff(self.at_most).source,)


@checked
@dataclass(frozen=True, repr=False)
class EarlyImprovement(Definition):
    """A fall by at least `reduction` at any visit up to `by_day`.

    Before `by_day` the state says "so far"; visits after it keep the verdict of that day.

    Parameters
    ----------
    reduction : float, default 0.2
        Share of the baseline above the floor.
    by_day : float, default 14
        Last day that counts.

    Raises
    ------
    SpecError
        When `reduction` is no share or `by_day` is not positive.
    """

    reduction: float = 0.2
    by_day: float = 14

    def __post_init__(self) -> None:
        read_share("reduction", self.reduction)
        if not self.by_day > 0:
            raise SpecError(f"by_day must be a day after 0; got {self.by_day!r}.")

    @property
    def is_cumulative(self) -> bool:
        """Whether a visit speaks for all visits before it: it does."""
        return True

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        check_amount(scale, self.name)
        fell = fell_by(visits, read_share("reduction", self.reduction))
        return ever_by(visits, fell, self.by_day)

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return (
            f"fall of at least {percent(self.reduction)} {_OF_BASELINE} "
            f"at any visit up to day {self.by_day:g}"
        )

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        return f"early improvement (≥ {percent(self.reduction)} fall by day {self.by_day:g})"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if (self.reduction, self.by_day) == (0.2, 14):
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
        Response is lost when the fall is smaller than this share.

    Raises
    ------
    SpecError
        When `below` is no share.
    """

    below: float = 0.4

    def __post_init__(self) -> None:
        read_share("below", self.below)

    @property
    def is_worsening(self) -> bool:
        """It is a bad outcome."""
        return True

    def evaluate(self, visits: RatedVisits, scale: Scale) -> States:
        """Return the state of every rated visit."""
        check_amount(scale, self.name)
        return complement(fell_by(visits, read_share("below", self.below)))

    def describe(self, scale: Scale | None = None) -> str:
        """Return the rule in words."""
        return f"fall of less than {percent(self.below)} {_OF_BASELINE}"

    def label(self, scale: Scale | None = None) -> str:
        """Return the name with its threshold."""
        return f"loss of response (< {percent(self.below)} fall)"

    def sources(self, scale: Scale | None = None) -> tuple[Source, ...]:
        """Return the use of the rule in trials."""
        if self.below == 0.4:
            return (
                Source("Kumar 2019, Neuropsychiatr Dis Treat 15:785-792", "10.2147/NDT.S196665"),
            )
        return (SET_BY_ANALYST,)
