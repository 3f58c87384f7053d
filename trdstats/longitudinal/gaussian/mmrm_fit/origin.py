"""The origin that the outcome is counted from while it is fitted, and weights of ratings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.longitudinal.designs.design import Design


def origin_of(design: Design) -> FloatArray | None:
    """Return coefficients whose fitted value is the mean outcome everywhere; None without any.

    Its fitted values are subtracted: far from 0 the cross-products would lose precision.
    """
    rated = design.rated.T
    mean = float(design.y[rated].mean())
    origin = origin_at(design, mean)
    if origin is not None:
        return origin
    X = np.swapaxes(design.X, 1, 2)[rated]
    ones, _, rank, _ = np.linalg.lstsq(X.T @ X, X.sum(axis=0), rcond=None)
    # Of collinear columns some are left out, and their part of the fitted value with them.
    if rank < X.shape[1] or not np.allclose(X @ ones, 1.0, rtol=0, atol=1e-9):
        return None
    return np.asarray(mean * ones, dtype=float)


def origin_at(design: Design, start: float) -> FloatArray | None:
    """Return coefficients whose fitted value is a number everywhere; None without an intercept."""
    if "Intercept" not in design.terms:
        return None
    origin = np.zeros(len(design.terms))
    origin[design.terms.index("Intercept")] = start
    return origin


def weighted(design: Design, origin: FloatArray | None) -> tuple[FloatArray, FloatArray, float]:
    """Return design and outcome times the roots of the weights, and the sum of their logarithms."""
    y = design.y
    if origin is not None:
        shift = np.einsum("tqn,q->tn", design.X, origin)
        y = np.where(design.rated.T, y - shift, 0.0)
    if design.weight is None:
        return design.X, y, 0.0
    root = np.sqrt(design.weight)
    log_weight = float(np.log(design.weight[design.rated.T]).sum())
    return design.X * root[:, None], y * root, log_weight


def shifted_by(inference: Inference, origin: FloatArray) -> Inference:
    """Return the inference on coefficients, their origin added back."""
    shifted: Inference = replace(cast(Any, inference), beta=inference.beta + origin)
    return shifted
