"""Augmented inverse probability weighting: two models, of which one may be wrong.

With e_a(x) the probability of treatment a and m_a(x) the mean outcome under it, the estimate is the
mean of m_a(x_i) + 1(A_i = a) (y_i - m_a(x_i)) / e_a(x_i); among those under treatment t, the mean
over them of m_a(x_i), plus 1(A_i = a) e_t(x_i) / e_a(x_i) (y_i - m_a(x_i)).

References
----------
Robins, Rotnitzky and Zhao 1994, doi:10.1080/01621459.1994.10476818; Bang and Robins 2005,
doi:10.1111/j.1541-0420.2005.00377.x; cross-fitting, Chernozhukov et al. 2018,
doi:10.1111/ectj.12097; the treated, Mercatanti and Li 2014, doi:10.1214/13-AOAS727.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Augmented:
    """Mean outcomes under each treatment.

    Attributes
    ----------
    estimate : ndarray, shape (K,)
    influence : ndarray, shape (n, K)
        Efficient influence: the models are taken as known.
    on_mean : ndarray, shape (n, K)
        Derivative of each estimate in the mean that a model gives a subject.
    on_log_ratio : ndarray, shape (n, K)
        Derivative in the logarithm of the factor that residuals are weighted with.
    """

    estimate: FloatArray
    influence: FloatArray
    on_mean: FloatArray
    on_log_ratio: FloatArray


def augmented_means(
    y: FloatArray,
    treatment: IntArray,
    mean: FloatArray,
    probability: FloatArray,
    weight: FloatArray,
    among: int | None = None,
) -> Augmented:
    """Estimate the mean outcome under each treatment.

    Parameters
    ----------
    y : ndarray, shape (n,)
    treatment : ndarray of int, shape (n,)
    mean : ndarray, shape (n, K)
        Expected outcome under each treatment.
    probability : ndarray, shape (n, K)
        Of each treatment; positive.
    weight : ndarray, shape (n,)
    among : int, optional
        Treatment whose subjects are averaged over. Default: all subjects.
    """
    K = probability.shape[1]
    given = treatment[:, None] == np.arange(K)
    in_target = np.ones(len(y)) if among is None else (treatment == among).astype(float)
    top = np.ones(len(y)) if among is None else probability[:, among]
    ratio = np.where(given, top[:, None] / probability, 0.0)
    rest = np.where(given, y[:, None] - mean, 0.0)
    total = weight @ in_target
    value = in_target[:, None] * mean + ratio * rest
    estimate = weight @ value / total
    weights = weight[:, None] / total
    return Augmented(
        estimate=estimate,
        influence=weights * (value - in_target[:, None] * estimate),
        on_mean=weights * (in_target[:, None] - ratio),
        on_log_ratio=weights * ratio * rest,
    )


def through_treatment_model(
    fit: Augmented, X: FloatArray, probability: FloatArray, among: int | None = None
) -> FloatArray:
    """Return the derivatives of the estimates in the coefficients of a multinomial model.

    Parameters
    ----------
    fit : Augmented
    X : ndarray, shape (n, q)
    probability : ndarray, shape (n, K)
    among : int, optional

    Returns
    -------
    ndarray, shape (K, (K - 1) q)

    Notes
    -----
    d log e_a / d gamma_k = x (1(a = k) - e_k); in a ratio e_t / e_a the e_k cancel.
    """
    K, q = probability.shape[1], X.shape[1]
    result = np.zeros((K, K - 1, q))
    for a in range(K):
        for k in range(1, K):
            slope = probability[:, k] - (a == k) if among is None else float(among == k) - (a == k)
            result[a, k - 1] = (fit.on_log_ratio[:, a] * slope) @ X
    return result.reshape(K, -1)
