"""Errors with estimated weights: influences are derivatives of the whole, model and all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from age_weights import weights_from_age
from scipy.special import expit

import trdstats as trd

FloatArray = npt.NDArray[np.float64]
N = 60
Estimate = Callable[..., pd.Series]


def cohort() -> pd.DataFrame:
    """Sixty subjects; the older ones get B more often and respond later."""
    rng = np.random.default_rng(3)
    age = rng.normal(size=N)
    arm = np.where(rng.random(N) < expit(0.6 * age), "B", "A")
    time = np.ceil(np.exp(2 + 0.3 * age + rng.normal(size=N)) * 2) / 2
    status = rng.choice([0, 1, 2], size=N, p=[0.2, 0.6, 0.2])
    return pd.DataFrame(
        {"subject": [f"S{i}" for i in range(N)], "treatment": arm, "age": age,
         "time": time, "status": status}
    )  # fmt: skip


def kaplan_meier(data: pd.DataFrame, weights: object) -> tuple[pd.Series, pd.DataFrame]:
    fit = trd.KaplanMeier().fit(data, weights=weights)
    at = fit.at([5.0, 12.0])
    return at["estimate"], fit.influence([5.0, 12.0])


def incidence(data: pd.DataFrame, weights: object) -> tuple[pd.Series, pd.DataFrame]:
    fit = trd.AalenJohansen().fit(data, weights=weights)
    at = fit.at([5.0, 12.0])
    return at.loc[at["cause"] == at["cause"].iloc[0], "estimate"], fit.influence([5.0, 12.0])


def restricted_mean(data: pd.DataFrame, weights: object) -> tuple[pd.Series, pd.DataFrame]:
    fit = trd.RMST(tau=12.0).fit(data, weights=weights)
    table = fit.tidy()
    means = fit.estimates().only(measure="restricted mean")
    return table.loc[table["measure"] == "restricted mean", "estimate"], means.influence()


def adjusted_mean(data: pd.DataFrame, weights: object) -> tuple[pd.Series, pd.DataFrame]:
    fit = trd.RMST(tau=12.0, covariates="age").fit(data, weights=weights)
    table = fit.tidy()
    means = fit.estimates().only(measure="restricted mean")
    return table.loc[table["measure"] == "restricted mean", "estimate"], means.influence()


def cox(data: pd.DataFrame, weights: object) -> tuple[pd.Series, pd.DataFrame]:
    fit = trd.CoxPH("treatment").fit(data, weights=weights)
    return fit.tidy()["estimate"], fit.influence()


def weibull(data: pd.DataFrame, weights: object) -> tuple[pd.Series, pd.DataFrame]:
    fit = trd.AFT("treatment").fit(data, weights=weights)
    return fit.tidy()["estimate"], fit.influence()


FITS = {f.__name__: f for f in (kaplan_meier, incidence, restricted_mean, adjusted_mean,
                                cox, weibull)}  # fmt: skip


# Adjusted restricted means follow survRM2, whose influences differ from the exact derivative by
# terms that vanish as subjects are added.
@pytest.mark.parametrize("name", [name for name in FITS if name != "adjusted_mean"])
def test_influence_is_the_derivative_of_the_whole(name: str) -> None:
    # The whole: estimate the weights, then the estimate, every subject with its case weight. A
    # central difference of step 1e-4 leaves an error of 1e-8 relative to the third derivative.
    data, fit = cohort(), FITS[name]
    _, found = fit(data, weights_from_age(data, np.ones(N)))
    assert found["subject"].tolist() == data["subject"].tolist()
    for i in (0, 7, 31, 59):
        ends = []
        for step in (1e-4, -1e-4):
            case = np.ones(N)
            case[i] += step
            ends.append(fit(data, weights_from_age(data, case))[0].to_numpy())
        derivative = (ends[0] - ends[1]) / 2e-4
        np.testing.assert_allclose(
            found.iloc[i, 1:].to_numpy(dtype=float), derivative, rtol=2e-5, atol=1e-8
        )


@pytest.mark.parametrize("name", FITS)
def test_errors_are_those_of_the_influences(name: str) -> None:
    data = cohort()
    weights = weights_from_age(data, np.ones(N))
    _, found = FITS[name](data, weights)
    expected = np.sqrt((found.iloc[:, 1:].to_numpy(dtype=float) ** 2).sum(axis=0))
    tables = {
        "kaplan_meier": lambda: trd.KaplanMeier().fit(data, weights=weights).at([5.0, 12.0]),
        "incidence": lambda: trd.AalenJohansen().fit(data, weights=weights).at([5.0, 12.0])
        .query("cause == cause.iloc[0]"),
        "restricted_mean": lambda: trd.RMST(tau=12.0).fit(data, weights=weights).tidy()
        .query("measure == 'restricted mean'"),
        "adjusted_mean": lambda: trd.RMST(tau=12.0, covariates="age").fit(data, weights=weights)
        .tidy().query("measure == 'restricted mean'"),
        "cox": lambda: trd.CoxPH("treatment").fit(data, weights=weights).tidy(),
        "weibull": lambda: trd.AFT("treatment").fit(data, weights=weights).tidy(),
    }  # fmt: skip
    np.testing.assert_allclose(tables[name]()["std_error"], expected, rtol=1e-9)


def test_contrasts_know_that_groups_share_the_weights_model() -> None:
    data = cohort()
    weights = weights_from_age(data, np.ones(N))
    curves = trd.KaplanMeier().fit(data, weights=weights)
    moved = curves.influence([5.0])
    gap = np.sqrt(((moved["B 5"] - moved["A 5"]) ** 2).sum())
    assert curves.contrasts([5.0])["std_error"].item() == pytest.approx(gap, rel=1e-12)
    means = trd.RMST(tau=12.0).fit(data, weights=weights)
    moved, table = means.influence(), means.tidy().set_index(["measure", "treatment"])
    gap = np.sqrt(((moved["restricted mean B"] - moved["restricted mean A"]) ** 2).sum())
    assert table.loc[("difference", "B"), "std_error"] == pytest.approx(gap, rel=1e-12)
    a, b = (table.loc[("restricted mean", k), "estimate"] for k in "AB")
    gap = np.sqrt(((moved["restricted mean B"] / b - moved["restricted mean A"] / a) ** 2).sum())
    assert table.loc[("ratio", "B"), "std_error"] == pytest.approx(gap, rel=1e-12)


def test_log_rank_variance_is_that_of_the_stacked_scores() -> None:
    # Observed less expected events is a statistic of all weights: its derivative to the case
    # weights, weights estimated anew, squares to the variance of the test.
    data = cohort()
    test = trd.LogRank().fit(data, weights=weights_from_age(data, np.ones(N)))

    def gap(case: FloatArray) -> float:
        table = trd.LogRank().fit(data, weights=weights_from_age(data, case)).tidy()
        return float((table["observed"] - table["expected"]).iloc[1])

    effects = []
    for i in range(N):
        up, down = np.ones(N), np.ones(N)
        up[i], down[i] = 1 + 1e-4, 1 - 1e-4
        effects.append((gap(up) - gap(down)) / 2e-4)
    statistic = gap(np.ones(N)) ** 2 / float(np.sum(np.square(effects)))
    assert test.glance()["statistic"].item() == pytest.approx(statistic, rel=1e-5)


def test_subjects_of_the_model_alone_are_counted_in_the_errors() -> None:
    # Ten subjects without follow-up help to estimate the weights, and so have an influence.
    data = cohort()
    weights = weights_from_age(data, np.ones(N))
    fit = trd.RMST(tau=12.0).fit(data.iloc[10:], weights=weights)
    moved = fit.influence()
    assert set(moved["subject"]) == set(data["subject"])
    expected = np.sqrt((moved["restricted mean A"] ** 2).sum())
    assert fit.tidy()["std_error"].iloc[0] == pytest.approx(expected, rel=1e-12)
    assert (
        moved.loc[moved["subject"] == "S3", ["restricted mean A", "restricted mean B"]].to_numpy()
        != 0
    ).any()


def test_known_weights_are_said_to_be_known() -> None:
    data = cohort()
    weights = weights_from_age(data, np.ones(N))
    known = str(trd.RMST(tau=12.0).fit(data, weights=weights.frame))
    estimated = str(trd.RMST(tau=12.0).fit(data, weights=weights))
    assert "taken as known" in known
    assert "weights from age; effective sample size" in estimated
    assert "standard errors include their estimation" in estimated
