"""Outcomes that do not vary, or that the formula determines: refused in words, without warnings.

Warnings are errors here, so that a division by a variance of 0 fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import GEE, GLMM, LMM, MMRM
from trdstats.errors import NotEstimableError

FIXED = "y ~ base + arm * visit"


def frame(outcome: str) -> pd.DataFrame:
    """Forty subjects at three visits, or at one visit each."""
    subject, visit = (a.ravel() for a in np.meshgrid(np.arange(40), [1, 2, 3], indexing="ij"))
    table = pd.DataFrame(
        {"subject": subject, "visit": visit, "day": 7.0 * visit,
         "arm": np.where(subject % 2, "A", "B"), "base": 20.0 + subject * 7 % 16}
    )  # fmt: skip
    in_a = (table["arm"] == "A").to_numpy()
    if outcome == "once":
        table = table[visit == 1 + subject % 3].reset_index(drop=True)
        return table.assign(y=np.random.default_rng(0).normal(20, 4, len(table)))
    y = {
        "constant": np.full(len(table), 15.0),
        "treatment": 10.0 + 5 * in_a,
        "treatment and visit": 30.0 - 5 * visit - visit * in_a,
        "baseline": table["base"] - 10.0,
    }[outcome]
    return table.assign(y=y)


GAUSSIAN: dict[str, Callable[[pd.DataFrame], Any]] = {
    **{
        c: lambda f, c=c: MMRM(FIXED, covariance=c).fit(f)
        for c in ("us", "cs", "ar1", "toeph", "ind")
    },
    "empirical": lambda f: MMRM(FIXED, covariance="ar1", vcov="empirical", ddf="satterthwaite").fit(
        f
    ),
    "by days": lambda f: MMRM(FIXED, covariance="sp_exp", time="day").fit(f),
    "intercept": lambda f: LMM("y ~ base + arm * C(visit)", random="1").fit(f),
    "slope": lambda f: LMM("y ~ base + arm * C(visit)", random="1 + day").fit(f),
    "equations": lambda f: GEE(FIXED, family="gaussian").fit(f),
    "independent": lambda f: GEE(FIXED, family="gaussian", corr="independence").fit(f),
}


@pytest.mark.parametrize("model", GAUSSIAN)
def test_a_constant_outcome_is_named(model: str) -> None:
    with pytest.raises(NotEstimableError, match=r"'y' is 15 in all 120 ratings: there is nothing"):
        GAUSSIAN[model](frame("constant"))


@pytest.mark.parametrize("model", GAUSSIAN)
@pytest.mark.parametrize("outcome", ["treatment", "treatment and visit", "baseline"])
def test_an_outcome_that_the_formula_determines_is_named(model: str, outcome: str) -> None:
    with pytest.raises(NotEstimableError, match="formula fits every value of 'y' exactly"):
        GAUSSIAN[model](frame(outcome))


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_little_variation_is_enough(size: float) -> None:
    table = frame("treatment and visit")
    noise = np.random.default_rng(1).normal(0, 1e-3, len(table))
    base, other = table.assign(y=table["y"] + noise), table.assign(y=(table["y"] + noise) * size)
    for model in ("cs", "intercept", "equations"):
        a, b = (GAUSSIAN[model](t).tidy()["std_error"] for t in (base, other))
        np.testing.assert_allclose(b / size, a, rtol=1e-5)


@pytest.mark.parametrize("covariance", ["us", "cs", "ar1", "toeph", "adh"])
def test_one_visit_a_subject_tells_nothing_of_correlations(covariance: str) -> None:
    with pytest.raises(NotEstimableError, match=r"No subject was assessed at two visits.*'ind'"):
        MMRM(FIXED, covariance=covariance).fit(frame("once"))
    assert MMRM(FIXED, covariance="ind").fit(frame("once")).tidy()["std_error"].notna().all()


def test_one_visit_a_subject_in_other_models() -> None:
    with pytest.raises(NotEstimableError, match="has one rating"):
        LMM("y ~ base + arm", random="1").fit(frame("once"))
    low = frame("once").assign(y=lambda f: (f["y"] < 20).astype(int))
    with pytest.raises(NotEstimableError, match="Every subject has one rating"):
        GLMM("y ~ base + arm").fit(low)
    assert GEE("y ~ base + arm").fit(low).tidy()["std_error"].notna().all()


@pytest.mark.parametrize("family", ["binomial", "poisson"])
@pytest.mark.parametrize("value", [0, 1])
def test_events_that_all_or_none_had(family: Any, value: int) -> None:
    table = frame("constant").assign(y=value)
    for spec in (GEE("y ~ base + arm", family=family), GLMM("y ~ base + arm", family=family)):
        with pytest.raises(NotEstimableError, match=r"'y' is .* in all 120 ratings: there is"):
            spec.fit(table)
