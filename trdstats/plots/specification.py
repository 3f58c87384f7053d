"""The specification curve: estimates in order, each with its choices below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import blended_transform_factory

from trdstats.errors import SpecError
from trdstats.plots.layout.axes_style import QUIET, dress, get_axes
from trdstats.plots.layout.columns import ESTIMATE, check_drawable, take_columns
from trdstats.plots.layout.page_layout import make_room, offset, points

_NAME = "plot_specification_curve"
_ROW = 1.35  # height of a row of choices, in font sizes
_MOST = 30  # rows of one choice that are still legible
_PLAIN, _MARKED = "#0072B2", "#D55E00"
_GAP = "#9AA5AD"


def plot_specification_curve(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    choices: Sequence[str] = ("definition",),
    ylabel: str = "Estimate",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw every estimate with its interval from the lowest to the highest.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a universe, as from ``Multiverse.tidy()``: estimate, conf_low, conf_high,
        is_primary, and the columns named in `choices`; optional joint_low, joint_high, drawn as
        thin ends. Rows without an estimate are left out and counted under the axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise, its height by the rows of choices.
    choices : sequence of str
        Columns whose levels are rows under the curve. One with more than 30 levels is not drawn.
    ylabel, title, caveat : str
        Axis label, heading, and the small italic line under it.

    Returns
    -------
    matplotlib.axes.Axes
        Universes are at x = 0, 1, 2, ...; the primary one is a diamond in its own colour.

    Raises
    ------
    UnknownNameError
        If a column is missing.
    SpecError
        If no row, or more than one, is primary.
    NotEstimableError
        If there is nothing to draw.
    """
    joint = [c for c in ("joint_low", "joint_high") if c in getattr(frame, "columns", ())]
    rows = take_columns(
        frame, _NAME, "frame", names=tuple(choices), numbers=(*ESTIMATE, "is_primary", *joint)
    )
    check_drawable(rows["estimate"], _NAME)
    if rows["is_primary"].sum() != 1:
        raise SpecError(f"{_NAME}(): one row must be primary; {int(rows['is_primary'].sum())} are.")
    estimated = rows[rows["estimate"].notna()].sort_values(
        "estimate", kind="stable", ignore_index=True
    )
    shown = [c for c in choices if estimated[c].nunique() <= _MOST]
    levels = [
        (c, name)
        for c in shown
        for name in estimated[c].cat.categories
        if (estimated[c] == name).any()
    ]
    depth = _ROW * points() * (len(levels) + 0.6 * len(shown))
    ax = get_axes(ax, height=3.4 + depth / 72)
    _draw_curve(ax, estimated, bool(joint))
    left_out = len(rows) - len(estimated)
    note = f"{left_out:,} without an estimate" if left_out else ""
    dress(
        ax,
        xlabel="",
        ylabel=ylabel,
        title=title,
        caveat=". ".join(t for t in (caveat, note) if t),
        keys=_keys(bool(joint)),
    )
    ax.set_xlim(-0.02 * len(estimated) - 0.5, 1.02 * len(estimated) - 0.5)
    ax.set_xticks([])
    _draw_choices(ax, estimated, levels)
    make_room(ax, below=depth)
    return ax


def _draw_curve(ax: Axes, estimated: pd.DataFrame, with_joint: bool) -> None:
    x = np.arange(len(estimated))
    ax.axhline(0.0, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    if with_joint:
        ax.vlines(
            x, estimated["joint_low"], estimated["joint_high"], color=_GAP, linewidth=0.8, zorder=2
        )
    marked = estimated["is_primary"] == 1
    for is_drawn, color, marker, size, order in (
        (~marked, _PLAIN, "o", 16, 3),
        (marked, _MARKED, "D", 52, 5),
    ):
        rows = estimated[is_drawn]
        ax.vlines(
            x[is_drawn], rows["conf_low"], rows["conf_high"], color=color, linewidth=1.6,
            alpha=0.55 if marker == "o" else 1.0, zorder=order,
        )  # fmt: skip
        if len(rows):
            ax.scatter(
                x[is_drawn], rows["estimate"], color=color, marker=marker, s=size,
                edgecolor="white", linewidth=0.4, zorder=order + 1,
            )  # fmt: skip


def _keys(with_joint: bool) -> list[Line2D]:
    def key(label: str, color: str, marker: str, width: float) -> Line2D:
        return Line2D(
            [], [], color=color, marker=marker, linewidth=width, label=label,
            markeredgecolor="white",
        )  # fmt: skip

    keys = [key("Primary", _MARKED, "D", 1.6), key("Other universes", _PLAIN, "o", 1.6)]
    return [*keys, key("Joint interval", _GAP, "", 0.8)] if with_joint else keys


def _in_words(choice: str, level: str) -> str:
    """Return a level with its choice, unless it is clear alone."""
    return level if choice == "definition" else f"{choice}: {level}"


def _draw_choices(ax: Axes, estimated: pd.DataFrame, levels: Sequence[tuple[str, str]]) -> None:
    """Mark under the axes, one row a level, the universes with that choice."""
    x = np.arange(len(estimated))
    marked = (estimated["is_primary"] == 1).to_numpy()
    depth, before = 0.4 * points(), ""
    for choice, level in levels:
        depth += _ROW * points() * (1.0 if choice == before else 1.6)
        shift = offset(ax, 0.0, -depth)
        beside = offset(ax, -0.8 * points(), -depth)
        chosen = (estimated[choice] == level).to_numpy()
        ax.text(
            0.0, 0.0, _in_words(choice, level), transform=ax.transAxes + beside, ha="right",
            va="center", fontsize="small", color="0.15", clip_on=False,
        )  # fmt: skip
        place = blended_transform_factory(ax.transData, ax.transAxes) + shift
        for is_drawn, color, marker, size in (
            (chosen & ~marked, "0.25", "|", 7.0),
            (chosen & marked, _MARKED, "D", 5.0),
        ):
            ax.plot(
                x[is_drawn], np.zeros(int(is_drawn.sum())), linestyle="", marker=marker,
                markersize=size, color=color, transform=place, clip_on=False,
            )  # fmt: skip
        before = choice
