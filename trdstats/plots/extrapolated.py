"""Parametric curves of one group, carried beyond the data, over the observed curve."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, PercentFormatter

from trdstats.errors import SpecError
from trdstats.plots.layout.axes_style import LINE_WIDTH, QUIET, dress, get_axes
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.time_axis import set_time_axis

_NAME = "plot_extrapolation"
_OBSERVED = "observed"


def plot_extrapolation(
    curves: pd.DataFrame,
    observed: pd.DataFrame,
    *,
    observed_to: float,
    ax: Axes | None = None,
    ylabel: str = "Event-free",
    xlabel: str = "Time (days)",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw one line a family, thin where no subject is observed any longer.

    Parameters
    ----------
    curves : pandas.DataFrame
        One row a family and time: ``family``; ``time`` (days); ``estimate`` (proportion without
        the event).
    observed : pandas.DataFrame
        Observed step curve: ``time``, ``estimate``.
    observed_to : float
        Day after which the curves are assumptions; the area behind it is shaded.
    ax : matplotlib.axes.Axes, optional
    ylabel, xlabel, title, caveat : str

    Returns
    -------
    matplotlib.axes.Axes
        `ax`; the y-axis runs from 0 to 100 %.

    Raises
    ------
    UnknownNameError
        If a column is missing.
    SpecError
        If a column does not hold numbers, or `observed_to` is negative.
    NotEstimableError
        If there is no finite estimate.
    """
    frame = take_columns(
        curves, _NAME, "curves", names=("family",), numbers=("time", "estimate"),
        key=("family", "time"),
    )  # fmt: skip
    steps = take_columns(
        observed, _NAME, "observed", names=(), numbers=("time", "estimate"), key=("time",)
    )
    check_drawable(frame["estimate"], _NAME)
    if not observed_to >= 0:
        raise SpecError(f"{_NAME}(): observed_to is a day of 0 or later; got {observed_to!r}.")
    ax = get_axes(ax)
    last = float(frame["time"].max())
    families = list(dict.fromkeys(frame["family"].astype(str)))
    colours = sns.color_palette("viridis", len(families))
    keys = [Line2D([], [], color="black", linewidth=2.2, label=_OBSERVED)]
    for name, colour in zip(families, colours, strict=True):
        of_family = frame[frame["family"].astype(str) == name].sort_values("time")
        seen = of_family["time"] <= observed_to
        ax.plot(
            of_family["time"][seen], of_family["estimate"][seen], color=colour, linewidth=LINE_WIDTH
        )
        beyond = of_family[~seen | (of_family["time"] == of_family["time"][seen].max())]
        ax.plot(
            beyond["time"], beyond["estimate"], color=colour, linewidth=LINE_WIDTH, linestyle="--"
        )
        keys.append(Line2D([], [], color=colour, linewidth=LINE_WIDTH, label=name))
    shown = steps[steps["time"] <= observed_to].sort_values("time")
    ax.step(shown["time"], shown["estimate"], where="post", color="black", linewidth=2.2)
    ax.axvspan(observed_to, last, color=QUIET, alpha=0.12, linewidth=0, zorder=0)
    set_time_axis(ax, first=0.0, last=last, time_scale="linear")
    ax.set_ylim(0.0, 1.02)
    ax.yaxis.set_major_locator(FixedLocator([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    dress(ax, xlabel=xlabel, ylabel=ylabel, title=title, caveat=caveat, keys=keys)
    return ax
