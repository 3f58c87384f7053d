"""Medians, mean days and comparisons of treatments by each way of dating onset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import NotEstimableError
from trdstats.outcomes import EventTimes
from trdstats.survival.curves.kaplan_meier import KaplanMeier
from trdstats.survival.curves.rmst import RMST
from trdstats.survival.interval.turnbull_result import TurnbullResult
from trdstats.survival.tests.interval_log_rank import IntervalLogRank
from trdstats.survival.tests.log_rank import LogRank

AS_SEEN, BETWEEN, THINNED = "at the visit", "between visits", "at the visit, one grid"
MEASURES = ("median", "mean days")

_ESTIMATE = ("estimate", "bound_low", "bound_high", "conf_low", "conf_high")
_CONTRAST = ("estimate", "std_error", "bound_low", "bound_high", "conf_low", "conf_high",
             "statistic", "p_value", "log_rank_statistic", "log_rank_p_value")  # fmt: skip
CONTRAST_COLUMNS = ["treatment", "reference", "method", "tau", *_CONTRAST, "note"]

Ends = Mapping[str, float]


def followed_until(times: EventTimes, last_visit: Ends) -> dict[str, float]:
    """Return the day to which each treatment with follow-up is followed.

    Where every subject had the event the curve has ended, and the last visit counts.
    """
    curves = KaplanMeier().fit(times).tidy()
    ends = {}
    for name, group in curves.groupby("treatment", observed=True, sort=False):
        time, left = float(group["time"].iloc[-1]), float(group["estimate"].iloc[-1])
        ends[str(name)] = time if left > 0 else float(last_visit[str(name)])
    return ends


def why_no_mean(times: EventTimes, name: str, tau: float, ends: Ends) -> str:
    """Return why a treatment has no mean to tau at the visits; empty when it has one."""
    if name not in ends:
        return f"no subject under {name} has follow-up"
    first = times.first_look.get(name, 0.0)
    if first > tau:
        return f"no subject under {name} was assessed by day {tau:g}, the first on day {first:g}"
    if ends[name] < tau:
        return f"{name} is followed to day {ends[name]:g} only"
    return ""


def at_visits(
    method: str, times: EventTimes, tau: float, ends: Ends, conf_level: float
) -> pd.DataFrame:
    """Return medians and means with every event dated at the visit that found it."""
    medians = KaplanMeier(conf_level=conf_level).fit(times).quantiles((0.5,))
    why = {name: why_no_mean(times, name, tau, ends) for name in times.treatments}
    known = [name for name in times.treatments if not why[name]]
    means = pd.DataFrame(columns=["treatment", *_ESTIMATE])
    if known:
        fit = RMST(tau=tau, conf_level=conf_level).fit(times.only(known)).tidy()
        means = fit[fit["measure"] == "restricted mean"]
    lost = {("median", n): why[n] for n in times.treatments if n not in ends}
    lost |= {("mean days", n): reason for n, reason in why.items() if reason}
    frame = _laid_out(method, times.treatments, (medians, means), lost)
    return frame.assign(bound_low=frame["estimate"], bound_high=frame["estimate"])


def between_visits(curves: TurnbullResult, tau: float, ends: Ends) -> pd.DataFrame:
    """Return bounds of medians and means with events between visits."""
    times, means = curves.times, curves.restricted_mean(tau)
    means = means[means["measure"] == "restricted mean"]
    lost = {
        (measure, name): why_no_mean(times, name, tau, ends)
        for measure in MEASURES
        for name in times.treatments
        if name not in ends
    }
    return _laid_out(BETWEEN, times.treatments, (curves.quantiles((0.5,)), means), lost)


def no_estimates(method: str, names: Sequence[str], note: str) -> pd.DataFrame:
    """Return rows without a figure, and why."""
    lost = {(measure, name): note for measure in MEASURES for name in names}
    nothing = pd.DataFrame(columns=["treatment"])
    return _laid_out(method, names, (nothing, nothing), lost)


def _laid_out(
    method: str,
    names: Sequence[str],
    table: tuple[pd.DataFrame, pd.DataFrame],
    lost: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    """Return one row a treatment and measure, NaN where nothing was found."""
    rows = []
    for name in names:
        for measure, frame in zip(MEASURES, table, strict=True):
            subset = frame[frame["treatment"] == name]
            values = {c: float(subset[c].iloc[0]) if len(subset) and c in subset else np.nan
                      for c in _ESTIMATE}  # fmt: skip
            note = lost.get((measure, name), "")
            if not note and measure == "median" and np.isnan(values["estimate"]):
                low, high = values["bound_low"], values["bound_high"]
                note = "" if np.isfinite(low) and np.isfinite(high) else "not reached"
            rows.append(
                {"treatment": name, "measure": measure, "method": method, **values, "note": note}
            )
    return pd.DataFrame(rows)


def compare_at_visits(
    pair: EventTimes, tau: float, ends: Ends, conf_level: float
) -> dict[str, Any]:
    """Return the difference of mean days of a pair, and its log-rank test, at the visits."""
    reference, treatment = pair.treatments
    reasons = [why_no_mean(pair, name, tau, ends) for name in (reference, treatment)]
    if min(pair.first_look.values(), default=0.0) >= tau:
        # All means would be tau, and their difference 0, whatever happened.
        reasons = [f"no visit before day {tau:g}"]
    row: dict[str, Any] = dict.fromkeys(_CONTRAST, np.nan)
    if not any(reasons):
        fit = RMST(tau=tau, conf_level=conf_level).fit(pair).tidy()
        gap = fit[fit["measure"] == "difference"].iloc[0]
        kept = ("estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value")
        row |= {c: float(gap[c]) for c in kept}
        row |= {"bound_low": row["estimate"], "bound_high": row["estimate"]}
    return row | _test(LogRank, pair) | {"note": "; ".join(r for r in reasons if r)}


def compare_between(
    pair: EventTimes, mean_days: Callable[[float, str], pd.DataFrame], tau: float, ends: Ends
) -> dict[str, Any]:
    """Return the bounds of the difference of mean days of a pair, and Sun's log-rank test.

    Parameters
    ----------
    pair : EventTimes
    mean_days : callable
        From a horizon and a reference to the mean days of all treatments and their differences:
        the curve of one does not depend on the others.
    tau : float
    ends : mapping of str to float
    """
    missing = [name for name in pair.treatments if name not in ends]
    if missing:
        return no_contrast(why_no_mean(pair, missing[0], tau, ends))
    reference, treatment = pair.treatments
    means = mean_days(tau, reference)
    of_pair = (means["measure"] == "difference") & (means["treatment"] == treatment)
    gap = means[of_pair].iloc[0]
    row: dict[str, Any] = dict.fromkeys(_CONTRAST, np.nan)
    row |= {c: float(gap[c]) for c in ("estimate", "bound_low", "bound_high")}
    return row | _test(IntervalLogRank, pair) | {"note": ""}


def no_contrast(note: str) -> dict[str, Any]:
    """Return a comparison without a figure, and why."""
    return {**dict.fromkeys(_CONTRAST, np.nan), "note": note}


def _test(test: type[LogRank] | type[IntervalLogRank], pair: EventTimes) -> dict[str, float]:
    try:
        test_result = test().fit(pair).glance().iloc[0]
    except NotEstimableError:  # fewer than two treatments have follow-up: the note says so
        return {}
    return {f"log_rank_{c}": float(test_result[c]) for c in ("statistic", "p_value")}
