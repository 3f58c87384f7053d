"""The bars of a waterfall: ordered, truncated at the frame, with the line of response."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter
from matplotlib.transforms import blended_transform_factory

from trdstats.arrays import FloatArray
from trdstats.plots.layout.axes_style import QUIET
from trdstats.plots.layout.direction import Better
from trdstats.plots.layout.page_layout import axes_width, offset, points
from trdstats.plots.layout.palette import Style

CUT = 100.0  # per cent, a doubled score: longer bars are cut at the frame and marked
END = 105.0  # where bars of all the improvement there can be are seen to end

_THIN = 3.5  # points a bar and its gap


def draw_bars(
    ax: Axes,
    changes: pd.DataFrame,
    style: Style,
    left: float,
    *,
    n_shown: int,
    better: Better = "lower",
) -> int:
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
    better : {"lower", "higher"}
        Which changes are improvement; bars run to it.
    """
    change = changes["percent_change"].dropna().to_numpy()
    change = np.sort(change) if better == "higher" else np.sort(change)[::-1]
    at = left + np.arange(change.size, dtype=np.float64)
    # Plain bars: seaborn's would take every subject for a category and average within it.
    # Gaps between very thin bars would show as irregular stripes.
    apart = axes_width(ax) / n_shown >= _THIN
    width, edge = (0.8, 0.0) if apart else (1.0, 0.3)
    ax.add_collection(_rectangles(at, change, width, style, edge))
    ax.autoscale_view(scaley=False)
    # The worst stand first, so bars cut at that side run from the left; the best end at the right.
    for side, mark in ((1.0, "^"), (-1.0, "v")):
        worse = (side > 0) == (better == "lower")
        beyond = at[side * change > (CUT if worse else END)]
        if not beyond.size:
            continue
        ax.scatter(
            beyond,
            np.full(beyond.size, side * CUT),
            marker=mark,
            color=style.color,
            edgecolor="black",
            linewidth=0.6,
            s=34,
            clip_on=False,
            zorder=4,
        )
        ax.text(
            at[0] + beyond.size if worse else at[-1] - beyond.size,
            side * CUT,
            f"▲ beyond +{CUT:g}%" if side > 0 else f"▼ beyond −{CUT:g}%",
            transform=ax.transData + offset(ax, 3.0 if worse else -3.0, -side * 0.4 * points()),
            va="top" if side > 0 else "bottom",
            ha="left" if worse else "right",
            fontsize="small",
            color=QUIET,
        )
    return int(change.size)


def _rectangles(
    at: FloatArray, change: FloatArray, width: float, style: Style, edge: float
) -> PolyCollection:
    """Return bars from 0 as one artist: a patch for every subject is many times as slow."""
    x = at[:, None] + width * np.array([-0.5, -0.5, 0.5, 0.5])
    y = change[:, None] * np.array([0.0, 1.0, 1.0, 0.0])
    return PolyCollection(
        list(np.stack([x, y], axis=2)), facecolors=style.color, edgecolors=style.color,
        linewidths=edge, zorder=2,
    )  # fmt: skip


def describe_n(changes: pd.DataFrame) -> str:
    """Return ``n = 48``, and how many subjects have no bar when some have none."""
    absent = int(changes["percent_change"].isna().sum())
    return f"n = {len(changes) - absent}" + (f" ({absent} missing)" if absent else "")


def set_change_axis(ax: Axes, worst: float, better: Better = "lower") -> None:
    """Set the y-axis for changes as bad as `worst` (per cent).

    It ends at 105 on the side of improvement and at most at 100 on the other.
    """
    if better == "higher":
        ax.set_ylim(min(-25.0, max(-CUT, worst - 5.0)), END)
    else:
        ax.set_ylim(-END, max(25.0, min(CUT, worst + 5.0)))
    ax.yaxis.set_major_locator(FixedLocator(list(np.arange(-CUT, CUT + 1, 25.0))))
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
