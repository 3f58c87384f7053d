"""Numbers as a publication prints them; the only place where numbers become text."""

from __future__ import annotations

import math

NOT_ESTIMABLE = "–"


def format_number(value: float, digits: int = 1) -> str:
    """Return `value` with fixed decimals; a dash when it could not be estimated."""
    if math.isnan(value):
        return NOT_ESTIMABLE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text


def format_significant(value: float, digits: int = 6) -> str:
    """Return `value` with significant digits; a dash when it could not be estimated."""
    return NOT_ESTIMABLE if math.isnan(value) else f"{value:.{digits}g}"


def format_count(value: float) -> str:
    """Return a count as an integer; a dash when it is not known."""
    return NOT_ESTIMABLE if math.isnan(value) else f"{int(value):,}"


def format_percent(value: float, digits: int = 1) -> str:
    """Return a proportion as per cent."""
    return format_number(100 * value, digits)


def format_p(p: float) -> str:
    """Return a p value with three decimals, ``<0.001`` below that."""
    if math.isnan(p):
        return NOT_ESTIMABLE
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def format_interval(low: float, high: float, digits: int = 1) -> str:
    """Return ``low to high``; a dash when neither limit exists."""
    if math.isnan(low) and math.isnan(high):
        return NOT_ESTIMABLE
    return f"{format_number(low, digits)} to {format_number(high, digits)}"


def format_time(value: float, digits: int = 0) -> str:
    """Return a quantile of time; ``not reached`` when the curve never gets there."""
    if math.isnan(value) or math.isinf(value):
        return "not reached"
    return format_number(value, 0 if value == int(value) else max(digits, 1))


def format_estimate(
    value: float, low: float, high: float, digits: int = 1, *, scale: float = 1.0
) -> str:
    """Return ``estimate (low to high)``, each times `scale`; a dash when there is neither."""
    value, low, high = scale * value, scale * low, scale * high
    if math.isnan(value) and math.isnan(low):
        return NOT_ESTIMABLE
    return f"{format_number(value, digits)} ({format_interval(low, high, digits)})"
