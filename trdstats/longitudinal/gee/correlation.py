"""The working correlation of the visits as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.longitudinal.designs.rated_outcome import RatedDesign


def correlation_of(
    design: RatedDesign, structure: str, alpha: FloatArray, pairs: IntArray
) -> pd.DataFrame:
    """Return the correlation matrix of the visits; NaN of visits that no subject has both.

    Parameters
    ----------
    design : RatedDesign
    structure : str
    alpha : ndarray
        One correlation; of "unstructured" one a pair of visits that occurs.
    pairs : ndarray of int, shape (K, 2)
        The visits of these pairs.
    """
    T = len(design.visits)
    R = np.eye(T)
    if structure == "exchangeable" and len(alpha):
        R[~np.eye(T, dtype=bool)] = alpha[0]
    elif structure.startswith("ar1") and len(alpha):
        mean = design.mean_of_visits(structure == "ar1-days")
        R = _powers(float(alpha[0]), np.abs(mean[:, None] - mean))
    elif structure == "unstructured":
        R = np.where(np.eye(T, dtype=bool), 1.0, np.nan)
        for (j, k), value in zip(pairs, alpha, strict=True):
            R[j, k] = R[k, j] = value
    return pd.DataFrame(R, index=design.visits, columns=design.visits)


def _powers(rho: float, distance: FloatArray) -> FloatArray:
    size = abs(rho) ** distance
    return np.asarray(np.where((distance % 2 == 1) & (rho < 0), -size, size), dtype=float)


def places_of(structure: str, occasion: IntArray, place: FloatArray, day: FloatArray) -> FloatArray:
    """Return where a working correlation sees each rating: its visit, step or day."""
    if structure == "unstructured":
        return occasion.astype(float)
    if structure == "ar1":
        return place
    return day if structure == "ar1-days" else np.zeros(len(occasion))
