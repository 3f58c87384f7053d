"""Curves by group, recomputed with lifelines and statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.second_opinion.recomputed import (
    CLOSED,
    Recomputed,
    Tolerance,
    compare,
    compare_curves,
    library_of,
    not_compared,
)

SUMS = Tolerance(1e-9, "value", "the same sums in another order")
NPMLE = Tolerance(1e-4, "probability of 1", "lifelines stops its search early")
_SHIFT = 1e-6  # of a day: lifelines takes intervals as closed at both ends


def groups_of(times: Any, by: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the subjects with follow-up, group by group."""
    frame = times.at_risk()
    if "entry" not in frame:
        frame = frame.assign(entry=0.0)
    if by is None:
        yield "all", frame
        return
    for label, group in frame.dropna(subset=[by]).groupby(by, observed=True, sort=False):
        yield str(label), group


def _curve(frame: pd.DataFrame, label: str, by: str | None) -> pd.DataFrame:
    return frame if by is None else frame[frame[by].astype(str) == label]


def _at(days: FloatArray, times: FloatArray, values: FloatArray, before: float) -> FloatArray:
    """Return a step function on days."""
    held = np.concatenate(([before], values))
    return np.asarray(held[np.searchsorted(times, days, side="right")])


def recompute_kaplan_meier(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield curves, errors, limits and medians; the day on which each differs most."""
    if result._sample.weighted:
        yield not_compared("weighted curves", "the libraries take weights as numbers of subjects")
        return
    groups = list(groups_of(result.times, result.spec.by))
    table = result.tidy()
    for label, group in groups:
        yield from _of_statsmodels(_curve(table, label, result.spec.by), group, label)
    for label, group in groups:
        if not (group["entry"] > 0).any():
            yield from _of_lifelines(result, table, group, label)


def _of_statsmodels(curve: pd.DataFrame, group: pd.DataFrame, label: str) -> Iterator[Recomputed]:
    """Yield curve and standard errors of a group."""
    from statsmodels.duration.survfunc import SurvfuncRight

    event = (group["status"] == 1).to_numpy()
    if not event.any():
        return
    entry = group["entry"].to_numpy(float) if (group["entry"] > 0).any() else None
    theirs = SurvfuncRight(group["time"].to_numpy(float), event.astype(int), entry=entry)
    at, library = curve["time"].to_numpy(float), library_of("statsmodels")
    survival = _at(at, theirs.surv_times, theirs.surv_prob, 1.0)
    error = _at(at, theirs.surv_times, theirs.surv_prob_se, 0.0)
    ours = curve["estimate"].to_numpy(float)
    yield from compare_curves(f"survival, {label}", at, ours, survival, library, SUMS)
    yield from compare_curves(
        f"standard error, {label}", at, curve["std_error"].to_numpy(float),
        np.where(survival > 0, error, np.nan), library, SUMS,
    )  # fmt: skip


def _of_lifelines(
    result: Any, table: pd.DataFrame, group: pd.DataFrame, label: str
) -> Iterator[Recomputed]:
    """Yield curve, limits and median of a group."""
    from lifelines import KaplanMeierFitter

    spec, library = result.spec, library_of("lifelines")
    fitted = KaplanMeierFitter(alpha=1 - spec.conf_level).fit(group["time"], group["status"] == 1)
    days = fitted.survival_function_.index.to_numpy(float)
    held = fitted.survival_function_.iloc[:, 0].to_numpy()
    curve = _curve(table, label, spec.by)
    at, ours = curve["time"].to_numpy(float), curve["estimate"].to_numpy(float)
    theirs = _at(at, days, held, 1.0)
    yield from compare_curves(f"survival, {label}", at, ours, theirs, library, SUMS)
    if spec.conf_type == "log-log":
        ends = fitted.confidence_interval_.to_numpy().T
        inside = (ours > 0) & (ours < 1)
        for name, column, end in zip(
            ("lower", "upper"), ("conf_low", "conf_high"), ends, strict=True
        ):
            yield from compare_curves(
                f"{name} limit, {label}", at, curve[column].to_numpy(float),
                np.where(inside, _at(at, days, end, 1.0), np.nan), library, SUMS,
            )  # fmt: skip
    medians = result.quantiles((0.5,))
    yield from _median(_curve(medians, label, spec.by)["estimate"].item(), fitted, label)


def _median(ours: float, fitted: Any, label: str) -> Iterator[Recomputed]:
    """Yield the median; the middle of the period in which the curve of lifelines is at 1/2."""
    theirs, note = float(fitted.median_survival_time_), ""
    if np.isnan(ours) and np.isinf(theirs):
        return
    curve = fitted.survival_function_.iloc[:, 0]
    level = curve.index[np.isclose(curve.to_numpy(), 0.5, rtol=0, atol=1e-9)]
    below = curve.index[curve.to_numpy() < 0.5 - 1e-9]
    if len(level):
        first = float(level[0])
        theirs = (first + float(below[0])) / 2 if len(below) else first
        note = "the curve is at 1/2 for a while: the middle of that period, as R has it"
    ours = np.inf if np.isnan(ours) else ours
    name, library = f"median, {label} (days)", library_of("lifelines")
    yield compare(name, ours, theirs, library, CLOSED, note=note)


def recompute_mean_number(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield mean numbers of events; the day on which each differs most."""
    from lifelines import NelsonAalenFitter

    if result._sample.weighted:
        yield not_compared("weighted curves", "the libraries take weights as numbers of subjects")
        return
    table, by, library = result.tidy(), result.spec.by, library_of("lifelines")
    for label, rows in groups_of(result.episodes, by):
        if (rows["status"] > 1).any():
            yield not_compared(f"mean number, {label}", "no library has a terminal event here")
            continue
        # lifelines counts who enters at a time as at risk at that time already.
        entry = rows["entry"] + 1e-9 * rows["time"].max() * (rows["entry"] > 0)
        theirs = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(
            rows["time"], rows["status"] == 1, entry=entry
        )
        held = theirs.cumulative_hazard_.iloc[:, 0]
        curve = _curve(table, label, by)
        at = curve["time"].to_numpy(float)
        mean = _at(at, held.index.to_numpy(float), held.to_numpy(), 0.0)
        ours = curve["estimate"].to_numpy(float)
        yield from compare_curves(f"mean number, {label}", at, ours, mean, library, SUMS)


def recompute_incidence(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield cumulative incidences; the day on which each differs most."""
    from statsmodels.duration.survfunc import CumIncidenceRight

    if result._sample.weighted:
        yield not_compared("weighted curves", "the libraries take weights as numbers of subjects")
        return
    table, by, library = result.tidy(), result.spec.by, library_of("statsmodels")
    for label, group in groups_of(result.times, by):
        if (group["entry"] > 0).any():
            yield not_compared(f"incidence, {label}", "statsmodels has no delayed entry here")
            continue
        curve = _curve(table, label, by)
        status = group["status"].to_numpy(int)
        if not status.any():
            continue
        theirs = CumIncidenceRight(group["time"].to_numpy(float), status)
        for code, cause in result.times.causes.items():
            if code > len(theirs.cinc):
                continue
            own_curve = curve[curve["cause"] == cause]
            at = own_curve["time"].to_numpy(float)
            yield from compare_curves(
                f"incidence of {cause}, {label}", at, own_curve["estimate"].to_numpy(float),
                _at(at, theirs.times, theirs.cinc[code - 1], 0.0), library, SUMS,
            )  # fmt: skip


def recompute_restricted_mean(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield restricted means of every group; lifelines' variance of them is another quantity."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    if result._sample.weighted or result.spec.covariates is not None:
        yield not_compared("restricted means", "lifelines has neither weights nor covariates here")
        return
    table = result.tidy()
    means = table[table["measure"] == "restricted mean"].set_index("treatment")["estimate"]
    for label, group in groups_of(result.times, result.spec.by):
        if label not in means.index:
            continue
        if (group["entry"] > 0).any():
            yield not_compared(f"restricted mean, {label}", "lifelines has no delayed entry here")
            continue
        fitted = KaplanMeierFitter().fit(group["time"], group["status"] == 1)
        theirs = restricted_mean_survival_time(fitted, t=result.spec.tau)
        name = f"restricted mean to day {result.spec.tau:g}, {label} (days)"
        yield compare(name, means[label], theirs, library_of("lifelines"), SUMS)


def recompute_turnbull(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the curve between visits; the day on which it differs most."""
    from lifelines import KaplanMeierFitter

    if result._sample.weighted:
        yield not_compared("weighted curves", "the libraries take weights as numbers of subjects")
        return
    table, by = result.tidy(), result.spec.by
    for label, group in groups_of(result.times, by):
        curve = _curve(table, label, by)
        curve = curve[np.isfinite(curve["upper"].to_numpy(float))]
        event = (group["status"] == 1).to_numpy()
        if (group["entry"] > 0).any() or not event.any() or not len(curve):
            yield not_compared(f"survival, {label}", "lifelines has no delayed entry here, or "
                               "no subject had the event")  # fmt: skip
            continue
        right = np.where(event, group["right"].to_numpy(float), np.inf)
        left = np.minimum(group["left"].to_numpy(float) + _SHIFT, right)
        each = pd.DataFrame({"left": left, "right": right}).value_counts().reset_index()
        fitted = KaplanMeierFitter().fit_interval_censoring(
            each["left"], each["right"], weights=each["count"], tol=1e-9
        )
        theirs = fitted.survival_function_.iloc[:, -1]
        at = curve["upper"].to_numpy(float)
        yield from compare_curves(
            f"survival, {label}", at, curve["survival_after"].to_numpy(float),
            _at(at, theirs.index.to_numpy(float), theirs.to_numpy(float), 1.0),
            library_of("lifelines"), NPMLE,
        )  # fmt: skip
