"""Robust variance of a Cox regression in small samples: scores as if their subject were left out.

Without subjects of a cluster c the coefficients move by (I - V_c)^-1 U_c to first order, U_c their
score and V_c their part in the information I. The sum of squares of these moves is the jackknife
variance; with I in the place of I - V_c it is the sandwich, which is too small by the leverage.

References
----------
Lin and Wei 1989, doi:10.1080/01621459.1989.10478874 (sandwich). Lipsitz and Parzen 1996,
Biometrics 52:291-298, doi:10.2307/2533163 (one-step jackknife of the Cox model).
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, Fit, collect

_ALONE = 1e-9  # share of the information left by others, below which a cluster carries it alone


def information_parts(data: Episodes, fit: Fit) -> FloatArray:
    """Return the part of each episode in the information, shape (n, q, q); they sum to it.

    The part is the sum over its time at risk of w exp(x'b) (x - E)(x - E)' dH.
    """
    X = data.X
    hazard = collect(data, fit.hazard)
    first = collect(data, fit.hazard[:, None] * fit.mean)
    squares = fit.mean[:, :, None] * fit.mean[:, None, :]
    second = collect(data, fit.hazard[:, None, None] * squares)
    crossed = X[:, :, None] * first[:, None, :]
    apart = X[:, :, None] * X[:, None, :] * hazard[:, None, None] - crossed
    apart = apart - np.swapaxes(crossed, 1, 2) + second
    return (data.weight * fit.risk)[:, None, None] * apart


def leave_out(
    scores: FloatArray, parts: FloatArray, cluster: IntArray, information: FloatArray
) -> FloatArray:
    """Return the moves of the coefficients for the subjects of a cluster left out together.

    Parameters
    ----------
    scores : ndarray, shape (n, q)
        Part of each subject in the score.
    parts : ndarray, shape (n, q, q)
        Part of each subject in the information.
    cluster : ndarray of int, shape (n,)
        0, 1, 2, ...
    information : ndarray, shape (q, q)

    Returns
    -------
    ndarray, shape (n, q)
        The sum over a cluster is its move; without leverage it is that of the sandwich. A cluster
        that alone carries a direction has no others to move to: there it keeps the sandwich.
    """
    # In units of the errors: eigenvalues of covariates in other units have no common digits.
    size = np.sqrt(np.diag(information))
    unit = np.outer(size, size)
    total = grouped_sums(cluster, parts, int(cluster.max()) + 1) / unit
    values, vectors = np.linalg.eigh(information / unit)
    root = (vectors / np.sqrt(values)) @ vectors.T
    left = np.eye(len(information)) - root @ total @ root
    eigenvalues, along = np.linalg.eigh((left + np.swapaxes(left, 1, 2)) / 2)
    factor = 1 / np.where(eigenvalues > _ALONE, eigenvalues, 1.0)
    inverse = (along * factor[:, None, :]) @ np.swapaxes(along, 1, 2)
    scaled = np.einsum("nij,nj->ni", inverse[cluster], scores / size @ root)
    return np.asarray(scaled @ root / size)
