"""Proportional odds: R ordinal::clm, statsmodels, relations, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.miscmodels.ordinal_model import OrderedModel

import trdstats as trd
from trdstats.errors import DataError, NotEstimableError, SpecError

VALUES = Path(__file__).parents[1] / "reference" / "endpoint" / "values.json"
BANDS = ["none", "mild", "moderate", "severe"]


@pytest.fixture(scope="module")
def by_r() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VALUES.read_text("utf-8"))["one_visit"]
    return found


@pytest.fixture(scope="module")
def bands(trial_tables: Any) -> pd.DataFrame:
    """Return band, treatment and baseline of those rated at day 28, as the R script has them."""
    subjects, visits, _ = trial_tables
    rows = visits[visits["day"] == 28].merge(subjects, on="usubjid").dropna(subset=["madrs"])
    band = pd.cut(rows["madrs"], [-1, 6, 19, 34, 60], labels=BANDS)
    columns = {"subject": rows["usubjid"], "treatment": rows["arm"], "baseline": rows["madrs_bl"]}
    return pd.DataFrame({**columns, "band": band}).reset_index(drop=True)


def test_against_r(bands: pd.DataFrame, by_r: dict[str, Any]) -> None:
    found = trd.ProportionalOdds("band ~ treatment + baseline", limits="wald").fit(bands)
    want = {row["term"]: row for row in by_r["coef"]}
    rows = found.tidy()
    effects = ["armECT", "armketamine", "madrs_bl"]
    assert np.log(rows["estimate"].to_numpy()) == pytest.approx(
        [want[t]["estimate"] for t in effects], abs=1e-8
    )
    assert rows["std_error"].to_numpy() == pytest.approx([want[t]["se"] for t in effects], rel=1e-8)
    cuts = [want[t] for t in ("none|mild", "mild|moderate", "moderate|severe")]
    own = found.cuts()
    assert own["estimate"].to_numpy() == pytest.approx([c["estimate"] for c in cuts], abs=1e-8)
    assert own["std_error"].to_numpy() == pytest.approx([c["se"] for c in cuts], rel=1e-8)
    assert found.glance()["loglik"][0] == pytest.approx(by_r["loglik"], abs=1e-8)


def test_proportional_odds_against_r(bands: pd.DataFrame, by_r: dict[str, Any]) -> None:
    found = trd.ProportionalOdds("band ~ treatment + baseline").fit(bands)
    own = found.test_proportional_odds().set_index("term")
    for term, name in (("treatment", "arm"), ("baseline", "madrs_bl")):
        want = next(r for r in by_r["nominal_test"] if r["_row"] == name)
        assert own.loc[term, "df"] == want["Df"]
        assert own.loc[term, "statistic"] == pytest.approx(want["LRT"], abs=1e-8)
        assert own.loc[term, "p_value"] == pytest.approx(want["Pr(>Chi)"], abs=1e-8)


def test_bands_of_a_study_are_the_same(trial: trd.Study, bands: pd.DataFrame) -> None:
    own = trd.ProportionalOdds("treatment + baseline", outcome="severity", day=28).fit(trial)
    other = trd.ProportionalOdds("band ~ treatment + baseline").fit(bands)
    assert own.categories == other.categories
    assert own.tidy()["estimate"].to_numpy() == pytest.approx(other.tidy()["estimate"].to_numpy())


def test_against_statsmodels(bands: pd.DataFrame) -> None:
    found = trd.ProportionalOdds("band ~ treatment + baseline", limits="wald").fit(bands)
    X = np.column_stack([bands["treatment"] == "ECT", bands["treatment"] == "ketamine",
                         bands["baseline"]]).astype(float)  # fmt: skip
    model = OrderedModel(bands["band"].cat.codes.to_numpy(), X, distr="logit")
    other = model.fit(method="newton", disp=0)
    assert np.log(found.tidy()["estimate"].to_numpy()) == pytest.approx(other.params[:3], abs=1e-5)
    # Its standard errors come from a numeric Hessian.
    assert found.tidy()["std_error"].to_numpy() == pytest.approx(other.bse[:3], rel=1e-3)


def test_two_categories_are_a_logistic_regression(bands: pd.DataFrame) -> None:
    bands = bands.assign(bad=(bands["band"] >= "moderate").astype(int))
    one = trd.ProportionalOdds("bad ~ treatment + baseline").fit(bands)
    two = trd.Logistic("bad ~ treatment + baseline").fit(bands)
    for column in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
        a, b = one.tidy()[column].to_numpy(), two.tidy()[column].to_numpy()
        assert a == pytest.approx(b, rel=1e-5)
    with pytest.raises(NotEstimableError, match="one cut"):
        one.test_proportional_odds()


def test_reversed_categories_turn_odds_ratios_round(bands: pd.DataFrame) -> None:
    order = pd.Categorical(bands["band"].astype(str), categories=BANDS[::-1], ordered=True)
    one = trd.ProportionalOdds("band ~ treatment + baseline").fit(bands).tidy()
    two = trd.ProportionalOdds("band ~ treatment + baseline").fit(bands.assign(band=order)).tidy()
    assert one["estimate"].to_numpy() == pytest.approx(1 / two["estimate"].to_numpy(), rel=1e-8)
    assert one["conf_low"].to_numpy() == pytest.approx(1 / two["conf_high"].to_numpy(), rel=1e-6)


def test_margins_add_up_and_without_covariates_are_close_to_shares(bands: pd.DataFrame) -> None:
    found = trd.ProportionalOdds("band ~ treatment + baseline").fit(bands).margins().tidy()
    own = found[found["measure"] == "probability"]
    assert own.groupby("treatment")["estimate"].sum().to_numpy() == pytest.approx(np.ones(3))
    gaps = found[found["measure"] == "difference"]
    assert gaps.groupby("treatment")["estimate"].sum().to_numpy() == pytest.approx(
        np.zeros(2), abs=1e-12
    )
    # Two categories: the model is saturated, so the probabilities are the shares.
    two = bands.assign(bad=(bands["band"] >= "moderate").astype(int))
    rows = trd.ProportionalOdds("bad ~ treatment").fit(two).margins().tidy()
    rows = rows[(rows["measure"] == "probability") & (rows["category"] == "1")]
    want = two.groupby("treatment", observed=True)["bad"].mean()
    assert rows.set_index("treatment")["estimate"].to_numpy() == pytest.approx(want.to_numpy())
    error = np.sqrt(want * (1 - want) / two.groupby("treatment", observed=True).size())
    assert rows["std_error"].to_numpy() == pytest.approx(error.to_numpy(), rel=1e-6)


def test_weights_are_not_counts(bands: pd.DataFrame) -> None:
    data = bands.assign(w=1.0, v=9.0)
    spec = trd.ProportionalOdds("band ~ treatment + baseline")
    one, two = (spec.fit(data, weights=w).tidy() for w in ("w", "v"))
    assert one["conf_low"].to_numpy() == pytest.approx(two["conf_low"].to_numpy(), rel=1e-9)
    with pytest.raises(NotEstimableError, match="weighted likelihood"):
        spec.fit(data, weights="w").test_proportional_odds()


def test_texts_have_no_order(bands: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"texts, whose order is not known[\s\S]*ordered=True"):
        trd.ProportionalOdds("band ~ treatment").fit(bands.assign(band=bands["band"].astype(str)))


def test_an_empty_category_is_named(bands: pd.DataFrame) -> None:
    order = pd.Categorical(bands["band"].astype(str), categories=[*BANDS, "very severe"],
                           ordered=True)  # fmt: skip
    found = trd.ProportionalOdds("band ~ treatment").fit(bands.assign(band=order))
    assert found.categories == tuple(BANDS)
    assert "No subject in 1 category: very severe." in repr(found)


def test_what_is_refused(bands: pd.DataFrame, trial: trd.Study) -> None:
    spec = trd.ProportionalOdds("band ~ treatment")
    with pytest.raises(NotEstimableError, match="Every subject has 'mild'"):
        spec.fit(bands[bands["band"] == "mild"])
    split = bands["band"].cat.codes * 10.0
    with pytest.raises(NotEstimableError, match="separates the categories"):
        trd.ProportionalOdds("band ~ x", by=None).fit(bands.assign(x=split))
    with pytest.raises(SpecError, match="use Logistic"):
        trd.ProportionalOdds("treatment", outcome=trd.Response(), day=28)
    with pytest.raises(SpecError, match="needs a scheduled day"):
        trd.ProportionalOdds("treatment", outcome="severity").fit(trial)
    with pytest.raises(SpecError, match="needs a Study"):
        trd.ProportionalOdds("treatment", outcome="severity", day=28).fit(bands)
    with pytest.raises(NotEstimableError, match="too many for categories"):
        trd.ProportionalOdds("x ~ treatment").fit(bands.assign(x=np.arange(len(bands)) * 1.0))


@pytest.mark.parametrize("end", ["none", "severe"])
def test_an_arm_at_one_end_has_no_odds_ratio(end: str) -> None:
    rng = np.random.default_rng(1)
    arm = np.resize(["a", "b"], 60)
    band = np.where(arm == "b", end, rng.choice(BANDS, 60))
    data = pd.DataFrame({"subject": range(60), "treatment": arm,
                         "band": pd.Categorical(band, BANDS, ordered=True)})  # fmt: skip
    with pytest.raises(NotEstimableError, match=r"treatment\[T.b\] separates the categories"):
        trd.ProportionalOdds("band ~ treatment").fit(data)


def test_complex_numbers_have_no_order() -> None:
    data = pd.DataFrame({"subject": range(6), "treatment": ["a", "b"] * 3,
                         "z": np.arange(6) + 1j})  # fmt: skip
    with pytest.raises(DataError, match="'z' holds complex numbers"):
        trd.ProportionalOdds("z ~ treatment").fit(data)


def test_wine_against_r_ordinal() -> None:
    """R ordinal::clm(rating ~ temp + contact, data = wine), as printed in its manual.

    The 72 ratings of Randall 1989 by temperature and contact: counts of the ratings 1 to 5.
    """
    counts = {
        ("cold", "no"): [4, 9, 5, 0, 0], ("cold", "yes"): [1, 7, 8, 2, 0],
        ("warm", "no"): [0, 5, 8, 3, 2], ("warm", "yes"): [0, 1, 5, 7, 5],
    }  # fmt: skip
    rows = [
        (temp, contact, rating)
        for (temp, contact), by_rating in counts.items()
        for rating, n in enumerate(by_rating, start=1)
        for _ in range(n)
    ]
    wine = pd.DataFrame(rows, columns=["temp", "contact", "rating"])
    wine.insert(0, "subject", range(len(wine)))
    found = trd.ProportionalOdds("rating ~ temp + contact", by=None, limits="wald").fit(wine)
    own = found.tidy()
    assert np.log(own["estimate"].to_numpy()) == pytest.approx(
        [2.503102007899, 1.527797658095], abs=1e-8
    )
    assert own["std_error"].to_numpy() == pytest.approx([0.5286801008248, 0.4766226296483], 1e-7)
    cuts = found.cuts()
    assert cuts["estimate"].to_numpy() == pytest.approx(
        [-1.344383411265, 1.250808798417, 3.466886926474, 5.00640420427], abs=1e-7
    )
    assert cuts["std_error"].to_numpy() == pytest.approx(
        [0.5171020453243, 0.4378802029616, 0.5977604246084, 0.730906343667], rel=1e-7
    )
    assert found.glance()["loglik"].item() == pytest.approx(-86.491923365649, abs=1e-9)
