"""Random effects: the covariance they give to ratings, and their predictions.

Effects belong to groups of ratings: subjects, or sites and subjects within them. A unit is a group
of the outermost level; ratings of different units are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.covariance import Shape, lower


@dataclass(frozen=True)
class Level:
    """The random effects of one level of grouping.

    Attributes
    ----------
    Z : ndarray, shape (K, T, r)
        Design of the effects in each unit, 0 where there is no rating.
    member : ndarray of int, shape (K, T), or None
        Group of each rating, no number used in two units and -1 where there is no rating; None
        where the unit is the group.
    correlated : bool
        Whether the effects of a group may correlate.
    """

    Z: FloatArray
    member: IntArray | None
    correlated: bool

    @property
    def n_effects(self) -> int:
        """Number of effects of a group."""
        return int(self.Z.shape[2])

    @property
    def entries(self) -> tuple[IntArray, IntArray]:
        """Rows and columns of the parameters of G: the lower triangle, or the diagonal."""
        if self.correlated:
            return lower(self.n_effects)
        return np.arange(self.n_effects), np.arange(self.n_effects)

    def slopes(self) -> FloatArray:
        """Return what each parameter adds to the covariance of a unit, shape (h, K, T, T)."""
        rows, columns = self.entries
        derivatives = np.empty((len(rows), *self.Z.shape[:2], self.Z.shape[1]))
        for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
            product = self.Z[:, :, i, None] * self.Z[:, None, :, j]
            derivatives[k] = product if i == j else product + np.swapaxes(product, 1, 2)
        if self.member is not None:
            derivatives *= self.member[:, :, None] == self.member[:, None, :]
        return derivatives

    def matrix(self, theta: FloatArray) -> FloatArray:
        """Return G from its parameters, shape (r, r)."""
        rows, columns = self.entries
        G = np.zeros((self.n_effects, self.n_effects))
        G[rows, columns] = G[columns, rows] = theta
        return G


@dataclass(frozen=True)
class RandomStructure:
    """V = sum of Z G Z' over levels + s2 I, linear in the entries of the G and in s2.

    Attributes
    ----------
    first : ndarray, shape (h, K, T, T)
        What each parameter adds, for every distinct unit.
    """

    first: FloatArray

    def __call__(self, theta: FloatArray) -> Shape:
        """Return the covariance matrices."""
        return Shape(np.tensordot(theta, self.first, 1), self.first, None)


def random_structure(levels: Sequence[Level]) -> RandomStructure:
    """Build the structure of some levels, the outermost first."""
    K, T, _ = levels[0].Z.shape
    residual = np.broadcast_to(np.eye(T), (1, K, T, T))
    return RandomStructure(np.concatenate([*(level.slopes() for level in levels), residual]))


def parts(levels: Sequence[Level], theta: FloatArray) -> list[FloatArray]:
    """Return the parameters of each level; the residual variance comes after them."""
    return np.split(theta, np.cumsum([len(level.entries[0]) for level in levels]))[:-1]


def predict_of_units(
    level: Level, G: FloatArray, weight: FloatArray, residual: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the best linear unbiased predictions of a level whose groups are the units.

    Parameters
    ----------
    level : Level
    G : ndarray, shape (r, r)
    weight : ndarray, shape (n, T, T)
        Inverse covariance of each unit.
    residual : ndarray, shape (n, T)

    Returns
    -------
    effect : ndarray, shape (n, r)
    error : ndarray, shape (n, r, r)
        Covariance of prediction errors, fixed effects taken as known.
    """
    pull = G @ np.swapaxes(level.Z, 1, 2) @ weight  # (n, r, T)
    effect = np.einsum("nrt,nt->nr", pull, residual)
    return effect, G - pull @ level.Z @ G


def predict_within(
    level: Level, G: FloatArray, weight: FloatArray, residual: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return the predictions of a level whose groups lie within units, each unit its own pattern.

    Returns
    -------
    group : ndarray of int, shape (n,)
    effect : ndarray, shape (n, r)
    error : ndarray, shape (n, r, r)
    """
    if level.member is None:
        raise ValueError("the groups of this level are the units")
    groups, effects, errors = [], [], []
    for Z, member, W, r in zip(level.Z, level.member, weight, residual, strict=True):
        groups_of_unit = np.unique(member[member >= 0])
        masked = np.where((member == groups_of_unit[:, None])[:, :, None], Z, 0.0)  # (g, T, r)
        pull = G @ np.swapaxes(masked, 1, 2)
        groups.append(groups_of_unit)
        effects.append(pull @ (W @ r))
        errors.append(G - pull @ (W @ masked) @ G)
    return np.concatenate(groups), np.concatenate(effects), np.concatenate(errors)
