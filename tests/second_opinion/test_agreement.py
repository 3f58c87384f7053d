"""Independent libraries agree on both packaged samples, and on proportions of any size."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results_of_everything import MAKERS, study

import trdstats as trd
from trdstats.errors import SpecError
from trdstats.second_opinion.opinion import NONE
from trdstats.second_opinion.registry import RECOMPUTED

SAMPLES = ("modalities", "trial")


@cache
def sample(name: str) -> trd.Study:
    return trd.load_sample(name)


@cache
def onset(name: str) -> trd.EventTimes:
    return trd.time_to(sample(name), trd.Response())


@cache
def durability(name: str) -> trd.EventTimes:
    relapse = trd.Relapse(at_least=22, consecutive=1)
    return trd.time_to(sample(name), relapse, since=trd.Response(), competing="left follow-up")


@cache
def pair(name: str) -> trd.Study:
    return sample(name).only(["ECT", "IV ketamine"])


def rows_of(name: str) -> pd.DataFrame:
    rows = sample(name).longitudinal()
    return rows[rows["visit"].between(1, 60)]


FITS: dict[str, Any] = {
    "rates, score": lambda n: trd.rates(sample(n), trd.Response(), day=28),
    "rates, exact and Newcombe": lambda n: trd.rates(
        sample(n), trd.Remission(), day=28, method="clopper-pearson", difference="newcombe"
    ),
    "rates, Agresti-Coull and Wald": lambda n: trd.rates(
        sample(n), trd.Response(), day=28, method="agresti-coull", difference="wald",
        missing="observed", conf_level=0.9,
    ),
    "rates, Gart": lambda n: trd.rates(
        sample(n), trd.Response(), day=28, difference="gart"
    ),
    "events": lambda n: trd.count_events(sample(n), conf_level=0.9),
    "strata": lambda n: trd.stratified_rates(
        pair(n), trd.Response(), day=28, strata="sex"
    ),
    "Kaplan-Meier": lambda n: trd.KaplanMeier().fit(onset(n)),
    "Kaplan-Meier, all": lambda n: trd.KaplanMeier(by=None, conf_level=0.9).fit(durability(n)),
    "Aalen-Johansen": lambda n: trd.AalenJohansen().fit(durability(n)),
    "restricted means": lambda n: trd.RMST(tau=56).fit(_from_start(n)),
    "Turnbull": lambda n: trd.Turnbull().fit(onset(n)),
    "log-rank": lambda n: trd.LogRank().fit(onset(n)),
    "log-rank of relapse": lambda n: trd.LogRank(rho=1.0).fit(durability(n)),
    "log-rank, strata": lambda n: trd.LogRank(strata="sex").fit(onset(n)),
    "Cox": lambda n: trd.CoxPH("treatment + age").fit(onset(n)),
    "Cox, Breslow, strata": lambda n: trd.CoxPH(
        "age + baseline", ties="breslow", strata="treatment"
    ).fit(onset(n)),
    "Cox, robust": lambda n: trd.CoxPH("age", robust=True).fit(durability(n)),
    **{
        f"AFT, {d}": lambda n, d=d: trd.AFT("age + baseline", distribution=d).fit(onset(n))
        for d in ("weibull", "exponential", "log-normal", "log-logistic", "generalised gamma")
    },
    "LMM, intercept": lambda n: trd.LMM("score ~ day * treatment", random="1").fit(rows_of(n)),
    "LMM, slope": lambda n: trd.LMM("score ~ day + baseline", random="1 + day").fit(rows_of(n)),
    "LMM, likelihood": lambda n: trd.LMM(
        "score ~ day + treatment", reml=False, ddf="residual"
    ).fit(rows_of(n)),
    "MMRM, compound symmetry": lambda n: trd.MMRM(
        "score ~ baseline + treatment", covariance="cs", ddf="satterthwaite"
    ).fit(rows_of(n)),
    "GEE": lambda n: trd.GEE(
        "response ~ day + baseline", corr="independence", vcov="mancl-derouen"
    ).fit(sample(n), outcome=trd.Response()),
    "GEE, exchangeable": lambda n: trd.GEE("met ~ baseline", family="poisson").fit(
        rows_of(n).assign(met=lambda d: d["score"] <= 20)
    ),
    "logistic": lambda n: trd.Logistic(
        "treatment + baseline", outcome=trd.Response(), day=28).fit(pair(n)),
    "proportional odds": lambda n: trd.ProportionalOdds(
        "treatment + baseline", outcome="severity", day=28).fit(pair(n)),
    "ranks": lambda n: trd.RankComparison("score", day=28).fit(pair(n)),
    "time in response": lambda n: trd.TimeShare(trd.Response(), start=7, end=28).fit(pair(n)),
    "propensity": lambda n: trd.PropensityWeights("age").fit(pair(n)),
    "censoring": lambda n: trd.CensoringWeights(
        "baseline", by=None, outcome=trd.Response(), day=28
    ).fit(sample(n)),
    "adjusted": lambda n: trd.CoxPH("treatment").fit(onset(n)).estimates().adjust("holm"),
    "adjusted jointly": lambda n: (
        trd.CoxPH("treatment").fit(onset(n)).estimates().adjust("max-t")
    ),
}  # fmt: skip


def _from_start(name: str) -> trd.EventTimes:
    times = onset(name)
    early = [t for t in sample(name).treatments if times.first_look.get(t, 0.0) <= 56]
    return times.only(early)


@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("fit", FITS)
def test_libraries_agree(fit: str, name: str) -> None:
    opinion = trd.second_opinion(FITS[fit](name))
    assert opinion.agrees, repr(opinion)


@pytest.mark.parametrize(
    ("fit", "search"),
    [
        ("GEE, exchangeable", "statsmodels.genmod.generalized_estimating_equations.GEE."
         "_update_mean_params"),
        ("proportional odds", "statsmodels.miscmodels.ordinal_model.OrderedModel.hessian"),
    ],
)  # fmt: skip
def test_a_search_ends_where_it_has_converged(
    fit: str, search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newton steps double their digits: some ten of them suffice, and 500 were made."""
    module, kind, step = search.rsplit(".", 2)
    searched = getattr(importlib.import_module(module), kind)
    made, once = [], getattr(searched, step)

    def counted(*arguments: Any) -> Any:
        made.append(step)
        return once(*arguments)

    monkeypatch.setattr(searched, step, counted)
    assert trd.second_opinion(FITS[fit]("trial")).agrees
    assert 1 < len(made) < 20


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_standardisation_is_recomputed_from_the_study(name: str) -> None:
    spec = trd.Standardisation("treatment + baseline", outcome=trd.Response(), day=28)
    result = spec.fit(pair(name))
    assert trd.second_opinion(result, pair(name)).agrees
    alone = trd.second_opinion(result)
    assert alone.agrees is None
    assert "second_opinion(result, study)" in alone.tidy()["note"].item()


