"""Numbers as a publication prints them; the only place where numbers become text.

All functions write in the style that `number_style` has set; digits are the caller's.
"""

from __future__ import annotations

import math

from trdstats.tables.number_style import PLAIN, NumberStyle, current_style

NOT_ESTIMABLE = "–"
_TO = " to "
_POWERS = 1e12


def format_number(value: float, digits: int = 1) -> str:
    """Return `value` with fixed decimals; a dash when it could not be estimated.

    From 10^12 on a power of ten: all digits of a limit that ran away fill pages.
    """
    if math.isnan(value):
        return NOT_ESTIMABLE
    style = current_style()
    if math.isinf(value):
        return "∞" if value > 0 else f"{style.minus}∞"
    if abs(value) >= _POWERS:
        return _styled(f"{value:.1e}", style)
    text = f"{value:,.{digits}f}"
    return _styled(text.lstrip("-") if float(text.replace(",", "")) == 0 else text, style)


def format_significant(value: float, digits: int = 6) -> str:
    """Return `value` with significant digits; a dash when it could not be estimated."""
    return NOT_ESTIMABLE if math.isnan(value) else _styled(f"{value:.{digits}g}", current_style())


def format_count(value: float) -> str:
    """Return a count as an integer; a dash when it is not known."""
    return NOT_ESTIMABLE if math.isnan(value) else _styled(f"{int(value):,}", current_style())


def format_percent(value: float, digits: int = 1) -> str:
    """Return a proportion as per cent."""
    return format_number(100 * value, digits)


def format_level(level: float) -> str:
    """Return a confidence level as per cent, with the sign."""
    style = current_style()
    return _styled(f"{100 * level:g}", style) + style.percent_sign


def add_unit(number: str, unit: str) -> str:
    """Return a number that has been formatted with its unit behind it."""
    return number + (current_style().percent_sign if unit == "%" else f" {unit}")


def format_p(p: float) -> str:
    """Return a p-value by the rule of the style: three decimals, ``<0.001`` below, when plain."""
    if math.isnan(p):
        return NOT_ESTIMABLE
    sign, number = _p_parts(p, current_style())
    return sign + number


def format_p_equation(p: float) -> str:
    """Return a p-value with its symbol, as in a sentence: ``p = 0.012``, ``p < 0.001``."""
    style = current_style()
    if math.isnan(p):
        return f"{style.p_symbol} {NOT_ESTIMABLE}"
    sign, number = _p_parts(p, style)
    space = " " if style.p_is_spaced else ""
    return f"{style.p_symbol}{space}{sign or '='}{space}{number}"


def format_interval(low: float, high: float, digits: int = 1) -> str:
    """Return ``low to high``; a dash when neither limit exists."""
    if math.isnan(low) and math.isnan(high):
        return NOT_ESTIMABLE
    style = current_style()
    limits = format_number(low, digits), format_number(high, digits)
    if style.has_brackets:
        return f"[{limits[0]}, {limits[1]}]"
    is_clear = not any(x.startswith((style.minus, NOT_ESTIMABLE)) for x in limits)
    return (style.joiner if is_clear else _TO).join(limits)


def format_ci(level: float, low: float, high: float, digits: int = 1, *, reason: str = "") -> str:
    """Return an interval with its level, as in a sentence: ``95 % CI 3.9 to 24.2``.

    Without limits it says so, with the reason where one is given.
    """
    if math.isnan(low) and math.isnan(high):
        return f"no {format_level(level)} CI" + (f": {reason}" if reason else "")
    label = current_style().interval_label
    return f"{format_level(level)} CI{label}{format_interval(low, high, digits)}"


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
    limits = format_interval(low, high, digits)
    inside = limits if limits.startswith("[") else f"({limits})"
    return f"{format_number(value, digits)} {inside}"


def _p_parts(p: float, style: NumberStyle) -> tuple[str, str]:
    """Return the sign before a p-value, empty where it is exact, and its number."""
    if p < style.p_smallest:
        return "<", _p_number(f"{style.p_smallest:.12f}".rstrip("0"), style)
    text = f"{p:.{next(d for bound, d in style.p_decimals if p >= bound)}f}"
    if style.p_largest is not None and float(text) >= 1.0:
        return ">", _p_number(f"{style.p_largest:g}", style)
    return "", _p_number(text, style)


def _p_number(text: str, style: NumberStyle) -> str:
    return _styled(text if style.p_has_zero else text.removeprefix("0"), style)


def _styled(text: str, style: NumberStyle) -> str:
    """Return a number that Python has written, in a style."""
    if style is PLAIN:
        return text
    whole, point, rest = text.partition(".")
    is_grouped = abs(float(whole.replace(",", "") or 0)) >= style.grouped_from
    whole = whole.replace(",", style.thousands if is_grouped else "")
    rest = rest.replace("-", style.minus)  # of an exponent
    return whole.replace("-", style.minus) + (style.decimal_mark if point else "") + rest
