"""The style of every figure: labels of axes, legend, caveat and title."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Literal

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from trdstats.plots.layout.page_layout import (
    axes_width,
    make_room,
    offset,
    points,
    text_width,
    wrap,
)
from trdstats.plots.layout.palette import Style
from trdstats.plots.layout.texts import keep_plain

QUIET = "0.35"  # grey of notes: a contrast of 7 with white
GRID = "0.90"
LINE_WIDTH = 1.8
MARKER_SIZES = {"P": 8.5, "X": 8.0, "^": 7.5, "v": 7.5, "p": 7.5}  # equal visual weight
MARKER_SIZE = 6.5

_INLINE = 5  # entries of a legend that fit in one row above the axes
_HANDLE = 5.0  # width of a legend entry beside its text, in font sizes
_GAP = 4.0  # points between the layers above the axes
_KEY_LETTERS = 32  # of a line in a legend beside the axes
_APART = 1.2  # font sizes between axes and a legend at their right


def get_axes(ax: Axes | None, *, width: float = 7.0, height: float = 4.2) -> Axes:
    """Return `ax`, or the Axes of a new figure of the given size in inches."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def key_line(name: str, style: Style, *, marker: bool) -> Line2D:
    """Return a legend entry: the treatment's line, with or without its marker."""
    return Line2D(
        [],
        [],
        color=style.color,
        linestyle=style.linestyle,
        linewidth=LINE_WIDTH,
        marker=style.marker if marker else "",
        markeredgecolor="white",
        markersize=MARKER_SIZES.get(style.marker, MARKER_SIZE),
        label=name,
    )


def legend_width(ax: Axes, keys: Sequence[Artist]) -> float:
    """Return the width in points a legend takes to the right of the axes; 0 when above them."""
    labels = [str(key.get_label()) for key in keys]
    widths = [text_width(label) + _HANDLE * points() for label in labels]
    in_row = len(keys) <= _INLINE and sum(widths) <= axes_width(ax)
    if in_row:
        return 0.0
    lines = [line for label in labels for line in _broken(label).split("\n")]
    return max(map(text_width, lines)) + _HANDLE * points()


def dress(
    ax: Axes,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    caveat: str = "",
    keys: Sequence[Artist] = (),
    beside: float = 0.0,
    grid: Literal["x", "y"] = "y",
) -> None:
    """Label the axes, and stack legend, caveat and title above them.

    A legend that fits into one row is above the axes, any other to their right, `beside`
    points away from them. It never covers the data.
    """
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_axisbelow(True)
    ax.grid(visible=False)
    ax.grid(visible=True, axis=grid, color=GRID, linewidth=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    right = legend_width(ax, keys)
    note = wrap(caveat, axes_width(ax))
    height = _GAP
    if keys:
        _add_legend(ax, keys, in_row=right == 0, beside=beside)
        height += 1.9 * points() if right == 0 else 0.0
    if note:
        words = ax.add_artist(_italic(note, xycoords=ax.transAxes, xy=(0, 1), height=height))
        words.set_clip_on(False)  # add_artist has clipped it to the axes
        height += 1.25 * points() * (note.count("\n") + 1) + 1.0
    if title:
        ax.set_title(title, loc="left", pad=height + 1.0, fontsize="medium", fontweight="bold")
        height += 1.4 * points("medium")
    keep_plain(ax)
    make_room(ax, above=height - _GAP, right=right + _APART * points() if right else 0.0)


def dress_figure(fig: Figure, *, title: str, caveat: str) -> None:
    """Head a grid of panels with a title and, in small italics under it, a caveat."""
    note = wrap(caveat, 0.9 * 72.0 * fig.get_figwidth())
    if not (title or note):
        return
    # Blank lines of the title reserve room for the caveat, whatever arranges the figure.
    lines = [title] * bool(title) + [" "] * (note.count("\n") + 1 if note else 0)
    heading = fig.suptitle(
        "\n".join(lines), x=0.01, ha="left", fontsize="medium", fontweight="bold"
    )
    if note:
        fig.add_artist(_italic(note, xycoords=heading, xy=(0, 0), height=0.0))


def _broken(label: str) -> str:
    """Return a label of a legend beside the axes, broken so that it leaves them their room."""
    return "\n".join(textwrap.wrap(label, _KEY_LETTERS)) or label


def _add_legend(ax: Axes, keys: Sequence[Artist], *, in_row: bool, beside: float) -> None:
    labels = [str(key.get_label()) for key in keys]
    ax.legend(
        handles=list(keys),
        labels=labels if in_row else [_broken(label) for label in labels],
        loc="lower left" if in_row else "upper left",
        bbox_to_anchor=(0.0, 1.0) if in_row else (1.0, 1.0),
        bbox_transform=ax.transAxes + offset(ax, 0.0 if in_row else beside + _APART * points()),
        ncols=len(keys) if in_row else 1,
        frameon=False,
        fontsize="small",
        borderaxespad=0.3 if in_row else 0.0,
        borderpad=0.2,
        handlelength=3.2,
        columnspacing=1.4,
    )


def _italic(text: str, *, xycoords: object, xy: tuple[float, float], height: float) -> Annotation:
    """Return small italic text `height` points above a point of its anchor."""
    return Annotation(
        text,
        xy=xy,
        xycoords=xycoords,  # type: ignore[arg-type]
        xytext=(0, height),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize="small",
        fontstyle="italic",
        color=QUIET,
        annotation_clip=False,
    )
