"""Tipping points: where conclusions change, and that figures show it."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from trials import NAMES

from trdstats import (
    ANCOVA,
    BinaryTippingPoint,
    Delta,
    Imputation,
    Response,
    Study,
    TippingPoint,
    compare_counts,
    plots,
)
from trdstats.errors import DataWarning, NotEstimableError, SpecError, UnknownNameError
from trdstats.imputation import Imputed


@pytest.fixture(scope="module")
def imputed(reference_frame: pd.DataFrame, reference_events: pd.DataFrame) -> Imputed:
    spec = Imputation("chg ~ madrs_bl * day + arm * day")
    return spec.draw(reference_frame, reference_events, **NAMES).impute("MAR")


def p_value(imputed: Imputed, amount: dict[str, float]) -> float:
    analysed = imputed.analyse(ANCOVA("madrs_bl", visits=[28]), delta=Delta(amount))
    return float(analysed.pool().tidy()["p_value"].iloc[-1])


def test_one_arm(imputed: Imputed) -> None:
    """R's p values at deltas of 4 and 8 are 0.0457 and 0.1612: it tips just above 4."""
    found = TippingPoint({"ketamine": [0, 2, 4, 8]}, ANCOVA("madrs_bl")).fit(imputed)
    tip = found.tipping_points()["delta"].item()
    assert 4 < tip < 4.5
    assert p_value(imputed, {"ketamine": tip}) == pytest.approx(0.05, abs=1e-6)
    g = found.glance().iloc[0]
    assert (g["tipping_point"], g["n_deltas"]) == (tip, 4)
    assert found.tidy()["p_value"].round(4).tolist() == [0.0096, 0.0216, 0.0457, 0.1612]
    text = repr(found)
    assert "difference, ketamine v TMS, visit 28: -3.46 (-6.08 to -0.84), p 0.010" in text
    assert "Tipping point: delta under ketamine\n                               4.25" in text
    ax = found.plot()
    lines = [line for line in ax.get_lines() if len(set(line.get_xdata())) == 1]
    assert any(line.get_xdata()[0] == tip for line in lines)
    assert ax.get_ylabel() == "Difference, ketamine v TMS, visit 28"
    plt.close("all")


def test_two_arms(imputed: Imputed) -> None:
    deltas = {"ketamine": [0.0, 4.0, 8.0], "TMS": [-2.0, 0.0, 2.0]}
    found = TippingPoint(deltas, ANCOVA("madrs_bl")).fit(imputed)
    assert len(found.tidy()) == 9
    for r in found.tipping_points().itertuples():
        at = {"ketamine": float(r.delta), "TMS": float(r.delta_other)}
        assert p_value(imputed, at) == pytest.approx(0.05, abs=1e-6)
    # The better the reference's missing values, the sooner it tips.
    assert found.tipping_points().sort_values("delta_other")["delta"].is_monotonic_increasing
    ax = found.plot(title="Tipping")
    assert ax.get_xlabel() == "Delta under ketamine (added to imputed chg)"
    assert ax.get_ylabel() == "Delta under TMS (added to imputed chg)"
    plt.close("all")


def test_conclusion_that_does_not_change(imputed: Imputed) -> None:
    found = TippingPoint({"ketamine": [-1, 0, 1]}, ANCOVA("madrs_bl")).fit(imputed)
    assert not len(found.tipping_points())
    assert "The conclusion does not change within the deltas (ketamine -1 to 1)." in repr(found)
    assert np.isnan(found.glance()["tipping_point"].item())


def test_shifting_the_reference_only(imputed: Imputed) -> None:
    found = TippingPoint({"TMS": [-8, 0]}, ANCOVA("madrs_bl"), accumulate=False).fit(imputed)
    assert found.row["treatment"] == "ketamine"
    assert -8 < found.tipping_points()["delta"].item() < 0


def test_the_estimate_can_be_named(imputed: Imputed) -> None:
    of = {"measure": "difference", "treatment": "ketamine", "visit": 21}
    found = TippingPoint({"ketamine": [0, 30]}, ANCOVA("madrs_bl"), of=of).fit(imputed)
    assert found.row["visit"] == 21
    with pytest.raises(SpecError, match=r"names 3 estimates; it must name one"):
        TippingPoint({"ketamine": [0, 1]}, ANCOVA("madrs_bl"), of={"visit": 21}).fit(imputed)
    with pytest.raises(UnknownNameError, match="Unknown column of the analysis 'day'"):
        TippingPoint({"ketamine": [0, 1]}, ANCOVA("madrs_bl"), of={"day": 21}).fit(imputed)


def test_bad_deltas(imputed: Imputed) -> None:
    with pytest.raises(SpecError, match="deltas must name one arm or two"):
        TippingPoint({})
    with pytest.raises(SpecError, match="two or more increasing numbers"):
        TippingPoint({"ketamine": [1, 0]})
    with pytest.raises(UnknownNameError, match="Unknown arm 'ECT'"):
        TippingPoint({"ECT": [0, 1]}, ANCOVA("madrs_bl")).fit(imputed)


