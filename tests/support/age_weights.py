"""Weights of a one-covariate propensity model, written down apart from the library."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit

from trdstats.estimates.weights import EstimatedWeights

FloatArray = npt.NDArray[np.float64]


def weights_from_age(rows: pd.DataFrame, case: FloatArray) -> EstimatedWeights:
    """Return inverse probability weights of a logistic regression with case weights.

    Parameters
    ----------
    rows : pandas.DataFrame
        subject, treatment ("A" or "B"), age; of several rows of a subject the first counts.
    case : ndarray, shape (n_subjects,)
        How often each subject counts.
    """
    frame = rows.drop_duplicates("subject")
    X = np.column_stack([np.ones(len(frame)), frame["age"]])
    z = (frame["treatment"] == "B").to_numpy(dtype=float)
    gamma = np.zeros(2)
    for _ in range(30):
        p = expit(X @ gamma)
        information = (X * (case * p * (1 - p))[:, None]).T @ X
        gamma = gamma + np.linalg.solve(information, X.T @ (case * (z - p)))
    p = expit(X @ gamma)
    weight = np.where(z == 1, 1 / p, 1 / (1 - p))
    slope = np.where(z == 1, -(1 - p), p)
    influence = (X * (case * (z - p))[:, None]) @ np.linalg.inv(information)
    table = pd.DataFrame({"subject": frame["subject"], "weight": case * weight})
    return EstimatedWeights(table, X * slope[:, None], influence, "weights from age")
