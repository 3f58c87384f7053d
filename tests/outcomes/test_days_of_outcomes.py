"""The day an outcome is judged at: its own, or one that is given; and why a day has no ratings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError, UnknownNameError

RELAPSE = trd.Relapse(at_least=22, consecutive=2)
LASTING = trd.remission_at(28).without(RELAPSE, until=84)


@pytest.fixture(scope="module")
def trial() -> trd.Study:
    return trd.load_sample("trial")


def test_a_rate_is_judged_at_the_day_that_the_outcome_names(trial: trd.Study) -> None:
    own = trd.rates(trial, trd.response_at(28))
    given = trd.rates(trial, trd.response_at(28), day=28)
    pd.testing.assert_frame_equal(own.tidy(), given.tidy())
    assert own.summary().title == "Response (≥ 50 % fall) at day 28"
    later = trd.rates(trial, trd.response_at(28), day=56)  # what was met at day 28 stays met
    assert later.summary().title == "Response (≥ 50 % fall) at day 28 at day 56"


def test_strata_take_the_day_of_the_outcome(trial: trd.Study) -> None:
    for rule, day in ((trd.response_at(28), 28), (LASTING, 84)):
        own = trd.stratified_rates(trial, rule, strata="sex")
        given = trd.stratified_rates(trial, rule, day=day, strata="sex")
        pd.testing.assert_frame_equal(own.tidy(), given.tidy())
        assert str(own).count(f"day {day}") == str(given).count(f"day {day}")
    assert own.summary().title.startswith("Remission")
    assert "at day 84, stratified" not in own.summary().title


def test_responders_among_the_missing_take_the_day_of_the_outcome(trial: trd.Study) -> None:
    own = trd.BinaryTippingPoint(trd.response_at(28), treatment="ECT").fit(trial)
    given = trd.BinaryTippingPoint(trd.response_at(28), 28, "ECT").fit(trial)
    pd.testing.assert_frame_equal(own.tidy(), given.tidy())
    assert own.spec == given.spec
    lasting = trd.BinaryTippingPoint(LASTING, treatment="ECT")
    assert lasting.day == 84
    assert len(lasting.fit(trial).tidy())


def test_rates_of_completed_sets_take_the_day_of_the_outcome() -> None:
    assert trd.ResponderRates(trd.response_at(28)) == trd.ResponderRates(trd.response_at(28), 28)
    assert trd.ResponderRates(trd.Response(), 28).describe().startswith("rates at day 28: ")
    own = trd.ResponderRates(LASTING)
    assert own.day == 84
    assert own.describe().startswith("rates: ")


@pytest.mark.parametrize(
    "make",
    [
        lambda study, rule, day: trd.rates(study, rule, day=day),
        lambda study, rule, day: trd.stratified_rates(study, rule, day=day, strata="sex"),
        lambda study, rule, day: trd.BinaryTippingPoint(rule, day),
        lambda study, rule, day: trd.ResponderRates(rule, day),
    ],
)
def test_a_day_is_asked_for_in_the_same_words_everywhere(trial: trd.Study, make: Any) -> None:
    with pytest.raises(SpecError, match=r"^response \(≥ 50 % fall\) needs a day, for example day="):
        make(trial, trd.Response(), None)
    with pytest.raises(SpecError, match=r"speaks of day 84 alone: leave day=28 out\.$"):
        make(trial, LASTING, 28)


def study(**options: Any) -> trd.Study:
    """Return six subjects rated at days 7 and 14; at day 28 there is a visit without a score."""
    rows = [
        {"subject": f"P{k}", "treatment": "AB"[k % 2], "day": d, "score": s}
        for k in range(6)
        for d, s in ((0, 30), (7, 20), (14, 12), (28, np.nan))
    ]
    return trd.Study(pd.DataFrame(rows), scale="MADRS", randomised=True, **options)


def test_a_day_without_ratings_is_told_from_a_day_without_a_visit() -> None:
    windowed = study(windows={7: 2, 14: 3, 28: 3, 42: 3})
    response = trd.Response()
    for day in (28, 42):
        words = rf"^No rating falls in the window of day {day}\.$"
        with pytest.raises(UnknownNameError, match=words):
            trd.rates(windowed, response, day=day)
        with pytest.raises(UnknownNameError, match=rf"No rating falls in the window of day {day}"):
            trd.participant_flow(windowed, day=day)
    with pytest.raises(UnknownNameError, match=r"^No rating falls in the window of day 42\.$"):
        trd.rates(windowed, trd.remission_at(14).without(RELAPSE, until=42))
    with pytest.raises(UnknownNameError, match=r"^No rating falls in the window of day 42\.$"):
        windowed.longitudinal([42])
    with pytest.raises(UnknownNameError, match=r"^No visit is scheduled at day 35\. Nearest: 7, 1"):
        trd.rates(windowed, response, day=35)
    free = study()
    with pytest.raises(UnknownNameError, match=r"^No visit at day 28 has a score\.$"):
        trd.rates(free, response, day=28)
    with pytest.raises(UnknownNameError, match=r"Nearest: 7, 14\. Without visit windows every day"):
        trd.rates(free, response, day=27)


def test_those_rated_are_rated_on_the_day_itself(trial: trd.Study) -> None:
    plain = trd.rates(trial, trd.Response(), day=28).counts
    for named in (trd.rates(trial, trd.response_at(28)), trd.rates(trial, trd.response_at(28),
                                                                   day=56)):  # fmt: skip
        for column in ("events", "n", "n_rated", "n_analysed"):
            assert named.counts[column].tolist() == plain[column].tolist()


def test_nothing_is_carried_forward_to_a_day_that_is_named(trial: trd.Study) -> None:
    with pytest.raises(SpecError, match="nothing is carried forward"):
        trd.rates(trial, trd.response_at(28), missing="locf")
