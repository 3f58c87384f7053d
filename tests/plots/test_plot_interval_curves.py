"""Interval-censored curves as figures: what is drawn, and what is refused."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from trdstats import plots
from trdstats.errors import NotEstimableError, SpecError, UnknownNameError

CURVE = pd.DataFrame(
    {
        "treatment": ["a", "a", "a"],
        "lower": [2.0, 5.0, 9.0],
        "upper": [2.0, 7.0, np.inf],
        "estimate": [0.25, 0.75, 1.0],
    }
)


def test_lines_where_known_boxes_where_not() -> None:
    ax = plots.plot_interval_curves(CURVE)
    x, y = ax.lines[0].get_data()
    # Level 0 to day 2, a step there to 1/4 up to day 5, and 3/4 from day 7 to the last visit.
    assert np.array_equal(x, [0, 2, 2, 5, np.nan, 7, 9], equal_nan=True)
    assert np.array_equal(y, [0, 0, 0.25, 0.25, np.nan, 0.75, 0.75], equal_nan=True)
    box = ax.patches[0]
    assert len(ax.patches) == 1
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (5, 0.25, 2, 0.5)
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (CURVE.drop(columns="upper"), {}, UnknownNameError, "upper"),
        (CURVE.assign(lower=8.0), {}, SpecError, "intervals must begin on day 0 or later"),
        (CURVE.assign(estimate=np.nan), {}, NotEstimableError, "no finite value"),
        (CURVE, {"time_scale": "log"}, SpecError, "time_scale must be one of"),
        (CURVE.iloc[:0], {}, NotEstimableError, "no rows"),
    ],
)
def test_refusals(
    frame: pd.DataFrame, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plots.plot_interval_curves(frame, **options)
