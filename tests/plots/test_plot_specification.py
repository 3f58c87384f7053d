import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from trdstats.errors import SpecError, UnknownNameError
from trdstats.plots import plot_specification_curve


def universes(n: int = 6) -> pd.DataFrame:
    estimate = np.array([0.2, 0.1, 0.3, -0.1, np.nan, 0.0])[:n]
    return pd.DataFrame(
        {
            "definition": ["response", "remission"] * (n // 2),
            "missing": ["observed"] * (n // 2) + ["locf"] * (n - n // 2),
            "estimate": estimate,
            "conf_low": estimate - 0.1,
            "conf_high": estimate + 0.1,
            "is_primary": [True] + [False] * (n - 1),
        }
    )


def test_universes_stand_in_order_and_the_primary_one_is_marked():
    ax = plot_specification_curve(universes(), choices=["definition", "missing"])
    dots = [c for c in ax.collections if not hasattr(c, "get_segments")]
    plain, marked = (d.get_offsets() for d in dots)
    assert [list(p) for p in plain] == [[0, -0.1], [1, 0.0], [2, 0.1], [4, 0.3]]
    assert [list(p) for p in marked] == [[3, 0.2]]
    assert to_hex(dots[1].get_facecolor()[0]).upper() == "#D55E00"


def test_choices_stand_in_rows_under_the_curve(texts):
    ax = plot_specification_curve(universes(), choices=["definition", "missing"], ylabel="Gap")
    written = texts(ax.figure)
    assert {"response", "remission", "missing: observed", "missing: locf"} <= set(written)
    assert {"Gap", "Primary", "1 without an estimate"} <= set(written)
    # The primary universe (place 3) is marked once in the row of each of its choices.
    marks = [line for line in ax.lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert [list(line.get_xdata()) for line in marks] == [[3], [3]]


def test_a_choice_with_too_many_levels_is_left_out(texts):
    frame = pd.concat([universes(4)] * 10, ignore_index=True)
    frame["definition"] = [f"rule {i}" for i in range(40)]
    frame["is_primary"] = [True] + [False] * 39
    written = texts(plot_specification_curve(frame, choices=["definition", "missing"]).figure)
    assert "rule 3" not in written
    assert "missing: locf" in written


def test_joint_intervals_are_drawn_where_there_are_any(texts):
    frame = universes().assign(joint_low=-0.5, joint_high=0.5)
    assert "Joint interval" in texts(plot_specification_curve(frame).figure)
    assert "Joint interval" not in texts(plot_specification_curve(universes()).figure)


def test_frames_that_cannot_be_drawn():
    with pytest.raises(SpecError, match="one row must be primary; 0 are"):
        plot_specification_curve(universes().assign(is_primary=False))
    with pytest.raises(UnknownNameError, match="needs the column 'windows'"):
        plot_specification_curve(universes(), choices=["windows"])
