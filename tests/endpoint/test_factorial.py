"""Factorial trials: by hand, by regression, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError

# Events and subjects without both, with the second, with the first, with both.
CELLS = ((5, 20), (8, 20), (10, 25), (18, 24))


def frame() -> pd.DataFrame:
    rows = []
    for k, (events, n) in enumerate(CELLS):
        drug, sham = ("no", "yes")[k // 2], ("sham", "active")[k % 2]
        rows += [(drug, sham, int(i < events)) for i in range(n)]
    found = pd.DataFrame(rows, columns=["drug", "tms", "well"])
    rng = np.random.default_rng(1)
    return found.assign(subject=range(len(found)), x=rng.normal(size=len(found)))


SPEC = trd.Factorial("drug", "tms", outcome="well", references=("no", "sham"))


def test_by_hand() -> None:
    rows = SPEC.fit(frame()).tidy().set_index(["measure", "effect"])
    p = np.array([5 / 20, 8 / 20, 10 / 25, 18 / 24])
    v = p * (1 - p) / np.array([20, 20, 25, 24])
    assert rows.loc["rate", "estimate"].to_numpy() == pytest.approx(p)
    both = rows.loc[("difference", "interaction")]
    assert both["estimate"] == pytest.approx(0.75 - 0.4 - 0.4 + 0.25)
    assert both["std_error"] == pytest.approx(np.sqrt(v.sum()))
    drug = rows.loc[("difference", "drug")]
    assert drug["estimate"] == pytest.approx((0.15 + 0.35) / 2)
    assert drug["std_error"] == pytest.approx(np.sqrt(v.sum()) / 2)
    assert rows.loc[("ratio", "interaction"), "estimate"] == pytest.approx(0.75 * 0.25 / 0.16)
    odds = p / (1 - p)
    ratio = rows.loc[("odds ratio", "interaction")]
    assert ratio["estimate"] == pytest.approx(odds[3] * odds[0] / (odds[1] * odds[2]))
    events, n = np.array(CELLS).T
    assert ratio["std_error"] == pytest.approx(np.sqrt((1 / events + 1 / (n - events)).sum()))
    assert rows.loc[("odds ratio", "drug"), "estimate"] == pytest.approx(
        np.sqrt(odds[2] / odds[0] * odds[3] / odds[1])
    )


def test_odds_ratios_are_those_of_a_saturated_regression() -> None:
    data = frame()
    a, b = (data["drug"] == "yes").astype(float), (data["tms"] == "active").astype(float)
    X = sm.add_constant(np.column_stack([a, b, a * b]))
    fit = sm.Logit(data["well"], X).fit(disp=0)
    row = SPEC.fit(data).tidy().set_index(["measure", "effect"]).loc[("odds ratio", "interaction")]
    params, errors, p = (np.asarray(v) for v in (fit.params, fit.bse, fit.pvalues))
    assert np.log(row["estimate"]) == pytest.approx(params[3], abs=1e-8)
    assert row["std_error"] == pytest.approx(errors[3], rel=1e-6)
    assert row["p_value"] == pytest.approx(p[3], abs=1e-6)


def test_covariates_of_no_effect_change_little_and_means_are_those_of_least_squares() -> None:
    data = frame().assign(score=lambda d: 20 - 3 * d["well"] + 2 * d["x"])
    spec = trd.Factorial("drug", "tms", outcome="score", covariates="x", references=("no", "sham"))
    rows = spec.fit(data).tidy().set_index(["measure", "effect"])
    a, b = (data["drug"] == "yes").astype(float), (data["tms"] == "active").astype(float)
    X = sm.add_constant(np.column_stack([a, b, a * b, data["x"]]))
    fit = sm.OLS(data["score"], X).fit(cov_type="HC0")
    row = rows.loc[("difference", "interaction")]
    assert row["estimate"] == pytest.approx(np.asarray(fit.params)[3])
    assert row["std_error"] == pytest.approx(np.asarray(fit.bse)[3], rel=1e-9)
    assert set(rows.index.get_level_values("measure")) == {"mean", "difference"}
    with_x = trd.Factorial("drug", "tms", outcome="well", covariates="x", references=("no", "sham"))
    one, two = (s.fit(data).tidy()["estimate"].to_numpy() for s in (SPEC, with_x))
    assert one == pytest.approx(two, rel=0.2, abs=0.03)


def test_a_combination_with_all_events_has_no_error() -> None:
    data = frame()
    own = (data["drug"] == "yes") & (data["tms"] == "active")
    rows = SPEC.fit(data.assign(well=data["well"].where(~own, 1))).tidy()
    rows = rows.set_index(["measure", "effect"])
    assert np.isnan(rows.loc[("difference", "interaction"), "std_error"])
    assert np.isnan(rows.loc[("odds ratio", "interaction"), "estimate"])
    assert rows.loc[("odds ratio", "interaction"), "reason"]
    assert rows.loc[("difference", "tms, without drug"), "std_error"] > 0


def test_what_is_refused() -> None:
    data = frame()
    empty = data[~((data["drug"] == "yes") & (data["tms"] == "active"))]
    with pytest.raises(NotEstimableError, match="No subject with drug = yes, tms = active"):
        SPEC.fit(empty)
    with pytest.raises(NotEstimableError, match="has 3 levels"):
        trd.Factorial("k", "tms", outcome="well").fit(data.assign(k=data["subject"] % 3 + 0.5))
    with pytest.raises(SpecError, match="two columns"):
        trd.Factorial("drug", "drug", outcome="well")
    with pytest.raises(SpecError, match="must not hold drug"):
        trd.Factorial("drug", "tms", outcome="well", covariates="drug + x")
    with pytest.raises(NotEstimableError, match="separate"):
        trd.Factorial("drug", "tms", outcome="well", covariates="z").fit(
            data.assign(z=data["well"] * 2.0)
        )


def test_worst_is_of_the_reference_that_is_given() -> None:
    made = trd.load_sample("trial").only(["ECT", "TMS"])
    state = {"outcome": trd.Response(), "day": 28, "missing": "worst"}
    sex = made.subjects["sex"].astype(str)
    for first in ("ECT", "TMS"):
        fitted = trd.Factorial("treatment", "sex", references=(first, "M"), **state).fit(made)
        rates = trd.rates(made, trd.Response(), day=28, missing="worst", reference=first).outcomes
        cells = rates["met"].astype(float).groupby([rates["treatment"].astype(str), sex]).mean()
        kept = fitted._cells
        value = dict(zip(zip(kept.keys["treatment"], kept.keys["sex"], strict=True), kept.value,
                         strict=True))  # fmt: skip
        for cell, rate in cells.items():
            assert value[cell] == pytest.approx(rate)
    with pytest.raises(SpecError, match="'treatment', which is neither first"):
        trd.Factorial("sex", "site", **state)