@pytest.mark.parametrize("result", MAKERS)
@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
def test_every_result_has_an_opinion_or_a_reason(result: str) -> None:
    opinion = trd.second_opinion(MAKERS[result]())
    table = opinion.tidy()
    assert len(table)
    assert opinion.agrees is not False, repr(opinion)
    without = table["agrees"].isna()
    assert (table.loc[without, "note"] != "").all()
    assert (table.loc[~without, "basis"] != "").all()
    if result not in RECOMPUTED:
        assert table["library"].tolist() == [NONE]


def test_the_libraries_are_never_ours() -> None:
    opinion = trd.second_opinion(trd.KaplanMeier().fit(onset("trial")))
    names = {text.split()[0] for text in opinion.tidy()["library"]}
    assert names == {"statsmodels", "lifelines"}


counts = st.tuples(st.integers(1, 60), st.integers(0, 60), st.integers(1, 60),
                   st.integers(0, 60)).map(
    lambda v: (min(v[1], v[0]), v[0], min(v[3], v[2]), v[2])
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(counts, st.sampled_from(["miettinen-nurminen", "newcombe", "wald", "gart"]),
       st.sampled_from([0.8, 0.95, 0.99]))  # fmt: skip
def test_no_table_of_counts_is_disputed(
    table: tuple[int, int, int, int], method: Any, level: float
) -> None:
    found = trd.compare_counts(*table, method=method, conf_level=level)
    assert trd.second_opinion(found).agrees is not False, repr(trd.second_opinion(found))


@pytest.mark.parametrize("method", ["reml", "dersimonian-laird", "paule-mandel", "fixed"])
@pytest.mark.parametrize("knapp", [True, False, "truncated"])
@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
def test_pooled_trials(method: Any, knapp: Any) -> None:
    table = pd.DataFrame(
        {"trial": list("abcde"), "events": [15, 7, 9, 30, 4], "n": [20, 22, 25, 60, 30],
         "reference_events": [3, 4, 8, 11, 5], "reference_n": [20, 21, 24, 61, 29]}
    )  # fmt: skip
    pooled = trd.meta_analysis(table, method=method, hartung_knapp=knapp)
    assert trd.second_opinion(pooled).agrees


@pytest.mark.parametrize("method", ["bonferroni", "holm", "hochberg", "hommel",
                                    "benjamini-hochberg"])  # fmt: skip
def test_p_values_of_a_frame(method: Any) -> None:
    frame = pd.DataFrame({"p_value": [0.01, 0.04, np.nan, 0.03, 0.2]})
    assert trd.second_opinion(trd.adjust_p_values(frame, method=method)).agrees


def test_delayed_entry_is_recomputed() -> None:
    rng = np.random.default_rng(4)
    entry = rng.integers(0, 10, 60).astype(float)
    frame = pd.DataFrame(
        {"subject": range(60), "treatment": ["A", "B"] * 30, "entry": entry,
         "time": entry + rng.integers(1, 30, 60), "status": rng.integers(0, 2, 60)}
    )  # fmt: skip
    for spec in (trd.KaplanMeier(), trd.LogRank(), trd.CoxPH("treatment")):
        assert trd.second_opinion(spec.fit(frame)).agrees


def test_events_at_time_zero_are_recomputed() -> None:
    frame = pd.DataFrame(
        {"subject": range(8), "treatment": ["A"] * 8, "time": [0.0, 0, 0, 1, 2, 2, 3, 4],
         "status": [1, 2, 0, 1, 1, 0, 2, 0]}
    )  # fmt: skip
    times = trd.EventTimes(frame, causes={1: "relapse", 2: "death"})
    assert trd.second_opinion(trd.KaplanMeier().fit(times)).agrees
    assert trd.second_opinion(trd.AalenJohansen().fit(times)).agrees


def test_exact_times_are_recomputed() -> None:
    rng = np.random.default_rng(1)
    time = rng.weibull(1.4, 80) * 20 + 0.1
    frame = pd.DataFrame(
        {"subject": range(80), "treatment": ["A", "B"] * 40, "time": np.minimum(time, 25.0),
         "status": (time < 25).astype(int)}
    )  # fmt: skip
    for name in ("weibull", "log-normal", "generalised gamma"):
        opinion = trd.second_opinion(trd.AFT("treatment", distribution=name).fit(frame))
        assert opinion.agrees, repr(opinion)


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(SpecError, match=r"takes what an estimator returned.*got Study"):
        trd.second_opinion(study())
    with pytest.raises(SpecError, match=r"no column p_adjusted, adjust\. Give the result itself"):
        trd.second_opinion(pd.DataFrame({"p_value": [0.1]}))


def test_an_opinion_shows_itself() -> None:
    opinion = trd.second_opinion(trd.compare_counts(108, 195, 70, 170))
    text = repr(opinion)
    assert text.startswith("Second opinion on CountComparison\n  Outcome  15 numbers agree")
    assert "Tolerance 1e-09 of the value: closed forms, summed in another order." in text
    assert opinion._repr_html_() == opinion.summary().to_html()
    assert opinion.tidy().columns.tolist() == [
        "quantity", "ours", "theirs", "difference", "tolerance", "agrees", "library", "basis",
        "note",
    ]  # fmt: skip


def test_without_lifelines_the_others_are_still_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifelines", None)
    table = trd.second_opinion(trd.KaplanMeier().fit(onset("trial"))).tidy()
    assert {t.split()[0] for t in table["library"][:-1]} == {"statsmodels"}
    assert table["agrees"][:-1].all()
    assert table.iloc[-1][["quantity", "note"]].tolist() == [
        "further numbers", "lifelines is not installed",
    ]  # fmt: skip


def test_plain_formulas_are_built_again_and_others_taken_as_they_are() -> None:
    plain = trd.second_opinion(trd.CoxPH("treatment * age").fit(onset("trial"))).tidy()
    assert plain["note"].str.startswith("design built again").sum() == 10
    other = trd.second_opinion(trd.CoxPH("treatment + log(age)").fit(onset("trial"))).tidy()
    assert other["note"].str.startswith("design as the result holds it").sum() == 6
    assert plain["agrees"].all()
    assert other["agrees"].all()
    rows = trd.LMM("score ~ day * treatment + baseline").fit(rows_of("trial"))
    mixed = trd.second_opinion(rows).tidy()
    assert mixed["note"].str.startswith("design built again").sum() == len(rows.terms)
