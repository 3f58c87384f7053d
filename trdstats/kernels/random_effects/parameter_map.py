"""Covariance parameters of effects in other coordinates, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.coordinates import Coordinates
from trdstats.kernels.random_effects.effects import Effects, block_diagonal


def parameter_map(
    factors: Sequence[Effects], coordinates: Sequence[Coordinates], n_residual: int
) -> FloatArray:
    """Return the matrix that takes covariance parameters back to the effects as they were given.

    G = A G* A' with A the coordinates of a factor; those of the residuals stand last and stay.
    """
    blocks = []
    for factor, coordinate in zip(factors, coordinates, strict=True):
        A = coordinate.matrix
        natural = A @ factor.directions() @ A.T
        rows, columns = factor.entries
        blocks.append(natural[:, rows, columns].T)
    return block_diagonal([*blocks, np.eye(n_residual)])
