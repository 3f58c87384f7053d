"""Nearest neighbours on one score: greedy matching and the variance of what it estimates.

References
----------
Rosenbaum and Rubin 1985, doi:10.1080/00031305.1985.10479383 (caliper on the logit). Abadie and
Imbens 2006, doi:10.1111/j.1468-0262.2006.00655.x (theorem 7: the variance with replacement).
"""

from __future__ import annotations

from math import inf

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.weighting.matched_groups import MatchedGroups, matched_groups, spans

# Distances that differ by less than this share of themselves are equal: rounding decides nothing.
_ROUNDING = 1e-9


def join_equal(score: FloatArray, tolerance: float) -> FloatArray:
    """Return scores in which those that differ by rounding alone are one number.

    Parameters
    ----------
    score : ndarray, shape (n,)
    tolerance : float
        Neighbours at most so far apart are equal.
    """
    order = np.argsort(score, kind="stable")
    value = score[order]
    begins = np.append(True, np.diff(value) > tolerance) if len(value) else np.empty(0, bool)
    joined = np.empty_like(score)
    joined[order] = value[begins][np.cumsum(begins) - 1]
    return joined


def match_once(
    treated: FloatArray, control: FloatArray, order: IntArray, ratio: int, caliper: float
) -> MatchedGroups:
    """Match without replacement: each in turn takes the nearest available control.

    Parameters
    ----------
    treated : ndarray, shape (n,)
        Scores.
    control : ndarray, shape (k,)
        Scores, in increasing order.
    order : ndarray of int, shape (n,)
        The treated in the order in which they choose; those of equal score one after the other.
    ratio : int
        Each chooses once before any chooses again.
    caliper : float
        Largest distance; may be infinite.

    Notes
    -----
    Of a lower and a higher score as near, the lower is taken. Subjects of equal score share: the
    result is the mean over all orders in which those of equal score could choose and be chosen.
    Scores without free controls are bridged by links to the next one that has some (union-find
    with path halving), so that the search is O(n log n).
    """
    level, place_of = np.unique(control, return_inverse=True)
    group = np.unique(treated, return_inverse=True)[1].ravel()
    taken, served = _take_nearest(treated, level, np.bincount(place_of), group, order, ratio,
                                  caliper)  # fmt: skip
    portion = _portions(taken, served)
    key = np.array(list(portion), dtype=np.intp).reshape(-1, 2)
    size, held = np.bincount(group), np.bincount(place_of)
    part = np.array(list(portion.values())) / (size[key[:, 0]] * held[key[:, 1]])
    return matched_groups(treated, control, key[:, 0], key[:, 1], part)


def _take_nearest(
    treated: FloatArray, level: FloatArray, size: IntArray, group: IntArray, order: IntArray,
    ratio: int, caliper: float,
) -> tuple[list[dict[tuple[int, int], int]], list[IntArray]]:  # fmt: skip
    """Return, for each round, how many of a group took controls of a level, and were served.

    Parameters
    ----------
    treated : ndarray, shape (n,)
    level : ndarray, shape (k,)
        Distinct scores of controls, in increasing order.
    size : ndarray of int, shape (k,)
        Controls of each.
    group : ndarray of int, shape (n,)
        Which of the treated have equal scores.
    order, ratio, caliper
        See `match_once`.
    """
    k = len(level)
    score, left, above, below = (
        level.tolist(), size.tolist(), list(range(k + 1)), list(range(k + 1))
    )  # fmt: skip
    place = np.searchsorted(level, treated, side="left")
    taken: list[dict[tuple[int, int], int]] = []
    counts: list[IntArray] = []
    turn, near = order, 1 + _ROUNDING
    for _ in range(ratio):
        pairs: dict[tuple[int, int], int] = {}
        # Those of equal score want the same controls: they choose together.
        begin = np.flatnonzero(np.diff(group[turn], prepend=-1))
        together = np.diff(begin, append=len(turn))
        one, unserved = turn[begin], []
        for g, target, at, wanted in zip(
            group[one].tolist(), treated[one].tolist(), place[one].tolist(), together.tolist(),
            strict=True,
        ):  # fmt: skip
            while wanted:
                up = at if above[at] == at else _free(above, at)
                down = (at if below[at] == at else _free(below, at)) - 1  # 0 stands for nobody
                gap_up = score[up] - target if up < k else inf
                gap_down = target - score[down] if down >= 0 else inf
                chosen, gap = (down, gap_down) if gap_down <= gap_up * near else (up, gap_up)
                if gap_up > caliper < gap_down or gap == inf:
                    break
                n = min(left[chosen], wanted)
                wanted -= n
                left[chosen] -= n
                if not left[chosen]:
                    above[chosen], below[chosen + 1] = chosen + 1, chosen
                pairs[g, chosen] = pairs.get((g, chosen), 0) + n
            unserved.append(wanted)
        rank = np.arange(len(turn)) - np.repeat(begin, together)
        turn = turn[rank < np.repeat(together - np.array(unserved, dtype=np.intp), together)]
        taken.append(pairs)
        counts.append(np.bincount(group[turn], minlength=int(group.max(initial=-1)) + 1))
    return taken, counts


