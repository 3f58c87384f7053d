"""Contours of an unmeasured confounder, histograms of weights: what is drawn and refused."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.plots import plot_matching_weights, plot_tipping_points


def grid(*, shares: int = 5, effects: int = 4) -> pd.DataFrame:
    x, y = (v.ravel() for v in np.meshgrid(np.linspace(0, 1, shares), np.linspace(1, 4, effects)))
    estimate = 2.0 - x * (y - 1)
    return pd.DataFrame(
        {"prevalence_treated": x, "effect": y, "estimate": estimate, "conf_low": estimate - 0.5,
         "conf_high": estimate + 0.5}
    )  # fmt: skip


def legend_of(ax: plt.Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [t.get_text() for t in legend.get_texts()]


def test_lines_that_lie_in_the_picture_are_drawn_and_named() -> None:
    ax = plot_tipping_points(grid(), null=0.0, limit="conf_low", caveat="Not randomised")
    assert legend_of(ax) == ["interval includes no effect", "estimate is no effect"]
    ax = plot_tipping_points(grid(), null=-1.2, limit="conf_low")
    assert legend_of(ax) == ["interval includes no effect"]
    ax = plot_tipping_points(grid(), null=-9.0, limit="conf_low")
    assert legend_of(ax) == []
    plt.close("all")


def test_an_estimate_that_nothing_moves_has_no_contours() -> None:
    flat = grid().assign(estimate=1.5, conf_low=1.2, conf_high=1.9)
    ax = plot_tipping_points(flat, null=1.0, limit="conf_low")
    assert legend_of(ax) == []
    plt.close("all")


def test_rows_in_any_order() -> None:
    one = plot_tipping_points(grid(), null=0.0, limit="conf_low")
    other = plot_tipping_points(grid().sample(frac=1, random_state=1), null=0.0, limit="conf_low")
    pairs = zip(one.collections, other.collections, strict=True)
    for a, b in pairs:
        for p, q in zip(a.get_paths(), b.get_paths(), strict=True):
            assert np.array_equal(p.vertices, q.vertices)
    plt.close("all")


def test_contours_refuse() -> None:
    with pytest.raises(SpecError, match="needs a full grid"):
        plot_tipping_points(grid().iloc[1:], null=0.0, limit="conf_low")
    with pytest.raises(SpecError, match="at least two each"):
        plot_tipping_points(grid(effects=1), null=0.0, limit="conf_low")
    with pytest.raises(UnknownNameError, match="conf_high"):
        plot_tipping_points(grid().drop(columns="conf_high"), null=0.0, limit="conf_low")
    with pytest.raises(NotEstimableError, match="no rows"):
        plot_tipping_points(grid().iloc[:0], null=0.0, limit="conf_low")


def test_weights_are_counted_and_own_weight_is_marked() -> None:
    frame = pd.DataFrame({"weight": np.linspace(0.1, 3, 60)})
    ax = plot_matching_weights(frame, title="60 patients")
    assert sum(bar.get_height() for bar in ax.patches) == 60
    assert [float(np.ravel(line.get_xdata())[0]) for line in ax.lines] == [1.0]
    with pytest.raises(UnknownNameError, match="weight"):
        plot_matching_weights(frame.rename(columns={"weight": "w"}))
    plt.close("all")
