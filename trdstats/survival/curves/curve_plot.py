"""Curves of a result drawn with their numbers at risk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.outcomes import Episodes, EventTimes


def draw_curves(
    curve: pd.DataFrame,
    at_risk: Callable[[Sequence[float]], pd.DataFrame],
    times: EventTimes | Episodes,
    *,
    by: str,
    name: str,
    ax: Axes | None,
    cumulative: bool,
    days: Sequence[float] | None,
    options: dict[str, Any],
) -> Axes:
    """Draw step curves with intervals and numbers at risk.

    Parameters
    ----------
    curve : pandas.DataFrame
        Tidy curves, one a group.
    at_risk : callable
        Returns the numbers at risk at days: group column, time, n_risk.
    times : EventTimes
        Gives the origin and the caveat.
    by : str
        Column that names the groups.
    name : str
        What the curve is the share of.
    ax : matplotlib Axes or None
    cumulative : bool
        Whether the curves rise from 0.
    days : sequence of float or None
        Days of the numbers at risk; None for the ticks of the axis.
    options : dict
        Passed on to `trdstats.plots.plot_survival`; they win over the labels chosen here.

    Returns
    -------
    matplotlib Axes
    """
    if days is None:
        scale = options.get("time_scale", "linear")
        days = plots.choose_ticks(0.0, curve["time"].max(), scale)
    origin = times.origin
    settings = {
        "ylabel": name[:1].upper() + name[1:],
        "xlabel": "Day (0 is the start)" if origin == "day 0" else f"Days since {origin}",
        "caveat": times.figure_caveat,
        **options,
    }
    return plots.plot_survival(
        curve.rename(columns={by: "treatment"}),
        at_risk=at_risk(days).rename(columns={by: "treatment"}),
        ax=ax,
        cumulative=cumulative,
        **settings,
    )
