"""Kernels and verbs that two versions of the library are compared on, with the data of each.

A case builds its data and returns the call that is timed; names that were changed between the
versions are looked up in both places.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from comparison import cohorts
from definitions import forms, trial_of
from imputation import trial_of as trial_to_impute
from mmrm import own_days
from mmrm import trial_of as repeated
from outcomes import tables
from survival import covariates_of, frame_of, intervals_of

import trdstats as trd

Case = Callable[[], Callable[[], Any]]
REPEATED = "change ~ baseline * visit + arm * visit"
ADJUST = "x0 + x1 + x2 + x5 + x6"


def mixed(n: int, visits: int, ddf: str) -> Case:
    def build() -> Callable[[], Any]:
        frame, model = repeated(n, visits), trd.MMRM(REPEATED, ddf=ddf)

        def call() -> None:
            fit = model.fit(frame)
            fit.tidy()
            fit.margins("arm", by="visit").contrasts(reference="TMS").tidy()

        return call

    return build


def random_slopes() -> Callable[[], Any]:
    frame = own_days(300, 6)
    return lambda: trd.LMM("y ~ day * arm", random="1 + day").fit(frame).tidy()


def survival(spec: Callable[[], Any], n: int, *, tied: bool = False, tidy: bool = True) -> Case:
    def build() -> Callable[[], Any]:
        frame = frame_of(n, tied) if tied else covariates_of(n)
        times = trd.EventTimes(frame)
        return lambda: spec().fit(times).tidy() if tidy else spec().fit(times)

    return build


def at_days(n: int) -> Case:
    def build() -> Callable[[], Any]:
        curve = trd.KaplanMeier().fit(trd.EventTimes(frame_of(n, tied=True)))
        return lambda: curve.at([28.0, 84.0])

    return build


def between_visits(spec: Callable[[], Any], n: int, *, tidy: bool = True) -> Case:
    def build() -> Callable[[], Any]:
        frame = intervals_of(n)
        names = np.where(np.arange(n) % 2, "TMS", "ECT")
        times = trd.EventTimes(frame.assign(treatment=names))
        return lambda: spec().fit(times).tidy() if tidy else spec().fit(times)

    return build


def subjects_with_outcome(n: int, treatments: int) -> pd.DataFrame:
    """Return subjects with ten covariates, some treatments and a binary outcome."""
    frame, y = cohorts(n)
    frame["response"] = y
    kept = frame["treatment"].cat.categories[:treatments]
    frame = frame[frame["treatment"].isin(kept)].reset_index(drop=True)
    return frame.assign(treatment=frame["treatment"].cat.remove_unused_categories())


def weighting(**options: Any) -> Case:
    def build() -> Callable[[], Any]:
        frame = subjects_with_outcome(10_000, 4)
        return lambda: trd.PropensityWeights(ADJUST, **options).fit(frame)

    return build


def matched(**options: Any) -> Case:
    def build() -> Callable[[], Any]:
        frame = subjects_with_outcome(2_000, 2)
        low, high = frame["treatment"].cat.categories
        spec = trd.Matching(ADJUST, treated=low, control=high, **options)
        return lambda: spec.fit(frame)

    return build


def adjusted(spec: Callable[[], Any], n: int) -> Case:
    def build() -> Callable[[], Any]:
        frame = subjects_with_outcome(n, 4)
        return lambda: spec().fit(frame).tidy()

    return build


def logistic() -> Callable[[], Any]:
    for place in ("kernels.weighting.generalised_linear", "kernels.generalised_linear"):
        try:
            fit = importlib.import_module(f"trdstats.{place}")._logistic
            break
        except ImportError:
            continue
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(100), rng.normal(size=(100, 3))])
    y = (rng.random(100) < 1 / (1 + np.exp(-X[:, 1]))).astype(float)
    weight = np.ones(100)
    return lambda: fit(X, y, weight)


def study_of(n: int) -> trd.Study:
    visits, subjects = tables(n)
    return trd.Study(visits, subjects, scale="MADRS", randomised=True)


def outcome(call: Callable[[trd.Study], Any], n: int) -> Case:
    def build() -> Callable[[], Any]:
        study = study_of(n)
        return lambda: call(study)

    return build


def rates_of(n: int) -> Case:
    def build() -> Callable[[], Any]:
        study = study_of(n)
        kept = _kept_comparisons()

        def call() -> None:
            kept()  # a repeated call would find its limits there
            trd.rates(study, trd.Response(), day=28).tidy()

        return call

    return build


def _kept_comparisons() -> Callable[[], Any]:
    with contextlib.suppress(ImportError):
        place = importlib.import_module("trdstats.estimates.proportion_contrast")
        return place._compare.cache_clear
    return lambda: None


def built() -> Callable[[], Any]:
    visits, subjects = tables(20_000)
    return lambda: trd.Study(visits, subjects, scale="MADRS", randomised=True)


def scored() -> Callable[[], Any]:
    table = forms(100_000)
    return lambda: trd.score_items(table, "PHQ9")


def imputed(method: Callable[[], Any]) -> Case:
    def build() -> Callable[[], Any]:
        frame, events = trial_to_impute(160, 5)

        def call() -> None:
            formula = "change ~ baseline * visit + treatment * visit"
            draws = trd.Imputation(formula, method=method()).draw(frame, events)
            analysed = draws.impute(trd.JumpToReference("TMS")).analyse(trd.ANCOVA("baseline"))
            analysed.pool().tidy()

        return call

    return build


def compared() -> Callable[[], Any]:
    study = trd.load_sample("modalities").only(["TMS", "ECT"])
    covariates = "age + sex + failed_trials + baseline"
    return lambda: trd.compare(study, adjust=covariates, n_boot=50, n_jobs=1).tidy()


def response_states() -> Callable[[], Any]:
    study = trd.load_sample("modalities")
    history = trd.response_history(study, trd.Response(), trd.LossOfResponse(below=0.4))
    return lambda: trd.ResponseState(tau=180).fit(history).tidy()


def many_definitions() -> Callable[[], Any]:
    study = trial_of(500)
    rules = {f"response {p} %": trd.Response(p / 100) for p in range(40, 60)}
    return lambda: trd.multiverse(study, rules, primary="response 50 %", day=28)


CASES: dict[str, Case] = {
    "MMRM 200 x 4, Satterthwaite, with means and contrasts": mixed(200, 4, "satterthwaite"),
    "MMRM 200 x 4, Kenward-Roger, with means and contrasts": mixed(200, 4, "kenward-roger"),
    "MMRM 1,000 x 10, Satterthwaite, with means and contrasts": mixed(1000, 10, "satterthwaite"),
    "LMM, random slopes, 300 x 6": random_slopes,
    "KaplanMeier, 300": survival(trd.KaplanMeier, 300, tied=True),
    "KaplanMeier, 20,000": survival(trd.KaplanMeier, 20_000, tied=True),
    "KaplanMeier.at, two days, 20,000": at_days(20_000),
    "LogRank, 20,000": survival(trd.LogRank, 20_000, tied=True, tidy=False),
    "RMST, 300": survival(lambda: trd.RMST(tau=90), 300, tied=True),
    "RMST, 20,000": survival(lambda: trd.RMST(tau=90), 20_000, tied=True),
    "AalenJohansen, 20,000": survival(trd.AalenJohansen, 20_000, tied=True),
    "GrayTest, 20,000": survival(trd.GrayTest, 20_000, tied=True, tidy=False),
    "CoxPH, 300": survival(lambda: trd.CoxPH("x0 + x1"), 300),
    "CoxPH, 20,000": survival(lambda: trd.CoxPH("x0 + x1"), 20_000),
    "FineGray, 300": survival(lambda: trd.FineGray("x0 + x1"), 300),
    "FineGray, 20,000": survival(lambda: trd.FineGray("x0 + x1"), 20_000),
    "Turnbull, 1,000": between_visits(trd.Turnbull, 1_000, tidy=False),
    "IntervalPH, 500": between_visits(lambda: trd.IntervalPH("treatment"), 500),
    "AFT, Weibull, 1,000": between_visits(lambda: trd.AFT("treatment"), 1_000),
    "ResponseState, sample cohorts": response_states,
    "PropensityWeights, 10,000 x 4 treatments": weighting(),
    "PropensityWeights, entropy, 10,000 x 4 treatments": weighting(estimand="entropy"),
    "Matching, 2,000": matched(),
    "Matching with replacement, 2,000": matched(replace=True),
    "AIPW, 2,000": adjusted(
        lambda: trd.AIPW(f"treatment + {ADJUST}", ADJUST, outcome="response"), 2_000
    ),
    "Standardisation, 2,000": adjusted(
        lambda: trd.Standardisation(f"treatment + {ADJUST}", outcome="response"), 2_000
    ),
    "logistic regression, 100 subjects": lambda: logistic(),
    "Study, 20,000 x 10": built,
    "rates at a day, 300": rates_of(300),
    "rates at a day, 20,000": rates_of(20_000),
    "assess, 20,000 x 10": outcome(lambda s: trd.assess(s, trd.Response()), 20_000),
    "time_to, 20,000 x 10": outcome(lambda s: trd.time_to(s, trd.Response()), 20_000),
    "score_items, 100,000 PHQ-9": scored,
    "imputation, 160 x 5, jackknife": imputed(trd.ConditionalMean),
    "imputation, 160 x 5, 100 approximate draws": imputed(
        lambda: trd.ApproximateBayes(100, seed=1)
    ),
    "compare, two cohorts, 50 resamples": compared,
    "multiverse, 20 definitions, 500": many_definitions,
}
