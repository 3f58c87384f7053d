"""A covariate in other units, or counted from far away: nothing changes but its own coefficient.

Dates as the numbers of a spreadsheet lie at 4e4, seconds since 1970 at 2e9, platelets at 2e5.
Degrees of freedom of an MMRM, ratios of restricted means, accelerated failure times and others were
those of rounding there, or a maximum was denied that was in the data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd

RESPONSE = {"outcome": trd.Response(), "day": 28}


@cache
def _study(size: float = 1.0, origin: float = 0.0) -> trd.Study:
    """Return a third of the trial, its ages in another unit from another origin."""
    whole = trd.load_sample("trial")
    part = whole.keep(whole.subjects["subject"].tolist()[::2])
    age = part.subjects["age"] * size + origin
    subjects = part.subjects.drop(columns=["baseline", "treated"]).assign(age=age)
    visits = part.visits[["subject", "day", "score"]]
    windows = {7: 3, 14: 3, 21: 3, 28: 3}
    return trd.Study(visits, subjects, scale="MADRS", windows=windows, randomised=True)


def _onset(study: trd.Study) -> trd.EventTimes:
    return trd.time_to(study, trd.Response())


def _durability(study: trd.Study) -> trd.EventTimes:
    return trd.time_to(study, trd.Relapse(at_least=22), since=trd.Response())


def _aft(distribution: Any) -> Callable[[trd.Study], Any]:
    return lambda s: trd.AFT("treatment + age", distribution=distribution).fit(_onset(s))


def _completed(study: trd.Study) -> Any:
    spec = trd.Imputation("change ~ age + treatment * visit", method=trd.ConditionalMean())
    sets = spec.draw(study, None, days=[7, 28]).impute(trd.MAR())
    return sets.analyse(trd.ANCOVA("age")).pool()


class _Rows:
    """A table of tests as a result."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    def tidy(self) -> pd.DataFrame:
        return self.table


FITS: dict[str, Callable[[trd.Study], Any]] = {
    "restricted mean": lambda s: trd.RMST(tau=28, covariates="age").fit(_onset(s)),
    "Weibull": _aft("weibull"),
    "log-logistic": _aft("log-logistic"),
    "generalised gamma": _aft("generalised gamma"),
    "medians": lambda s: _aft("log-normal")(s).marginal(days=[14]),
    "of unknown start": lambda s: trd.AFT("treatment + age").fit(
        trd.DoublyCensored(_durability(s))
    ),
    "in pieces": lambda s: trd.DurationPH("treatment + age").fit(
        trd.DoublyCensored(_durability(s))
    ),
    "cure": lambda s: trd.MixtureCure("treatment", "age", "weibull").fit(_onset(s)),
    "states": lambda s: trd.RecurrentResponse("treatment + age").fit(s, trd.Response()),
    "left out": lambda s: trd.CoxPH("treatment + age", robust=True).fit(_onset(s)),
    "MMRM": lambda s: trd.MMRM("change ~ age + treatment * visit").fit(s),
    "margins": lambda s: (
        trd.MMRM("change ~ age + treatment * visit").fit(s).margins("treatment", by="visit")
    ),
    "margins by visit": lambda s: (
        trd.MMRM("change ~ 0 + visit + age:visit + treatment:visit", covariance="toeph")
        .fit(s).margins("treatment", by="visit")
    ),
    "type III": lambda s: _Rows(trd.MMRM("change ~ age + treatment * visit").fit(s).type3()),
    "standardised": lambda s: trd.Standardisation("treatment + age", **RESPONSE).fit(s),
    "doubly robust": lambda s: trd.AIPW(
        "treatment + age", "age + sex", variance="stacked", **RESPONSE
    ).fit(s),
    "factorial": lambda s: trd.Factorial(
        "treatment", "sex", covariates="age", **RESPONSE
    ).fit(s.only(["ECT", "TMS"])),
    "observed": lambda s: trd.CensoringWeights("age", by=None, **RESPONSE).fit(s),
    "stays": lambda s: trd.DropoutWeights("previous + age").fit(s, days=[7, 14, 28]),
    "carried forward": lambda s: trd.single_imputation_analyses(s, day=28, covariates="age"),
    "completed": _completed,
}  # fmt: skip

NUMBERS = ["estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high"]


