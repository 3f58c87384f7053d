"""Ratings with random effects, turned so that few of them carry the effects.

A subject's ratings are rotated by an orthogonal matrix whose first columns span the designs of its
random effects. Only the first few rows then depend on the effects; the others have the residual
variance alone, so those of all subjects together are summed up by one triangular factor. Nothing
is lost: likelihood, derivatives and tests are those of the ratings, at a cost that grows with
the number of effects of a subject and not with the number of its ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.random_effects import Level
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks

_RANK = 1e-10  # singular values of a group's design below this share of the largest are none


@dataclass(frozen=True)
class Reduced:
    """Ratings after the rotation.

    Attributes
    ----------
    units : SubjectBlocks
        Groups of the outermost level, then the rows that carry no random effect: these stand for
        many, by numbers of subjects that are no whole numbers.
    levels : tuple of Level
        Designs of the effects in the rotated rows.
    n_groups : int
        SubjectBlocks that are groups of the outermost level.
    """

    units: SubjectBlocks
    levels: tuple[Level, ...]
    n_groups: int


@dataclass(frozen=True)
class _Rotated:
    """Rows that carry random effects, and the factor of those that do not."""

    z: FloatArray
    Z: FloatArray
    group: IntArray
    rest: FloatArray
    n_rest: int


def reduce_rows(
    z: FloatArray, designs: Sequence[FloatArray], groups: Sequence[IntArray], *, correlated: bool
) -> Reduced:
    """Rotate ratings so that few rows carry random effects.

    Parameters
    ----------
    z : ndarray, shape (N, q + 1)
        Fixed effects' design and outcome of every rating.
    designs : sequence of ndarray, shape (N, r)
        Design of the effects of each level of grouping, the outermost first.
    groups : sequence of ndarray of int, shape (N,)
        Group of every rating at each level, numbered from 0; each within one of the level above.
    correlated : bool
        Whether the effects of a group may correlate.
    """
    inner, outer = groups[-1], groups[0]
    rotated = _rotate(z, np.concatenate(list(designs), axis=1), inner)
    n = int(outer.max()) + 1
    above = np.zeros((len(groups), int(inner.max()) + 1), dtype=np.intp)
    for level, code in enumerate(groups):
        above[level, inner] = code
    unit = above[0, rotated.group]
    place = _places_within(unit)
    T = int(place.max()) + 1
    n_more = -(-len(rotated.rest) // T)
    by_unit = np.zeros((n + n_more, T, z.shape[1]))
    by_unit[unit, place] = rotated.z
    rated = np.zeros((n + n_more, T), dtype=bool)
    rated[unit, place] = True
    k = np.arange(len(rotated.rest))
    by_unit[n + k // T, k % T] = rotated.rest
    rated[n + k // T, k % T] = True
    count = np.ones(n + n_more)
    count[n:] = rotated.n_rest / max(len(rotated.rest), 1)
    units = SubjectBlocks(by_unit, rated, np.arange(n + n_more), count)
    levels, at = [], 0
    for level, design in enumerate(designs):
        r = design.shape[1]
        Z = np.zeros((n + n_more, T, r))
        Z[unit, place] = rotated.Z[:, at : at + r]
        at += r
        member = None
        if level:
            member = np.full((n + n_more, T), -1, dtype=np.intp)
            member[unit, place] = above[level, rotated.group]
        levels.append(Level(Z, member, correlated))
    return Reduced(units, tuple(levels), n)


def _rotate(z: FloatArray, Z: FloatArray, group: IntArray) -> _Rotated:
    """Rotate the rows of every group by the left singular vectors of its design."""
    place = _places_within(group)
    shape = (int(group.max()) + 1, int(place.max()) + 1)
    of_effects = np.zeros((*shape, Z.shape[1]))
    of_effects[group, place] = Z
    rotated = np.zeros((*shape, z.shape[1]))
    rotated[group, place] = z
    U, size, _ = np.linalg.svd(of_effects, full_matrices=False)
    used = size > _RANK * size[:, :1]
    used[:, 0] = True  # every group keeps a row, so that its effects can be predicted
    U = U * used[:, None, :]
    turned = np.swapaxes(U, 1, 2)
    kept = turned @ rotated
    rest = (rotated - U @ kept).reshape(-1, z.shape[1])
    n_rest = len(z) - int(used.sum())
    return _Rotated(
        z=kept[used],
        Z=(turned @ of_effects)[used],
        group=np.nonzero(used)[0],
        rest=_factor(rest) if n_rest else rest[:0],
        n_rest=n_rest,
    )


def _factor(rows: FloatArray) -> FloatArray:
    """Return the triangular factor of rows, which has their cross-products."""
    return np.asarray(np.linalg.qr(rows, mode="r"), dtype=float)


def _places_within(group: IntArray) -> IntArray:
    """Return the place of each row among those of its group, in their order."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    start = np.cumsum(sizes) - sizes
    place = np.empty(len(group), dtype=np.intp)
    place[order] = np.arange(len(group)) - np.repeat(start, sizes)
    return place
