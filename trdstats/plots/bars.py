"""The bars of a waterfall: ordered, truncated at the frame, with the line of response."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter
from matplotlib.transforms import blended_transform_factory

from trdstats.plots.layout.axes_style import QUIET
from trdstats.plots.layout.page_layout import axes_width, offset, points
from trdstats.plots.layout.palette import Style

TOP = 100.0  # per cent, a doubled score: longer bars are truncated at the frame and marked
BOTTOM = -105.0  # no score falls by more than 100 %

_THIN = 3.5  # points a bar and its gap


def draw_bars(ax: Axes, changes: pd.DataFrame, style: Style, left: float, *, n_shown: int) -> int:
    """Draw the bars of one treatment from worst to best; return how many there are.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    changes : pandas.DataFrame
        Rows of one treatment; column percent_change (per cent, may hold NaN).
    style : Style
        Colour of the bars.
    left : float
        Position of the first bar; bars are one unit apart.
    n_shown : int
        Subjects on these axes, all treatments together.
    """
    change = changes["percent_change"].dropna().to_numpy()
    change = np.sort(change)[::-1]
    at = left + np.arange(change.size, dtype=np.float64)
    # Plain bars: seaborn's would take every subject for a category and average within it.
    # Gaps between very thin bars would show as irregular stripes.
    apart = axes_width(ax) / n_shown >= _THIN
    width, edge = (0.8, 0.0) if apart else (1.0, 0.3)
    ax.bar(at, change, width=width, color=style.color, ec=style.color, lw=edge, zorder=2)
    beyond = at[change > TOP]
    if beyond.size:
        sns.scatterplot(
            x=beyond,
            y=np.full(beyond.size, TOP),
            ax=ax,
            marker="^",
            color=style.color,
            edgecolor="black",
            linewidth=0.6,
            s=34,
            clip_on=False,
            legend=False,
            zorder=4,
        )
        ax.text(
            at[0] + beyond.size,
            TOP,
            f"▲ beyond +{TOP:g}%",
            transform=ax.transData + offset(ax, 3.0, -0.4 * points()),
            va="top",
            fontsize="small",
            color=QUIET,
        )
    return int(change.size)


def describe_n(changes: pd.DataFrame) -> str:
    """Return ``n = 48``, and how many subjects have no bar when some have none."""
    absent = int(changes["percent_change"].isna().sum())
    return f"n = {len(changes) - absent}" + (f" ({absent} missing)" if absent else "")


def set_change_axis(ax: Axes, highest: float) -> None:
    """Set the y-axis for changes up to `highest` (per cent); it ends at -105 and at most +100."""
    ax.set_ylim(BOTTOM, max(25.0, min(TOP, highest + 5.0)))
    ax.yaxis.set_major_locator(FixedLocator(list(np.arange(-100.0, TOP + 1, 25.0))))
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:+.0f}%".replace("-", "−") if value else "0%")
    )
    ax.axhline(0.0, color="black", linewidth=0.8, zorder=3)


def draw_threshold(ax: Axes, threshold: float, *, named: bool = True) -> None:
    """Draw the line of response (per cent), and name it beside the axes, clear of the bars."""
    line = ax.axhline(threshold, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)), zorder=3)
    line.set_path_effects([withStroke(linewidth=2.4, foreground="white")])  # seen on dark bars
    if named:
        beside = blended_transform_factory(ax.transAxes, ax.transData) + offset(ax, 3.0)
        text = f"Response\n({threshold:g}%)".replace("-", "−")
        ax.text(1.0, threshold, text, transform=beside, va="center", fontsize="small", color=QUIET)
