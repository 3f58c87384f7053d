"""On which of the days between two visits a response began, with their probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import DataError, Problem, count_of
from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.interval_ph import interval_ph
from trdstats.kernels.interval.origin_days import OriginDays
from trdstats.kernels.interval.turnbull import turnbull
from trdstats.outcomes import EventTimes
from trdstats.survival.interval_sample import check_no_late_entry, split_intervals

_MOST = 16  # stretches into which the days between two visits are cut
_SAME = 1e-6  # days
_REST = 4.0  # hazard by which a curve that ends in an interval has all but ended
UNIFORM = "any day between the two visits is as likely as another"
BY_CURVE = "by the curve of onset"
SHARED = "by the onset of each treatment, whose hazards are proportional"
SEPARATE = "by the curve of onset of each treatment alone"


def even_days(gap: FloatArray) -> OriginDays:
    """Return days that are equally likely between two visits.

    Parameters
    ----------
    gap : ndarray, shape (n,)
        Days between the visit before and the visit that found the response.
    """
    owner, edge = _stretches(gap)
    size = np.bincount(owner, minlength=len(gap))
    return OriginDays(owner, edge.mean(axis=1), 1.0 / size[owner])


def days_by_onset(frame: pd.DataFrame, onset: EventTimes) -> tuple[OriginDays, str]:
    """Return days by what the times to response say, and how, in words.

    Only of those who responded: how many never did says nothing of when the others did.

    Parameters
    ----------
    frame : pandas.DataFrame
        Durations with subject, treatment and origin_gap.
    onset : EventTimes

    Raises
    ------
    DataError
        When a duration does not begin where the onset of its subject ends.
    """
    right = _ends(frame, onset)
    gap = frame["origin_gap"].to_numpy(dtype=float)
    owner, edge = _stretches(gap)
    sample = check_no_late_entry(
        split_intervals(onset.only_subjects(list(frame["subject"])), "treatment")
    )
    labels = [g.label for g in sample.groups]
    group = np.array([labels.index(str(t)) for t in frame["treatment"]], dtype=np.intp)
    hazards, words = _hazards([(g.left, g.right) for g in sample.groups])
    chance = np.empty(len(owner))
    for k, (at, hazard) in enumerate(hazards):
        in_group = group[owner] == k
        days = right[owner[in_group], None] - edge[in_group]
        survival = np.exp(-np.interp(days, at, hazard))
        chance[in_group] = np.maximum(survival[:, 1] - survival[:, 0], 0.0)
    total = np.bincount(owner, weights=chance, minlength=len(gap))
    # Where the curve says nothing of an interval its days are equally likely.
    even = even_days(gap)
    chance = np.where(total[owner] > 0, chance / np.where(total > 0, total, 1.0)[owner],
                      even.chance)  # fmt: skip
    return OriginDays(owner, edge.mean(axis=1), chance), words


def _stretches(gap: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return owner and ends, in days before the dated origin, of stretches of a gap."""
    size = np.clip(np.ceil(gap), 1, _MOST).astype(np.intp)
    owner = np.repeat(np.arange(len(gap)), size).astype(np.intp)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    width = (gap / size)[owner]
    return owner, np.column_stack([place * width, (place + 1) * width])


def _hazards(
    groups: list[tuple[FloatArray, FloatArray]],
) -> tuple[list[tuple[FloatArray, FloatArray]], str]:
    """Return days and the cumulative hazard of response there, one pair a group."""
    if len(groups) == 1:
        return [_of_curve(*groups[0])], BY_CURVE
    left, right = (np.concatenate([g[k] for g in groups]) for k in (0, 1))
    code = np.repeat(np.arange(len(groups)), [len(g[0]) for g in groups])
    X = np.eye(len(groups))[code][:, 1:]
    try:
        fit = interval_ph(left, right, X)
    except (ValueError, np.linalg.LinAlgError):
        fit = None
    if fit is None or not fit.converged or fit.separated.any():
        return [_of_curve(*g) for g in groups], SEPARATE
    # All had the onset: what is left comes about in the last innermost interval.
    last = innermost_intervals(left, right)
    at, total = _stepless(
        np.append(fit.lower, last.lower[-1]), np.append(fit.upper, last.upper[-1]),
        np.append(fit.hazard, _REST),
    )  # fmt: skip
    ratio = np.exp(np.r_[0.0, fit.beta])
    return [(at, total * r) for r in ratio], SHARED


def _of_curve(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    curve = turnbull(left, right)
    after = np.maximum(1 - np.cumsum(curve.mass), np.exp(-_REST) * curve.mass[-1])
    before = np.r_[1.0, after[:-1]]
    return _stepless(curve.lower, curve.upper, np.log(before / after))


def _stepless(
    lower: FloatArray, upper: FloatArray, hazard: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return days and the cumulative hazard there, which grows evenly within an interval."""
    total = np.cumsum(hazard)
    at = np.column_stack([lower, upper]).ravel()
    values = np.column_stack([total - hazard, total]).ravel()
    return at, values


def _ends(frame: pd.DataFrame, onset: EventTimes) -> FloatArray:
    """Return the day of the visit that found the onset of every duration."""
    table = onset.frame.drop_duplicates("subject").set_index("subject")
    of_duration = table.reindex(frame["subject"])
    left, right = (of_duration[c].to_numpy(dtype=float) for c in ("left", "right"))
    gap = frame["origin_gap"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(right - left - gap) < _SAME)
    if bad.any():
        raise DataError(
            [
                Problem(
                    "other_onset",
                    count_of(int(bad.sum()), "duration does", "durations do")
                    + " not begin where the onset of its subject ends.",
                    tuple(str(s) for s in frame["subject"].to_numpy()[bad]),
                    "Give as onset= the times to the state that the durations count from: "
                    "time_to(study, Response()) for time_to(study, ..., since=Response()).",
                )
            ]
        )
    return right
