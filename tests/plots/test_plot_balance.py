"""Balance before and after weighting, and scores or weights by treatment, as they are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from trdstats.errors import NotEstimableError, UnknownNameError
from trdstats.plots import plot_balance, plot_by_treatment, treatment_styles


def balance() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "term": ["age", "msm", "age", "msm"],
            "smd_before": [0.1, -0.5, -0.3, 0.2],
            "smd_after": [0.02, 0.04, 0.01, -0.2],
        }
    )


def spread(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"treatment": np.repeat(names, 10), "value": np.tile(np.arange(10.0), len(names))}
    )


def test_the_largest_difference_of_a_term_is_drawn_and_the_worst_term_first():
    ax = plot_balance(balance())
    assert [t.get_text() for t in ax.get_yticklabels()] == ["msm", "age"]
    before, after = (line for line in ax.lines if line.get_marker() in ("o", "D"))
    np.testing.assert_allclose(before.get_xdata(), [0.5, 0.3])
    np.testing.assert_allclose(after.get_xdata(), [0.2, 0.02])
    dashed = [
        line
        for line in ax.lines
        if len(set(line.get_xdata())) == 1 and line.get_linestyle() == "--"
    ]
    assert [line.get_xdata()[0] for line in dashed] == [0.1]
    assert ax.get_xlim()[0] == 0


def test_labels_of_a_narrow_figure_are_broken():
    _, ax = plt.subplots(figsize=(3.5, 3), layout="constrained")
    plot_balance(
        balance(), ax=ax, xlabel="Absolute standardised mean difference, largest of all pairs"
    )
    assert "\n" in ax.get_xlabel()
    assert plot_balance(balance()).get_xlabel() == "Absolute standardised mean difference"


def test_two_treatments_lie_over_each_other():
    ax = plot_by_treatment(spread(["ECT", "TMS"]), bins=5, xlabel="Score")
    outlines = [p for p in ax.patches if not p.get_fill()]
    assert [np.round(p.get_data().values, 6).tolist() for p in outlines] == [[20.0] * 5] * 2
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["ECT", "TMS"]
    assert ax.get_ylabel() == "Subjects (%)"


def test_more_treatments_stand_in_rows_of_their_colours():
    names = ["ECT", "TMS", "VNS"]
    frame = pd.concat(
        [spread(names), pd.DataFrame({"treatment": ["VNS"] * 10, "value": [0.0] * 10})]
    )
    ax = plot_by_treatment(frame, bins=5, xlabel="Weight")
    assert [t.get_text() for t in ax.get_yticklabels()] == names
    assert ax.get_yticks().tolist() == [0, -1, -2]
    outlines = [p for p in ax.patches if not p.get_fill()]
    styles = treatment_styles(names)
    assert [to_hex(p.get_edgecolor()).upper() for p in outlines] == [styles[n].color for n in names]
    # 12 of 20 subjects of VNS in its first bar, the tallest; 2 of 10 in those of the others.
    heights = [data[0][0] - data.baseline for data in (p.get_data() for p in outlines)]
    np.testing.assert_allclose(heights, [0.85 / 3, 0.85 / 3, 0.85])
    assert ax.get_ylabel() == "Subjects (tallest 60%)"


def test_frames_that_cannot_be_drawn():
    with pytest.raises(UnknownNameError, match="smd_after"):
        plot_balance(balance().drop(columns="smd_after"))
    with pytest.raises(NotEstimableError, match="no finite value"):
        plot_by_treatment(spread(["ECT"]).assign(value=np.nan))