def test_responders_among_the_missing(trial: Study) -> None:
    found = BinaryTippingPoint(Response(), 28, "ketamine", "TMS").fit(trial)
    g, grid = found.glance().iloc[0], found.tidy()
    assert len(grid) == (g["n_missing"] + 1) * (g["n_missing_reference"] + 1)
    cell = grid[(grid["responders"] == 3) & (grid["responders_reference"] == 2)].iloc[0]
    own = compare_counts(
        int(g["responders"]) + 3, 80, int(g["responders_reference"]) + 2, 80
    ).tidy()
    gap = own[own["measure"] == "difference"].iloc[0]
    for column in ("estimate", "p_value", "conf_low", "conf_high"):
        assert cell[column] == pytest.approx(gap[column], rel=1e-12)
    # The more responders are granted to the reference, the more the treatment needs.
    tips = found.tipping_points()
    assert len(tips)
    for r in tips.itertuples():
        line = grid[grid["responders_reference"] == r.responders_reference].set_index("responders")
        before, after = line["p_value"].loc[[r.responders - 1, r.responders]]
        assert (before < 0.05) != (after < 0.05)
    ax = found.plot()
    assert len(ax.collections[0].get_array().ravel()) == len(grid)
    assert f"Responders among the {g['n_missing']} not assessed, ketamine" == ax.get_xlabel()
    assert "Conclusion changes at responders not assessed, ketamine" in repr(found)
    plt.close("all")


def test_bad_binary(trial: Study) -> None:
    with pytest.raises(SpecError, match="method must be one of"):
        BinaryTippingPoint(Response(), 28, method="newcombe")
    with pytest.raises(SpecError, match="treatment and reference are both 'TMS'"):
        BinaryTippingPoint(Response(), 28, "TMS").fit(trial)
    with pytest.raises(UnknownNameError, match="Unknown treatment 'VNS'"):
        BinaryTippingPoint(Response(), 28, "VNS").fit(trial)
    rows = [(s, t, d, v) for s, t in (("a", "X"), ("b", "Y")) for d, v in ((0, 30), (7, 10))]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    whole = Study(frame, scale="MADRS", randomised=True)
    with pytest.raises(NotEstimableError, match="No subject is missing at day 7"):
        BinaryTippingPoint(Response(), 7).fit(whole)


def test_which_arms_are_compared_by_default() -> None:
    """Of arms that are numbers, the one against reference=1 was "1"; one arm ended in an error."""
    rows = [(f"P{k}", 1 + k % 2, d, v) for k in range(8) for d, v in ((0, 30), (7, 10 + 2 * k))]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    frame.loc[(frame["subject"] == "P3") & (frame["day"] == 7), "score"] = np.nan
    coded = Study(frame, scale="MADRS", randomised=True)
    for reference, other in ((1, "2"), (2, "1")):
        found = BinaryTippingPoint(Response(), 7, reference=reference).fit(coded).glance().iloc[0]
        assert (found["treatment"], found["reference"]) == (other, str(reference))
    with pytest.warns(DataWarning, match="nothing can be compared"):
        one = Study(frame.assign(treatment=1), scale="MADRS", randomised=True)
    with pytest.raises(NotEstimableError, match="one treatment, '1': there are no two arms"):
        BinaryTippingPoint(Response(), 7).fit(one)


def test_drawing_functions_refuse_half_a_grid() -> None:
    half = pd.DataFrame({"delta": [0, 1, 0], "delta_other": [0, 0, 1], "p_value": 0.1,
                         "estimate": 1.0})  # fmt: skip
    draw: Any
    for draw in (plots.plot_delta_areas, plots.plot_responder_tiles):
        with pytest.raises(NotEstimableError, match="not a full grid"):
            draw(half)


def test_a_grid_that_steps_over_the_tipping_points_finds_both(imputed: Imputed) -> None:
    # Significant at 0 and, the other way round, at 400: "the conclusion does not change".
    found = TippingPoint({"ketamine": [0, 400]}, ANCOVA("madrs_bl")).fit(imputed)
    fine = TippingPoint({"ketamine": range(0, 401, 20)}, ANCOVA("madrs_bl")).fit(imputed)
    a, b = (f.tipping_points()["delta"].tolist() for f in (found, fine))
    assert len(a) == 2
    np.testing.assert_allclose(a, b, atol=1e-5)
    assert 4 < found.glance()["tipping_point"].item() < 4.5


def test_deltas_beyond_the_tipping_point_say_so(imputed: Imputed) -> None:
    found = TippingPoint({"ketamine": [6, 8]}, ANCOVA("madrs_bl")).fit(imputed)
    assert "Under every delta (ketamine 6 to 8) the conclusion is another one" in repr(found)
    assert "does not change" not in repr(found)


def test_an_arm_without_missing_values_cannot_tip(
    reference_frame: pd.DataFrame, reference_events: pd.DataFrame
) -> None:
    frame = reference_frame.dropna(subset="chg")
    whole = frame.groupby("usubjid")["chg"].transform("size") == frame["day"].nunique()
    draws = Imputation("chg ~ madrs_bl * day + arm * day").draw(frame[whole], **NAMES)
    found = TippingPoint({"ketamine": [0, 8]}, ANCOVA("madrs_bl")).fit(draws.impute("MAR"))
    assert "No delta changes the estimate: no value of ketamine was imputed" in repr(found)


def test_completed_sets_are_asked_for() -> None:
    with pytest.raises(SpecError, match="imputed must be an Imputed; got"):
        TippingPoint({"TMS": [0, 4]}).fit(pd.DataFrame({"score": [1.0]}))  # type: ignore[arg-type]
