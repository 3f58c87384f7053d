"""One small result of every public result class, by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import trdstats as trd

RANDOMISED = "trial"


@cache
def study() -> trd.Study:
    """Return a third of the trial; not randomised, so that every caveat is due."""
    whole = trd.load_sample("trial")
    names = whole.subjects["subject"].tolist()[::3]
    part = whole.keep(names)
    visits = part.visits[["subject", "day", "score"]]
    subjects = part.subjects
    return trd.Study(visits, subjects, scale="MADRS", windows={7: 3, 14: 3, 21: 3, 28: 3})


@cache
def two() -> trd.Study:
    return study().only(["ECT", "TMS"])


@cache
def onset() -> trd.EventTimes:
    return trd.time_to(study(), trd.Response())


@cache
def losses() -> trd.Episodes:
    history = trd.response_history(study(), trd.Response(), trd.LossOfResponse(), regain=True)
    return trd.loss_episodes(history)


@cache
def durability() -> trd.EventTimes:
    relapse = trd.Relapse(at_least=22, consecutive=1)
    return trd.time_to(study(), relapse, since=trd.Response(), competing="left follow-up")


@cache
def maintained() -> trd.Decisions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", trd.errors.TrdstatsWarning)
        cohort = trd.simulate.maintenance(300, seed=2)
    return trd.decision_intervals(cohort, trd.Relapse(22), "lithium", step=28,
                                  covariates=["score"])  # fmt: skip


@cache
def weights() -> Any:
    return trd.PropensityWeights("age + baseline").fit(study())


@cache
def mmrm() -> Any:
    return trd.MMRM("change ~ baseline + treatment * visit", covariance="us").fit(study())


@cache
def gee() -> Any:
    spec = trd.GEE("response ~ baseline + treatment * visit", vcov="mancl-derouen")
    return spec.fit(study(), outcome=trd.Response())


@cache
def glmm() -> Any:
    spec = trd.GLMM("response ~ treatment + visit", points=9, vcov="robust")
    return spec.fit(study(), outcome=trd.Response())


@cache
def imputed() -> Any:
    spec = trd.Imputation(
        "score ~ baseline * visit + treatment * visit", method=trd.ApproximateBayes(4, seed=1)
    )
    return spec.draw(study(), None, days=[7, 14, 21, 28]).impute(trd.MAR())


@cache
def ordinal() -> Any:
    spec = trd.ProportionalOdds("treatment + baseline", outcome="severity", day=28)
    return spec.fit(study())


def relapsing_subjects() -> pd.DataFrame:
    """Return 40 subjects, some with many relapses who leave early."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(40):
        frailty, day = np.exp(rng.normal()), 0.0
        end = min(rng.exponential(150 / frailty), 200.0)
        while day < end:
            following = day + rng.exponential(40 / frailty)
            status = 1 if following < end else 2 if end < 200 else 0
            rows.append((i, "AB"[i % 2], day, min(following, end), status))
            day = following
    return pd.DataFrame(rows, columns=["subject", "treatment", "start", "stop", "status"])


def joint_frailty() -> Any:
    episodes = trd.Episodes(relapsing_subjects(), causes={2: "left"}, caveat=study().caveat)
    return trd.JointFrailty("treatment", pieces=3).fit(episodes)


def over_sites() -> Any:
    """Return hazards over two sites that share no rows."""
    plan, names = trd.sample_plan("trial"), study().subjects["subject"].tolist()
    step: Any = trd.ask_sites(plan, "hazards", formula="age + baseline")
    while isinstance(step, trd.sites.Question):
        step = trd.next_round(step, [
            trd.answer_sites(plan, step, site, minimum=1, study=study().keep(names[k::2]))
            for k, site in enumerate(["north", "south"])
        ])  # fmt: skip
    return step


@cache
def divided(windows: tuple[tuple[int, int], ...] = ()) -> trd.DividedStudy:
    """Return the same study in partitions."""
    import dask.dataframe as dd

    visits = study().visits[["subject", "day", "score"]]
    visits = visits.assign(subject=visits["subject"].astype(str))
    subjects = study().subjects[["subject", "treatment"]].astype(str)
    return trd.DividedStudy(
        dd.from_pandas(visits, npartitions=3),
        subjects,
        scale=study().scale.label,
        windows=dict(windows) or None,
    )


