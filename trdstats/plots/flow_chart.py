"""Participant flow: a box for each stage, one column a treatment, and why others left."""

from __future__ import annotations

from textwrap import wrap

import pandas as pd
from matplotlib.axes import Axes

from trdstats.plots.layout.axes_style import get_axes
from trdstats.plots.layout.columns import take_columns
from trdstats.plots.layout.palette import treatment_styles
from trdstats.tables import each_row

_LINE = 1.0  # height of a line of text; boxes are measured in lines
_GAP, _PADDING = 0.9, 0.7
_CHARACTERS = 104  # of a line across a figure nine inches wide


def plot_flow(flow: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a participant flow.

    Parameters
    ----------
    flow : DataFrame
        treatment (empty before assignment), stage, words (the stage as it is written), reason
        (empty for those who reached the stage), n; in order.
    ax : Axes, optional
        Default: a new one. About 9 inches wide for up to four treatments, more for more.

    Returns
    -------
    Axes

    Raises
    ------
    UnknownNameError, SpecError, NotEstimableError
        When `flow` is no such table, or has no rows.
    """
    labels = ("treatment", "stage", "words", "reason")
    take_columns(flow, "plot_flow", "flow", names=labels, numbers=("n",))
    arms = [t for t in dict.fromkeys(flow["treatment"]) if t != ""]
    ax = get_axes(ax, width=max(9.0, 1.4 * len(arms)), height=flow_height(flow))
    styles = treatment_styles(arms)
    across = ax.figure.get_window_extent().width / ax.figure.dpi
    width = _letters(across, len(arms))
    y = _draw_before(ax, flow[flow["treatment"] == ""], len(arms))
    of_arms = flow[flow["treatment"] != ""]
    for stage in dict.fromkeys(of_arms["stage"]):
        part = of_arms[of_arms["stage"] == stage]
        by_arm = {a: part[part["treatment"] == a] for a in arms}
        lost = {a: _lost(rows, width) for a, rows in by_arm.items()}
        if any(lost.values()):
            y = _draw_level(ax, arms, lost, y, align="left", colors=dict.fromkeys(arms, "0.75"))
        kept = {a: _kept(rows, a, width) for a, rows in by_arm.items()}
        y = _draw_level(ax, arms, kept, y, colors={a: styles[a].color for a in arms})
    ax.set(xlim=(0, max(len(arms), 1)), ylim=(y + _GAP, 0))
    ax.set_axis_off()
    return ax


def _letters(across: float, n_arms: int) -> int:
    """Return how many letters a line of a box holds in a figure so many inches wide."""
    return max(12, int(_CHARACTERS * across / 9 / max(n_arms, 1)))


def _draw_before(ax: Axes, rows: pd.DataFrame, n_arms: int) -> float:
    """Draw who was enrolled and who was not assigned; return where the next level begins."""
    if rows.empty:
        return 0.0
    enrolled = [f"{r.words} (n = {r.n:,})" for r in each_row(rows[rows["reason"] == ""])]
    why = [f"{r.reason} ({r.n:,})" for r in each_row(rows[rows["reason"] != ""])]
    y = _box(ax, n_arms / 2, 0.0, enrolled, "center", "0.3")
    if why:
        y = _box(ax, n_arms / 2, y + _GAP, ["excluded:", *why], "center", "0.75")
    return y + _GAP


def _kept(rows: pd.DataFrame, arm: str, width: int) -> list[str]:
    r = next(each_row(rows[rows["reason"] == ""]))
    return [*wrap(arm, width), *wrap(r.words, width), f"n = {r.n:,}"]


def _lost(rows: pd.DataFrame, width: int) -> list[str]:
    lines = []
    for r in each_row(rows[rows["reason"] != ""]):
        lines += wrap(f"{r.reason} ({r.n:,})", width, subsequent_indent="  ")
    return lines


def _draw_level(
    ax: Axes, arms: list[str], texts: dict[str, list[str]], y: float, *,
    colors: dict[str, str], align: str = "center",
) -> float:  # fmt: skip
    """Draw one box a treatment at the same height; return where the next level begins."""
    bottom = y
    for k, arm in enumerate(arms):
        if texts[arm]:
            bottom = max(bottom, _box(ax, k + 0.5, y, texts[arm], align, colors[arm]))
    for k, _ in enumerate(arms):
        ax.plot([k + 0.5] * 2, [y - _GAP, bottom], color="0.6", lw=0.8, zorder=1)
    return bottom + _GAP


def _box(ax: Axes, x: float, top: float, lines: list[str], align: str, color: str) -> float:
    """Draw lines of text in a box as wide as a column; return its lower edge."""
    height = _LINE * len(lines) + _PADDING
    left, right = x - 0.46, x + 0.46
    ax.fill_between(
        [left, right], top, top + height, facecolor="white", edgecolor=color, lw=1.1, zorder=2
    )
    at, anchor = (left + 0.03, "left") if align == "left" else (x, "center")
    ax.text(
        at, top + height / 2, "\n".join(lines), ha=anchor, va="center", fontsize=8,
        linespacing=1.25, zorder=3, multialignment=align,
    )  # fmt: skip
    return top + height


def flow_height(flow: pd.DataFrame) -> float:
    """Return the height in inches that the chart of a flow needs at its default width."""
    of_arms = flow[flow["treatment"] != ""]
    arms = of_arms["treatment"].unique().tolist()
    width = _letters(max(9.0, 1.4 * len(arms)), len(arms))
    lines = 1.5 * float((flow["treatment"] == "").sum())
    for stage in dict.fromkeys(of_arms["stage"]):
        part = of_arms[of_arms["stage"] == stage]
        by_arm = {a: part[part["treatment"] == a] for a in arms}
        kept = max(len(_kept(rows, a, width)) for a, rows in by_arm.items())
        lost = max(len(_lost(rows, width)) for rows in by_arm.values())
        lines += sum(_LINE * n + _PADDING + _GAP for n in (kept, lost) if n)
    return 0.16 * lines + 0.3
