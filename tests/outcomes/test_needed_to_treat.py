"""Numbers needed to treat: published ones, both limits, and none where 0 lies between."""

from __future__ import annotations

import numpy as np
import pytest

import trdstats as trd
from trdstats.errors import SpecError


def test_published_numbers() -> None:
    """SUSTAIN-1 (Daly et al. 2019): 6 among stable remitters, 4 among stable responders."""
    remitters = trd.number_needed_to_treat(trd.compare_counts(24, 90, 39, 86), better="lower")
    responders = trd.number_needed_to_treat(trd.compare_counts(16, 62, 34, 59), better="lower")
    assert remitters.tidy()["rounded_up"].item() == 6
    assert responders.tidy()["rounded_up"].item() == 4
    assert remitters.tidy()["direction"].item() == "benefit"


def test_limits_are_those_of_the_difference_turned_over() -> None:
    counts = trd.compare_counts(30, 50, 15, 50)
    gap = counts.tidy().iloc[0]
    row = trd.number_needed_to_treat(counts).tidy().iloc[0]
    assert row["estimate"] == pytest.approx(1 / gap["estimate"])
    assert row["conf_low"] == pytest.approx(1 / gap["conf_high"])
    assert row["conf_high"] == pytest.approx(1 / gap["conf_low"])
    turned = trd.number_needed_to_treat(counts, better="lower").tidy().iloc[0]
    assert turned["direction"] == "harm"
    assert turned["estimate"] == row["estimate"]


def test_no_interval_where_0_lies_between() -> None:
    """As in Altman's example: 10 to benefit (4 to benefit, through infinity, 20 to harm)."""
    found = trd.number_needed_to_treat(trd.compare_counts(20, 40, 16, 40))
    row, gap = found.tidy().iloc[0], trd.compare_counts(20, 40, 16, 40).tidy().iloc[0]
    assert np.isnan([row["conf_low"], row["conf_high"]]).all()
    benefit, harm = 1 / gap["conf_high"], -1 / gap["conf_low"]
    assert row["words"] == f"10.0 to benefit ({benefit:.1f} to benefit, ∞, {harm:.1f} to harm)"
    assert row["words"] in repr(found)


def test_equal_rates_need_nobody() -> None:
    row = trd.number_needed_to_treat(trd.compare_counts(10, 40, 10, 40)).tidy().iloc[0]
    assert np.isinf(row["estimate"])
    assert row["words"].startswith("none: no difference")


def test_of_rates_of_a_study() -> None:
    rates = trd.rates(trd.load_sample("trial"), trd.Response(), day=28, reference="TMS")
    table = trd.number_needed_to_treat(rates).tidy()
    assert table[["treatment", "reference"]].to_numpy().tolist() == [
        ["ECT", "TMS"], ["IV ketamine", "TMS"]
    ]  # fmt: skip
    gaps = rates.tidy().query("measure == 'difference'")["estimate"]
    np.testing.assert_allclose(table["estimate"], 1 / np.abs(gaps))


def test_what_has_no_difference_of_proportions_is_refused() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    with pytest.raises(SpecError, match="comes from a difference of proportions"):
        trd.number_needed_to_treat(trd.RMST(28, reference="TMS").fit(onset))


def test_points_of_a_scale_are_no_proportions() -> None:
    study = trd.load_sample("trial")
    change = trd.Standardisation("treatment", outcome="change", day=28).fit(study)
    with pytest.raises(SpecError, match="comes from a difference of proportions"):
        trd.number_needed_to_treat(change)


def test_what_is_not_estimable_has_no_direction() -> None:
    with pytest.warns(trd.errors.EstimateWarning):
        rates = trd.rates(trd.load_sample("modalities"), trd.Response(), day=28, reference="TMS")
    row = trd.number_needed_to_treat(rates).tidy().query("treatment == 'VNS'").iloc[0]
    assert (row["direction"], row["words"]) == ("", "–")
    assert trd.number_needed_to_treat(rates).tidy()["rounded_up"].dtype == "Int64"
