"""Covariates before and after weighting, and distributions of scores or weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from trdstats.plots.layout.axes_style import LINE_WIDTH, QUIET, dress, get_axes, key_line
from trdstats.plots.layout.columns import check_drawable, take_columns
from trdstats.plots.layout.page_layout import axes_width, points, text_width, wrap
from trdstats.plots.layout.palette import Style, choose_styles

_ROW = 0.3  # inches
_FILLED = 0.85  # proportion of a row that the tallest bar takes
_BEFORE, _AFTER = "#7A828A", "#0072B2"


def plot_balance(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    threshold: float = 0.1,
    xlabel: str = "Absolute standardised mean difference",
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw standardised differences before and after weighting (love plot).

    Parameters
    ----------
    frame : pandas.DataFrame
        term, smd_before, smd_after; of several pairs the largest difference of a term is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure otherwise, its height by the number of terms.
    threshold : float
        Difference from which covariates count as imbalanced, a dashed line.
    xlabel : str
        What the difference is.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.axes.Axes
        Terms are at y = 0, 1, 2, ... downwards, the largest difference before weighting first.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        If a column is missing or of the wrong kind, or there is nothing to draw.
    """
    rows = take_columns(
        frame, "plot_balance", "frame", names=("term",), numbers=("smd_before", "smd_after")
    )
    check_drawable(rows["smd_before"], "plot_balance")
    sizes = rows.set_index("term").abs().groupby(level=0, observed=True).max()
    sizes = sizes.sort_values("smd_before", ascending=False, kind="stable")
    ax = get_axes(ax, height=_ROW * len(sizes) + 1.4)
    y = np.arange(len(sizes))
    for a, b, at in zip(sizes["smd_before"], sizes["smd_after"], y, strict=True):
        ax.plot([a, b], [at, at], color="#D5D9DD", linewidth=LINE_WIDTH, zorder=1)
    ax.plot(sizes["smd_before"], y, "o", color=_BEFORE, markerfacecolor="white", zorder=2)
    ax.plot(sizes["smd_after"], y, "D", color=_AFTER, markersize=5, zorder=3)
    ax.axvline(threshold, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    ax.set_yticks(y, [str(t) for t in sizes.index])
    ax.set_ylim(len(sizes) - 0.4, -0.6)
    ax.set_xlim(left=0.0)
    keys = [
        Line2D([], [], color=_BEFORE, marker="o", markerfacecolor="white", linestyle="",
               label="before"),
        Line2D([], [], color=_AFTER, marker="D", markersize=5, linestyle="", label="after"),
    ]  # fmt: skip
    dress(ax, xlabel=_wrapped(ax, xlabel), ylabel="", title=title,
          caveat=caveat, keys=keys, grid="x")  # fmt: skip
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def plot_by_treatment(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    xlabel: str = "Value",
    bins: int = 20,
    styles: Mapping[str, Style] | None = None,
    title: str = "",
    caveat: str = "",
) -> Axes:
    """Draw the distribution of a number under each treatment, as proportions of its subjects.

    Parameters
    ----------
    frame : pandas.DataFrame
        treatment, value: one row a subject.
    ax : matplotlib.axes.Axes, optional
    xlabel : str
        What the number is.
    bins : int
        Number of steps.
    styles : mapping of str to Style, optional
        From `treatment_styles`; by order of treatments otherwise.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.axes.Axes
        Two treatments overlap; more are in rows at y = 0, -1, -2, ..., all on one scale.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        If a column is missing or of the wrong kind, or there is nothing to draw.
    """
    rows = take_columns(
        frame, "plot_by_treatment", "frame", names=("treatment",), numbers=("value",)
    )
    check_drawable(rows["value"], "plot_by_treatment")
    names = list(rows["treatment"].cat.categories)
    chosen = choose_styles(names, styles)
    ax = get_axes(ax)
    edges = np.linspace(rows["value"].min(), rows["value"].max(), bins + 1)
    proportions = {
        n: np.histogram(rows.loc[rows["treatment"] == n, "value"], edges)[0]
        / max(int((rows["treatment"] == n).sum()), 1)
        for n in names
    }
    if len(names) > 2:
        _draw_in_rows(ax, proportions, edges, chosen)
        tallest = max(float(s.max()) for s in proportions.values())
        dress(ax, xlabel=_wrapped(ax, xlabel), ylabel=f"Subjects (tallest {tallest:.0%})",
              title=title, caveat=caveat, grid="x")  # fmt: skip
        return ax
    for name, proportion in proportions.items():
        style = chosen[name]
        ax.stairs(100 * proportion, edges, color=style.color, linestyle=style.linestyle,
                  linewidth=LINE_WIDTH, fill=False)  # fmt: skip
        ax.stairs(100 * proportion, edges, color=style.color, alpha=0.12, fill=True)
    keys = [key_line(n, chosen[n], marker=False) for n in names]
    dress(ax, xlabel=_wrapped(ax, xlabel), ylabel="Subjects (%)", title=title,
          caveat=caveat, keys=keys)  # fmt: skip
    ax.set_ylim(bottom=0)
    return ax


def _draw_in_rows(
    ax: Axes,
    proportions: Mapping[str, NDArray[np.float64]],
    edges: NDArray[np.float64],
    styles: Mapping[str, Style],
) -> None:
    """Draw one outline a treatment, each in its own row."""
    tallest = max(float(s.max()) for s in proportions.values())
    for k, (name, proportion) in enumerate(proportions.items()):
        height = _FILLED * proportion / tallest - k
        color = styles[name].color
        ax.stairs(height, edges, baseline=-k, color=color, alpha=0.25, fill=True)
        ax.stairs(height, edges, baseline=-k, color=color, linewidth=LINE_WIDTH / 1.5)
        ax.axhline(-k, color=QUIET, linewidth=0.6, zorder=0)
    ax.set_yticks([-k for k in range(len(proportions))], list(proportions))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(0.9 - len(proportions), 1.0)


def _wrapped(ax: Axes, label: str) -> str:
    """Break the label of the x-axis where the axes end, the labels of the rows beside them."""
    rows = [text_width(t.get_text(), "medium") for t in ax.get_yticklabels()]
    return wrap(label, axes_width(ax, left=max(rows, default=0.0) + points()), "medium")
