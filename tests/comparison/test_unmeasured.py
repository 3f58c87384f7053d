"""E-values, unmeasured confounders and negative controls: relations, refusals, words."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trdstats import (
    CoxPH,
    Effect,
    Response,
    Study,
    e_value,
    negative_control,
    rates,
    read_effect,
    time_to,
    unmeasured_confounder,
)
from trdstats.errors import SpecError
from trdstats.kernels.weighting import bias_analysis as kernel

ratios = st.floats(0.02, 50)


@given(ratios)
def test_turning_the_comparison_round_changes_no_e_value(ratio: float) -> None:
    assert float(kernel.e_value(ratio)) == pytest.approx(float(kernel.e_value(1 / ratio)), rel=1e-9)


@given(ratios)
def test_a_cause_as_strong_as_the_e_value_explains_it_away(ratio: float) -> None:
    """The bound of Ding and VanderWeele: RR_EU RR_UD / (RR_EU + RR_UD - 1) equals the ratio."""
    e = float(kernel.e_value(ratio))
    assert e * e / (2 * e - 1) == pytest.approx(max(ratio, 1 / ratio), rel=1e-9)


@given(st.floats(0.05, 20))
def test_conversion_of_hazard_ratios_turns_with_them(ratio: float) -> None:
    there, back = (float(kernel.from_hazard_ratio(r)) for r in (ratio, 1 / ratio))
    assert there * back == pytest.approx(1.0, rel=1e-12)


def test_an_interval_that_holds_no_effect_has_limit_1() -> None:
    assert e_value(1.4, 0.9, 2.2, measure="risk ratio").limit == 1.0
    assert e_value(0.7, 0.4, 1.2, measure="risk ratio").limit == 1.0
    assert math.isnan(e_value(1.4, measure="risk ratio").limit)


def test_a_protective_ratio_takes_its_upper_limit() -> None:
    low = e_value(0.5, 0.4, 0.8, measure="risk ratio").limit
    assert low == pytest.approx(1.25 + math.sqrt(1.25 * 0.25), rel=1e-12)


def test_rows_of_rates_and_of_cox(trial: Study) -> None:
    table = rates(trial, Response(), day=28, reference="TMS").tidy()
    row = table[(table["measure"] == "ratio") & (table["treatment"] == "ECT")]
    found = e_value(row)
    assert found.measure == "risk ratio"
    assert found.risk_ratio == tuple(row[["estimate", "conf_low", "conf_high"]].iloc[0])
    assert "ECT v TMS" in repr(found)
    cox = CoxPH("treatment").fit(time_to(trial, Response())).tidy().iloc[0]
    hazard = e_value(cox, rare=False)
    assert hazard.seen == (cox["hazard_ratio"], cox["hazard_ratio_low"], cox["hazard_ratio_high"])
    assert hazard.treatment == "ECT"
    with pytest.raises(SpecError, match="rare=True"):
        e_value(cox)
    difference = table[(table["measure"] == "difference") & (table["treatment"] == "ECT")]
    with pytest.raises(SpecError, match="risk difference does not stand for a risk ratio"):
        e_value(difference)
    with pytest.raises(SpecError, match=r"One row is needed; the frame has \d+"):
        e_value(table)


def test_text_of_an_e_value() -> None:
    assert repr(e_value(3.9, 1.8, 8.7, measure="risk ratio")) == (
        "E-value\n\n"
        "Measure      Estimate (95 % CI)        As risk ratio  E-value  Of the limit\n"
        "risk ratio  3.90 (1.80 to 8.70)  3.90 (1.80 to 8.70)     7.26          3.00\n\n"
        "Note: An unmeasured confounder associated with both treatment and outcome by risk ratios "
        "of "
        "7.26 each, beyond the measured covariates, could explain the estimate away; a weaker one "
        "could not. Ratios of 3.00 could move the interval to include no effect."
    )


def test_no_effect_needs_no_cause() -> None:
    text = repr(e_value(Effect("risk ratio", "ECT", "TMS", 1.0, 0.5, 2.0)))
    assert "Note: The estimate is no effect: there is nothing to explain away." in text
    flat = Effect("mean difference", "ECT", "TMS", 0.0, -1.0, 2.0)
    grid = unmeasured_confounder(flat, prevalence_reference=0.2)
    assert grid.effect_of_cause[-1] == 8  # the limit farther from 0 says what a cause may do
    assert set(grid.tidy()["conclusion"]) == {"not shown"}
    grid.plot()


def test_controls_of_different_levels_say_each_level() -> None:
    level = {"accident": 0.9, "baseline": 0.95}
    one = Effect("mean difference", "ECT", "TMS", 1.0, -1.0, 3.0)
    seen = {name: replace(one, conf_level=v) for name, v in level.items()}
    text = repr(negative_control(seen))
    assert "Estimate (CI)" in text
    assert "1.00 (-1.00 to 3.00), 90 % CI" in text
    assert "1.00 (-1.00 to 3.00), 95 % CI" in text


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((2.0,), {}, "Say what 2 is"),
        ((-0.4,), {"measure": "risk ratio"}, "not its logarithm"),
        ((2.0, 3.0, 4.0), {"measure": "risk ratio"}, "do not enclose"),
        ((2.0, 1.0), {"measure": "risk ratio"}, "both confidence limits"),
        ((2.0,), {"measure": "rate ratio"}, "measure must be one of"),
        (("2",), {"measure": "risk ratio"}, "must be a tidy row"),
        (
            (2.0, 1.0, 4.0),
            {"measure": "risk ratio", "conf_level": 95},
            "conf_level must lie",
        ),
    ],
)
def test_e_value_refuses(
    arguments: tuple[object, ...], options: dict[str, object], words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        e_value(*arguments, **options)  # type: ignore[arg-type]


SEEN = Effect("risk ratio", "ECT", "TMS", 1.5, 1.2, 1.875)


def test_a_cause_without_effect_or_without_imbalance_changes_nothing() -> None:
    grid = unmeasured_confounder(
        SEEN, prevalence_reference=0.3, prevalence_treated=[0.3, 0.9], effect_of_cause=[1, 4]
    ).tidy()
    calm = grid[(grid["effect"] == 1) | (grid["prevalence_treated"] == 0.3)]
    assert calm["estimate"].tolist() == pytest.approx([1.5] * 3, rel=1e-12)
    assert set(calm["conclusion"]) == {"holds"}


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.2, 6))
def test_the_corrected_ratio_is_what_the_cause_would_show(p1: float, p0: float, g: float) -> None:
    """A population of the same true risk in both groups shows a ratio of just the bias."""
    risk = 0.1
    shown = (p1 * risk * g + (1 - p1) * risk) / (p0 * risk * g + (1 - p0) * risk)
    assert float(kernel.ratio_bias(p1, p0, g)) == pytest.approx(shown, rel=1e-9)


def test_conclusions_change_on_the_tipping_lines() -> None:
    found = unmeasured_confounder(SEEN, prevalence_reference=0.25)
    grid = found.tidy().merge(
        found.tipping().rename(columns={"prevalence_treated": "gone"}), on="effect"
    )
    tips = grid.dropna(subset=["gone", "prevalence_treated_limit"])
    apart = (tips["prevalence_treated"] - tips["gone"]).abs() > 1e-9
    beyond = tips[apart & (tips["prevalence_treated"] > tips["gone"])]
    assert len(beyond)
    assert set(beyond["conclusion"]) == {"no effect or reversed"}
    short = tips[tips["prevalence_treated"] < tips["prevalence_treated_limit"] - 1e-9]
    assert set(short["conclusion"]) == {"holds"}


def test_a_reversed_comparison_tips_at_the_same_cause() -> None:
    """Swapping the groups swaps the prevalences."""
    there = unmeasured_confounder(SEEN, prevalence_reference=0.25, effect_of_cause=[3.0])
    tip = there.tipping()["prevalence_treated"].item()
    back = unmeasured_confounder(
        SEEN.reversed(), prevalence_reference=tip, effect_of_cause=[3.0]
    ).tipping()
    assert back["prevalence_treated"].item() == pytest.approx(0.25, rel=1e-9)


def test_an_interval_without_a_conclusion_has_none_to_lose() -> None:
    vague = Effect("mean difference", "ECT", "TMS", -1.0, -3.0, 1.0)
    found = unmeasured_confounder(vague, prevalence_reference=0.2)
    assert set(found.tidy()["conclusion"]) == {"not shown"}
    assert found.glance()["holds"].isna().all()
    clear = unmeasured_confounder(SEEN, prevalence_reference=0.25).glance()["holds"].item()
    assert 0.4 < clear < 0.7
    assert found.tipping()["prevalence_treated_limit"].isna().all()
    assert "holds no effect already" in repr(found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prevalence_reference": 1.2}, "shares between 0 and 1"),
        ({"prevalence_reference": 0.2, "prevalence_treated": []}, "at least one of the treated"),
        ({"prevalence_reference": 0.2, "effect_of_cause": [0.0]}, "positive risk ratios"),
    ],
)
def test_unmeasured_confounder_refuses(options: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        unmeasured_confounder(SEEN, **options)  # type: ignore[arg-type]


def test_negative_controls() -> None:
    rows = {
        "baseline score": Effect("mean difference", "ECT", "TMS", 2.1, 0.9, 3.3),
        "height": Effect("mean difference", "ECT", "TMS", 0.1, -0.5, 0.7),
        "income": Effect("mean difference", "ECT", "TMS", 0.4, -2.0, 2.8),
    }
    found = negative_control(rows, tolerance=1.0, caveat="Not randomised")
    assert found.tidy()["verdict"].tolist() == ["bias found", "no bias found", "too vague to tell"]
    text = repr(found)
    assert "separates ECT from TMS" in text
    assert "beyond the tolerated -1 to 1" in text
    assert "Not randomised." in text
    assert found.glance().iloc[0].tolist() == [3, 1, 1, 1]
    assert negative_control(rows).tidy()["verdict"].tolist()[2] == "no bias found"
    ratio = {"fracture": Effect("hazard ratio", "ECT", "TMS", 1.0, 0.85, 1.2)}
    assert negative_control(ratio, tolerance=0.8).tidy()["verdict"].item() == "no bias found"
    assert negative_control(ratio, tolerance=1.1).tidy()["verdict"].item() == "too vague to tell"


def test_negative_control_refuses() -> None:
    with pytest.raises(SpecError, match="at least one"):
        negative_control({})
    with pytest.raises(SpecError, match="must be positive"):
        negative_control({"x": SEEN}, tolerance=0)
    with pytest.raises(SpecError, match="leaves a ratio no room"):
        negative_control({"x": SEEN}, tolerance=1)


def test_effects_check_themselves() -> None:
    with pytest.raises(SpecError, match="not as logarithms"):
        Effect("odds ratio", "A", "B", 2.0, 0.1, 1.3)
    with pytest.raises(SpecError, match="positive number"):
        Effect("odds ratio", "A", "B", -0.2, -0.5, 0.1)
    with pytest.raises(SpecError, match="both confidence limits or a positive std_error"):
        Effect("odds ratio", "A", "B", 2.0)
    with pytest.raises(SpecError, match="is not known from 'rate'"):
        read_effect({"measure": "rate", "estimate": 0.4, "conf_low": 0.3, "conf_high": 0.5})


def test_limits_give_back_the_standard_error() -> None:
    whole = Effect("odds ratio", "A", "B", 2.0, std_error=0.25)
    told = Effect("odds ratio", "A", "B", 2.0, whole.conf_low, whole.conf_high)
    assert told.error == pytest.approx(0.25, rel=1e-12)
    assert whole.reversed().reversed() == whole
    back = whole.reversed()
    assert [back.estimate, back.conf_low * whole.conf_high] == pytest.approx([0.5, 1.0], rel=1e-12)


@pytest.mark.parametrize(
    "result",
    [
        e_value(2.0, 1.5, 3.0, measure="risk ratio"),
        unmeasured_confounder(SEEN, prevalence_reference=0.2),
        negative_control({"x": SEEN}),
    ],
    ids=lambda r: type(r).__name__,
)
def test_results_travel_and_show_html(result: object) -> None:
    again = pickle.loads(pickle.dumps(result))
    assert repr(again) == repr(result)
    assert result._repr_html_().startswith('<div class="trdstats">')  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(again.tidy(), result.tidy())  # type: ignore[attr-defined]


def test_pictures_read_the_frame() -> None:
    found = unmeasured_confounder(SEEN, prevalence_reference=0.25)
    ax = found.plot()
    assert ax.get_xlabel() == "Prevalence under ECT (25 % under TMS)"
    legend = ax.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == [
        "interval includes no effect", "estimate is no effect",
    ]  # fmt: skip
    x = negative_control({"a": SEEN, "b": SEEN}).plot().get_yticklabels()
    assert [t.get_text() for t in x] == ["a", "b"]


def test_the_line_drawn_is_the_tipping_line() -> None:
    found = unmeasured_confounder(SEEN, prevalence_reference=0.25)
    ax = found.plot()
    at_null = [
        path.vertices
        for collection in ax.collections
        if hasattr(collection, "levels") and list(collection.levels) == [1.0]
        for path in collection.get_paths()
        if len(path.vertices)
    ]
    assert len(at_null) == 2
    line = np.asarray(at_null[1])
    tips = found.tipping().dropna(subset=["prevalence_treated"])
    drawn = np.interp(tips["effect"], np.sort(line[:, 1]), line[np.argsort(line[:, 1]), 0])
    # Contours run straight between the cells of the grid, which are 0.025 wide.
    assert np.abs(drawn - tips["prevalence_treated"]).max() < 0.005


def test_risk_differences_are_proportions() -> None:
    # 3.0, a risk ratio, was taken as a difference of 300 points; 5 as five points of a tolerance.
    gap = Effect("risk difference", "ECT", "TMS", 0.4, 0.2, 0.6)
    with pytest.raises(SpecError, match=r"at most 1; got 3\. A risk ratio is none"):
        unmeasured_confounder(gap, prevalence_reference=0.25, effect_of_cause=[0.5, 3.0])
    found = unmeasured_confounder(gap, prevalence_reference=0.25)
    assert max(found.effect_of_cause) == 1.0
    assert len(found.effect_of_cause) == 41
    with pytest.raises(SpecError, match=r"no bias reaches 5\. Say for example 0\.05"):
        negative_control({"a": gap}, tolerance=5)
    points = Effect("mean difference", "ECT", "TMS", 0.4, -0.2, 1.0)
    assert negative_control({"a": points}, tolerance=5).tidy()["verdict"].item() == "no bias found"


def test_one_tolerance_is_of_one_measure() -> None:
    points = Effect("mean difference", "ECT", "TMS", 0.4, -0.2, 1.0)
    with pytest.raises(SpecError, match="cannot stand for mean difference, risk ratio"):
        negative_control({"a": points, "b": SEEN}, tolerance=1.25)
    odds = Effect("odds ratio", "ECT", "TMS", 1.1, 0.9, 1.2)
    assert len(negative_control({"a": odds, "b": SEEN}, tolerance=1.25).tidy()) == 2
    assert len(negative_control({"a": points, "b": SEEN}).tidy()) == 2
