"""Heaps of days on which patients came, each of them a scheduled visit with its window."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.study.windows import VisitWindows, choose_visits

# Visits scatter the more the later they are: about half a day and a twelfth of the time. On the
# scale 12 log(1 + day / 6) the scatter is the same throughout.
_SLOPE, _KNEE = 12.0, 6.0
_STEP, _BANDWIDTH = 0.05, 0.3
# Two heaps of days are two visits when the valley between them is this deep, and at least so many
# of the subjects in the smaller one came to both.
_VALLEY, _BOTH = 0.6, 0.2
# Ratings a subject in one heap from which on it may be several visits.
_SEVERAL = 1.5
# A visit that fewer of those still followed came to is unscheduled.
_COMERS = 0.1
_FEWEST = 3  # who come on a day by themselves have no visit of their own either
_ASTRAY = 2.0  # days; the median of visits that scatter widely is no nearer to the plan
_TAIL = 0.01  # of the days of a visit, on either side, may lie outside its window


def propose(code: IntArray, day: FloatArray) -> pd.DataFrame:
    """Return the scheduled visits of one treatment, and what their windows hold.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        Subject of each rating; rows are sorted by subject and day.
    day : ndarray, shape (n,)
        Days, above 0.
    """
    heaps = _heaps(code, day)
    last = np.full(int(code.max()) + 1, -np.inf)
    np.maximum.at(last, code, day)
    fewest = min(_FEWEST, len(np.unique(code)))
    kept = []
    for low, high in heaps:
        inside = (day >= low) & (day < high)
        followed = int((last >= day[inside].min()).sum())
        if len(np.unique(code[inside])) >= max(_COMERS * followed, fewest):
            kept.append((low, high))
    kept = kept or [max(heaps, key=lambda h: int(((day >= h[0]) & (day < h[1])).sum()))]
    spans = [_window(day[(day >= low) & (day < high)]) for low, high in kept]
    spans = _apart(spans)
    return _counted(code, day, spans)


def _heaps(
    code: IntArray, day: FloatArray, bandwidth: float = _BANDWIDTH
) -> list[tuple[float, float]]:
    """Return where the heaps of days begin and end, [begin, end).

    A heap to which subjects came several times is looked at again, more closely.
    """
    pairs = []
    for low, high in _coarse_heaps(code, day, bandwidth):
        inside = (day >= low) & (day < high)
        several = inside.sum() > _SEVERAL * len(np.unique(code[inside]))
        if not several or bandwidth / 2 < _STEP:
            pairs.append((low, high))
            continue
        inner = _heaps(code[inside], day[inside], bandwidth / 2)
        pairs += list(pairwise([low, *(a for a, _ in inner[1:]), high]))
    return pairs


def _coarse_heaps(code: IntArray, day: FloatArray, bandwidth: float) -> list[tuple[float, float]]:
    """Return where the heaps of days begin and end at one bandwidth, [begin, end)."""
    from scipy.ndimage import gaussian_filter1d  # slow to import, and few propose windows

    u = _SLOPE * np.log1p(day / _KNEE)
    pad = 4 * bandwidth
    low = max(float(u.min()) - pad, 0.0)
    n = int((u.max() + pad - low) / _STEP) + 2
    count = np.bincount(((u - low) / _STEP).astype(np.intp), minlength=n).astype(float)
    dense = gaussian_filter1d(count, bandwidth / _STEP, mode="constant")
    inner = np.flatnonzero((dense[1:-1] > dense[:-2]) & (dense[1:-1] >= dense[2:])) + 1
    peaks = inner.tolist() or [int(np.argmax(dense))]
    valleys = [a + int(np.argmin(dense[a : b + 1])) for a, b in pairwise(peaks)]
    place = np.searchsorted(np.asarray(valleys) + 0.5, (u - low) / _STEP)
    # The least convincing valley goes first, until all that are left part two visits.
    while valleys:
        depth = [
            dense[v] / min(dense[a], dense[b])
            for v, a, b in zip(valleys, peaks[:-1], peaks[1:], strict=True)
        ]
        both = [_came_to_both(code, place == k, place == k + 1) for k in range(len(valleys))]
        weak = [
            (max(d / _VALLEY, _BOTH / max(b, 1e-9)), k)
            for k, (d, b) in enumerate(zip(depth, both, strict=True))
            if d > _VALLEY or b < _BOTH
        ]
        if not weak:
            break
        _, k = max(weak)
        del valleys[k]
        del peaks[k if dense[peaks[k]] < dense[peaks[k + 1]] else k + 1]
        place = place - (place > k)
    edges = [_KNEE * np.expm1((low + (v + 0.5) * _STEP) / _SLOPE) for v in valleys]
    return list(pairwise([0.0, *edges, np.inf]))


def _came_to_both(code: IntArray, one: BoolArray, other: BoolArray) -> float:
    """Return the part of the subjects in the smaller heap who are in the other one too."""
    a, b = np.unique(code[one]), np.unique(code[other])
    return len(np.intersect1d(a, b, assume_unique=True)) / max(min(len(a), len(b)), 1)


def _window(day: FloatArray) -> tuple[float, float, float]:
    """Return the scheduled day of a heap, and the first and last day of its window."""
    low, high = np.quantile(day, [_TAIL, 1 - _TAIL], method="nearest")
    middle = float(np.quantile(day, 0.5, method="nearest"))
    unit = 100.0 if middle < 2 else 1.0  # hours matter on the first days only
    nominal = round(middle * unit) / unit
    week, on = 7.0 * round(nominal / 7), np.round(day)
    near = abs(week - nominal) <= np.clip((high - low) / 3, 1, _ASTRAY)
    here = int((on == nominal).sum())
    # Fewer came on the full week by no more than chance would have it.
    if week >= 7 and near and (on == week).sum() >= here - 2 * np.sqrt(here):
        nominal = week
    low, high = np.floor(low * unit) / unit, np.ceil(high * unit) / unit
    return nominal, min(float(low), nominal), max(float(high), nominal)


def _apart(spans: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return windows that rounding made touch, each drawn in to where the next one opens."""
    pairs = [spans[0]]
    for day, low, high in spans[1:]:
        before, opens, closes = pairs[-1]
        if low <= closes:
            middle = (before + day) / 2
            whole = day - before > 2
            closes = max(before, np.floor(middle) if whole else round(middle - 0.005, 3))
            low = min(day, np.floor(middle) + 1 if whole else round(middle + 0.005, 3))
            pairs[-1] = (before, opens, float(closes))
        pairs.append((day, float(low), high))
    return pairs


