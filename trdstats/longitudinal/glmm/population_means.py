"""Population means at rows of a design, with their derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.population import population_mean, spread_of

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm_effects import GLMMEffects


def population_means(
    fit: GLMMEffects, X: FloatArray, Z: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return population means at rows of the design, (n, c), and derivatives, (n, c, q)."""
    theta, rows = fit.parameters.theta, fit.fitted.rows
    p, k = rows.n_fixed, fit.fitted.n_thresholds
    design = fit.on_parameters(X)
    spread, of_factor = spread_of(Z, rows.factor(theta))
    a, b = rows.entries
    designs = [design]
    if k:  # above each threshold in turn
        designs = [design - np.eye(len(theta))[j] for j in range(k)]
    means, slopes = [], []
    for rows_above in designs:
        mean, of_eta, of_spread = population_mean(rows.link, rows_above @ theta, spread)
        slope = of_eta[:, None] * rows_above
        slope[:, p:] += of_spread[:, None] * of_factor[:, a, b]
        means.append(mean)
        slopes.append(slope)
    mu, D = np.stack(means, axis=1), np.stack(slopes, axis=1)
    if not k:
        return mu, D
    zero = np.zeros((len(X), 1, len(theta)))
    proportion = -np.diff(mu, axis=1, prepend=1.0, append=0.0)
    return proportion, -np.diff(np.concatenate([zero, D, zero], axis=1), axis=1)
