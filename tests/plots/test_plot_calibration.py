"""Observed against predicted proportions, as they are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError
from trdstats.plots import plot_calibration, treatment_styles


def proportions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "treatment": ["A", "A", "B", "B"],
            "visit": [7.0, 28.0, 7.0, 28.0],
            "predicted": [0.2, 0.4, 0.3, 0.6],
            "observed": [0.25, 0.35, np.nan, 0.7],
            "conf_low": [0.15, 0.25, np.nan, 0.55],
            "conf_high": [0.38, 0.46, np.nan, 0.82],
        }
    )


def test_points_limits_and_visits_are_drawn() -> None:
    ax = plot_calibration(proportions(), title="Response", caveat="Unadjusted")
    first, second = ax.containers
    np.testing.assert_allclose(first[0].get_xydata(), [[0.2, 0.25], [0.4, 0.35]])
    np.testing.assert_allclose(second[0].get_xydata(), [[0.6, 0.7]])
    ends = first[2][0].get_segments()
    np.testing.assert_allclose([e[:, 1] for e in ends], [[0.15, 0.38], [0.25, 0.46]])
    styles = treatment_styles(["A", "B"])
    assert [to_hex(c[0].get_color()) for c in ax.containers] == [
        to_hex(styles[name].color) for name in ("A", "B")
    ]
    assert {"7", "28"} <= {t.get_text() for t in ax.texts}
    diagonal = next(line for line in ax.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert (ax.get_xlim(), ax.get_ylim()) == ((0.0, 1.0), (0.0, 1.0))
    assert ax.get_title(loc="left") == "Response"
    plt.close("all")


def test_frames_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="predicted"):
        plot_calibration(proportions().drop(columns="predicted"))
    with pytest.raises(SpecError, match="observed"):
        plot_calibration(proportions().assign(observed="many"))
    with pytest.raises(NotEstimableError):
        plot_calibration(proportions().assign(observed=np.nan))
    with pytest.raises(UnknownNameError, match="B"):
        plot_calibration(proportions(), styles=treatment_styles(["A"]))
    ax = plot_calibration(proportions().drop(columns="visit"))
    assert len(ax.containers) == 2
    plt.close("all")
