"""Proportions and their comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trdstats.comparison import compare_strata, stratified_rates
from trdstats.outcomes import Remission, Response, compare_counts, rates
from trdstats.selfcheck import reference
from trdstats.tables import each_row

_METHODS = {"wald": "wald", "newcombe": "newcombe", "miettinen-nurminen": "miettinen_nurminen"}


def published_counts(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return differences in points of per cent, and odds ratios, of published counts."""
    figures = {}
    for trial, counts in inputs["counts"].items():
        for method in _METHODS:
            table = compare_counts(*counts, method=method).tidy()
            row = table[table["measure"] == "difference"].iloc[0]
            figures[f"difference, {trial}"] = 100 * float(row["estimate"])
            for end in ("low", "high"):
                figures[f"{method} {end}, {trial}"] = 100 * float(row[f"conf_{end}"])
            if method == "wald":
                row = table[table["measure"] == "odds ratio"].iloc[0]
                figures[f"odds ratio, {trial}"] = float(row["estimate"])
                for end in ("low", "high"):
                    figures[f"odds ratio {end}, {trial}"] = float(row[f"conf_{end}"])
    return figures


def rates_of_trial(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return responders and remitters, and ketamine against TMS with score and hybrid limits."""
    figures = {}
    trial = reference.study()
    for name, rule in (("responders", Response()), ("remitters", Remission())):
        for row in each_row(rates(trial, rule, day=28).counts):
            figures[f"{name}, {row.treatment}"] = float(row.events)
    wanted = {"difference": "miettinen-nurminen", "ratio": "miettinen-nurminen",
              "odds ratio": "gart"}  # fmt: skip
    for measure, method in wanted.items():
        figures |= _ketamine(measure, method, f"{measure}, score")
    return figures | _ketamine("difference", "newcombe", "difference, Newcombe")


def _ketamine(measure: str, method: Any, name: str) -> dict[str, float]:
    trial = reference.study()
    table = rates(trial, Response(), day=28, difference=method, reference="TMS").tidy()
    row = table[(table["measure"] == measure) & (table["treatment"] == "ketamine")].iloc[0]
    return {
        f"{name}, low": float(row["conf_low"]), f"{name}": float(row["estimate"]),
        f"{name}, high": float(row["conf_high"]),
    }  # fmt: skip


def strata_of_trial(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return comparisons of ketamine with TMS over sex."""
    table = stratified_rates(reference.study(), Response(), day=28, strata="sex").tidy()
    rows = table[table["treatment"] == "ketamine"].set_index("measure")
    gap, odds = rows.loc["difference"].to_dict(), rows.loc["odds ratio"].to_dict()
    return {
        "difference low": float(gap["conf_low"]), "difference": float(gap["estimate"]),
        "difference high": float(gap["conf_high"]), "common odds ratio": float(odds["estimate"]),
        "chi-squared": float(odds["statistic"]), "p value": float(odds["p_value"]),
        "odds ratio low": float(odds["conf_low"]), "odds ratio high": float(odds["conf_high"]),
    }  # fmt: skip


def strata_of_counts(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the common odds ratio of tables and its test."""
    table = compare_strata(pd.DataFrame(inputs["strata"])).tidy()
    odds = table[table["measure"] == "odds ratio"].iloc[0]
    return {
        "common odds ratio": float(odds["estimate"]), "odds ratio low": float(odds["conf_low"]),
        "odds ratio high": float(odds["conf_high"]), "chi-squared": float(odds["statistic"]),
        "p value": float(odds["p_value"]),
    }  # fmt: skip


RECIPES = {
    "published_counts": published_counts,
    "rates_of_trial": rates_of_trial,
    "strata_of_trial": strata_of_trial,
    "strata_of_counts": strata_of_counts,
}
