"""Nearest neighbours on a line, each used once or again.

References
----------
Rubin 1973, Biometrics 29:159-183, doi:10.2307/2529684.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


def match_nearest(
    treated: FloatArray, control: FloatArray, ratio: int, caliper: float, *, replace: bool
) -> IntArray:
    """Return the controls nearest to each treated.

    Parameters
    ----------
    treated : ndarray, shape (n,)
    control : ndarray, shape (m,)
    ratio : int
        Controls of each treated.
    caliper : float
        Largest distance.
    replace : bool
        Whether a control may serve again. Without, the treated with the largest values come
        first, since they have the fewest neighbours, and every treated gets one control before
        any gets a second.

    Returns
    -------
    ndarray of int, shape (n, ratio)
        -1 where there is none. Of two controls as near the one of lower value is taken.

    Notes
    -----
    O((n ratio + m) log m): controls are sorted once, and free neighbours are found through links
    that skip those taken.
    """
    order = np.argsort(control, kind="stable")
    values = control[order]
    m = len(values)
    found = np.full((len(treated), ratio), -1, dtype=np.intp)
    # Next free place to the left (0: none) and to the right (m + 1: none), places 1 to m.
    left, right = np.arange(m + 2), np.arange(m + 2)
    first = np.argsort(-treated, kind="stable")
    taken: list[list[int]] = [[] for _ in treated]
    for turn in range(ratio):
        for i in first:
            x = treated[i]
            at = int(np.searchsorted(values, x, side="left"))
            if replace:
                place = _nearest_unused(values, x, at, taken[i])
            else:
                low, high = _find(left, at), _find(right, at + 1)
                place = _closer(values, x, low, high, m)
            if place < 1 or abs(values[place - 1] - x) > caliper:
                continue
            found[i, turn] = order[place - 1]
            taken[i].append(place)
            if not replace:
                left[place], right[place] = place - 1, place + 1
    return found


def _find(link: IntArray, place: int) -> int:
    """Return the free place a link leads to, shortening the way for the next time."""
    root = place
    while link[root] != root:
        root = int(link[root])
    while link[place] != root:
        link[place], place = root, int(link[place])
    return root


def _closer(values: FloatArray, x: float, low: int, high: int, m: int) -> int:
    if low < 1:
        return high if high <= m else 0
    if high > m:
        return low
    return low if x - values[low - 1] <= values[high - 1] - x else high


def _nearest_unused(values: FloatArray, x: float, at: int, used: list[int]) -> int:
    """Return the nearest place not yet used by this treated."""
    m, low, high = len(values), at, at + 1
    while low >= 1 and low in used:
        low -= 1
    while high <= m and high in used:
        high += 1
    return _closer(values, x, low, high, m)
