"""Categories of ratings, drawn from a cumulative model; a binary outcome has one threshold, 0."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.glmm.conditional import Link, mean_and_slope
from trdstats.kernels.glmm.ordered import split_ratings
from trdstats.kernels.glmm.rows import Rows


def categories_at(
    link: Link, eta: FloatArray, thresholds: FloatArray, chance: FloatArray
) -> IntArray:
    """Return the category k of every rating: the number of thresholds that it is above.

    The rating is above threshold k where its chance is below P(rating > k), so that a higher
    predictor never gives a lower category.

    Parameters
    ----------
    link : {"logit", "probit"}
    eta : ndarray, shape (M, m)
        Linear predictors without thresholds.
    thresholds : ndarray, shape (M, K)
        Ascending.
    chance : ndarray, shape (M, m)
        Uniform numbers.
    """
    above = np.zeros(eta.shape, dtype=np.intp)
    for threshold in thresholds.T:
        above += chance < mean_and_slope(link, eta - threshold[:, None])[0]
    return above


def rated_rows(
    link: Link, subject: IntArray, category: IntArray, eta: FloatArray, thresholds: FloatArray
) -> tuple[Rows, FloatArray, IntArray]:
    """Return the binary rows of ratings whose linear predictor is known.

    Parameters
    ----------
    link : {"logit", "probit"}
    subject : ndarray of int, shape (N,)
        0, ..., n - 1, ascending.
    category : ndarray of int, shape (N,)
    eta : ndarray, shape (N,)
    thresholds : ndarray, shape (K,)

    Returns
    -------
    rows : Rows
        Without a design.
    fixed : ndarray, shape (R,)
        Linear predictor of each row.
    rating : ndarray of int, shape (R,)
        Rating of each row.
    """
    rating, met, threshold = split_ratings(category, len(thresholds))
    none, empty = np.zeros(0, dtype=np.intp), np.zeros((len(rating), 0))
    n = int(subject[-1]) + 1 if len(subject) else 0
    rows = Rows(link, subject[rating], empty, empty, met, np.ones(n), none, empty[:0])
    return rows, eta[rating] - thresholds[threshold], rating
