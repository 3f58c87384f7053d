"""Logistic regression: statsmodels, closed forms, other maximisers, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import chi2

import trdstats as trd
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, UnknownNameError

SPEC = trd.Logistic("treatment + baseline", outcome=trd.Response(), day=28)


def frame(n: int = 90, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = np.array(["TMS", "ECT", "ketamine"])[np.arange(n) % 3]
    age = rng.normal(50, 12, n)
    p = expit(-2 + 0.9 * (arm == "ECT") + 0.03 * age)
    return pd.DataFrame({"subject": np.arange(n), "treatment": arm, "age": age,
                         "met": (rng.random(n) < p).astype(int)})  # fmt: skip


def two_by_two(a: int, b: int, c: int, d: int) -> pd.DataFrame:
    """Return a of a + b with the outcome under "new", c of c + d under "old"."""
    met = [1] * a + [0] * b + [1] * c + [0] * d
    arm = ["new"] * (a + b) + ["old"] * (c + d)
    return pd.DataFrame({"subject": range(len(met)), "treatment": arm, "met": met})


def test_against_statsmodels() -> None:
    data = frame()
    found = trd.Logistic("met ~ treatment + age", limits="wald").fit(data).tidy()
    X = sm.add_constant(np.column_stack([data["treatment"] == "TMS", data["treatment"] ==
                                         "ketamine", data["age"]]).astype(float))  # fmt: skip
    other = sm.Logit(data["met"], X).fit(disp=0)
    # The search ends at a gain below 1e-10 of log-likelihood: 1e-5 of a standard error or less.
    order = [1, 2, 3] if found["term"][0].endswith("TMS]") else [2, 1, 3]
    beta, error, p = (np.asarray(x)[order] for x in (other.params, other.bse, other.pvalues))
    assert np.log(found["estimate"].to_numpy()) == pytest.approx(beta, abs=1e-6)
    assert found["std_error"].to_numpy() == pytest.approx(error, rel=1e-6)
    assert found["p_value"].to_numpy() == pytest.approx(p, rel=1e-4)


def test_profile_limits_are_where_the_likelihood_has_fallen() -> None:
    data = frame()
    found = trd.Logistic("met ~ treatment + age").fit(data).tidy()
    X = sm.add_constant(pd.get_dummies(data["treatment"]).astype(float)[["TMS", "ketamine"]].assign(
        age=data["age"]))  # fmt: skip
    whole = sm.Logit(data["met"], X).fit(disp=0)
    rows = found.set_index("term")
    for name, column in (("treatment[T.TMS]", "TMS"), ("age", "age")):
        rest = X.drop(columns=column)
        for end in ("conf_low", "conf_high"):
            held = sm.GLM(data["met"], rest, family=sm.families.Binomial(),
                          offset=X[column] * np.log(rows.loc[name, end])).fit()  # fmt: skip
            assert 2 * (whole.llf - held.llf) == pytest.approx(chi2.isf(0.05, 1), abs=1e-6)
        without = sm.Logit(data["met"], rest).fit(disp=0)
        drop = 2 * (whole.llf - without.llf)
        assert rows.loc[name, "p_value"] == pytest.approx(chi2.sf(drop, 1), abs=1e-9)
        assert rows.loc[name, "statistic"] ** 2 == pytest.approx(drop, abs=1e-8)


def test_limit_and_p_agree() -> None:
    for seed in range(8):
        rows = trd.Logistic("met ~ treatment + age").fit(frame(60, seed)).tidy()
        beyond = (rows["conf_low"] > 1) | (rows["conf_high"] < 1)
        assert (beyond == (rows["p_value"] < 0.05)).all()


@pytest.mark.parametrize("cells", [(7, 3, 4, 6), (10, 0, 4, 6), (10, 0, 0, 10), (1, 9, 5, 5)])
def test_penalised_odds_ratio_of_a_table_has_half_a_subject_more_in_each_cell(
    cells: tuple[int, int, int, int],
) -> None:
    # Closed form of a saturated model (Firth 1993, section 3: Jeffreys' prior of each binomial).
    a, b, c, d = (k + 0.5 for k in cells)
    # Steps of the expected information end at a promised gain of 1e-13: 3e-7 in a coefficient.
    spec = trd.Logistic("met ~ treatment", penalty="firth", reference="old", limits="wald")
    row = spec.fit(two_by_two(*cells)).tidy().iloc[0]
    assert np.log(row["estimate"]) == pytest.approx(np.log(a * d / (b * c)), abs=3e-7)


def penalised(beta: Any, X: Any, y: Any) -> float:
    mu = expit(X @ beta)
    logdet = np.linalg.slogdet((X * (mu * (1 - mu))[:, None]).T @ X)[1]
    return float(y @ (X @ beta) - np.logaddexp(0, X @ beta).sum() + 0.5 * logdet)


def test_penalised_fit_against_another_maximiser() -> None:
    data = frame(45, 1).assign(met=lambda d: np.where(d["treatment"] == "ECT", 1, d["met"]))
    with pytest.warns(EstimateWarning, match=r"treatment\[T.ECT\].*Firth's penalised likelihood"):
        found = trd.Logistic("met ~ treatment + age", reference="ketamine").fit(data)
    assert found.is_penalised
    assert "Firth" in repr(found)
    X = np.column_stack([np.ones(45), data["treatment"] == "ECT", data["treatment"] == "TMS",
                         data["age"] / 50]).astype(float)  # fmt: skip
    y = data["met"].to_numpy(float)
    far = {"method": "Nelder-Mead",
           "options": {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 9000, "maxfev": 9000}}  # fmt: skip
    top = minimize(lambda b: -penalised(b, X, y), np.zeros(4), **far)
    rows = found.tidy().set_index("term")
    own = np.log(rows["estimate"].to_numpy())
    assert own[:2] == pytest.approx(top.x[1:3], abs=1e-5)
    # A simplex ends within 1e-9 of the top in value: 1e-5 in the coefficients.
    low = np.log(rows.loc["treatment[T.ECT]", "conf_low"])
    held = minimize(lambda b: -penalised(np.insert(b, 1, low), X, y), top.x[[0, 2, 3]], **far)
    assert 2 * (held.fun - top.fun) == pytest.approx(chi2.isf(0.05, 1), abs=1e-5)


def test_separation_is_refused_when_asked() -> None:
    data = two_by_two(10, 0, 4, 6)
    with pytest.raises(NotEstimableError, match=r"separates those with met.*penalty='firth'"):
        trd.Logistic("met ~ treatment", penalty="none").fit(data)


def test_an_arm_with_all_events_has_no_error_of_its_rate() -> None:
    with pytest.warns(EstimateWarning, match="separates"):
        found = trd.Logistic("met ~ treatment", reference="old").fit(two_by_two(10, 0, 4, 6))
    rows = found.margins().tidy().set_index(["measure", "treatment"])
    assert np.isnan(rows.loc[("rate", "new"), "std_error"])
    assert np.isnan(rows.loc[("difference", "new"), "conf_low"])
    assert "every subject had the outcome" in rows.loc[("rate", "new"), "reason"]
    # The mean prediction is the observed rate (Puhr 2017): 14 of 20.
    assert rows.loc["rate", "estimate"].mean() == pytest.approx(0.7, abs=1e-10)


def test_margins_are_those_of_standardisation(trial: trd.Study) -> None:
    own = SPEC.fit(trial).margins().tidy()
    spec = trd.Standardisation("treatment + baseline", outcome=trd.Response(), day=28)
    other = spec.fit(trial).tidy()
    for column in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
        want = pytest.approx(other[column].to_numpy(), rel=1e-9, nan_ok=True)
        assert own[column].to_numpy() == want


def test_without_covariates_margins_are_the_rates(trial: trd.Study) -> None:
    own = trd.Logistic("treatment", outcome=trd.Response(), day=28).fit(trial).margins().tidy()
    rates = trd.rates(trial, trd.Response(), day=28).tidy()
    assert own["estimate"].to_numpy() == pytest.approx(rates["estimate"].to_numpy(), abs=1e-9)


def test_numbers_needed_to_treat_follow(trial: trd.Study) -> None:
    margins = SPEC.fit(trial).margins()
    gap = margins.tidy().query("measure == 'difference'")["estimate"].to_numpy()
    found = trd.number_needed_to_treat(margins).tidy()["estimate"].to_numpy()
    assert found == pytest.approx(np.abs(1 / gap))


def test_the_reference_can_be_chosen(trial: trd.Study) -> None:
    one = SPEC.fit(trial).tidy().set_index("term")
    spec = trd.Logistic("treatment + baseline", outcome=trd.Response(), day=28, reference="ECT")
    other = spec.fit(trial).tidy().set_index("term")
    assert other.loc["treatment[T.TMS]", "estimate"] == pytest.approx(
        1 / one.loc["treatment[T.ECT]", "estimate"], rel=1e-6
    )


def test_weights_are_not_counts() -> None:
    data = frame().assign(w=1.0, v=7.0)
    spec = trd.Logistic("met ~ treatment + age")
    one, two = (spec.fit(data, weights=w) for w in ("w", "v"))
    for a, b in ((one.tidy(), two.tidy()), (one.margins().tidy(), two.margins().tidy())):
        want = pytest.approx(b["conf_low"].to_numpy(), rel=1e-9, nan_ok=True)
        assert a["conf_low"].to_numpy() == want
    assert set(one.tidy()["method"]) == {"wald"}


def test_covariates_alone() -> None:
    found = trd.Logistic("met ~ age", by=None).fit(frame())
    assert found.tidy()["term"].tolist() == ["age"]
    with pytest.raises(SpecError, match="give by="):
        found.margins()


@pytest.mark.parametrize("value", [0, 1])
def test_all_or_none_with_the_outcome(value: int) -> None:
    with pytest.raises(NotEstimableError, match="no odds ratio can be estimated"):
        trd.Logistic("met ~ treatment").fit(frame().assign(met=value))


def test_what_is_refused() -> None:
    data = frame()
    with pytest.raises(SpecError, match="names no outcome"):
        trd.Logistic("treatment + age")
    with pytest.raises(SpecError, match="names an outcome and outcome= another"):
        trd.Logistic("met ~ treatment", outcome="met")
    with pytest.raises(SpecError, match="must be one column, as it is"):
        trd.Logistic("log(met) ~ treatment")
    with pytest.raises(SpecError, match="must hold 'treatment'"):
        trd.Logistic("met ~ age")
    with pytest.raises(SpecError, match="needs a scheduled day"):
        trd.Logistic("treatment", outcome=trd.Response())
    with pytest.raises(SpecError, match="use ProportionalOdds"):
        trd.Logistic("age ~ treatment").fit(data)
    with pytest.raises(SpecError, match="penalty"):
        trd.Logistic("met ~ treatment", penalty="ridge")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="met"):
        trd.Logistic("Met ~ treatment").fit(data)


@pytest.mark.parametrize("penalty", ["where separated", "firth"])
@pytest.mark.parametrize(("sign", "tested"), [("+", ":"), ("*", "treatment")])
def test_where_a_covariate_has_its_zero_changes_nothing(
    penalty: Any, sign: str, tested: str
) -> None:
    rng = np.random.default_rng(1)
    data = frame(120).assign(born=rng.normal(1975, 10, 120))
    data = data.assign(since=data["born"] - 1975)
    far, near = (
        trd.Logistic(f"met ~ treatment {sign} {x}", penalty=penalty).fit(data).tidy()
        for x in ("born", "since")
    )
    # With products the terms of the treatments themselves are those at the zero.
    same = [not (sign == "*" and t.startswith(tested) and ":" not in t) for t in far["term"]]
    columns = ["estimate", "std_error", "conf_low", "conf_high", "p_value"]
    assert far.loc[same, columns].to_numpy() == pytest.approx(
        near.loc[same, columns].to_numpy(), rel=1e-5
    )


@pytest.mark.parametrize("penalty", ["where separated", "firth"])
@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
def test_separated_terms_have_no_error_with_weights(penalty: Any) -> None:
    data = two_by_two(12, 0, 7, 5).assign(w=1.0, x=np.random.default_rng(1).normal(size=24))
    spec = trd.Logistic("met ~ treatment + x", reference="old", penalty=penalty)
    rows = spec.fit(data, weights="w").tidy().set_index("term")
    apart = rows.loc["treatment[T.new]"]
    assert apart["estimate"] == pytest.approx(spec.fit(data).tidy()["estimate"][0])
    assert apart[["std_error", "p_value", "conf_low", "conf_high"]].isna().all()
    assert "separated" in apart["reason"]
    assert rows.loc["x", "std_error"] > 0


def test_the_reference_is_one_of_what_is_compared() -> None:
    study = trd.load_sample("trial")
    for level in ("M", "F"):
        spec = trd.Logistic("sex", by="sex", reference=level, outcome=trd.Response(), day=28)
        other = {"M": "F", "F": "M"}[level]
        assert spec.fit(study).tidy()["term"].item() == f"sex[T.{other}]"
    with pytest.raises(UnknownNameError, match="Unknown sex 'X'"):
        trd.Logistic("sex", by="sex", reference="X", outcome=trd.Response(), day=28).fit(study)