def _counted(
    code: IntArray, day: FloatArray, spans: list[tuple[float, float, float]]
) -> pd.DataFrame:
    """Return the proposed visits with what their windows hold."""
    days = np.array([d for d, _, _ in spans])
    windows = VisitWindows(
        tuple(days.tolist()), tuple((low - d, high - d) for d, low, high in spans)
    )
    nominal = windows.nominal(day)
    inside = ~np.isnan(nominal)
    chosen = choose_visits(code, day, nominal)
    slot = np.searchsorted(days, np.where(inside, nominal, days[0]))
    nearest = np.abs(day[~inside, None] - days[None, :]).argmin(axis=1)
    k = len(days)
    within = np.bincount(slot[inside], minlength=k)
    subjects = np.bincount(slot[~np.isnan(chosen)], minlength=k)
    # A tie is two ratings of a subject as far from the day, on either side.
    distance = np.abs(day - nominal)
    tied = np.zeros(len(day), dtype=bool)
    tied[1:] = (
        (code[1:] == code[:-1])
        & (nominal[1:] == nominal[:-1])
        & np.isclose(distance[1:], distance[:-1], rtol=0, atol=1e-9)
    )
    return pd.DataFrame(
        {
            "day": days,
            "opens": windows.opens,
            "closes": windows.closes,
            "n_subjects": subjects,
            "n_within": within,
            "n_outside": np.bincount(nearest, minlength=k),
            "n_surplus": within - subjects,
            "n_ties": np.bincount(slot[tied], minlength=k),
        }
    )
