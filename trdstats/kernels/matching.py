"""Nearest neighbours on one score: greedy matching and the variance of what it estimates.

References
----------
Rosenbaum and Rubin 1985, doi:10.1080/00031305.1985.10479383 (caliper on the logit). Abadie and
Imbens 2006, doi:10.1111/j.1468-0262.2006.00655.x (theorem 7: the variance with replacement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Who was matched with whom.

    Attributes
    ----------
    treated, control : ndarray of int, shape (m,)
        Positions among the treated and among the controls; by treated, nearest first.
    """

    treated: IntArray
    control: IntArray


def match_once(
    treated: FloatArray, control: FloatArray, order: IntArray, ratio: int, caliper: float
) -> Pairs:
    """Match without replacement: each in turn takes the nearest control that is still free.

    Parameters
    ----------
    treated : ndarray, shape (n,)
        Scores.
    control : ndarray, shape (k,)
        Scores, in increasing order.
    order : ndarray of int, shape (n,)
        The treated in the order in which they choose.
    ratio : int
        Everybody chooses once before anybody chooses again.
    caliper : float
        Largest distance; may be infinite.

    Notes
    -----
    Of two controls as near the one with the lower score is taken. Taken controls are bridged by
    links to the next free one (union-find with path halving), so that the whole is O(n log n).
    """
    place = np.searchsorted(control, treated, side="left")
    k = len(control)
    score, above, below = control.tolist(), list(range(k + 1)), list(range(k + 1))
    rows: list[tuple[int, int]] = []
    turn = order.tolist()
    for _ in range(ratio):
        served = []
        for i in turn:
            own, at = float(treated[i]), int(place[i])
            up = _free(above, at)
            down = _free(below, at) - 1  # shifted by one: 0 stands for nobody
            gap_up = score[up] - own if up < k else np.inf
            gap_down = own - score[down] if down >= 0 else np.inf
            if min(gap_up, gap_down) > caliper:
                continue
            if min(gap_up, gap_down) == np.inf:
                continue
            taken = down if gap_down <= gap_up else up
            above[taken], below[taken + 1] = taken + 1, taken
            rows.append((i, taken))
            served.append(i)
        turn = served
    found = np.array(rows, dtype=np.intp).reshape(-1, 2)
    found = found[np.argsort(found[:, 0], kind="stable")]
    return Pairs(found[:, 0], found[:, 1])


def _free(link: list[int], i: int) -> int:
    """Return the next free place from i on, and halve the way there."""
    while link[i] != i:
        link[i] = link[link[i]]
        i = link[i]
    return i


def match_again(treated: FloatArray, control: FloatArray, ratio: int, caliper: float) -> Pairs:
    """Match with replacement: everybody gets the nearest controls.

    Parameters
    ----------
    treated : ndarray, shape (n,)
    control : ndarray, shape (k,)
        In increasing order; of those as near the one with the lower score comes first.
    ratio : int
    caliper : float
    """
    near = _window(treated, control, ratio)
    gap = np.where(near >= 0, np.abs(control[near] - treated[:, None]), np.inf)
    first = np.argsort(gap, axis=1, kind="stable")[:, :ratio]
    gap = np.take_along_axis(gap, first, axis=1)
    chosen = np.take_along_axis(near, first, axis=1)
    row, column = np.nonzero((gap <= caliper) & np.isfinite(gap))
    return Pairs(row, chosen[row, column])


def _window(own: FloatArray, others: FloatArray, width: int) -> IntArray:
    """Return the places among which the nearest are, in increasing order; -1 for none."""
    place = np.searchsorted(others, own, side="left")
    near = place[:, None] + np.arange(-width, width)
    return np.where((near >= 0) & (near < len(others)), near, -1)


def local_variance(score: FloatArray, y: FloatArray) -> FloatArray:
    """Return the variance of the outcome around each score, from the nearest other subject.

    Parameters
    ----------
    score : ndarray, shape (n,)
        In increasing order.
    y : ndarray, shape (n,)

    Notes
    -----
    (y_i - y_j)^2 / 2 with j the nearest to i (Abadie and Imbens 2006, section 4.1).
    """
    gap = np.diff(score)
    left, right = np.append(np.inf, gap), np.append(gap, np.inf)
    near = np.where(left <= right, np.arange(len(y)) - 1, np.arange(len(y)) + 1)
    return np.asarray((y - y[near]) ** 2 / 2)


def replaced_covariance(
    y: FloatArray, matched: FloatArray, used: FloatArray, used_squared: FloatArray,
    variance: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return the covariance of two means after matching with replacement.

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

    Returns
    -------
    ndarray, shape (2, 2)
        Of the means of controls and treated. The variance of their difference is that of Abadie
        and Imbens (theorem 7).
    """
    both = np.column_stack([matched - matched.mean(), y - y.mean()])
    result = both.T @ both
    result[0, 0] += float((used**2 - used_squared) @ variance)
    return np.asarray(result / len(y) ** 2)
