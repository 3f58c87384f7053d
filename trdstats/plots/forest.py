"""Crude and adjusted estimates side by side, one panel an outcome."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.plots.layout.axes_style import GRID, LINE_WIDTH, QUIET, dress_figure
from trdstats.plots.layout.columns import ESTIMATE, check_drawable, take_columns

_NAME = "plot_forest"
_ROW = 0.42  # inches
_PANEL = 2.5


class _Kind(NamedTuple):
    color: str
    marker: Literal["o", "D"]
    fill: str
    shift: float


_KINDS = {
    "crude": _Kind("#7A828A", "o", "white", -0.16),
    "adjusted": _Kind("#0072B2", "D", "#0072B2", 0.16),
}


def plot_forest(
    frame: pd.DataFrame,
    *,
    fig: Figure | None = None,
    title: str = "",
    caveat: str = "",
) -> Figure:
    """Draw differences with their intervals: one row a comparison, one panel an outcome.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a comparison, outcome and analysis. Columns: ``label`` (the comparison),
        ``outcome`` (heading of the panel, with its unit), ``analysis`` ("crude" or "adjusted"),
        estimate, conf_low, conf_high; optional ``conclusion``, written under the label, and
        ``bound_low`` and ``bound_high``, the bounds that interval censoring allows, drawn as a
        bar. A comparison that was refused keeps its row, empty.
    fig : matplotlib.figure.Figure, optional
        An empty figure to fill; a new one otherwise, its height by the number of rows.
    title, caveat : str
        Heading, and the small italic line under it.

    Returns
    -------
    matplotlib.figure.Figure
        One Axes an outcome; rows are at y = 0, 1, 2, ... downwards, 0 is no difference.

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        If a column is missing or of the wrong kind, an analysis is neither of the two, or there
        is nothing to draw.
    """
    columns = getattr(frame, "columns", ())
    bounds = [c for c in ("bound_low", "bound_high") if c in columns]
    names = ("label", "outcome", "analysis", *(["conclusion"] if "conclusion" in columns else []))
    rows = take_columns(frame, _NAME, "frame", names=names, numbers=(*ESTIMATE, *bounds))
    check_drawable(rows["estimate"], _NAME)
    unknown = sorted(set(rows["analysis"].astype(str)) - set(_KINDS))
    if unknown:
        raise SpecError(f"{_NAME}(): analysis must be 'crude' or 'adjusted'; got {unknown[0]!r}.")
    labels = list(rows["label"].cat.categories)
    outcomes = list(rows["outcome"].cat.categories)
    if fig is None:
        size = (2.4 + _PANEL * len(outcomes), _ROW * len(labels) + 2.0)
        fig = Figure(figsize=size, layout="constrained")
    axes = fig.subplots(1, len(outcomes), sharey=True, squeeze=False)[0]
    for ax, outcome in zip(axes, outcomes, strict=True):
        _draw_panel(ax, rows[rows["outcome"] == outcome], labels, bool(bounds))
        ax.set_xlabel(outcome)
    axes[0].set_yticks(range(len(labels)), [_label(rows, name) for name in labels])
    axes[0].set_ylim(len(labels) - 0.4, -0.6)
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    fig.legend(handles=_keys(rows, bool(bounds)), loc="outside lower left", ncols=3, frameon=False,
               fontsize="small")  # fmt: skip
    dress_figure(fig, title=title, caveat=caveat)
    return fig


def _draw_panel(ax: Axes, rows: pd.DataFrame, labels: list[str], bounds: bool) -> None:
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis="x", color=GRID, linewidth=0.8)
    ax.axvline(0, color=QUIET, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    for spine in ("left", "right", "top"):
        ax.spines[spine].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    drawn = rows[np.isfinite(rows["estimate"])]
    place = drawn["label"].map({name: k for k, name in enumerate(labels)}).to_numpy(dtype=float)
    for name, kind in _KINDS.items():
        of_kind = (drawn["analysis"] == name).to_numpy()
        shown, y = drawn[of_kind], place[of_kind] + kind.shift
        if bounds:
            low, high = (shown[c].to_numpy(dtype=float) for c in ("bound_low", "bound_high"))
            wide = np.isfinite(low) & (high > low)
            _draw_between(ax, shown[wide], "bound", y[wide], color=kind.color, alpha=0.3,
                          linewidth=5 * LINE_WIDTH, solid_capstyle="butt", zorder=2)  # fmt: skip
        _draw_between(ax, shown, "conf", y, color=kind.color, linewidth=LINE_WIDTH, zorder=3)
        ax.plot(shown["estimate"].to_numpy(), y, marker=kind.marker, markersize=5.5, linestyle="",
                color=kind.color, markerfacecolor=kind.fill, zorder=4)  # fmt: skip


def _draw_between(ax: Axes, rows: pd.DataFrame, ends: str, y: FloatArray, **look: Any) -> None:
    """Draw a horizontal line a row between two of its columns, all of them as one artist."""
    low, high = (rows[f"{ends}_{side}"].to_numpy(dtype=float) for side in ("low", "high"))
    gap = np.full(len(rows), np.nan)
    ax.plot(np.column_stack([low, high, gap]).ravel(), np.column_stack([y, y, gap]).ravel(), **look)


def _label(rows: pd.DataFrame, name: str) -> str:
    if "conclusion" not in rows:
        return name
    conclusion = rows.loc[rows["label"] == name, "conclusion"].iloc[0]
    return f"{name}\n{conclusion}" if str(conclusion) else name


def _keys(rows: pd.DataFrame, bounds: bool) -> list[Line2D]:
    shown = set(rows["analysis"].astype(str))
    keys = [
        Line2D([], [], color=kind.color, linewidth=LINE_WIDTH, marker=kind.marker,
               markerfacecolor=kind.fill, markersize=5.5, label=name)
        for name, kind in _KINDS.items() if name in shown
    ]  # fmt: skip
    if bounds and rows[["bound_low", "bound_high"]].notna().any(axis=None):
        keys.append(Line2D([], [], color="#0072B2", alpha=0.3, linewidth=5 * LINE_WIDTH,
                           label="left open by the visits"))  # fmt: skip
    return keys
