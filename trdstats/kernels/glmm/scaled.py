"""Rows in coordinates of one size, in which a search is the same for any unit of a covariate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.rows import Rows


@dataclass(frozen=True, slots=True)
class Scaled:
    """Rows with orthogonal fixed effects and random effects of mean square 1.

    Attributes
    ----------
    rows : Rows
    to_given : ndarray, shape (q, q)
        Matrix from the parameters of these rows to those of the rows as they were given.
    to_scaled : ndarray, shape (q, q)
        Its inverse.
    """

    rows: Rows
    to_given: FloatArray
    to_scaled: FloatArray


def scale_rows(rows: Rows) -> Scaled:
    """Return rows whose parameters are of one size.

    The random effects are only divided by their root mean squares, so that a triangular factor of
    their covariance stays one.
    """
    p, q = rows.n_fixed, rows.n_parameters
    _, R = np.linalg.qr(rows.X)
    R = R / np.sqrt(len(rows.y))
    inverse = np.linalg.inv(R)
    size = np.sqrt((rows.Z**2).mean(axis=0))
    size = np.where(size > 0, size, 1.0)
    of_entry = size[rows.entries[0]]
    to_given, to_scaled = np.zeros((q, q)), np.zeros((q, q))
    to_given[:p, :p], to_scaled[:p, :p] = inverse, R
    to_given[p:, p:], to_scaled[p:, p:] = np.diag(1 / of_entry), np.diag(of_entry)
    scaled = replace(rows, X=rows.X @ inverse, Z=rows.Z / size, pair=rows.pair @ inverse)
    return Scaled(scaled, to_given, to_scaled)
