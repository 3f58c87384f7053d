"""Means of estimating equations at rows of a design, with their derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from trdstats.arrays import FloatArray
from trdstats.kernels.gee.links import LINKS

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee_result import GEEResult


def means_at(fit: GEEResult, X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means at rows of the design, shape (n, c), and their derivatives, (n, c, p)."""
    rows = fit.on_parameters(X)
    beta = fit.parameters.beta
    eta = rows @ beta
    k = len(fit.thresholds)
    if not k:
        link = LINKS[fit.spec.link_name]
        return link.mean(eta)[:, None], (link.slope(eta)[:, None] * rows)[:, None, :]
    below = beta[:k] - eta[:, None]
    mu, slope = expit(below), expit(below) * expit(-below)
    each = np.broadcast_to(np.eye(k, rows.shape[1]), (len(rows), k, rows.shape[1]))
    D = slope[:, :, None] * (each - rows[:, None, :])
    zero = np.zeros((len(rows), 1, rows.shape[1]))
    proportion = np.diff(mu, axis=1, prepend=0.0, append=1.0)
    return proportion, np.diff(np.concatenate([zero, D, zero], axis=1), axis=1)
