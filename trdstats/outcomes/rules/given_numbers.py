"""Numbers that a definition is given: read exactly, or refused in words."""

from __future__ import annotations

from fractions import Fraction

from trdstats.errors import SpecError
from trdstats.scales import Scale


def check_amount(scale: Scale, what: str) -> None:
    """Refuse a per cent fall on a scale whose totals are categories.

    Raises
    ------
    SpecError
        When the scale is ordinal.
    """
    if scale.is_ordinal:
        raise SpecError(
            f"{what} is a per cent change, and totals of {scale.label} are categories: "
            f"use a cut-off, for example Remission(at_most=2)."
        )


def read_proportion(what: str, value: float) -> Fraction:
    """Return a share of the baseline as an exact fraction.

    Raises
    ------
    SpecError
        When it does not lie in (0, 1].
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise SpecError(f"{what} must be a share such as 0.5; got {value!r}.")
    if not 0 < value <= 1:
        hint = f" Did you mean {value / 100:g}?" if 1 < value <= 100 else ""
        raise SpecError(f"{what} must lie above 0 and at most 1; got {value!r}.{hint}")
    # 0.3 is not 3/10 in binary; nobody means the binary neighbour.
    return Fraction(value).limit_denominator(10_000)


def read_points(what: str, value: float) -> Fraction:
    """Return a number of points as an exact fraction: whole, or in halves to tenths.

    Raises
    ------
    SpecError
        When it is not positive, or finer than that.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not value > 0:
        raise SpecError(f"{what} must be a positive number of points; got {value!r}.")
    exact = Fraction(value).limit_denominator(10) if value < 10_000 else Fraction(0)
    if abs(float(exact) - value) > 1e-9:
        raise SpecError(f"{what} must be whole, or in halves to tenths; got {value!r}.")
    return exact


def percent(proportion: float) -> str:
    """Return a share as per cent without needless decimals."""
    return f"{100 * proportion:g} %"


def read_total(what: str, value: float) -> int:
    """Return a whole number given as a total or a count.

    Raises
    ------
    SpecError
        When it is not whole.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise SpecError(f"{what} must be a whole number; got {value!r}.")
    return int(value)
