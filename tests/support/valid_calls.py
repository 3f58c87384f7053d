"""One valid call of every public function and specification that takes a number or a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import trdstats as trd


@dataclass(frozen=True)
class Call:
    """A call, its arguments by name, and what is done with what it returns."""

    name: str
    make: Callable[..., Any]
    given: dict[str, Any]
    use: Callable[[Any], Any] = repr


def small_trial() -> trd.Study:
    """Return two arms of fifteen, four visits each, a covariate of numbers and one of text."""
    rng = np.random.default_rng(7)
    rows, people = [], []
    for i in range(30):
        base = int(rng.integers(24, 40))
        people.append((f"S{i:02d}", "AB"[i % 2], int(rng.integers(20, 70)), "fm"[i % 3 % 2]))
        falls = np.cumsum(rng.integers(0, 9, 4))
        rows += [
            (f"S{i:02d}", d, max(base - f, 0))
            for d, f in zip((0, 7, 14, 28), [0, *falls], strict=False)
        ]
    return trd.Study(
        pd.DataFrame(rows, columns=["subject", "day", "score"]),
        pd.DataFrame(people, columns=["subject", "treatment", "age", "sex"]),
        scale="MADRS",
        windows={7: 2, 14: 2, 28: 2},
        randomised=True,
    )


def calls(study: trd.Study) -> Iterator[Call]:
    """Yield the calls."""
    response, relapse = trd.Response(), trd.Relapse(at_least=22)
    onset = trd.time_to(study, response)
    history = trd.response_history(study, response, relapse)

    def fit(data: Any) -> Callable[[Any], Any]:
        return lambda spec: repr(spec.fit(data))

    def to(definition: Any) -> Any:
        return repr(trd.assess(study, definition))

    for name, spec, given in (
        (
            "KaplanMeier",
            trd.KaplanMeier,
            {"by": "treatment", "conf_type": "log-log", "conf_level": 0.95},
        ),
        ("AalenJohansen", trd.AalenJohansen, {"by": "treatment", "conf_level": 0.95}),
        (
            "RMST",
            trd.RMST,
            {"tau": 20, "by": "treatment", "reference": "A", "covariates": None, "conf_level": 0.9},
        ),
        ("LogRank", trd.LogRank, {"by": "treatment", "strata": "sex", "rho": 0.0, "gamma": 0.0}),
        ("GrayTest", trd.GrayTest, {"by": "treatment", "strata": None, "rho": 0.0}),
        ("MaxCombo", trd.MaxCombo, {"by": "treatment", "adjust": "holm"}),
        (
            "Turnbull",
            trd.Turnbull,
            {"by": "treatment", "conf_level": 0.95, "n_boot": 2, "seed": 0},
        ),
        ("IntervalLogRank", trd.IntervalLogRank, {"by": "treatment"}),
        (
            "IntervalPH",
            trd.IntervalPH,
            {"formula": "age", "conf_level": 0.95, "n_boot": 2, "seed": 0},
        ),
        (
            "CoxPH",
            trd.CoxPH,
            {"formula": "age", "ties": "efron", "robust": False, "cause": 1, "conf_level": 0.95},
        ),
        ("FineGray", trd.FineGray, {"formula": "age", "cause": 1, "conf_level": 0.95}),
        (
            "AFT",
            trd.AFT,
            {"formula": "age", "distribution": "weibull", "robust": False, "conf_level": 0.95},
        ),
    ):
        yield Call(name, spec, given, fit(onset))
    yield Call(
        "ResponseState",
        trd.ResponseState,
        {"tau": 20, "by": "treatment", "conf_level": 0.95},
        fit(history),
    )
    for name, spec, given in (
        ("Response", trd.Response, {"reduction": 0.5}),
        ("Remission", trd.Remission, {"at_most": 10}),
        ("PartialResponse", trd.PartialResponse, {"reduction": 0.25, "below": 0.5}),
        ("EarlyImprovement", trd.EarlyImprovement, {"reduction": 0.2, "by_day": 14}),
        ("LossOfResponse", trd.LossOfResponse, {"below": 0.4}),
        (
            "Relapse",
            trd.Relapse,
            {
                "at_least": 22,
                "consecutive": 2,
                "within_days": 30,
                "after_days": 1,
                "dated": "first",
            },
        ),
        ("Deterioration", trd.Deterioration, {"rise": 0.25, "at_least": 6}),
        ("ReliableChange", trd.ReliableChange, {"sd": 8.0, "reliability": 0.8, "conf_level": 0.95}),
        ("InResponse", trd.InResponse, {"gained": 0.5, "lost": 0.4}),
        ("KOfLast", trd.KOfLast, {"definition": response, "k": 1, "n": 2, "missing": "ignore"}),
        ("AtDays", trd.AtDays, {"definition": response, "days": (7, 14), "missing": "ignore"}),
        (
            "Onset",
            trd.Onset,
            {
                "definition": response,
                "by_day": 14,
                "until": 28,
                "from_day": 0.0,
                "excursions": 0,
                "visits_after": 0,
                "no_rise": False,
            },
        ),
        (
            "Sustained",
            trd.Sustained,
            {
                "definition": response,
                "visits": 2,
                "excursions": 0,
                "max_gap_days": 30.0,
                "slack_days": 0.0,
            },
        ),
    ):
        yield Call(name, spec, given, to)
    formula = "change ~ baseline + treatment * visit"
    yield Call(
        "MMRM",
        trd.MMRM,
        {
            "formula": formula,
            "covariance": "cs",
            "reml": True,
            "ddf": "satterthwaite",
            "vcov": "model",
            "group": None,
            "rating_weights": None,
            "time": None,
            "constrained": False,
        },
        fit(study),
    )
    yield Call(
        "LMM",
        trd.LMM,
        {"formula": formula, "random": "1", "correlated": True, "reml": True},
        fit(study),
    )
    yield Call(
        "GLMM",
        trd.GLMM,
        {
            "formula": "response ~ treatment + visit",
            "family": "binomial",
            "link": "probit",
            "random": "1",
            "correlated": True,
            "points": 3,
            "vcov": "robust",
        },
    )
    yield Call(
        "rates",
        trd.rates,
        {
            "study": study,
            "definition": response,
            "day": 28,
            "missing": "observed",
            "conf_level": 0.95,
            "method": "wilson",
            "reference": "A",
        },
    )
    yield Call(
        "time_to",
        trd.time_to,
        {"study": study, "definition": response, "until": 28, "competing": ()},
    )
    yield Call(
        "mean_scores", trd.mean_scores, {"study": study, "days": (7, 14), "conf_level": 0.95}
    )
    yield Call("change_from_baseline", trd.change_from_baseline, {"study": study, "day": 28})
    yield Call(
        "compare_counts",
        trd.compare_counts,
        {
            "events": 3,
            "n": 10,
            "reference_events": 5,
            "reference_n": 12,
            "method": "newcombe",
            "conf_level": 0.95,
        },
    )
    yield Call(
        "NoninferiorityTest",
        trd.NoninferiorityTest,
        {
            "margin": 0.1,
            "better": "higher",
            "hypothesis": "non-inferiority",
            "measure": "difference",
            "conf_level": 0.95,
        },
    )
    yield Call(
        "Effect",
        trd.Effect,
        {
            "measure": "difference",
            "treatment": "A",
            "reference": "B",
            "estimate": 0.1,
            "std_error": 0.05,
            "conf_level": 0.95,
            "trial": "T",
        },
    )
    effects = [
        trd.Effect("difference", "A", "B", 0.1, std_error=0.05, trial="1"),
        trd.Effect("difference", "A", "B", 0.2, std_error=0.06, trial="2"),
    ]
    yield Call(
        "meta_analysis",
        trd.meta_analysis,
        {"trials": effects, "method": "reml", "measure": None, "conf_level": 0.95},
    )
    yield Call(
        "e_value",
        trd.e_value,
        {
            "estimate": 2.0,
            "conf_low": 1.2,
            "conf_high": 3.0,
            "measure": "risk ratio",
            "conf_level": 0.95,
        },
    )
    yield Call("PublishedArm", trd.PublishedArm, {"treatment": "B", "n": 10, "events": 3})
    yield Call("landmark", trd.landmark, {"times": onset, "day": 7})
    yield Call(
        "audit_schedule",
        trd.audit_schedule,
        {"study": study, "definition": response, "tau": 20, "conf_level": 0.95},
    )
    yield Call("describe_dropout", trd.describe_dropout, {"study": study, "until": 28})
    yield Call("propose_windows", trd.propose_windows, {"visits": study})
    yield Call("check_ratings", trd.check_ratings, {"study": study, "entry": 20, "width": 2})
    yield Call(
        "stratified_rates",
        trd.stratified_rates,
        {
            "study": study,
            "definition": response,
            "day": 28,
            "strata": "sex",
            "missing": "observed",
            "reference": "A",
            "conf_level": 0.95,
        },
    )
    yield Call(
        "PropensityWeights",
        trd.PropensityWeights,
        {
            "formula": "age",
            "estimand": "ate",
            "method": "likelihood",
            "stabilised": False,
            "trim": 0.05,
            "cap": 0.95,
        },
        fit(study),
    )
    yield Call(
        "Matching",
        trd.Matching,
        {"formula": "age", "ratio": 1, "caliper": 0.2, "replace": True, "conf_level": 0.95},
        fit(study),
    )
    yield Call(
        "IPCW",
        trd.IPCW,
        {"formula": "age", "days": (7, 14), "tau": 20, "by": "treatment", "conf_level": 0.95},
        fit(onset),
    )
    yield Call(
        "AIPW",
        trd.AIPW,
        {
            "outcome_formula": "treatment + age",
            "treatment_formula": "age",
            "outcome": response,
            "day": 28,
            "seed": 0,
            "conf_level": 0.95,
        },
        fit(study),
    )
    yield Call(
        "Standardisation",
        trd.Standardisation,
        {"formula": "treatment + age", "outcome": response, "day": 28, "conf_level": 0.95},
        fit(study),
    )
    yield Call("Bayesian", trd.Bayesian, {"n": 10, "burn_in": 2, "thin": 1, "chains": 2, "seed": 1})
    yield Call(
        "ConditionalMean", trd.ConditionalMean, {"resampling": "bootstrap", "n": 10, "seed": 1}
    )
    yield Call("Delta", trd.Delta, {"amount": 2.0, "accumulate": False})
    yield Call("VisitWindows", trd.VisitWindows, {"days": (7.0, 14.0), "half_widths": (1.0, 2.0)})
    yield Call("Prorate", trd.Prorate, {"at_most": 1})
    yield Call("load_sample", trd.load_sample, {"name": "trial"})
    yield Call("get_scale", trd.get_scale, {"scale": "MADRS"})
    curve = trd.KaplanMeier().fit(onset)
    yield Call("KaplanMeier.at", curve.at, {"days": (7, 14)})
    yield Call("KaplanMeier.contrasts", curve.contrasts, {"days": (7,), "reference": "A"})
    yield Call("KaplanMeier.quantiles", curve.quantiles, {"probabilities": (0.5,)})
    mixed = trd.GLMM("response ~ treatment", points=3)
    fitted = mixed.fit(study, outcome=response)
    yield Call("GLMM.fit", mixed.fit, {"data": study, "outcome": response, "days": (7, 14, 28)})
    yield Call("GLMM.margins", fitted.margins, {"term": "treatment", "covariates": "fixed"})
    yield Call("GLMM.profile", fitted.profile, {"terms": "Intercept", "conf_level": 0.9})
    model = trd.MMRM(formula, covariance="cs", ddf="residual").fit(study)
    yield Call("MMRM.tidy", model.tidy, {"conf_level": 0.9})
    yield Call("MMRM.margins", model.margins, {"term": "treatment", "by": "visit"})
    yield Call(
        "MMRM.margins, averaged over the study",
        model.margins,
        {"term": "treatment", "by": "visit", "covariates": "observed"},
    )
    for name, verb in (("probability", model.probability), ("onset_curve", model.onset_curve)):
        given = {
            "definition": response, "visit": 28, "treatment": "treatment", "baseline": "baseline",
            "outcome": "change", "scale": "MADRS", "rounded": True, "misfit": "caveat",
        }  # fmt: skip
        yield Call(f"MMRM.{name}", verb, given)
    yield Call(
        "Margins.contrasts",
        model.margins("treatment", by="visit").contrasts,
        {"reference": "A", "conf_level": 0.9},
    )