RESPONSE = {"outcome": trd.Response(), "day": 28}

MAKERS: dict[str, Callable[[], Any]] = {
    "MeanCumulativeResult": lambda: trd.MeanCumulative().fit(losses()),
    "SharedFrailtyResult": lambda: trd.SharedFrailty("treatment + age").fit(losses()),
    "JointFrailtyResult": lambda: joint_frailty(),
    "SiteEstimates": lambda: over_sites(),
    "DurationCurveResult": lambda: trd.DurationCurve().fit(trd.DoublyCensored(durability())),
    "DurationNPMLEResult": lambda: trd.DurationNPMLE(n_boot=40, step=7).fit(
        trd.DoublyCensored(durability())
    ),
    "DurationPHResult": lambda: trd.DurationPH("treatment").fit(trd.DoublyCensored(durability())),
    "CloneCensorWeightResult": lambda: trd.CloneCensorWeight(
        {"always": trd.Continue(168), "never": trd.Discontinue()}, "score", tau=168, n_boot=10
    ).fit(maintained()),
    "SequentialTrialsResult": lambda: trd.SequentialTrials(
        "score", days=[84], n_boot=10
    ).fit(maintained()),
    "DynamicPredictionResult": lambda: trd.DynamicPrediction(
        "score", horizon=60, landmarks=[14, 28]
    ).fit(trd.start_stop(study(), trd.Relapse(22), ["score"], since=trd.Response())),
    "RecurrentResponseResult": lambda: trd.RecurrentResponse("treatment").fit(
        study(), trd.Response()
    ),
    "TimeLostResult": lambda: trd.TimeLost(tau=42).fit(durability()),
    "ExtrapolationResult": lambda: trd.Extrapolation(
        horizons=(365,), families=("exponential", "weibull")
    ).fit(onset()),
    "KaplanMeierResult": lambda: trd.KaplanMeier().fit(onset()),
    "AalenJohansenResult": lambda: trd.AalenJohansen().fit(durability()),
    "RMSTResult": lambda: trd.RMST(tau=28).fit(onset()),
    "LogRankResult": lambda: trd.LogRank().fit(onset()),
    "MaxComboResult": lambda: trd.MaxCombo().fit(onset()),
    "GrayTestResult": lambda: trd.GrayTest().fit(durability()),
    "CoxResult": lambda: trd.CoxPH("treatment + age").fit(onset()),
    "ProportionalHazardsTest": lambda: (
        trd.CoxPH("treatment + age").fit(onset()).proportional_hazards()
    ),
    "MarginalCurves": lambda: trd.CoxPH("treatment + age").fit(onset()).marginal(days=[14, 28]),
    "FineGrayResult": lambda: trd.FineGray("treatment + age").fit(durability()),
    "TurnbullResult": lambda: trd.Turnbull().fit(onset()),
    "IntervalLogRankResult": lambda: trd.IntervalLogRank().fit(onset()),
    "IntervalPHResult": lambda: trd.IntervalPH("treatment").fit(onset()),
    "AFTResult": lambda: trd.AFT("treatment").fit(onset()),
    "MixtureCureResult": lambda: trd.MixtureCure("treatment", "1", "log-logistic").fit(onset()),
    "ResponseStateResult": lambda: trd.ResponseState(tau=28).fit(
        trd.response_history(study(), trd.Response(), trd.LossOfResponse())
    ),
    "IntervalResponseStateResult": lambda: trd.IntervalResponseState(tau=28, cuts=(7, 14)).fit(
        trd.response_history(study(), trd.Response(), trd.LossOfResponse())
    ),
    "Rates": lambda: trd.rates(study(), trd.Response(), day=28),
    "EventCounts": lambda: trd.count_events(trd.load_sample("trial"), events=["hospitalisation"]),
    "CountComparison": lambda: trd.compare_counts(10, 20, 5, 20),
    "MMRMResult": mmrm,
    "LMMResult": lambda: trd.LMM("score ~ treatment * day", random="1 + day").fit(study()),
    "DividedLMMResult": lambda: trd.LMM("score ~ treatment * day", random="1 + day").fit(divided()),
    "DividedMMRMResult": lambda: trd.MMRM(
        "change ~ baseline + treatment", covariance="cs", vcov="empirical", ddf="satterthwaite"
    ).fit(divided(((7, 2), (14, 3), (28, 4)))),
    "GLMMResult": glmm,
    "GLMMMargins": lambda: glmm().margins("treatment", by="visit"),
    "Margins": lambda: mmrm().margins("treatment", by="visit"),
    "GEEResult": gee,
    "DropoutWeightsResult": lambda: trd.DropoutWeights("previous").fit(
        study(), days=[7, 14, 28]
    ),
    "GEEMargins": lambda: gee().margins("treatment", by="visit"),
    # Treatments differ in variance, which a probability sees.
    "ProbabilityResult": lambda: (
        trd.MMRM("change ~ baseline + treatment * visit", group="treatment").fit(study())
        .probability(trd.Response(), misfit="caveat")
    ),
    "Contrasts": lambda: mmrm().margins("treatment", by="visit").contrasts(reference="TMS"),
    "PropensityResult": weights,
    "StandardisationResult": lambda: (
        trd.Standardisation("treatment + baseline", **RESPONSE).fit(study())
    ),
    "AIPWResult": lambda: (
        trd.AIPW("treatment + baseline", "age + baseline", **RESPONSE).fit(study())
    ),
    "MatchingResult": lambda: (
        trd.Matching("age + baseline", treated="ECT").fit(two())
    ),
    "MatchedEstimates": lambda: (
        trd.Matching("age + baseline", treated="ECT").fit(two()).estimate(two(), **RESPONSE)
    ),
    "StratifiedRates": lambda: trd.stratified_rates(study(), trd.Response(), day=28, strata="sex"),
    # One regression of all: by treatment five of thirty are missing, too few for two variances
    # to agree.
    "CensoringWeightsResult": lambda: (
        trd.CensoringWeights("baseline", by=None, **RESPONSE).fit(study())
    ),
    "IPCWResult": lambda: trd.IPCW("age", tau=28).fit(onset()),
    "PooledEffect": lambda: trd.meta_analysis(
        pd.DataFrame({"trial": ["a", "b", "c"], "events": [5, 7, 9], "n": [20, 22, 25],
                      "reference_events": [3, 4, 8], "reference_n": [20, 21, 24]})
    ),
    "IndirectComparison": lambda: trd.Bucher().fit(
        trd.Effect("risk ratio", "A", "C", 1.5, 1.1, 2.1),
        trd.Effect("risk ratio", "B", "C", 1.2, 0.9, 1.6),
    ),
    "EValue": lambda: trd.e_value(1.5, 1.1, 2.1, measure="risk ratio"),
    "PlainAnalyses": lambda: trd.single_imputation_analyses(study(), day=28),
    "Pooled": lambda: imputed().analyse(trd.ANCOVA("baseline")).pool(),
    "Comparison": lambda: trd.compare(
        study(), adjust="age + baseline", day=28, tau=28, n_boot=20,
        accept=["effective sample size"],
    ),
    "LogisticResult": lambda: trd.Logistic("treatment + baseline", **RESPONSE).fit(study()),
    "EndpointMargins": lambda: (
        trd.Logistic("treatment + baseline", **RESPONSE).fit(study()).margins()
    ),
    "ProportionalOddsResult": lambda: ordinal(),
    "CategoryMargins": lambda: ordinal().margins(),
    "RankResult": lambda: trd.RankComparison("score", day=28, covariates="baseline").fit(study()),
    "FactorialResult": lambda: trd.Factorial(
        "treatment", "sex", covariates="baseline", **RESPONSE).fit(two()),
    "TimeShareResult": lambda: trd.TimeShare(trd.Response(), start=7, end=28).fit(study()),
    "Multiverse": lambda: trd.multiverse(
        study(), [trd.Response(), trd.Remission()], primary=trd.Response(), day=28,
        contrast=("ECT", "TMS"),
    ),
}  # fmt: skip
