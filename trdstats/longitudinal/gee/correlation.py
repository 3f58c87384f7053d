"""The working correlation of the visits as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome


def correlation_of(design: RatedOutcome, structure: str, alpha: FloatArray) -> pd.DataFrame:
    """Return the correlation matrix of the visits; NaN of visits that no subject has both.

    Parameters
    ----------
    design : RatedOutcome
    structure : str
    alpha : ndarray
        One correlation; of "unstructured" one a pair of visits that occurs, in their order.
    """
    T = len(design.visits)
    R = np.eye(T)
    if structure == "exchangeable" and len(alpha):
        R[~np.eye(T, dtype=bool)] = alpha[0]
    elif structure.startswith("ar1") and len(alpha):
        place = design.place if structure == "ar1" else design.day
        mean = np.bincount(design.occasion, place, T) / np.bincount(design.occasion, minlength=T)
        R = _powers(float(alpha[0]), np.abs(mean[:, None] - mean))
    elif structure == "unstructured":
        R = np.where(np.eye(T, dtype=bool), 1.0, np.nan)
        together = _together(design, T)
        pairs = [(j, k) for j in range(T) for k in range(j + 1, T) if together[j, k]]
        for (j, k), value in zip(pairs, alpha, strict=True):
            R[j, k] = R[k, j] = value
    return pd.DataFrame(R, index=design.visits, columns=design.visits)


def _powers(rho: float, distance: FloatArray) -> FloatArray:
    size = abs(rho) ** distance
    return np.asarray(np.where((distance % 2 == 1) & (rho < 0), -size, size), dtype=float)


def _together(design: RatedOutcome, T: int) -> FloatArray:
    rated = np.zeros((len(design.subjects), T))
    rated[design.person, design.occasion] = 1.0
    return np.asarray(rated.T @ rated)
