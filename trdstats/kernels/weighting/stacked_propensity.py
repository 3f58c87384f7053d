"""The multinomial logistic model of treatment in every resample of a bootstrap at once."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.weighting.propensity import Scores

_STEPS = 15
_SMALL = 1e-7  # log odds: a Newton step as small as this has doubled its digits to rounding
_LONG = 3.0  # log odds: a step from the fit of all subjects as long as this is not a refit
_COLLINEAR = 1e-10  # smallest eigenvalue of the information, relative to the largest


def stacked_scores(
    X: FloatArray, treatment: IntArray, start: Scores, counts: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Maximise the likelihood in every resample by Newton steps from the fit of all subjects.

    Parameters
    ----------
    X : ndarray, shape (n, q)
        As in `fit_scores`.
    treatment : ndarray of int, shape (n,)
    start : Scores
        Of all subjects.
    counts : ndarray, shape (b, n)
        How often each subject is drawn in each resample.

    Returns
    -------
    probability : ndarray, shape (b, n, k)
    settled : ndarray of bool, shape (b,)
        Whether the maximum was found: not where the columns are collinear in a resample, or its
        treatments separated. Those need the search of `fit_scores`.
    """
    n, q = X.shape
    k = start.probability.shape[1]
    b = len(counts)
    Z = np.eye(k)[treatment][:, 1:]
    squares = (X[:, :, None] * X[:, None, :]).reshape(n, q * q)
    gamma = np.tile(start.gamma, (b, 1, 1))
    settled, usable = np.zeros((2, b), dtype=bool)
    usable[:] = True
    for turn in range(_STEPS):
        going = np.flatnonzero(usable & ~settled)
        if not len(going):
            break
        p = _probability(X, gamma[going])[:, :, 1:]
        m = counts[going]
        score = np.einsum("bn,bnj,nq->bjq", m, Z - p, X, optimize=True)
        information = _information(squares, p, m, q)
        if turn == 0:
            regular = _regular(information)
            usable[going[~regular]] = False
            going, score, information = going[regular], score[regular], information[regular]
        step = _solve(information, score)
        largest = np.abs(step).max(axis=(1, 2))
        sound = largest < _LONG  # not for NaN either
        usable[going[~sound]] = False
        gamma[going[sound]] += step[sound]
        settled[going[sound]] = largest[sound] < _SMALL
    return _probability(X, gamma), settled


def _solve(information: FloatArray, score: FloatArray) -> FloatArray:
    b, j, q = score.shape
    try:
        step = np.linalg.solve(information, score.reshape(b, j * q, 1))
    except np.linalg.LinAlgError:  # one of them is singular: all are left to the longer search
        return np.full_like(score, np.nan)
    return np.asarray(step.reshape(b, j, q))


def _regular(information: FloatArray) -> BoolArray:
    values = np.linalg.eigvalsh(information)
    return np.asarray(values[:, 0] > _COLLINEAR * values[:, -1])


def _probability(X: FloatArray, gamma: FloatArray) -> FloatArray:
    """Return the probabilities of all treatments, shape (b, n, k)."""
    b, j, q = gamma.shape
    # Treatments along the first axis: sums over two or three neighbours in memory are slow.
    eta = np.zeros((j + 1, b, len(X)))
    eta[1:] = (gamma.reshape(-1, q) @ X.T).reshape(b, j, len(X)).swapaxes(0, 1)
    eta -= eta.max(axis=0)
    p = np.exp(eta - np.log(np.exp(eta).sum(axis=0)))
    return np.ascontiguousarray(np.moveaxis(p, 0, 2))


def _information(squares: FloatArray, p: FloatArray, counts: FloatArray, q: int) -> FloatArray:
    """Return the information of each resample, shape (b, (k - 1) q, (k - 1) q)."""
    b, _, j = p.shape
    H = np.empty((b, j, q, j, q))
    for a in range(j):
        for c in range(a, j):
            w = counts * p[:, :, a] * ((a == c) - p[:, :, c])
            H[:, a, :, c, :] = H[:, c, :, a, :] = (w @ squares).reshape(b, q, q)
    return H.reshape(b, j * q, j * q)
