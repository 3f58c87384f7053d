"""Working correlations of the ratings of a subject, estimated by moments.

A structure puts every pair of ratings into a class (all pairs; pairs some days apart; pairs of two
visits). The mean product of standardised residuals in a class is all it needs of the data.

References
----------
Liang and Zeger 1986, doi:10.1093/biomet/73.1.13, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
import scipy

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gee.batches import Batch, Batches

Structure = Literal["independence", "exchangeable", "ar1", "ar1-days", "unstructured"]
_FALLING: tuple[Structure, ...] = ("ar1", "ar1-days")
NEAR_SINGULAR = 1e-6  # an eigenvalue of a matrix that is no correlation matrix
_EDGE = 1e-6  # the nearest that a correlation may come to where the matrix is singular


@dataclass(frozen=True)
class Pairs:
    """All pairs of ratings of one subject, by class.

    Attributes
    ----------
    structure : str
    batches : Batches
    distance : ndarray, shape (K,)
        Of each class: how far apart its pairs are ("ar1", "ar1-days").
    visits : ndarray of int, shape (K, 2)
        Of each class: its two visits ("unstructured").
    of_pair : list of ndarray of int, shape (P, m (m - 1) / 2)
        Class of each pair, by batch and pattern.
    root : list of ndarray, shape (b, m)
        Roots of the weights of the ratings, by batch.
    n_visits : int
    """

    structure: Structure
    batches: Batches
    distance: FloatArray
    visits: IntArray
    of_pair: list[IntArray]
    root: list[FloatArray]
    n_visits: int

    @cached_property
    def count(self) -> FloatArray:
        """Sum of the weights of the pairs of each class, shape (K,)."""
        return self.sums([r[:, :, None] for r in self.root])

    def sums(self, values: list[FloatArray]) -> FloatArray:
        """Return sums of products over the pairs of each class, parts averaged, shape (K,).

        Parameters
        ----------
        values : list of ndarray, shape (b, m, c)
        """
        total = np.zeros(len(self.distance))
        for b, v, of_pair in zip(self.batches.parts, values, self.of_pair, strict=True):
            j, k = _pairs(v.shape[1])
            if not len(j):
                continue
            product = np.einsum("bpc,bpc->bp", v[:, j], v[:, k]) / v.shape[2]
            total += np.bincount(of_pair[b.pattern].ravel(), product.ravel(), len(total))
        return total

    def estimate(self, residual: list[FloatArray], dispersion: float) -> FloatArray:
        """Return the parameters of the structure: the mean correlation, or one a class.

        Parameters
        ----------
        residual : list of ndarray, shape (b, m, c)
            Standardised, by batch.
        dispersion : float
        """
        return self.parameters(self.sums(residual), dispersion)

    def parameters(self, sums: FloatArray, dispersion: float) -> FloatArray:
        """Return the same from the sums of products by class."""
        return parameters_of(self.structure, self.distance, self.count, sums, dispersion)

    def matrices(self, alpha: FloatArray) -> list[FloatArray]:
        """Return the correlation matrix of every pattern, shape (P, m, m), by batch."""
        each = []
        for b, of_pair in zip(self.batches.parts, self.of_pair, strict=True):
            m = b.places.shape[1]
            j, k = _pairs(m)
            R = np.zeros((len(b.places), m, m))
            if len(j) and len(alpha):
                value = self._correlations(alpha)[of_pair]
                R[:, j, k] = value
                R[:, k, j] = value
            R[:, np.arange(m), np.arange(m)] = 1.0
            each.append(R)
        return each

    def _correlations(self, alpha: FloatArray) -> FloatArray:
        if self.structure not in _FALLING:
            return alpha
        return _power(float(alpha[0]), self.distance)


def parameters_of(
    structure: Structure,
    distance: FloatArray,
    count: FloatArray,
    sums: FloatArray,
    dispersion: float,
) -> FloatArray:
    """Return the parameters of a structure.

    Parameters
    ----------
    structure : str
    distance : ndarray, shape (K,)
        Of each class of pairs.
    count, sums : ndarray, shape (K,)
        Sums of the weights of the pairs, and of the products of their standardised residuals.
    dispersion : float
    """
    if structure == "independence" or not len(distance):
        return np.empty(0)
    mean = sums / dispersion / count
    if structure in _FALLING:
        # Over days a negative correlation would alternate from one day to the next.
        return np.array([_decay(distance, mean, count, signed=structure == "ar1")])
    return mean


def lowest_eigenvalue(matrices: list[FloatArray]) -> float:
    """Return the lowest eigenvalue of correlation matrices by batch; 1 without any."""
    return min((float(np.linalg.eigvalsh(R)[:, 0].min()) for R in matrices), default=1.0)


def kept_proportion(lowest: float) -> float:
    """Return the proportion of correlations that is kept, by their matrix's lowest eigenvalue."""
    return (1 - 1e-3) / (1 - lowest) if lowest < NEAR_SINGULAR else 1.0


