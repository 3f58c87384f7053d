"""Weights, matched populations, standardisation and pooled trials."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison import MAIC, PropensityWeights, Standardisation, meta_analysis
from trdstats.errors import EstimateWarning
from trdstats.outcomes import Response, rates, time_to
from trdstats.selfcheck import reference
from trdstats.survival import CoxPH, KaplanMeier
from trdstats.tables import each_row

_COVARIATES = "msm + age + female + baseline"


def propensity(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return propensity weights and what is estimated with them, the weights taken as known."""
    study, estimand = reference.cohorts(), inputs["estimand"]
    treated = "ketamine" if estimand == "att" else None
    fit = PropensityWeights(_COVARIATES, estimand=estimand, treated=treated).fit(study)
    figures = {f"coefficient {k + 1}": float(v) for k, v in enumerate(fit.tidy()["estimate"])}
    balance = fit.balance().set_index("term")
    after = balance["smd_after"].to_dict()
    for term in _COVARIATES.split(" + "):
        figures[f"standardised difference, {term}"] = float(after[term])
    sizes = fit.effective_size().set_index("treatment")["effective"]
    figures |= {f"effective sample size, {arm}": float(n) for arm, n in sizes.items()}
    known = fit.weights
    table = rates(study, Response(), day=28, reference="ECT", weights=known).tidy()
    gap = table[table["measure"] == "difference"].iloc[0]
    figures["risk difference"] = float(gap["estimate"])
    # survey multiplies by n / (n - 1).
    n = len(study.subjects)
    figures["standard error of the risk difference"] = float(gap["std_error"]) * np.sqrt(
        n / (n - 1)
    )
    onset = time_to(study, Response())
    cox = CoxPH("treatment", correction="none").fit(onset, weights=known).tidy().iloc[0]
    figures["log hazard ratio"] = float(cox["estimate"])
    figures["standard error of the log hazard ratio"] = float(cox["std_error"])
    curves = KaplanMeier().fit(onset, weights=known).at([28])
    return figures | {
        f"survival at day 28, {row.treatment}": float(row.estimate) for row in each_row(curves)
    }


def matching_adjusted(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return weights of ketamine that meet means published elsewhere."""
    ipd = reference.ketamine()
    fit = MAIC(inputs["target"]).fit(ipd, subject="usubjid", treatment="arm")
    weight = fit.frame["weight"].to_numpy()
    response = float(weight @ ipd["response"].to_numpy() / weight.sum())
    return {"effective sample size": float(fit.effective_size), "weighted response": response}


def standardised(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return a logistic regression and the difference standardised to all subjects."""
    fit = Standardisation(
        "treatment + baseline + msm", outcome=Response(), day=28, variance="fixed covariates"
    ).fit(reference.study())
    figures = {
        f"coefficient, {row.term}": float(row.estimate) for row in each_row(fit.coefficients)
    }
    table = fit.tidy()
    rows = table[(table["measure"] == "difference") & (table["treatment"] == "ketamine")].iloc[0]
    figures["difference"] = float(rows["estimate"])
    return figures | {"standard error of the difference": float(rows["std_error"])}


def pooled_trials(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return trials pooled by every method, on the scale of analysis."""
    figures: dict[str, float] = {}
    trials = pd.DataFrame(inputs["trials"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        for kind, method, knapp in inputs["methods"]:
            result = meta_analysis(
                trials, measure=inputs["measure"], method=method, hartung_knapp=knapp
            )
            table, about = result.tidy().set_index("row"), result.glance().iloc[0]
            one, new = table.loc["pooled"], table.loc["prediction"]
            back: Any = float if inputs["measure"] == "risk difference" else np.log
            values = {
                "estimate": back(one["estimate"]), "se": one["std_error"],
                "lower": back(one["conf_low"]), "upper": back(one["conf_high"]),
                "tau2": about["tau2"], "I2": 100 * about["I2"], "Q": about["Q"],
                "Qp": about["Q_p"], "pi_lower": back(new["conf_low"]),
                "pi_upper": back(new["conf_high"]),
            }  # fmt: skip
            figures |= {f"{name}, {kind}": float(value) for name, value in values.items()}
    return figures


RECIPES = {
    "propensity": propensity,
    "matching_adjusted": matching_adjusted,
    "standardised": standardised,
    "pooled_trials": pooled_trials,
}
