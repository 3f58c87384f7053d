"""One published figure as text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from trdstats.tables import format_interval, format_number, format_p, format_percent, format_time


def show_figure(row: Any) -> str:
    """Return a figure with its interval and p value, as a publication prints it.

    Parameters
    ----------
    row : named tuple
        A row of `Published.frame`.

    Examples
    --------
    >>> from trdstats.evidence import published_figures
    >>> figures = published_figures("for non-inferiority", trial="ELEKT-D")
    >>> show_figure(next(figures.frame.itertuples()))
    '14.2 percentage points (3.9 to 24.2), p <0.001'
    """
    p = "" if pd.isna(row.p_value) else f"p {_show_p(row)}"
    if row.measure == "p value":
        return p
    if row.measure == "count":
        figure = f"{row.events}/{row.n} ({format_percent(row.events / row.n)} %)"
    elif row.measure in ("proportion", "risk difference"):
        unit = "%" if row.measure == "proportion" else "percentage points"
        figure = f"{format_percent(row.estimate)} {unit}" + _interval(row, 1, 100)
    elif row.measure == "median time":
        unit = "" if pd.isna(row.estimate) else " days"
        figure = f"median {format_time(row.estimate, 1)}{unit}" + _interval(row, 0)
    else:
        digits = 2 if row.measure.endswith("ratio") else 1
        figure = format_number(row.estimate, digits) + _interval(row, digits)
        figure += "" if pd.isna(row.sd) else f", SD {format_number(row.sd)}"
        # The note begins with the name of a measure that is not on the list.
        other = row.measure == "other"
        figure = f"{row.note.split(';')[0] if other else row.measure} {figure}"
    return f"{figure}, {p}" if p else figure


def _show_p(row: Any) -> str:
    """Return a p value; where only a bound was printed, the frame holds the bound."""
    return f"<{row.p_value:g}" if "p below" in row.note else format_p(row.p_value)


def _interval(row: Any, digits: int, scale: float = 1.0) -> str:
    if pd.isna(row.conf_low) and pd.isna(row.conf_high):
        return ""
    return f" ({format_interval(scale * row.conf_low, scale * row.conf_high, digits)})"
