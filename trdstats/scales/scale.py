"""An instrument as a frozen value that checks itself and prints its card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from trdstats.errors import SpecError, unknown_name
from trdstats.kernels.visits.item_scores import FormLayout
from trdstats.scales.card import card_of
from trdstats.scales.consistency import find_problems
from trdstats.scales.interpretation import Difference, RemissionCutoff, SeverityScheme
from trdstats.scales.scoring import PLAIN, Scoring
from trdstats.scales.source import SET_BY_ANALYST, Source
from trdstats.tables import Summary, SummaryMixin

# Numbers, or arrays and columns of them: what is given comes back.
Totals = TypeVar("Totals")
Direction = Literal["higher is worse", "higher is better"]


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
    step : float
        Distance between two totals that the scale can give: 1, but 4 where a sum of five items
        is multiplied by 4, and 0.5 where two raters are averaged (`averaged_over`).
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
    step: float = 1
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
        problems = find_problems(self)
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
    def span(self) -> str:
        """Range of the totals in words: ``0 to 60``, with steps that are not 1."""
        steps = "" if self.step == 1 else f" in steps of {self.step:.4g}"
        return f"{self.floor} to {self.maximum}{steps}"

    @property
    def high_is_good(self) -> bool:
        """Whether a high total is good."""
        return self.direction == "higher is better"

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Which totals are better."""
        return "higher" if self.high_is_good else "lower"

    @property
    def best(self) -> int:
        """Best attainable total: the floor, or the maximum where high is good."""
        return self.maximum if self.high_is_good else self.floor

    @property
    def worst(self) -> int:
        """Worst attainable total."""
        return self.floor if self.high_is_good else self.maximum

    def oriented(self, totals: Totals) -> Totals:
        """Return totals counted so that high is worse.

        Parameters
        ----------
        totals : float or ndarray

        Returns
        -------
        float or ndarray
            The totals themselves, or ``floor + maximum - totals`` where high is good; oriented
            twice they are themselves again.
        """
        if not self.high_is_good:
            return totals
        return self.floor + self.maximum - totals  # type: ignore[operator, return-value]

    def averaged_over(self, raters: int) -> Scale:
        """Return the same scale with totals that are means of several raters.

        Parameters
        ----------
        raters : int
            From 2 to 10 who rated the same form. With 2, half points are totals.

        Raises
        ------
        SpecError
            When it is no such number, or totals are categories.

        Examples
        --------
        >>> from trdstats.scales import get_scale
        >>> get_scale("HAM-D24").averaged_over(2).step
        0.5
        """
        if isinstance(raters, bool) or not isinstance(raters, int) or not 2 <= raters <= 10:
            raise SpecError(f"raters must be a whole number from 2 to 10; got {raters!r}.")
        if self.is_ordinal:
            raise SpecError(
                f"Totals of {self.label} are categories: a mean of several raters is none of them."
            )
        return replace(self, step=self.step / raters)

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

    def remission_cutoff(
        self, at_most: int | None = None, *, at_least: int | None = None
    ) -> RemissionCutoff:
        """Return a remission cut-off.

        Parameters
        ----------
        at_most : int, optional
            The cut-off wanted; default the scale's own default.
        at_least : int, optional
            The same on a scale on which high is good.

        Raises
        ------
        SpecError
            When the scale has no default, the value lies outside the scale, or the cut-off is
            for scales of the other direction.
        """
        side, other = ("at_least", "at_most") if self.high_is_good else ("at_most", "at_least")
        given = {"at_most": at_most, "at_least": at_least}
        if given[other] is not None:
            good = "high" if self.high_is_good else "low"
            raise SpecError(
                f"A {good} total is good on {self.label}: remission there is "
                f"Remission({side}=...), not {other}={given[other]}."
            )
        wanted = given[side]
        if wanted is None:
            cutoff = next((c for c in self.remission if c.default), None)
            if cutoff is None:
                raise SpecError(
                    f"{self.label} has no default remission cut-off: say Remission({side}=...)."
                )
            return cutoff
        if not self.floor <= wanted <= self.maximum or wanted == self.worst:
            raise SpecError(
                f"A remission cut-off of {wanted} lies outside {self.label} "
                f"({self.floor} to {self.maximum})."
            )
        listed = next((c for c in self.remission if getattr(c, side) == wanted), None)
        if listed is not None:
            return listed
        return RemissionCutoff(at_most, SET_BY_ANALYST, at_least=at_least)

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
        return card_of(self)
