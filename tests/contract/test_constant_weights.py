"""Weights are not counts: a constant weight changes no estimate, error, test or interval."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd

# Sums of weights over subjects: they grow with the weights, and nothing is inferred from them.
WEIGHTED_COUNTS = {"n_risk", "n_event", "n_censor", "observed", "expected"}

# Logarithms of weighted pseudo-likelihoods: no test or criterion is made of them.
PSEUDO = {"loglik", "loglik_null", "deviance"}

# How the maximum was found: the end of a search depends on rounding.
SEARCH = {"iterations", "n_iterations", "n_evaluations", "gradient", "condition", "gap"}

CONSTANTS = (1e-6, 5.0, 578.0)


Table = Callable[[Any], pd.DataFrame]

DAYS = (14, 28)


@cache
def _study() -> Any:
    return trd.load_sample("trial")


@cache
def _onset() -> Any:
    return trd.time_to(_study(), trd.Response())


@cache
def _durability() -> Any:
    relapse = trd.Relapse(at_least=22, consecutive=2)
    return trd.time_to(_study(), relapse, since=trd.Response(), competing="left follow-up")


@cache
def _history() -> Any:
    return trd.response_history(_study(), trd.Response(), trd.Relapse(at_least=22))


@cache
def _bands() -> pd.DataFrame:
    rows = _study().longitudinal(days=[14, 28])
    return rows.assign(band=pd.cut(rows["score"], [-1, 10, 19, 60], labels=["low", "mid", "high"]))


@cache
def _outcomes() -> pd.DataFrame:
    met = trd.rates(_study(), trd.Response(), day=28).outcomes
    return (
        _study()
        .subjects[["subject", "treatment", "age"]]
        .assign(y=met["met"].astype(float).to_numpy())
    )


@cache
def _losses() -> trd.Episodes:
    history = trd.response_history(_study(), trd.Response(), trd.LossOfResponse(), regain=True)
    return trd.loss_episodes(history)


@cache
def _rated() -> pd.DataFrame:
    rows = _study().longitudinal()
    rows = rows.dropna(subset=["score", "baseline"])
    return rows.assign(met=(2 * rows["score"] <= rows["baseline"]) * 1)


def _subjects(data: Any) -> Any:
    if isinstance(data, pd.DataFrame):
        return data["subject"]
    return data.subjects["subject"] if hasattr(data, "subjects") else data.frame["subject"]


class Fitted:
    """An estimator, its data, and what its result can tell beside `tidy` and `glance`."""

    def __init__(self, spec: Any, data: Callable[[], Any], *tables: Table) -> None:
        self.spec, self.data, self.tables = spec, data, tables

    def given(self, c: float) -> list[pd.DataFrame]:
        """Return all tables under a weight."""
        data = self.data()
        weights = pd.Series(c, index=pd.Index(_subjects(data)).unique())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", trd.errors.EstimateWarning)
            result = self.spec.fit(data, weights=weights)
            glance = [result.glance()] if hasattr(result, "glance") else []
            return [result.tidy(), *glance, *(table(result) for table in self.tables)]

    @cached_property
    def of_ones(self) -> list[pd.DataFrame]:
        """Return all tables under weights of 1, which are compared to those of every other."""
        return self.given(1.0)


@dataclass(frozen=True)
class _Rates:
    """`rates` with the verbs of an estimator."""

    def fit(self, study: Any, *, weights: Any) -> Any:
        return trd.rates(study, trd.Response(), day=28, weights=weights)


CASES: dict[str, list[Fitted]] = {
    "AFT": [Fitted(trd.AFT("treatment + age"), _onset, lambda r: r.marginal(days=DAYS).tidy())],
    "AIPW": [
        Fitted(trd.AIPW("treatment + age", "age", outcome="y", variance=v), _outcomes)
        for v in ("efficient", "stacked")
    ],
    "TimeLost": [Fitted(trd.TimeLost(tau=42), _durability)],
    "MeanCumulative": [Fitted(trd.MeanCumulative(), _losses, lambda r: r.contrasts(DAYS))],
    "AalenJohansen": [Fitted(trd.AalenJohansen(), _durability, lambda r: r.contrasts(DAYS))],
    "CoxPH": [
        Fitted(
            trd.CoxPH("treatment + age"),
            _onset,
            lambda r: r.proportional_hazards().tidy(),
            lambda r: r.proportional_hazards().effects(),
            lambda r: r.marginal(days=DAYS).tidy(),
        ),
        Fitted(
            trd.CoxPH("treatment + age", cluster="site", strata="sex"),
            _onset,
            lambda r: r.proportional_hazards("rank").tidy(),
        ),
        Fitted(trd.CoxPH("treatment", time_varying={"treatment": "sqrt"}), _onset),
        Fitted(trd.CoxPH("treatment + age", strata="number"), _losses),
    ],
    "FineGray": [Fitted(trd.FineGray("treatment + age"), _durability)],
    "GEE": [
        Fitted(
            trd.GEE(f"met ~ baseline + treatment * visit{more}", **options),
            _rated,
            lambda r: r.margins("treatment", by="visit").tidy(),
            lambda r: r.margins("treatment", by="visit", covariates="fixed").tidy(),
            lambda r: r.type3(),
        )
        for more, options in (
            ("", {}),
            ("", {"corr": "ar1", "vcov": "fay-graubard", "ddf": "fay-graubard"}),
            ("", {"corr": "unstructured", "vcov": "mancl-derouen", "ddf": "satterthwaite"}),
            (" - treatment:visit", {"family": "poisson", "vcov": "kauermann-carroll"}),
            (" - treatment:visit", {"family": "ordinal", "corr": "independence"}),
        )
    ],
    "GLMM": [
        Fitted(
            trd.GLMM("band ~ treatment * visit", family="ordinal", points=7),
            _bands,
            lambda r: r.margins("treatment", by="visit").contrasts(reference="TMS").tidy(),
        )
    ],
    "IPCW": [Fitted(trd.IPCW("age", days=DAYS, tau=28), _onset)],
    "IntervalPH": [
        Fitted(trd.IntervalPH("treatment + age"), _onset, lambda r: r.likelihood_ratio())
    ],
    "IntervalResponseState": [Fitted(trd.IntervalResponseState(tau=84, cuts=(28,)), _history)],
    "Logistic": [
        Fitted(trd.Logistic("y ~ treatment + age"), _outcomes, lambda r: r.margins().tidy())
    ],
    "ProportionalOdds": [
        Fitted(
            trd.ProportionalOdds("treatment + age", outcome="severity", day=28),
            _study,
            lambda r: r.margins().tidy(),
            lambda r: r.cuts(),
        )
    ],
    "KaplanMeier": [
        Fitted(
            trd.KaplanMeier(),
            _onset,
            lambda r: r.at(DAYS),
            lambda r: r.contrasts(DAYS),
            lambda r: r.quantiles(),
        )
    ],
    "GrayTest": [
        Fitted(trd.GrayTest(), _durability),
        Fitted(trd.GrayTest(strata="site"), _durability),
    ],
    "IntervalLogRank": [Fitted(trd.IntervalLogRank(), _onset, lambda r: r.pairwise())],
    "LogRank": [
        Fitted(trd.LogRank(), _onset, lambda r: r.pairwise()),
        Fitted(trd.LogRank(strata="site", rho=1), _onset),
    ],
    "MMRM": [
        Fitted(
            trd.MMRM("change ~ baseline + treatment * visit", covariance="cs"),
            _study,
            lambda r: r.margins("treatment", by="visit").contrasts(reference="TMS").tidy(),
        )
    ],
    "MaxCombo": [Fitted(trd.MaxCombo(), _onset)],
    "MixtureCure": [
        Fitted(
            trd.MixtureCure("treatment", "treatment"),
            _onset,
            lambda r: r.test("treatment"),
            lambda r: r.marginal().tidy(),
        )
    ],
    "RMST": [
        Fitted(trd.RMST(tau=28), _onset),
        Fitted(trd.RMST(tau=28, covariates="age"), _onset, lambda r: r.coefficients()),
    ],
    "ResponseState": [Fitted(trd.ResponseState(tau=84), _history)],
    "Standardisation": [
        Fitted(trd.Standardisation("treatment + age", outcome="y"), _outcomes),
        Fitted(trd.Standardisation("treatment + age", days=DAYS, model="cox"), _onset),
        Fitted(trd.Standardisation("treatment + age", days=DAYS, model="weibull"), _onset),
    ],
    "Turnbull": [Fitted(trd.Turnbull(), _onset)],
    "rates": [Fitted(_Rates(), _study)],
}


def test_every_estimator_that_takes_weights_is_here() -> None:
    takes = set()
    for name in dir(trd):
        value = getattr(trd, name)
        call = getattr(value, "fit", value)
        if inspect.isfunction(call) and "weights" in inspect.signature(call).parameters:
            takes.add(name)
    assert takes == set(CASES)


@pytest.mark.parametrize("c", CONSTANTS)
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(f, id=f"{name}-{i}")
        for name, several in CASES.items()
        for i, f in enumerate(several)
    ],
)
def test_a_constant_weight_changes_nothing(case: Fitted, c: float) -> None:
    for one, other in zip(case.of_ones, case.given(c), strict=True):
        sums = [col for col in one.columns if col in WEIGHTED_COUNTS]
        left_out = [*sums, *PSEUDO, *SEARCH]
        first, second = (t.drop(columns=left_out, errors="ignore") for t in (one, other))
        pd.testing.assert_frame_equal(first, second, rtol=1e-6, atol=1e-9)
        for col in sums:
            counted = np.allclose(other[col], one[col], rtol=1e-9)
            assert counted or np.allclose(other[col], c * one[col], rtol=1e-9), col
