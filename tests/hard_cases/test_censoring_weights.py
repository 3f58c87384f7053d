"""Weights for outcomes that were not observed serve the outcome they were made for, no other."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError
from trdstats.estimates.weights import multiply_weights

RESPONSE = trd.Response()


@pytest.fixture(scope="module")
def study() -> trd.Study:
    return trd.load_sample("trial")


@pytest.fixture(scope="module")
def weights(study: trd.Study) -> trd.CensoringWeightsResult:
    return trd.CensoringWeights("baseline", outcome=RESPONSE, day=28).fit(study)


def test_rates_of_the_observed_are_weighted(
    study: trd.Study, weights: trd.CensoringWeightsResult
) -> None:
    found = trd.rates(study, RESPONSE, day=28, missing="observed", weights=weights)
    table = weights.weights.merge(found.outcomes, on="subject")
    own = table[(table["treatment"] == "TMS") & table["met"].notna()]
    expected = np.average(own["met"].astype(float), weights=own["weight"])
    rate = found.tidy().query("measure == 'rate' and treatment == 'TMS'")["estimate"].item()
    assert rate == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("missing", ["nonresponse", "worst", "locf"])
def test_the_not_observed_are_not_counted_twice(
    study: trd.Study, weights: trd.CensoringWeightsResult, missing: str
) -> None:
    text = r"already stand for those without response.*at day 28.*Say missing='observed'"
    with pytest.raises(SpecError, match=text):
        trd.rates(study, RESPONSE, day=28, missing=missing, weights=weights)  # type: ignore[arg-type]
    both = multiply_weights(trd.PropensityWeights("baseline").fit(study), weights)
    with pytest.raises(SpecError, match="already stand for those without"):
        trd.rates(study, RESPONSE, day=28, missing=missing, weights=both)  # type: ignore[arg-type]


def test_a_day_has_its_own_weights(study: trd.Study, weights: trd.CensoringWeightsResult) -> None:
    text = re.escape("without an outcome at day 28; this outcome is of day 56")
    with pytest.raises(SpecError, match=text):
        trd.rates(study, RESPONSE, day=56, missing="observed", weights=weights)
    spec = trd.AIPW("treatment + baseline", "baseline", outcome="change", day=56, reference="TMS")
    with pytest.raises(SpecError, match=text):
        spec.fit(study.only(["TMS", "ECT"]), weights=weights)


def test_another_outcome_has_its_own_weights(
    study: trd.Study, weights: trd.CensoringWeightsResult
) -> None:
    people = study.subjects
    lost = people["subject"].isin(weights.subjects[weights.observed][:7])
    frame = people.assign(y=people["age"].where(~lost).astype(float))
    spec = trd.Standardisation("treatment + baseline", outcome="y")
    with pytest.raises(
        SpecError, match=r"already stand for those without|made for another outcome"
    ):
        spec.fit(frame, weights=weights)
    seen = people["subject"].isin(weights.subjects[weights.observed]) & ~lost
    with pytest.raises(SpecError, match=r"count on 7 subjects with .* made for another outcome"):
        spec.fit(people.assign(y=people["age"].where(seen).astype(float)), weights=weights)


def test_those_at_risk_when_somebody_left_are_alike() -> None:
    # Subjects 0 and 1 are the only ones whose censoring is modelled, and of one age.
    frame = pd.DataFrame(
        {"subject": range(4), "treatment": list("AABB"), "age": [59.0, 59.0, 55.0, 61.0],
         "time": [27, 5, 38, 23], "status": [0, 0, 1, 0]}
    )  # fmt: skip
    with pytest.raises(NotEstimableError, match="effect of age on censoring cannot be estimated"):
        trd.IPCW("age", tau=10).fit(frame)
