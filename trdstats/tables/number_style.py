"""How numbers are written: the rules of journals, and the style in which a block writes.

A style changes text only. Tidy tables, files of results and CSV files hold numbers, which no style
touches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType

from trdstats.errors import SpecError, check_choice

_MINUS = "\u2212"
_MID_DOT = "\u00b7"
_THIN_SPACE = "\u2009"
_EN_DASH = "\u2013"


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """The rules by which numbers are written.

    Attributes
    ----------
    name : str
    decimal_mark, minus : str
    thousands : str
        Written between groups of three digits.
    grouped_from : int
        Smallest number whose digits are grouped.
    joiner : str
        Written between the limits of an interval. Where a limit is negative or not known, "to"
        stands in its place, because a dash could be read as a minus sign.
    has_brackets : bool
        Whether intervals are written ``[low, high]``; the joiner is not used then.
    interval_label : str
        What stands between "CI" and the limits in a sentence.
    percent_sign : str
        Written behind a confidence level.
    p_symbol : str
        "p" or "P".
    p_is_spaced : bool
        Whether a sentence has spaces around the sign after the symbol.
    p_has_zero : bool
        Whether a zero stands before the decimal mark of a p-value.
    p_decimals : tuple of (float, int)
        Pairs of a bound and the decimals of p-values from that bound on, bounds descending, the
        last of them 0.
    p_smallest : float
        Smaller p-values are written as less than it.
    p_largest : float or None
        What is written, with a sign before it, where a p-value would round to 1; None writes 1.

    Raises
    ------
    SpecError
        When the bounds of the decimals do not descend to 0.
    """

    name: str
    decimal_mark: str = "."
    minus: str = _MINUS
    thousands: str = ","
    grouped_from: int = 1000
    joiner: str = " to "
    has_brackets: bool = False
    interval_label: str = " "
    percent_sign: str = "%"
    p_symbol: str = "p"
    p_is_spaced: bool = True
    p_has_zero: bool = True
    p_decimals: tuple[tuple[float, int], ...] = ((0.0, 3),)
    p_smallest: float = 0.001
    p_largest: float | None = None

    def __post_init__(self) -> None:
        bounds = [bound for bound, _ in self.p_decimals]
        if not bounds or bounds[-1] != 0.0 or bounds != sorted(set(bounds), reverse=True):
            raise SpecError(
                "p_decimals must be pairs of a bound and decimals whose bounds descend to 0, such "
                f"as ((0.01, 2), (0.0, 3)); got {self.p_decimals!r}."
            )


PLAIN = NumberStyle("plain", minus="-", percent_sign=" %")

# Where each rule comes from stands in docs/howto/into_a_paper.md.
STYLES = MappingProxyType(
    {
        "plain": PLAIN,
        "jama": NumberStyle(
            "jama",
            thousands=_THIN_SPACE,
            grouped_from=10_000,
            joiner="-",
            interval_label=", ",
            p_symbol="P",
            p_has_zero=False,
            # Two decimals would turn a p-value of 0.045 to 0.05 into .05: it keeps three.
            p_decimals=((0.05, 2), (0.045, 3), (0.01, 2), (0.0, 3)),
            p_largest=0.99,
        ),
        "nejm": NumberStyle(
            "nejm",
            interval_label=", ",
            p_symbol="P",
            p_is_spaced=False,
            p_decimals=((0.01, 2), (0.0, 3)),
            p_largest=0.99,
        ),
        "lancet": NumberStyle(
            "lancet",
            decimal_mark=_MID_DOT,
            thousands=_THIN_SPACE,
            grouped_from=10_000,
            joiner=_EN_DASH,
            p_is_spaced=False,
            # Two significant figures, and not more than four decimals.
            p_decimals=((0.0995, 2), (0.00995, 3), (0.0, 4)),
            p_smallest=0.0001,
            p_largest=0.99,
        ),
        "apa": NumberStyle("apa", has_brackets=True, p_has_zero=False, p_largest=0.999),
    }
)

_CURRENT: ContextVar[NumberStyle] = ContextVar("number_style", default=PLAIN)


def current_style() -> NumberStyle:
    """Return the style in which numbers are written now."""
    return _CURRENT.get()


def find_style(style: str | NumberStyle) -> NumberStyle:
    """Return a style by its name.

    Raises
    ------
    SpecError
        When there is none of this name.
    """
    if isinstance(style, NumberStyle):
        return style
    check_choice("style", style, tuple(STYLES))
    return STYLES[style]


@contextmanager
def number_style(style: str | NumberStyle) -> Iterator[NumberStyle]:
    """Write numbers by the rules of a journal, in everything that is printed inside the block.

    Results are not changed: `tidy()` and files of results hold the same numbers in every style.

    Parameters
    ----------
    style : {"plain", "jama", "nejm", "lancet", "apa"} or NumberStyle
        Whose rules hold: decimal mark, minus sign, thousands, limits of intervals, p-values.

    Yields
    ------
    NumberStyle

    Raises
    ------
    SpecError
        When there is no style of this name.

    Examples
    --------
    >>> import trdstats as trd
    >>> from trdstats.tables import format_estimate, format_p
    >>> with trd.number_style("lancet"):
    ...     print(format_estimate(0.62, 0.45, 0.85, 2), format_p(0.0312))
    0·62 (0·45–0·85) 0·031
    """
    token = _CURRENT.set(find_style(style))
    try:
        yield _CURRENT.get()
    finally:
        _CURRENT.reset(token)
