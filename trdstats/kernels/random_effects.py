"""Random effects: the covariance they give to a subject's ratings, and their predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trdstats.kernels.covariance import Shape, lower
from trdstats.kernels.patterns import Rows
from trdstats.kernels.reml import State

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class RandomStructure:
    """V = Z G Z' + s2 I, linear in the entries of G and in s2.

    Attributes
    ----------
    first : ndarray, shape (h, K, T, T)
        What each parameter adds, for every distinct Z.
    """

    first: FloatArray

    def __call__(self, theta: FloatArray) -> Shape:
        """Return the covariance matrices."""
        return Shape(np.tensordot(theta, self.first, 1), self.first, None)


def entries(r: int, correlated: bool) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the parameters of G: the lower triangle, or the diagonal."""
    if correlated:
        return lower(r)
    return np.arange(r), np.arange(r)


def random_structure(Z: FloatArray, correlated: bool) -> RandomStructure:
    """Build the structure from the designs of the random effects, shape (K, T, r)."""
    K, T, r = Z.shape
    rows, columns = entries(r, correlated)
    first = np.empty((len(rows) + 1, K, T, T))
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        product = Z[:, :, i, None] * Z[:, None, :, j]
        first[k] = product if i == j else product + np.swapaxes(product, 1, 2)
    first[-1] = np.eye(T)
    return RandomStructure(first)


def to_matrix(theta: FloatArray, r: int, correlated: bool) -> FloatArray:
    """Return G from its parameters, shape (r, r)."""
    rows, columns = entries(r, correlated)
    G = np.zeros((r, r))
    G[rows, columns] = G[columns, rows] = theta[: len(rows)]
    return G


def distinct_designs(Z: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct designs among those of all subjects, and which each subject has.

    Parameters
    ----------
    Z : ndarray, shape (n, T, r)
    """
    flat = Z.reshape(len(Z), -1)
    _, first, inverse = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    return Z[first], np.asarray(inverse, dtype=np.intp).reshape(-1)


def predict_effects(
    state: State, rows: Rows, Z: FloatArray, G: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the best linear unbiased predictions of random effects and their error covariance.

    Parameters
    ----------
    state : State
    rows : Rows
    Z : ndarray, shape (P, T, r)
        Design of each pattern.
    G : ndarray, shape (r, r)

    Returns
    -------
    effect : ndarray, shape (n, r)
        In the order of the rows.
    error : ndarray, shape (P, r, r)
        Covariance of prediction errors, fixed effects taken as known.
    """
    T = Z.shape[1]
    row = (np.append(-state.beta, 1.0) @ state.spread).reshape(T, -1)
    pull = G @ np.swapaxes(Z, 1, 2) @ state.weight  # (P, r, T)
    residual = rows.u @ row.T
    effect = np.einsum("nrt,nt->nr", pull[rows.pattern], residual)
    return effect, G - pull @ Z @ G
