"""Days that differ by rounding alone count as one.

28.1 - 14.1 and 14.0 are the same number of days, and not the same floating-point number: two
subjects with the same time would be taken for subjects with two times. The rule is that of
R's survival package (``timefix``, `aeqSurv`), so that both see the same ties.

References
----------
Therneau, "Roundoff error and tied times", vignette of the R package survival.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits.blocks import holds_anywhere

# Of a day, and of the mean of all distinct days: the square root of the spacing of numbers at 1.
TOLERANCE = float(np.sqrt(np.finfo(float).eps))


def near_days_as_one(
    columns: Mapping[str, FloatArray],
    *,
    span: tuple[str, str] | None = None,
    subject: IntArray | None = None,
) -> dict[str, FloatArray]:
    """Return columns in which days that are nearly the same are the same.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n,)
        Days; infinite where there is none. Columns may differ in length.
    span : pair of str, optional
        Columns (start, stop] of one length. A row whose start would no longer lie below its stop
        stays as it is, in all columns of that length.
    subject : ndarray of int, shape (n,), optional
        Codes of the subjects of the spans: where a row stays as it is, all rows of its subject do,
        so that rows that followed each other still do.

    Returns
    -------
    dict of str to ndarray
        All columns, every day the lowest of those that follow each other without a gap. Empty
        where none is near another.
    """
    if not any(holds_anywhere(_is_fraction, days) for days in columns.values()):
        return {}
    every = np.unique(np.concatenate(list(columns.values())))
    every = every[np.isfinite(every)]
    near = np.diff(every) <= TOLERANCE * max(1.0, float(np.abs(every).mean()))
    if not near.any():
        return {}
    begins = np.where(np.append(False, near), 0, np.arange(len(every)))
    first = every[np.maximum.accumulate(begins)]
    tied = {}
    for name, days in columns.items():
        known = np.isfinite(days)
        tied[name] = days.copy()
        tied[name][known] = first[np.searchsorted(every, days[known])]
    if span is None:
        return tied
    start, stop = span
    stays = (tied[start] >= tied[stop]) & (columns[start] < columns[stop])
    if subject is not None:
        stays = np.bincount(subject, stays)[subject] > 0
    return {
        name: np.where(stays, columns[name], days) if len(days) == len(stays) else days
        for name, days in tied.items()
    }


def _is_fraction(days: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(days) & (days != np.rint(days)), dtype=bool)
