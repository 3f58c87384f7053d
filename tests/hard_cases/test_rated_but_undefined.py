"""Rated, but without a baseline or with one at the floor: that is not "not rated"."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import BinaryTippingPoint, Remission, Response, Study, rates
from trdstats.errors import EstimateWarning
from trdstats.kernels.proportions.two_proportions import risk_difference

# Each arm: 4 responders, 3 others, 2 not rated at day 28, then those the rule has no meaning for.
SCORES = [(30, 10)] * 4 + [(30, 28)] * 3 + [(30, np.nan)] * 2


def study(extra: list[tuple[float, float]]) -> Study:
    rows = []
    for arm, scores in (("ECT", SCORES + extra), ("TMS", SCORES)):
        for i, (before, after) in enumerate(scores):
            rows += [(f"{arm}{i}", arm, 0, before), (f"{arm}{i}", arm, 28, after)]
            rows.append((f"{arm}{i}", arm, 7, 25))
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    return Study(frame, scale="MADRS", windows={7: 0, 28: 0}, randomised=True)


UNDEFINED = [(np.nan, 12), (np.nan, 30), (0, 5)]


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
@pytest.mark.parametrize("missing", ["nonresponse", "observed", "locf", "worst"])
def test_rates_count_the_rated_and_the_judged_apart(missing: str) -> None:
    found = rates(study(UNDEFINED), Response(), day=28, missing=missing)  # type: ignore[arg-type]
    row = found.tidy().iloc[0]
    assert (row["n_randomised"], row["n_rated"], row["n_analysed"]) == (12, 10, 7)
    reasons = found.outcomes.set_index("subject").loc[["ECT9", "ECT10", "ECT11"], "reason"]
    assert reasons.tolist() == ["no baseline", "no baseline", "baseline at floor"]
    shown = repr(found)
    assert "3 subjects rated at the visit cannot be judged by the rule" in shown
    assert "no baseline 2, baseline at floor 1" in shown
    assert found.glance()["n_rated"].item() == 17
    # A rule that needs no baseline judges all who were rated.
    whole = rates(study(UNDEFINED), Remission(10), day=28, missing=missing)  # type: ignore[arg-type]
    assert whole.tidy()["n_analysed"].iloc[0] == 10
    assert "cannot be judged" not in repr(whole)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_an_arm_nobody_of_which_can_be_judged_has_no_rate() -> None:
    visits = pd.DataFrame(
        {"subject": list("AABBCC"), "treatment": ["ECT"] * 2 + ["TMS"] * 4, "day": [0, 28] * 3,
         "score": [30, 10, np.nan, 10, 0, 4]}
    )  # fmt: skip
    with pytest.warns(
        EstimateWarning,
        match=r"assessed at day 28 under TMS can be judged \(no baseline 1, baseline at floor 1\)",
    ):
        found = rates(Study(visits, scale="MADRS", windows={28: 0}), Response(), day=28)
    row = found.tidy().iloc[1]
    assert np.isnan(row["estimate"])
    assert (row["n"], row["n_rated"]) == (0, 2)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_the_tipping_point_moves_only_those_not_rated() -> None:
    found = BinaryTippingPoint(Response(), 28, "ECT", "TMS").fit(study(UNDEFINED))
    g, grid = found.glance().iloc[0], found.tidy()
    assert (g["n"], g["n_missing"], g["n_undefined"]) == (9, 2, 3)
    assert (g["n_reference"], g["n_missing_reference"], g["n_undefined_reference"]) == (9, 2, 0)
    assert len(grid) == 9
    last = risk_difference(6, 9, 4, 9, method="miettinen-nurminen", conf_level=0.95)
    row = grid[(grid["responders"] == 2) & (grid["responders_reference"] == 0)].iloc[0]
    assert row["p_value"] == pytest.approx(last.p_value, rel=1e-12)
    shown = repr(found)
    assert "4 responders of 7 assessed, 2 not assessed" in shown
    assert (
        "3 subjects assessed without a baseline, or with one from which no percentage"
        in shown.replace("\n", " ")
    )
    # Without them the analysis is the same.
    pd.testing.assert_frame_equal(
        grid, BinaryTippingPoint(Response(), 28, "ECT", "TMS").fit(study([])).tidy()
    )