def inverse_factors(matrices: list[FloatArray], kept: float) -> list[FloatArray]:
    """Return the inverse Cholesky factors of correlation matrices by batch.

    Parameters
    ----------
    matrices : list of ndarray, shape (P, m, m)
    kept : float
        Proportion of the correlations that is kept; the rest is independence.
    """
    if kept < 1:
        matrices = [kept * R + (1 - kept) * np.eye(R.shape[1]) for R in matrices]
    return [np.linalg.inv(np.linalg.cholesky(R)) for R in matrices]


def classify(
    structure: Structure,
    batches: Batches,
    weight: FloatArray,
    n_visits: int,
    classes: FloatArray | None = None,
) -> Pairs:
    """Return the pairs of ratings by class.

    Parameters
    ----------
    structure : str
    batches : Batches
        Their places are visits for "unstructured", steps for "ar1", days for "ar1-days".
    weight : ndarray, shape (N,)
    n_visits : int
    classes : ndarray, shape (K,), optional
        Classes of the pairs of more subjects than these, in order. Default: those that occur.
    """
    keyed = [_keys(structure, b, n_visits) for b in batches.parts]
    keys = np.concatenate([k.ravel() for k in keyed])
    if classes is None:
        classes, code = np.unique(keys, return_inverse=True)
    else:
        code = np.searchsorted(classes, keys)
    of_pair, at = [], 0
    for k in keyed:
        of_pair.append(np.asarray(code.ravel()[at : at + k.size].reshape(k.shape), dtype=np.intp))
        at += k.size
    visits = visits_of_classes(classes, n_visits)
    root = [np.sqrt(weight)[b.rows] for b in batches.parts]
    return Pairs(structure, batches, classes.astype(float), visits, of_pair, root, n_visits)


def visits_of_classes(classes: FloatArray, n_visits: int) -> IntArray:
    """Return the two visits of each class of pairs ("unstructured"), shape (K, 2)."""
    return np.stack([classes // n_visits, classes % n_visits], axis=1).astype(np.intp)


def _keys(structure: Structure, batch: Batch, n_visits: int) -> FloatArray:
    j, k = _pairs(batch.places.shape[1])
    a, b = batch.places[:, j], batch.places[:, k]
    if structure in _FALLING:
        # Days that differ by rounding are one distance.
        return np.asarray(np.round(np.abs(b - a), 9), dtype=float)
    return a * n_visits + b if structure == "unstructured" else np.zeros(a.shape)


def _pairs(m: int) -> tuple[IntArray, IntArray]:
    pairs = np.array(list(combinations(range(m), 2)), dtype=np.intp).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _power(rho: float, distance: FloatArray) -> FloatArray:
    """Return rho to the power of distances; below 0 it alternates over whole steps."""
    sign = np.where(distance % 2 == 1, np.sign(rho), 1.0) if rho < 0 else np.ones_like(distance)
    return np.asarray(sign * np.abs(rho) ** distance)


def _decay(distance: FloatArray, mean: FloatArray, count: FloatArray, *, signed: bool) -> float:
    """Return rho whose powers are nearest the mean products: least squares over all pairs."""
    # Over distances that are no whole steps a negative correlation has no powers.
    signed = signed and bool((distance == np.round(distance)).all())
    low, high = -1 + _EDGE if signed else _EDGE, 1 - _EDGE

    def equation(rho: float) -> float:
        slope = distance * _power(rho, distance - 1)
        return float(np.sum(count * slope * (mean - _power(rho, distance))))

    def misfit(rho: float) -> float:
        return float(np.sum(count * (mean - _power(rho, distance)) ** 2))

    grid = np.concatenate([np.linspace(low, high, 80), 1 - np.logspace(-6, -2, 20)])
    grid = np.unique(grid[grid != 0])
    value = np.array([equation(r) for r in grid])
    roots = [
        float(scipy.optimize.brentq(equation, a, b, xtol=1e-14, rtol=1e-14))
        for a, b, u, v in zip(grid[:-1], grid[1:], value[:-1], value[1:], strict=True)
        if u >= 0 > v
    ]
    return min([*roots, low, high], key=misfit)
