"""Rows of numbers under the time axis, such as the numbers at risk, aligned with its ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import Transform, blended_transform_factory

from trdstats.plots.layout.axes_style import QUIET
from trdstats.plots.layout.columns import treatments_of
from trdstats.plots.layout.page_layout import axes_width, make_room, offset, points, text_width
from trdstats.plots.layout.palette import Style
from trdstats.plots.layout.time_axis import TimeScale, by_meaning, place, spread
from trdstats.tables.format import format_count

ROW = 1.45  # height of a row, in font sizes
_LETTERS, _HEAD, _TAIL = 32, 19, 12  # of a name beside its row, whole or without its middle


def rows_height(n_treatments: int) -> float:
    """Return the height in points of a table with its heading."""
    return ROW * points() * (n_treatments + 1.3)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return names that leave the axes their room: the middle of long ones left out.

    They stay as they are where two would then read the same; the legend has them whole.
    """
    short = {n: n if len(n) <= _LETTERS else f"{n[:_HEAD].rstrip()}…{n[-_TAIL:].lstrip()}"
             for n in names}  # fmt: skip
    return short if len(set(short.values())) == len(short) else dict(zip(names, names, strict=True))


def choose_columns(
    ax: Axes,
    counts: pd.DataFrame,
    *,
    first: float,
    last: float,
    time_scale: TimeScale,
    right: float,
) -> list[float]:
    """Return the times whose numbers fit side by side under the axes.

    Times outside the axis, and times so close to another that the numbers would overprint, are
    not drawn; the frame keeps them. `right` is the width in points that the
    legend takes from the axes.
    """
    shown = short_names([str(t) for t in counts["treatment"].unique()])
    names = max(text_width(name) for name in shown.values())
    width = axes_width(ax, left=names + 1.1 * points(), right=right)
    widest = max(len(format_count(n)) for n in counts["n"])
    proportion = (text_width("0" * widest) + 1.1 * points()) / width
    length = float(np.ptp(place([first, last], time_scale)))
    times = {float(t) for t in counts["time"] if first <= t <= last}
    return spread(by_meaning(times), proportion * length, time_scale)


def draw_rows(
    ax: Axes,
    counts: pd.DataFrame,
    *,
    heading: str,
    columns: list[float],
    styles: Mapping[str, Style],
    named: bool = True,
) -> None:
    """Write one row of numbers a treatment under the x-axis, in the treatment's colour.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its time axis is already set. The text is below the axes, at distances in points, so
        layout engines and tight bounding boxes make room for it; in a figure without a layout
        engine the axes themselves are shortened by the height of the table.
    counts : pandas.DataFrame
        Columns treatment (categorical), time (days), n.
    heading : str
        Heading of the table.
    columns : list of float
        Times to write (days), as returned by `choose_columns`.
    styles : mapping of str to Style
        Colours of the treatments.
    named : bool
        Whether heading and treatments are written beside the numbers; the first of several
        panels names them for all.
    """
    present = set(counts["treatment"])
    treatments = [name for name in treatments_of(counts) if name in present]
    top = _depth_of_axis(ax)
    shown = short_names(treatments)
    margin_x = -1.1 * points()
    if named:
        heads = _below(ax, top, dx=margin_x, data=False)
        _write(ax, heading, heads, 0.0, "right", QUIET, bold=True)
    for row, name in enumerate(treatments, start=1):
        depth = top + ROW * points() * (row + 0.15)
        color = styles[name].color
        if named:
            beside = _below(ax, depth, dx=margin_x, data=False)
            _write(ax, shown[name], beside, 0.0, "right", color)
        of_arm = counts[(counts["treatment"] == name) & counts["time"].isin(columns)]
        aligned = _below(ax, depth, dx=0.0, data=True)
        for time, n in zip(of_arm["time"], of_arm["n"], strict=True):
            _write(ax, format_count(n), aligned, time, "center", color)
    make_room(ax, below=0.5 * top + rows_height(len(treatments)))


def _depth_of_axis(ax: Axes) -> float:
    """Return the distance in points from the axes down to below their tick and axis labels."""
    tick = ax.xaxis.get_major_ticks()[0]
    depth = 2 * tick.get_tick_padding() + 1.2 * float(tick.label1.get_fontsize())
    if ax.get_xlabel():
        depth += ax.xaxis.labelpad + 1.2 * float(ax.xaxis.label.get_fontsize())
    return float(depth) + 0.5 * points()


def _below(ax: Axes, depth: float, *, dx: float, data: bool) -> Transform:
    x = ax.transData if data else ax.transAxes
    return blended_transform_factory(x, ax.transAxes) + offset(ax, dx, -depth)


def _write(
    ax: Axes,
    text: str,
    transform: Transform,
    x: float,
    ha: str,
    color: str,
    *,
    bold: bool = False,
) -> None:
    ax.text(
        x,
        0.0,
        text,
        transform=transform,
        ha=ha,
        va="top",
        color=color,
        fontsize="small",
        fontweight="bold" if bold else "normal",
        clip_on=False,
    )