@cache
def _of_the_others(name: str, size: float = 1.0, origin: float = 0.0) -> pd.DataFrame:
    """Return the estimates that have nothing to do with the unit of the age."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", trd.errors.TrdstatsWarning)
        result = FITS[name](_study(size, origin))
        repr(result)
        table = result.tidy()
    if "term" in table:
        table = table[~table["term"].astype(str).str.contains("age|Intercept")]
    return table[[c for c in NUMBERS if c in table]]


UNITS = {
    "millionths": (1e-6, 0.0, 1e-6),
    "millions": (1e6, 0.0, 1e-6),
    "days since 1900": (1.0, 4e4, 1e-6),
    "from a million": (1.0, 1e6, 3e-5),  # six of sixteen digits hold the origin
}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", FITS)
def test_the_others_stay_as_they_are(name: str, unit: str) -> None:
    size, origin, digits = UNITS[unit]
    before, after = _of_the_others(name), _of_the_others(name, size, origin)
    for column in before:
        np.testing.assert_allclose(after[column], before[column], rtol=digits, atol=digits / 10)


@pytest.mark.parametrize("name", ["restricted mean", "log-logistic", "standardised", "completed"])
def test_seconds_since_1970(name: str) -> None:
    """Years of birth as seconds: numbers of 2e9 that differ by years."""
    before, after = _of_the_others(name), _of_the_others(name, 365.25 * 86_400.0, 1e9)
    for column in before:
        np.testing.assert_allclose(after[column], before[column], rtol=1e-6, atol=1e-7)


def test_the_coefficient_is_in_its_unit() -> None:
    for spec in (trd.AFT("treatment + age"), trd.AFT("treatment + age", robust=True)):
        one, other = (spec.fit(_onset(s)).tidy() for s in (_study(), _study(1e-3, 50.0)))
        a, b = (t[t["term"] == "age"].iloc[0] for t in (one, other))
        assert b["estimate"] == pytest.approx(a["estimate"] * 1e3, rel=1e-6)
        assert b["std_error"] == pytest.approx(a["std_error"] * 1e3, rel=1e-6)
        first, second = (t[t["term"] == "Intercept"].iloc[0]["estimate"] for t in (one, other))
        assert second == pytest.approx(first - 50.0 * b["estimate"], rel=1e-6)


FAR = 1e8  # with a spread of 13: seven of sixteen digits


def _margins_from(origin: float, formula: str = "change ~ age + treatment * visit") -> pd.DataFrame:
    fit = trd.MMRM(formula).fit(_study(1.0, origin))
    return fit.margins("treatment", by="visit").tidy()[["estimate", "std_error", "df"]]


@pytest.mark.parametrize(
    "formula", ["change ~ age + treatment * visit", "change ~ age * treatment * visit"]
)
def test_marginal_means_and_their_degrees_of_freedom_from_far_away(formula: str) -> None:
    near, far = _margins_from(0.0, formula), _margins_from(FAR, formula)
    np.testing.assert_allclose(far, near, rtol=1e-6)


RATED: dict[str, Callable[[trd.Study], Any]] = {
    "equations": lambda s: trd.GEE("response ~ age + treatment * visit").fit(
        s, outcome=trd.Response()
    ),
    "random effects": lambda s: trd.GLMM("response ~ age + treatment + visit").fit(
        s, outcome=trd.Response()
    ),
    "of scores": lambda s: trd.GEE("change ~ age + treatment * visit", family="gaussian").fit(s),
}


@pytest.mark.parametrize("name", RATED)
def test_rated_outcomes_from_far_away(name: str) -> None:
    near, far = (RATED[name](s) for s in (_study(), _study(1.0, FAR)))
    numbers = ["estimate", "std_error"]
    means = [f.margins("treatment", by="visit").tidy()[numbers] for f in (near, far)]
    np.testing.assert_allclose(means[1], means[0], rtol=1e-7)
    effects = [f.tidy().iloc[2:][numbers] for f in (near, far)]
    np.testing.assert_allclose(effects[1], effects[0], rtol=1e-7)


def test_marginal_rates_from_far_away() -> None:
    near, far = (
        trd.Logistic("treatment + age", **RESPONSE)
        .fit(s)
        .margins()
        .tidy()[["estimate", "std_error"]]
        for s in (_study(), _study(1.0, FAR))
    )
    np.testing.assert_allclose(far, near, rtol=1e-7)


def test_proportional_odds_from_far_away() -> None:
    rng = np.random.default_rng(4)
    n = 300
    arm = np.where(np.arange(n) % 2, "A", "B")
    age = rng.uniform(20, 70, n)
    latent = 0.03 * age + (arm == "A") + rng.logistic(0, 1, n)
    state = pd.cut(latent, [-99, 1, 2, 3, 99], labels=["none", "mild", "moderate", "severe"])
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": arm, "age": age, "state": state})
    spec = trd.ProportionalOdds("treatment + age", outcome="state")
    near, far = (spec.fit(frame.assign(age=age + origin)) for origin in (0.0, FAR))
    numbers = ["estimate", "std_error"]
    np.testing.assert_allclose(
        far.margins().tidy()[numbers], near.margins().tidy()[numbers], rtol=1e-6
    )
    np.testing.assert_allclose(far.tidy()[numbers], near.tidy()[numbers], rtol=1e-6)


def test_coefficients_are_those_of_the_columns_as_given() -> None:
    """Also those of treatment, at age 0, where age interacts with it."""
    spec = trd.MMRM("change ~ age * treatment + visit")
    near, far = spec.fit(_study()), spec.fit(_study(1.0, 1e4))
    terms = list(near.terms)
    back = np.eye(len(terms))
    for i, name in enumerate(terms):
        of_age = "age" if name == "Intercept" else f"age:{name}"
        if of_age in terms:
            back[i, terms.index(of_age)] = 1e4
    a, b = near.tidy(), far.contrast(back).tidy()
    numbers = ["estimate", "std_error", "df"]
    np.testing.assert_allclose(b[numbers], a[numbers], rtol=1e-6)
    np.testing.assert_allclose(
        far.influence().iloc[:, 1:].to_numpy() @ back.T, near.influence().iloc[:, 1:], atol=1e-6
    )
    both = far.joint_test([[float(t == "age") for t in terms]])
    named = far.joint_test("age")
    np.testing.assert_allclose(both["statistic"], named["statistic"], rtol=1e-9)
    alone = near.joint_test("age")
    np.testing.assert_allclose(named["statistic"], alone["statistic"], rtol=1e-6)
