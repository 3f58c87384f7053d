"""Visits given as text, in any writing: the numbers are those of the same visits as days."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repeated_measures import simulated

from trdstats import MMRM, dropout_events
from trdstats.errors import SpecError
from trdstats.study.visit_order import days_of, order_visits

WEEKS = {14: "2 weeks", 28: "4 weeks", 70: "10 weeks"}
WRITINGS = {
    "days": {14: "14", 28: "28", 70: "70"},
    "words first": {14: "Week 2", 28: "Week 4", 70: "Week 10"},
    "mixed units": {14: "day 14", 28: "W4", 70: "10 wk"},
    "weeks": WEEKS,
}


def three_visits(seed: int = 3) -> pd.DataFrame:
    frame = simulated(n=60, T=3, seed=seed)
    return frame.assign(visit=frame["visit"].map({7: 14, 14: 28, 21: 70}))


def written(frame: pd.DataFrame, names: dict[int, str]) -> pd.DataFrame:
    return frame.assign(visit=frame["visit"].map(names).astype(object))


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("covariance", ["us", "ar1", "toep", "sp_exp"])
def test_text_and_days_give_the_same_numbers(writing: str, covariance: str) -> None:
    frame = three_visits()
    model = MMRM("y ~ base + arm * visit", covariance=covariance, ddf="satterthwaite")
    days, text = model.fit(frame), model.fit(written(frame, WRITINGS[writing]))
    assert text.loglik == pytest.approx(days.loglik, abs=1e-9)
    assert list(text.design.visits) == list(WRITINGS[writing].values())
    of_days, of_text = (fit.margins("arm", by="visit") for fit in (days, text))
    numbers = ["estimate", "std_error", "df"]
    assert of_text.tidy()[numbers].to_numpy() == pytest.approx(of_days.tidy()[numbers].to_numpy())
    area, same = of_days.area(14, 70).tidy(), of_text.area(14, 70).tidy()
    assert same[numbers].to_numpy() == pytest.approx(area[numbers].to_numpy())
    assert f"Order of visits     {', '.join(WRITINGS[writing].values())}" in repr(text)
    assert "Order of visits" not in repr(days)


def test_the_area_by_hand_of_categories_in_any_order() -> None:
    frame = three_visits()
    backwards = frame.assign(visit=pd.Categorical(frame["visit"], categories=[70, 28, 14]))
    model = MMRM("y ~ arm * visit", ddf="satterthwaite")
    means = model.fit(backwards).margins("arm", by="visit")
    own = means.tidy().query("arm == 'A'").set_index("visit")["estimate"]
    hand = 14 * (own[14] + own[28]) / 2 + 42 * (own[28] + own[70]) / 2
    assert means.area(14, 70).tidy()["estimate"].iloc[0] == pytest.approx(hand)


def test_a_text_baseline_is_the_one_constrained() -> None:
    frame = three_visits().rename(columns={"arm": "treatment"})
    start = frame.drop_duplicates("subject").assign(visit=0, y=lambda d: d["base"])
    both = pd.concat([start, frame], ignore_index=True)
    names = {0: "baseline", **WEEKS}
    model = MMRM("y ~ treatment * visit", constrained=True)
    days, text = model.fit(both), model.fit(written(both, names))
    assert text.loglik == pytest.approx(days.loglik, abs=1e-9)
    assert text.design.visits[0] == "baseline"
    assert "treatments have one mean at baseline" in repr(text)


def test_dropout_follows_the_order_of_the_visits() -> None:
    frame = three_visits().rename(columns={"arm": "treatment"})
    days = dropout_events(frame, outcome="y")
    text = dropout_events(written(frame, WEEKS), outcome="y")
    assert text["subject"].tolist() == days["subject"].tolist()
    assert text["visit"].tolist() == days["visit"].map(WEEKS).tolist()


@pytest.mark.parametrize(
    "visits",
    [
        ["end of treatment", "start"],
        ["2024-01-05", "2024-02-03"],
        ["7", "7.0"],
        ["day 28", "week 4"],
        ["visit 1", "week 2"],
        ["V2 week 4", "V3 week 2"],
        [7, "7"],
    ],
)
def test_an_order_that_cannot_be_read_is_refused(visits: list[Any]) -> None:
    frame = pd.DataFrame({"subject": [1, 1, 2, 2], "visit": visits * 2, "y": [1.0, 2, 3, 5]})
    with pytest.raises(
        SpecError, match=r"order of the visits in 'visit' cannot be read.*Give days"
    ):
        MMRM("y ~ visit").fit(frame)


def test_what_needs_days_refuses_visits_that_name_none() -> None:
    frame = written(three_visits(), {14: "V1", 28: "V2", 70: "V10"})
    fit = MMRM("y ~ arm * visit", ddf="satterthwaite").fit(frame)
    assert list(fit.design.visits) == ["V1", "V2", "V10"]
    with pytest.raises(SpecError, match="needs days, and V1, V2, V10 of 'visit' do not name a day"):
        fit.margins("arm", by="visit").area(1, 2)
    with pytest.raises(SpecError, match=r"spatial power covariance needs days.*time='day'"):
        MMRM("y ~ arm * visit", covariance="sp_pow").fit(frame)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-30, 2000), min_size=2, max_size=12, unique=True), st.randoms())
def test_numbers_in_texts_are_put_in_their_order(days: list[int], random: Any) -> None:
    random.shuffle(days)
    for make in (str, "day {}".format, "{} weeks".format, "T{}".format):
        if make(-1) == "T-1":
            days = [abs(d) for d in days]
            if len(set(days)) < len(days):
                continue
        found = order_visits(pd.Series([make(d) for d in days]), "visit")
        assert list(found.levels) == [make(d) for d in sorted(days)]
    size = np.array([7.0 * d for d in days])
    assert days_of([f"{d} weeks" for d in days]) == pytest.approx(size)


def test_categories_numbers_and_dates_keep_their_order() -> None:
    own = pd.Series(pd.Categorical(["late", "early"], categories=["late", "early"]))
    assert list(order_visits(own, "visit").levels) == ["late", "early"]
    assert not order_visits(own, "visit").from_text
    assert list(order_visits(pd.Series([28, 7, 14]), "visit").levels) == [7, 14, 28]
    dates = order_visits(pd.Series(pd.to_datetime(["2026-02-01", "2026-01-25"])), "visit")
    assert dates.days.tolist() == [0, 7]
    assert np.isnan(days_of(["month 2", "visit 3", "end"])).all()
    assert days_of(["baseline", "-7", "Day 3"]).tolist() == [0, -7, 3]
