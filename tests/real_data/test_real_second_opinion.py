"""Independent libraries agree on real trials, whose licences keep them out of the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from real_files import real_table

import trdstats as trd


def bone_marrow() -> list[Any]:
    table = real_table("bmt_competing_risks.csv")
    status = np.where(table["d2"] == 1, 1, np.where(table["d1"] == 1, 2, 0))
    frame = pd.DataFrame(
        {"subject": np.arange(len(table)), "treatment": table["group"].astype(str),
         "time": table["t2"].astype(float), "status": status, "age": table["z1"]}
    )  # fmt: skip
    times = trd.EventTimes(frame, causes={1: "relapse", 2: "death in remission"})
    return [
        trd.KaplanMeier().fit(times),
        trd.AalenJohansen().fit(times),
        trd.RMST(tau=365).fit(times),
        trd.LogRank().fit(times),
        trd.CoxPH("treatment + age").fit(times),
        trd.CoxPH("treatment", cause=2, ties="breslow").fit(times),
        *(trd.AFT("treatment + age", distribution=d).fit(times) for d in ("weibull", "log-normal")),
    ]


def return_to_drugs() -> list[Any]:
    table = real_table("uis_relapse.csv").dropna(subset=["AGE", "BECK"])
    frame = pd.DataFrame(
        {"subject": table["ID"], "treatment": np.where(table["TREAT"] == 1, "long", "short"),
         "time": table["TIME"].astype(float), "status": table["CENSOR"], "site": table["SITE"],
         "age": table["AGE"], "beck": table["BECK"]}
    )  # fmt: skip
    return [
        trd.KaplanMeier().fit(frame),
        trd.RMST(tau=180).fit(frame),
        trd.LogRank().fit(frame),
        trd.LogRank(strata="site").fit(frame),
        trd.LogRank(rho=1.0).fit(frame),
        trd.CoxPH("treatment + age + beck", strata="site").fit(frame),
        trd.CoxPH("treatment + age + beck").fit(frame),
        *(
            trd.AFT("treatment + beck", distribution=d).fit(frame)
            for d in ("weibull", "log-normal", "log-logistic", "generalised gamma")
        ),
    ]


def breast_cosmesis() -> list[Any]:
    table = real_table("breast_cosmesis_interval.csv")
    right = table["R"].astype(float).fillna(np.inf)
    frame = pd.DataFrame(
        {"subject": range(len(table)), "treatment": table["group"], "left": table["L"],
         "right": right, "time": right.where(np.isfinite(right), table["L"]),
         "status": np.isfinite(right).astype(int)}
    )  # fmt: skip
    times = trd.EventTimes(frame)
    return [
        trd.Turnbull().fit(times),
        *(
            trd.AFT("treatment", distribution=d).fit(times)
            for d in ("weibull", "log-normal", "log-logistic")
        ),
    ]


def antidepressant() -> list[Any]:
    table = real_table("antidepressant_hamd17.csv")
    named = {"subject": "PATIENT"}
    last = table[table["VISIT"] == 7].assign(met=lambda f: 2 * f["HAMDTL17"] <= f["BASVAL"])
    events = last.groupby("THERAPY")["met"].agg(["sum", "count"])
    counts = [int(events.loc[arm, c]) for arm in ("DRUG", "PLACEBO") for c in ("sum", "count")]
    return [
        trd.MMRM("CHANGE ~ BASVAL + THERAPY * VISIT", covariance="cs", ddf="satterthwaite").fit(
            table, visit="VISIT", **named
        ),
        trd.LMM("CHANGE ~ BASVAL + THERAPY * RELDAYS").fit(table, **named),
        trd.LMM("CHANGE ~ BASVAL + THERAPY * RELDAYS", random="1 + RELDAYS").fit(table, **named),
        *(
            trd.compare_counts(*counts, method=m)
            for m in ("miettinen-nurminen", "newcombe", "wald")
        ),
    ]


def st_johns_wort() -> list[Any]:
    table = real_table("linde2005.csv").dropna(subset=["ai", "n1i", "ci", "n2i"])
    trials = pd.DataFrame(
        {"trial": table["study"].astype(str) + table["id"].astype(str), "events": table["ai"],
         "n": table["n1i"], "reference_events": table["ci"], "reference_n": table["n2i"]}
    )  # fmt: skip
    return [
        *(
            trd.meta_analysis(trials, method=m, hartung_knapp=k, measure="risk ratio")
            for m in ("dersimonian-laird", "paule-mandel", "fixed", "reml")
            for k in (False, True)
        ),
    ]


def mental_health() -> list[Any]:
    table = real_table("mental_health_trial.csv")
    frame = pd.DataFrame(
        {"subject": table["id"], "treatment": table["treat"].astype(str),
         "time": table["surv.time"], "status": table["cens.ind"]}
    )  # fmt: skip
    weeks = [0, 1, 2, 4, 6, 8]
    long = table.melt("id", [f"Y.t{w}" for w in weeks], "visit", "score").merge(
        table[["id", "treat"]].assign(treat=lambda f: f["treat"].astype(str))
    )
    long["week"] = long["visit"].str[3:].astype(float)
    return [
        trd.KaplanMeier().fit(frame),
        trd.LogRank().fit(frame),
        trd.CoxPH("treatment").fit(frame),
        trd.LMM("score ~ week * treat").fit(long.dropna(), subject="id"),
        trd.LMM("score ~ week * treat", random="1 + week").fit(long.dropna(), subject="id"),
    ]


TRIALS: list[Callable[[], list[Any]]] = [
    bone_marrow, return_to_drugs, breast_cosmesis, antidepressant, st_johns_wort, mental_health,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
@pytest.mark.parametrize("trial", TRIALS, ids=lambda f: f.__name__)
def test_libraries_agree(trial: Callable[[], list[Any]]) -> None:
    for result in trial():
        opinion = trd.second_opinion(result)
        assert opinion.agrees, repr(opinion)