def _portions(
    taken: list[dict[tuple[int, int], int]], served: list[IntArray]
) -> dict[tuple[int, int], float]:
    """Return how many matched sets of a group the controls of a level stand for.

    A set of r controls gives each of them 1 / r; whoever was served in the last round is any of
    those served in the one before.
    """
    last = np.array([*served, np.zeros_like(served[0])])
    exactly = last[:-1] - last[1:]  # sets of 1, 2, ... controls
    each = exactly / np.arange(1, len(served) + 1)[:, None]
    later = np.cumsum(each[::-1], axis=0)[::-1]
    of_set = (later / np.maximum(last[:-1], 1)).tolist()
    portion: dict[tuple[int, int], float] = {}
    for turn, pairs in enumerate(taken):
        for (g, k), n in pairs.items():
            portion[g, k] = portion.get((g, k), 0.0) + n * of_set[turn][g]
    return portion


def _free(link: list[int], i: int) -> int:
    """Return the next free place from i on, and halve the way there."""
    while link[i] != i:
        link[i] = link[link[i]]
        i = link[i]
    return i


def match_again(
    treated: FloatArray, control: FloatArray, ratio: int, caliper: float
) -> MatchedGroups:
    """Match with replacement: each subject gets the nearest controls, ties included.

    Parameters
    ----------
    treated : ndarray, shape (n,)
    control : ndarray, shape (k,)
        In increasing order.
    ratio : int
    caliper : float

    Notes
    -----
    All controls up to the distance of the nearest `ratio` are matched, with equal proportions:
    where several are as near there are more of them (Abadie and Imbens 2006, section 2).
    """
    score, level = np.unique(treated), np.unique(control)
    near = _window(score, control, ratio)
    gap = np.where(near >= 0, np.abs(control[near] - score[:, None]), np.inf)
    gap = np.sort(gap, axis=1)[:, :ratio]
    # Beyond the caliper no subject is matched; a reach of minus infinity contains no subject.
    farthest = np.where((gap <= caliper) & np.isfinite(gap), gap, -np.inf).max(axis=1)
    reach = farthest * (1 + _ROUNDING) + 4 * np.finfo(float).eps * np.abs(score)
    ends = [
        [np.searchsorted(values, score - reach, side="left"),
         np.searchsorted(values, score + reach, side="right")] for values in (control, level)
    ]  # fmt: skip
    size, levels = (np.where(reach >= 0, last - first, 0) for first, last in ends)
    other, row = spans(levels, ends[1][0])
    return matched_groups(treated, control, row, other, 1 / size[row])


def _window(scores: FloatArray, others: FloatArray, width: int) -> IntArray:
    """Return the places among which the nearest are, in increasing order; -1 for none."""
    place = np.searchsorted(others, scores, side="left")
    near = place[:, None] + np.arange(-width, width)
    return np.where((near >= 0) & (near < len(others)), near, -1)


def local_variance(score: FloatArray, y: FloatArray) -> FloatArray:
    """Return the variance of the outcome around each score, from the nearest other subjects.

    Parameters
    ----------
    score : ndarray, shape (n,)
        In increasing order.
    y : ndarray, shape (n,)

    Notes
    -----
    The mean of (y_i - y_j)^2 / 2 over all j that are nearest to i (Abadie and Imbens 2006,
    section 4.1); several where scores are equal.
    """
    level, place = np.unique(score, return_inverse=True)
    n = np.bincount(place).astype(float)
    # Around the overall mean, so that the difference of squares keeps its digits.
    d = y - y.mean()
    total, squares = (np.bincount(place, weights=w) for w in (d, d**2))
    gap = np.diff(level)
    before, after = np.append(np.inf, gap), np.append(gap, np.inf)
    down = np.append(0, np.arange(len(level) - 1)), before <= after * (1 + _ROUNDING)
    up = np.append(np.arange(1, len(level)), 0), after <= before * (1 + _ROUNDING)
    size, one, two = n - 1, total, squares  # of the others at the same score
    for near, is_nearest in (down, up):
        take = (n == 1) & is_nearest
        size = size + np.where(take, n[near], 0.0)
        one = one + np.where(take, total[near], 0.0)
        two = two + np.where(take, squares[near], 0.0)
    # The sums above hold the subject itself; its own difference is 0.
    others = two[place] - 2 * d * one[place] + (size[place] + 1) * d**2
    return np.asarray(np.maximum(others, 0.0) / (2 * size[place]))


def replaced_covariance(
    y: FloatArray, matched: FloatArray, used: FloatArray, used_squared: FloatArray,
    variance: FloatArray, weight: FloatArray | None = None,
) -> FloatArray:  # fmt: skip
    """Return the covariance of two means after matching in which controls are shared.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Outcomes of the treated.
    matched : ndarray, shape (n,)
        Mean outcome of the controls of each.
    used, used_squared : ndarray, shape (k,)
        Sum, over those a control was matched to, of its share there, and of the squared share.
    variance : ndarray, shape (k,)
        Of the outcome of each control.
    weight : ndarray, shape (n,), optional
        Of the sets. Default: 1 each.

    Returns
    -------
    ndarray, shape (2, 2)
        Of the means of controls and treated. The variance of their difference is that of Abadie
        and Imbens (theorem 7); where no control is shared it is that of the sets alone.
    """
    w = np.ones(len(y)) if weight is None else weight
    both = np.column_stack([matched, y])
    both = w[:, None] * (both - w @ both / w.sum())
    result = both.T @ both
    result[0, 0] += float((used**2 - used_squared) @ variance)
    return np.asarray(result / w.sum() ** 2)
