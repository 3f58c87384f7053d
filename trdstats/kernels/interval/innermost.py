"""Innermost intervals: the only places where interval-censored times can hold mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Innermost:
    """Innermost intervals of censored times, and the run of them that each subject covers.

    Attributes
    ----------
    lower, upper : ndarray, shape (m,)
        Ends of (lower, upper], in order of time; the point {lower} where both are the same;
        upper is infinite where the event was not observed.
    first, last : ndarray of int, shape (n,)
        A subject covers the intervals first, ..., last: at least one.
    """

    lower: FloatArray
    upper: FloatArray
    first: IntArray
    last: IntArray


def innermost_intervals(
    left: FloatArray, right: FloatArray, entry: FloatArray | None = None
) -> Innermost:
    """Return the innermost intervals of times known to lie in (left, right].

    They are those places where a left end is followed by a right end with no other end between
    (Peto 1973; Turnbull 1976, equation 2.2). A likelihood can only gain when mass moves into
    them, and it does not depend on where inside them mass lies.

    Parameters
    ----------
    left, right : ndarray, shape (n,)
        left < right: in (left, right], right may be infinite. left == right: known exactly.
    entry : ndarray, shape (n,), optional
        At most left: only those without the event by then came under observation. Mass gains where
        it passes to before an entry, as it does before a right end.

    References
    ----------
    Peto 1973, J R Stat Soc C 22:86-91, doi:10.2307/2346307; Turnbull 1976, J R Stat Soc B
    38:290-295, doi:10.1111/j.2517-6161.1976.tb01597.x; Alioum and Commenges 1996, Biometrics
    52:512-524, doi:10.2307/2532891 (entry).
    """
    entered = np.empty(0) if entry is None else entry[entry > 0]
    days, place = np.unique(np.concatenate((left, right, entered)), return_inverse=True)
    at_left, at_right, at_entry = np.split(place, [len(left), 2 * len(left)])
    # At one day the ends follow each other as: an exact time begins, intervals close (and the
    # exact time with them), intervals open.
    opens = 3 * at_left + np.where(left == right, 0, 2)
    closes = 3 * at_right + 1
    ends_left, ends_right = np.unique(opens), np.unique(np.concatenate((closes, 3 * at_entry + 1)))
    before = np.searchsorted(ends_left, ends_right) - 1  # the last left end before a right end
    ends_right, before = ends_right[before >= 0], before[before >= 0]
    kept, first_right = np.unique(before, return_index=True)
    start, stop = ends_left[kept], ends_right[first_right]
    return Innermost(
        lower=days[start // 3],
        upper=days[stop // 3],
        first=np.searchsorted(start, opens, side="left"),
        last=np.searchsorted(stop, closes, side="right") - 1,
    )
