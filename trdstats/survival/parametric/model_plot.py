"""Smooth curves of a parametric model: at which days, and how they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.survival.parametric.parametric_data import Analysed

_POINTS = 400


def curve_days(data: Analysed) -> list[float]:
    """Return days close enough for a smooth curve, closest at the start, where it is steep."""
    return [float(d) for d in data.longest * np.linspace(0.0, 1.0, _POINTS + 1) ** 2]


def draw_proportions(
    proportion: pd.DataFrame, by: str, data: Analysed, ax: Axes | None, options: dict[str, Any]
) -> Axes:
    """Draw the shares that had the event.

    Parameters
    ----------
    share : pandas.DataFrame
        `by`, time, estimate, conf_low, conf_high.
    by : str
    data : Analysed
    ax : matplotlib Axes or None
    options : dict
        Passed on to `trdstats.plots.plot_survival`.

    Returns
    -------
    matplotlib Axes
    """
    outcome, origin = data.times.outcome, data.times.origin
    counts = dict.fromkeys(("n_risk", "n_event", "n_censor"), 0.0)
    settings = {
        "ylabel": f"{outcome[:1].upper()}{outcome[1:]}, model",
        "xlabel": "Day (0 is the start)" if origin == "day 0" else f"Days since {origin}",
        "caveat": data.times.figure_caveat,
        **options,
    }
    return plots.plot_survival(
        proportion.rename(columns={by: "treatment"}).assign(**counts),
        ax=ax,
        cumulative=True,
        censor_marks=False,
        **settings,
    )
