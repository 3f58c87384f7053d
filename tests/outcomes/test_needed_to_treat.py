"""Numbers needed to treat: published ones, both limits, and none where 0 lies between."""

from __future__ import annotations

import numpy as np
import pandas as pd
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


def test_what_has_no_difference_is_refused() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    with pytest.raises(SpecError, match="comes from a difference of proportions"):
        trd.number_needed_to_treat(trd.CoxPH("treatment").fit(onset))
    with pytest.raises(SpecError, match="comes from a difference of proportions"):
        trd.number_needed_to_treat(trd.KaplanMeier().fit(onset))
    with pytest.raises(SpecError, match="per= is for differences of mean days"):
        trd.number_needed_to_treat(trd.compare_counts(10, 40, 5, 40), per=28)
    with pytest.raises(SpecError, match="per must be a positive number"):
        trd.number_needed_to_treat(trd.RMST(28, reference="TMS").fit(onset), per=0)


def test_of_restricted_means() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    found = trd.RMST(28, reference="TMS").fit(onset)
    gaps = found.tidy().query("measure == 'difference'").reset_index(drop=True)
    rows = trd.number_needed_to_treat(found, better="lower").tidy()
    assert rows["days_gained"].to_numpy() == pytest.approx(-gaps["estimate"].to_numpy())
    assert rows["days_low"].to_numpy() == pytest.approx(-gaps["conf_high"].to_numpy())
    assert rows["estimate"].to_numpy() == pytest.approx(28 / -gaps["estimate"].to_numpy())
    assert rows["conf_low"].to_numpy() == pytest.approx(28 / -gaps["conf_low"].to_numpy())
    assert rows["conf_high"].to_numpy() == pytest.approx(28 / -gaps["conf_high"].to_numpy())
    assert (rows["direction"] == "benefit").all()
    week = trd.number_needed_to_treat(found, better="lower", per=7).tidy()
    assert week["estimate"].to_numpy() == pytest.approx(rows["estimate"].to_numpy() / 4)
    assert "days gained a patient" in week["words"][0]
    assert week["words"][0].endswith("for 7 days")


def test_of_standardised_restricted_means() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    found = trd.Standardisation("treatment + age", tau=28, days=[14]).fit(onset)
    gap = found.tidy().query("measure == 'difference' and quantity == 'restricted mean'")
    rows = trd.number_needed_to_treat(found, better="lower").tidy()
    assert rows["days_gained"].to_numpy() == pytest.approx(-gap["estimate"].to_numpy())


def test_of_days_in_response() -> None:
    study = trd.load_sample("trial")
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse())
    found = trd.ResponseState(tau=28, reference="TMS").fit(history)
    rows = trd.number_needed_to_treat(found).tidy().set_index("treatment")
    means = found.estimates().only(quantity="mean days", state="in response")
    gap = means.compare("treatment", reference="TMS").tidy().set_index("treatment")
    for name in ("ECT", "IV ketamine"):
        assert rows.loc[name, "days_gained"] == pytest.approx(gap.loc[name, "estimate"])
        assert rows.loc[name, "conf_low"] == pytest.approx(28 / gap.loc[name, "conf_high"])


def test_days_without_an_interval_where_0_lies_between() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    found = trd.RMST(28, reference="ECT").fit(onset)
    row = trd.number_needed_to_treat(found, better="lower").tidy().query("treatment != 'TMS'")
    assert row[["conf_low", "conf_high"]].isna().all(axis=None)
    assert "to benefit, ∞, " in row["words"].item()


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


def test_differences_of_days_below_1_are_days() -> None:
    times = trd.time_to(trd.load_sample("trial"), trd.Response())
    spec = trd.Standardisation("treatment", tau=7)
    for fitted, per in ((spec.fit(times), 7), (trd.TimeLost(tau=7).fit(times), 7)):
        gaps = fitted.tidy().query("measure == 'difference'")
        rows = trd.number_needed_to_treat(fitted).tidy()
        assert (rows["per"] == per).all()
        assert rows["days_gained"].to_numpy() == pytest.approx(gaps["estimate"].to_numpy())
        assert rows["estimate"].to_numpy() == pytest.approx(per / gaps["estimate"].abs().to_numpy())


def test_all_that_tells_the_comparisons_apart_is_kept() -> None:
    """Two arms against one at four visits, under names of the table."""
    rows = trd.load_sample("trial").longitudinal(days=[7, 14, 21, 28])
    rows = rows.rename(columns={"treatment": "arm"})
    rows["response"] = (2 * (rows["baseline"] - rows["score"]) >= rows["baseline"]) * 1
    fit = trd.GEE("response ~ arm * week").fit(rows.assign(week=rows["visit"]), visit="week")
    gaps = fit.margins("arm", by="week").compare(
        "arm", reference="TMS", measures=("difference", "ratio")
    )
    found = trd.number_needed_to_treat(gaps)
    table = found.tidy()
    assert table.columns[:3].tolist() == ["arm", "reference", "week"]
    assert not table.duplicated(["arm", "week"]).any()
    assert len(table) == 8
    assert "Arm" in repr(found)
    assert "Week" in repr(found)


def test_categories_have_no_number_of_their_own() -> None:
    rows = trd.load_sample("trial").longitudinal(days=[7, 28])
    rows["band"] = pd.cut(rows["score"], [-1, 10, 20, 100], labels=["low", "middle", "high"])
    fit = trd.GEE("band ~ treatment * visit", family="ordinal").fit(rows)
    margins = fit.margins("treatment", by="visit")
    gaps = margins.compare("treatment", reference="TMS", measures=("difference", "ratio"))
    with pytest.raises(SpecError, match="single categories"):
        trd.number_needed_to_treat(gaps)
