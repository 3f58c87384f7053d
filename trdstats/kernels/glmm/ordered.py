"""Ordinal ratings as pairs of binary rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.glmm.rows import Rows


@dataclass(frozen=True, slots=True)
class OrderedDesign:
    """Design of a cumulative logistic model.

    The model is P(rating > k) = F(x'beta - threshold_k). Columns named in `by_threshold` have a
    separate coefficient at every threshold: in place of x'beta stands x'beta_k.

    Attributes
    ----------
    X : ndarray, shape (N, q)
        Columns of the fixed effects, without an intercept.
    n_thresholds : int
        Categories less one.
    by_threshold : tuple of int
        Columns of X.
    """

    X: FloatArray
    n_thresholds: int
    by_threshold: tuple[int, ...] = ()

    @property
    def n_fixed(self) -> int:
        """Thresholds, common coefficients, then coefficients by threshold (threshold by column)."""
        extra = (self.n_thresholds - 1) * len(self.by_threshold)
        return self.n_thresholds + int(self.X.shape[1]) + extra

    def above(self, threshold: IntArray, rows: IntArray) -> FloatArray:
        """Return the design of being above a threshold, shape (m, n_fixed).

        A column by threshold has its coefficient at the first threshold in its usual place, and
        at each other one the difference from that.
        """
        K, p = self.n_thresholds, self.X.shape[1]
        design = np.zeros((len(rows), self.n_fixed))
        each = np.arange(len(rows))
        design[each, threshold] = -1.0
        design[:, K : K + p] = self.X[rows]
        d = len(self.by_threshold)
        for i, j in enumerate(self.by_threshold):
            later = threshold > 0
            at = K + p + (threshold[later] - 1) * d + i
            design[each[later], at] = self.X[rows[later], j]
        return design

    def start(self, y: IntArray) -> FloatArray:
        """Return fixed effects of the model without any: logits of the cumulative proportions."""
        counts = np.bincount(y, minlength=self.n_thresholds + 1)
        below = np.cumsum(counts)[:-1] / len(y)
        theta = np.zeros(self.n_fixed)
        theta[: self.n_thresholds] = np.log(below / (1 - below))
        return theta


def ordered_rows(
    design: OrderedDesign,
    y: IntArray,
    subject: IntArray,
    Z: FloatArray,
    weight: FloatArray,
    *,
    correlated: bool = True,
) -> Rows:
    """Return the binary rows of ordinal ratings.

    Parameters
    ----------
    design : OrderedDesign
    y : ndarray of int, shape (N,)
        Category of each rating, 0, ..., K.
    subject : ndarray of int, shape (N,)
        Ascending.
    Z : ndarray, shape (N, r)
    weight : ndarray, shape (n,)
    correlated : bool
    """
    K = design.n_thresholds
    rating, met, threshold = split_ratings(y, K)
    inner = np.flatnonzero((y > 0) & (y < K))
    pair = design.above(y[inner] - 1, inner) - design.above(y[inner], inner)
    return Rows(
        "logit", subject[rating], design.above(threshold, rating), Z[rating], met, weight,
        subject[inner], pair, correlated,
    )  # fmt: skip


def split_ratings(y: IntArray, K: int) -> tuple[IntArray, FloatArray, IntArray]:
    """Return the binary rows of ratings: above the threshold below, not above that above.

    Parameters
    ----------
    y : ndarray of int, shape (N,)
        Category of each rating, 0, ..., K.
    K : int
        Thresholds; a binary rating has one.

    Returns
    -------
    rating : ndarray of int, shape (R,)
        Rating of each row, ascending.
    met : ndarray, shape (R,)
        1 above the threshold, 0 not above.
    threshold : ndarray of int, shape (R,)
    """
    lower, upper = np.flatnonzero(y > 0), np.flatnonzero(y < K)
    rating = np.concatenate((lower, upper))
    met = np.concatenate((np.ones(len(lower)), np.zeros(len(upper))))
    threshold = np.concatenate((y[lower] - 1, y[upper]))
    order = np.argsort(rating, kind="stable")
    return rating[order], met[order], threshold[order]
