"""Valid calls of the public functions and specifications that `valid_calls` does not have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from results_of_everything import relapsing_subjects
from valid_calls import Call

import trdstats as trd

# Take no number and no text of the user's, or only whole objects that have checks of their own.
WITHOUT_SCALARS = {
    "AtDays", "CustomStrategy", "Estimate", "EstimateResult", "Estimates", "Graph", "Hypothetical",
    "LastMeanCarriedForward", "MAR", "Plan", "PrincipalStratum", "Scale", "TreatmentPolicy",
    "Universe", "WhileOnTreatment", "assess", "joint", "linked_scales", "multiply_weights",
    "read_plan", "read_scales", "read_study", "run_plan", "sample_names", "scale_names",
    "read_summary", "combine", "summarise_files", "answer_sites", "next_round", "read_round",
    "ExportMapping", "RedcapLayout", "diff_runs", "explain_result", "read_export", "read_file",
    "Certificate", "NumberStyle", "SecondOpinion", "number_style", "paper", "sample_plan",
    "second_opinion", "selfcheck",
    "read_redcap", "read_results", "resampling", "sample_exports", "verify_run",
}  # fmt: skip

MODEL = "change ~ baseline + treatment * visit"


@cache
def _sets(study: trd.Study) -> Any:
    frame = study.longitudinal([7, 14, 28])
    frame.loc[frame["subject"].isin(["S00", "S01", "S02", "S03"]) & (frame["visit"] == 28),
              "change"] = float("nan")  # fmt: skip
    spec = trd.Imputation(MODEL, method=trd.ConditionalMean(), covariance="cs")
    return spec.draw(frame, trd.dropout_events(frame)).impute(trd.MAR())


@cache
def _decisions() -> trd.Decisions:
    rng = np.random.default_rng(5)
    on = rng.integers(0, 2, (60, 3))
    rows = pd.DataFrame(
        {"subject": np.repeat(range(60), 3), "start": np.tile([0.0, 28, 56], 60), "status": 0,
         "on": on.ravel(), "previous": np.hstack([on[:, :1] * 0 + 1, on[:, :-1]]).ravel(),
         "score": rng.integers(5, 20, 180), "well": rng.integers(0, 2, 180)}
    )  # fmt: skip
    ends = rows["start"] == 56
    rows.loc[ends, "status"] = rng.integers(0, 2, int(ends.sum()))
    return trd.Decisions(rows.assign(stop=rows["start"] + 28))


@cache
def _imputed_ratings(study: trd.Study) -> Any:
    left = pd.DataFrame({"subject": ["S00", "S03"], "visit": 28.0, "strategy": "JR"})
    spec = trd.GLMMImputation(trd.GLMM("response ~ treatment", points=3), n=2, seed=1)
    return spec.draw(study, left, outcome=trd.Response()).impute(reference="A")


@cache
def _with_events(study: trd.Study) -> trd.Study:
    events = pd.DataFrame({"subject": ["S00", "S03"], "day": [5, 9], "event": "rescue"})
    return trd.Study(study.visits, study.subjects, events, scale="MADRS", randomised=True)


def _divided(study: trd.Study, **given: Any) -> trd.DividedStudy:
    import dask.dataframe as dd

    columns = ["subject", "day", "score"]
    visits = study.visits[columns].assign(subject=study.visits["subject"].astype(str))
    subjects = study.subjects[["subject", "treatment"]].astype(str)
    return trd.DividedStudy(dd.from_pandas(visits, npartitions=2), subjects, **given)


def more_calls(study: trd.Study) -> Iterator[Call]:
    """Yield the calls."""
    response, relapse = trd.Response(), trd.Relapse(at_least=22)
    onset = trd.time_to(study, response)
    held = trd.time_to(study, relapse, since=response)
    history = trd.response_history(study, response, relapse)
    losses = trd.loss_episodes(
        trd.response_history(study, response, trd.LossOfResponse(), regain=True)
    )
    spells = trd.Episodes(pd.DataFrame({
        "subject": [1, 1, 2, 2, 3, 4, 5, 6, 6], "treatment": list("AAAABBBAA"),
        "start": [0, 5, 0, 9, 0, 0, 0, 0, 4], "stop": [5, 20, 9, 18, 7, 12, 20, 4, 20],
        "status": [1, 0, 1, 1, 1, 1, 0, 1, 0]}))  # fmt: skip
    spells_that_end = trd.Episodes(relapsing_subjects(), causes={1: "relapse", 2: "left follow-up"})
    subjects = study.subjects.assign(y=[float(i % 3 == 0) for i in range(len(study.subjects))])
    trial = trd.PublishedTrial(
        "T", {"age": 45.0}, {"age": 10.0},
        (trd.PublishedArm("A", 40, events=10), trd.PublishedArm("B", 40, events=20)),
    )  # fmt: skip
    effect = trd.Effect("risk ratio", "A", "B", 1.5, std_error=0.2, trial="1")
    arms = {"treatment": "A", "comparator": "B", "anchor": None}
    trials = pd.DataFrame({"intervention": ["x"], "dose": [20.0], "weeks": [6.0],
                           "adherent": [True], "insufficient": [True]})  # fmt: skip
    failures = pd.DataFrame({"failures": [2, 3], "optimisations": [1, 0], "ect": [False, True],
                             "resistant_months": [5.0, 30.0], "duration_months": [5.0, 30.0],
                             "severity": ["mild", "severe"], "augmentation": [0, 1],
                             "failed_classes": ["SSRI", "SSRI, TCA"],
                             "bilateral_ect": [False, True]})  # fmt: skip

    def spec(name: str, **given: Any) -> Call:
        return Call(name, getattr(trd, name), given)

    def fitted(name: str, data: Any, **given: Any) -> Call:
        return Call(name, getattr(trd, name), given, lambda s: repr(s.fit(data)))

    yield spec("ANCOVA", covariates="baseline", reference="A")
    yield spec("ApproximateBayes", n=10, seed=1)
    yield spec(
        "BinaryTippingPoint",
        definition=response,
        day=28,
        treatment="A",
        reference="B",
        conf_level=0.95,
    )
    yield spec("CGIResponse", at_most=2)
    yield spec("Composite", score="worst")
    for name in ("CopyIncrements", "CopyReference", "JumpToReference"):
        yield spec(name, reference="A")
    yield Call(
        "Estimand", trd.Estimand,
        {"population": "all", "variable": "score", "contrast": "A v B",
         "population_summary": "mean", "strategies": {}},
    )  # fmt: skip
    yield spec("Event", events=("death",))
    yield spec(
        "number_needed_to_treat", result=trd.rates(study, response, day=28), better="higher",
        conf_level=0.95,
    )  # fmt: skip
    yield spec("remission_at", day=28, at_most=10)
    yield spec("response_at", day=28, reduction=0.5)
    yield spec("WithoutEvent", state=trd.remission_at(14), event=relapse, until=28, since=14)
    yield spec("baseline_table", study=study, covariates=("age", "sex"))
    yield spec("participant_flow", study=study, day=28, enrolled=40, excluded={"declined": 10})
    yield spec("count_events", study=_with_events(study), events=("rescue",), conf_level=0.95)
    yield fitted("CensoringWeights", study, formula="age", outcome=response, day=28)
    yield fitted("IntervalResponseState", history, tau=21, cuts=(14,))
    yield fitted("MixtureCure", onset, incidence="1", latency="1", conf_level=0.95)
    yield spec("RepeatedMeasures", model=trd.MMRM(MODEL), reference="A")
    yield spec("ResponderRates", definition=response, day=28, reference="A")
    yield fitted("TippingPoint", _sets(study), deltas={"A": [0.0, 2.0]},
                 of={"measure": "difference", "visit": 28})  # fmt: skip
    yield spec("TimeToEvent", definition=response, estimator=trd.CoxPH("treatment"))
    yield spec("Imputation", formula=MODEL, covariance="cs", method=trd.ConditionalMean())
    yield spec("GLMMImputation", model=trd.GLMM("response ~ treatment"), n=3, seed=1)
    ratings = _imputed_ratings(study)
    yield Call("SetTo", trd.SetTo, {"value": 0}, lambda s: repr(ratings.draws.impute(s)))
    yield Call("VisitRates", trd.VisitRates,
               {"visits": (28,), "at_least": 1, "reference": "A"},
               lambda a: repr(ratings.analyse(a).pool()))  # fmt: skip
    yield Call("MAIC", trd.MAIC, {"targets": trial}, lambda s: repr(s.fit(subjects)))
    yield Call(
        "MAIC.compare", trd.MAIC(trial).fit(subjects[subjects["treatment"] == "A"]).compare,
        {"trial": trial, "outcome": "y", "measure": "odds ratio", "conf_level": 0.95,
         "n_boot": 0, "seed": 0, **arms},
    )  # fmt: skip
    yield Call(
        "STC", trd.STC, {"outcome": "y", "measure": "odds ratio", "conf_level": 0.95},
        lambda s: repr(s.fit(subjects, trial, **arms)),
    )  # fmt: skip
    yield Call("STC.fit", trd.STC(outcome="y").fit, {"data": subjects, "trial": trial, **arms})
    yield spec("PublishedTrial", label="T", means={"age": 45.0}, sds={"age": 10.0}, arms=())
    yield spec("Bucher", conf_level=0.95)
    yield spec("read_effect", source=effect, measure="risk ratio")
    yield spec("negative_control", controls={"baseline": effect}, tolerance=0.2, measure=None)
    yield spec("unmeasured_confounder", effect=effect, prevalence_reference=0.2,
               prevalence_treated=(0.1, 0.5), measure=None, rare=None)  # fmt: skip
    yield spec("adjust_p_values", frame=pd.DataFrame({"p_value": [0.01, 0.2]}), method="holm",
               column="p_value")  # fmt: skip
    yield Call(
        "compare", trd.compare,
        {"study": study, "adjust": "age", "outcomes": ("rate",), "day": 28, "tau": 28.0,
         "reference": "A", "missing": "indicator", "estimand": None, "conf_level": 0.95,
         "n_boot": 2, "seed": 0, "n_jobs": 1},
    )  # fmt: skip
    yield Call(
        "multiverse", trd.multiverse,
        {"study": study, "definitions": [response], "contrast": ("A", "B"), "primary": response,
         "day": 28, "conf_level": 0.95},
    )  # fmt: skip
    yield spec("single_imputation_analyses", study=study, day=28, covariates="baseline",
               methods=("locf",), reference="A")  # fmt: skip
    yield spec("dropout_events", data=study)
    yield spec("Episodes", frame=losses.frame, outcome="relapse", origin="first response")
    yield fitted("SharedFrailty", spells, formula="treatment", by="subject", ties="efron", cause=1,
                 conf_level=0.95)  # fmt: skip
    yield fitted("JointFrailty", spells_that_end, formula="treatment", pieces=2, conf_level=0.95)
    yield spec("ask_sites", plan=trd.sample_plan("trial"), analysis="hazards", outcome="response",
               formula="age + baseline", estimand="ate")  # fmt: skip
    yield spec("summarise_site", plan=trd.sample_plan("trial"), site="north", minimum=5,
               secret=None)  # fmt: skip
    ends = [14.0, 28, 42, 21, 35, 56, 14, 49, 28, 63, 21, 42]
    since = trd.EventTimes(
        pd.DataFrame({"subject": range(12), "treatment": ["A", "B"] * 6, "left": 7.0,
                      "right": ends, "time": ends, "status": 1, "origin_gap": 7.0,
                      "age": range(30, 42)})
    )  # fmt: skip
    between = trd.DoublyCensored(since)
    taken = _decisions()
    two = {"always": trd.Continue(84), "never": trd.Discontinue()}
    yield spec("decision_intervals", study=trd.simulate.maintenance(40, seed=1),
               definition=trd.Relapse(22), treatment="lithium", step=28.0, covariates=["score"],
               since=None, until=84.0, competing="death")  # fmt: skip
    yield spec("Continue", days=84.0, grace=0.0)
    yield spec("Discontinue", grace=28.0)
    yield Call("ContinueUntil", trd.ContinueUntil, {"state": "well", "grace": 0.0},
               lambda s: repr(s.required(taken.frame)))  # fmt: skip
    yield Call("RuleStrategy", trd.RuleStrategy, {"function": len, "name": "a rule"}, repr)
    yield spec("Decisions", frame=taken.frame, outcome="relapse", origin="day 0")
    yield Call("PrincipalStratumBounds", trd.PrincipalStratumBounds,
               {"response": response, "loss": trd.Relapse(22), "tau": 14.0, "monotone": True,
                "n_boot": 2, "seed": 1, "conf_level": 0.95}, repr)  # fmt: skip
    predicted = trd.start_stop(trd.load_sample("trial"), trd.Relapse(22), ["score"], since=response)
    yield fitted("DynamicPrediction", predicted, formula="score", horizon=60.0,
                 landmarks=(14.0, 28.0), conf_level=0.95)  # fmt: skip
    yield Call("RecurrentResponse", trd.RecurrentResponse,
               {"formula": "1", "breaks": (14.0,), "conf_level": 0.95}, repr)  # fmt: skip
    yield fitted("ChangingWeights", taken, model="score", numerator="1", cap=0.9)
    yield fitted("CloneCensorWeight", taken, strategies=two, model="score", tau=84.0, n_boot=0,
                 seed=0, n_jobs=1, conf_level=0.95, cap=0.9, reference="never")  # fmt: skip
    yield fitted("SequentialTrials", taken, covariates="score", days=(56.0,), n_boot=0, seed=0,
                 n_jobs=1, conf_level=0.95, estimand="initiate")  # fmt: skip
    yield Call("DoublyCensored", trd.DoublyCensored, {"times": since, "onset": None}, repr)
    yield fitted("DurationCurve", between, by="treatment", pieces=2, conf_level=0.95)
    yield fitted("DurationNPMLE", between, by="treatment", step=7.0, conf_level=0.95, n_boot=2,
                 seed=1, n_jobs=1)  # fmt: skip
    yield fitted("DurationPH", between, formula="age", pieces=1, robust=False, conf_level=0.95)
    yield fitted("DurationTest", between, by="treatment", pieces=1)
    yield fitted("MeanCumulative", losses, by="treatment", conf_level=0.95)
    yield fitted("TimeLost", onset, tau=21.0, by="treatment", reference="A", conf_level=0.95)
    yield fitted("Extrapolation", onset, horizons=(60.0,), families=("weibull",), knots=1,
                 by="treatment", age="age", conf_level=0.95)  # fmt: skip
    yield spec("potential_follow_up", times=onset)
    yield spec("loss_episodes", history=history)
    yield spec("InCourse", treatment="lithium")
    yield spec("start_stop", study=study, definition=response, covariates=["change"], until=21.0)
    yield spec("GEE", formula="response ~ treatment", family="binomial", link=None, corr="ar1",
               vcov="robust", ddf="residual", rating_weights=None, time=None)  # fmt: skip
    yield spec("DropoutWeights", formula="previous", numerator=None, score="score",
               baseline="baseline")  # fmt: skip
    yield spec("Logistic", formula="treatment", outcome=response, day=28, by="treatment",
               reference="A", missing="nonresponse", penalty="where separated", limits="profile",
               conf_level=0.95)  # fmt: skip
    yield spec("ProportionalOdds", formula="band ~ treatment", outcome=None, day=None,
               by="treatment", reference="A", limits="profile", conf_level=0.95)  # fmt: skip
    yield spec("RankComparison", outcome="change", day=28, by="treatment", better="lower",
               strata=(), covariates=None, reference="A", conf_level=0.95)  # fmt: skip
    yield spec("Factorial", first="drug", second="therapy", outcome=response, day=28,
               covariates=None, references=None, missing="nonresponse",
               conf_level=0.95)  # fmt: skip
    yield spec("TimeShare", definition=response, start=0.0, end=28.0, by_rule="visits",
               missing="nonresponse", reference="A", conf_level=0.95)  # fmt: skip
    yield spec("FailureIf", definition=response, kinds=("rescue",))
    yield spec("OnScale", definition=response, scale="QIDS-SR16")
    yield spec("Items", columns=("item1",), at_most=2.0, at_least=None)
    yield spec("functional_remission", items=("sds1",), at_most=6, each_at_most=2)
    yield spec("impute_origin", times=held, spec=trd.KaplanMeier(), days=(14,), n=2, seed=0)
    yield Call("response_history", trd.response_history,
               {"study": study, "response": response, "relapse": relapse})  # fmt: skip
    yield Call("EventTimes.only", onset.only, {"treatments": ["A"]})
    yield Call("ResponseHistory.only", history.only, {"treatments": ["A"]})
    yield Call("Study.only", study.only, {"treatments": ["A"]})
    yield Call("DividedStudy", partial(_divided, study), {
        "scale": "MADRS", "subject": "subject", "treatment": "treatment", "day": "day",
        "score": "score", "baseline": None, "windows": None, "instrument": None,
        "duplicates": "worst", "randomised": True, "courses": None,
    })  # fmt: skip
    yield spec("published_figures", scale="MADRS")
    yield spec("convert", scores=[5, 8], source="QIDS-SR16", target="HAM-D17")
    yield spec("transfer_percent_change", percent=[50.0], source="HAM-D17", target="MADRS")
    yield spec("search_scales", text="rating")
    yield Call("sample_tables", trd.sample_tables, {"name": "trial"})
    yield spec("judge_trials", trials=trials, minimum={"x": (20.0, 4.0)}, dose="dose")
    yield spec("stage_mgh", frame=failures, failures="failures", ect="ect")
    yield spec("stage_maudsley", frame=failures, failures="failures", severity="severity")
    yield spec("stage_european", frame=failures, failures="failures")
    yield spec("stage_thase_rush", frame=failures, classes="failed_classes")
