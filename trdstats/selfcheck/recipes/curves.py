"""Curves of the packaged trial and tests of whether they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trdstats.outcomes import EventTimes, Relapse, Response, response_history
from trdstats.selfcheck import reference
from trdstats.survival import (
    RMST,
    AalenJohansen,
    GrayTest,
    KaplanMeier,
    LogRank,
    ResponseState,
)
from trdstats.tables import each_row

_COLUMNS = {"survival": "estimate", "standard error": "std_error", "low": "conf_low",
            "high": "conf_high", "at risk": "n_risk"}  # fmt: skip


def _curve(times: EventTimes, days: list[float]) -> dict[str, float]:
    table = KaplanMeier().fit(times).at(days)
    return {
        f"{name}, {row['treatment']}, day {row['time']:g}": float(row[column])
        for _, row in table.iterrows()
        for name, column in _COLUMNS.items()
    }


def kaplan_meier(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return curves of onset."""
    return _curve(reference.onset(), inputs["days"])


def kaplan_meier_of_relapse(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return curves of not having relapsed."""
    return _curve(reference.durability(), inputs["days"])


def quantiles(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return quartiles of onset."""
    table = KaplanMeier().fit(reference.onset()).quantiles()
    return {
        f"{name}, {row.treatment}, {row.probability:g}": float(getattr(row, column))
        for row in each_row(table)
        for name, column in (("day", "estimate"), ("low", "conf_low"), ("high", "conf_high"))
    }


def log_rank(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return log-rank tests of onset: plain, early differences, within sex."""
    specs = {"log-rank": LogRank(), "Peto-Peto": LogRank(rho=1), "strata": LogRank(strata="sex")}
    figures = {}
    for name, spec in specs.items():
        row = spec.fit(reference.onset()).glance().iloc[0]
        figures[f"chi-squared, {name}"] = float(row["statistic"])
        figures[f"p value, {name}"] = float(row["p_value"])
    return figures


def restricted_means(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return restricted means of onset and their comparisons."""
    figures = {}
    for tau, control, treated in inputs["comparisons"]:
        table = RMST(tau=tau, reference=control).fit(reference.onset()).tidy()
        for row in each_row(table):
            what = f"{row.measure}, {row.treatment}, day {tau:g}"
            if row.reference and (row.treatment, row.reference) != (treated, control):
                continue
            if row.reference:
                what += f" v {row.reference}"
                figures[f"{what}, p value"] = float(row.p_value)
            else:
                figures[f"{what}, standard error"] = float(row.std_error)
            figures[what] = float(row.estimate)
            figures[f"{what}, low"], figures[f"{what}, high"] = (
                float(row.conf_low), float(row.conf_high),
            )  # fmt: skip
    return figures


def aalen_johansen(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return cumulative incidences of relapse and of leaving follow-up, with variances."""
    times = reference.durability()
    codes = {name: code for code, name in times.causes.items()}
    figures = {}
    for row in each_row(AalenJohansen().fit(times).at(inputs["days"])):
        what = f"{row.treatment}, cause {codes[row.cause]}, day {row.time:g}"
        figures[f"incidence, {what}"] = float(row.estimate)
        figures[f"variance, {what}"] = float(row.std_error) ** 2
    return figures


def gray(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return Gray's tests of both causes."""
    figures = {}
    for code, row in enumerate(each_row(GrayTest().fit(reference.durability()).tidy()), 1):
        figures[f"chi-squared, cause {code}"] = float(row.statistic)
        figures[f"p value, cause {code}"] = float(row.p_value)
    return figures


def response_state(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return probabilities of states and mean days in them."""
    history = response_history(reference.study(), Response(), Relapse(20, 2))
    fit = ResponseState(tau=168).fit(history)
    figures = {
        f"probability of {row.state}, {row.treatment}, day {row.time:g}": float(row.estimate)
        for row in each_row(fit.at(inputs["days"]))
    }
    days = fit.mean_days()
    return figures | {
        f"mean days {row.state}, {row.treatment}": float(row.estimate)
        for row in each_row(days[days["measure"] == "mean days"])
    }


RECIPES = {
    "kaplan_meier": kaplan_meier,
    "kaplan_meier_of_relapse": kaplan_meier_of_relapse,
    "quantiles": quantiles,
    "log_rank": log_rank,
    "restricted_means": restricted_means,
    "aalen_johansen": aalen_johansen,
    "gray": gray,
    "response_state": response_state,
}
