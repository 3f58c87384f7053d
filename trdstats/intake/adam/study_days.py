"""Study days of CDISC, which have no day 0, and days since first treatment, which have.

CDISC counts the day of first treatment as 1 and the day before it as -1 (SDTM Implementation Guide
3.4, section 4.4.4; the analysis day ADY of ADaM follows it). Here the day of first treatment is 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trdstats.arrays import FloatArray


def days_since_first(study_day: npt.ArrayLike) -> FloatArray:
    """Return days since first treatment of study days: 1 is 0, 2 is 1, -1 is -1.

    Study days from 0 up to 1 do not exist: NaN.

    Examples
    --------
    >>> days_since_first([-7, -1, 1, 29, 0]).tolist()
    [-7.0, -1.0, 0.0, 28.0, nan]
    """
    given = np.asarray(study_day, dtype=float)
    after = np.where(given >= 1, given - 1, np.nan)
    return np.where(given < 0, given, after)


def study_days(day: npt.ArrayLike) -> FloatArray:
    """Return study days of days since first treatment: 0 is 1, 1 is 2, -1 is -1.

    Examples
    --------
    >>> study_days([-7, -1, 0, 28]).tolist()
    [-7.0, -1.0, 1.0, 29.0]
    """
    given = np.asarray(day, dtype=float)
    return np.where(given >= 0, given + 1, given)
