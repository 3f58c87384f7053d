"""Random effects drawn from their distribution given a subject's ratings, exactly.

With v ~ N(0, I) and a log-likelihood l(v) that is concave, as that of logistic, probit and
cumulative logistic ratings is, h(v) = l(v) - v'v / 2 has one mode m, where the gradient of l is m.
A draw of N(m, I) is kept with probability exp(l(v) - l(m) - m'(v - m)), which is at most 1 since l
lies below its tangent: what is kept has the density of exp(h), without any approximation.

References
----------
Devroye 1986, doi:10.1007/978-1-4613-8643-8, section II.3 (rejection).
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.glmm.conditional import value_and_slope
from trdstats.kernels.glmm.modes import find_modes
from trdstats.kernels.glmm.rows import Rows

_MOST = 100_000


def draw_effects(
    rows: Rows, fixed: FloatArray, W: FloatArray, rng: np.random.Generator
) -> FloatArray | None:
    """Draw the standardised random effects of every subject, given its ratings.

    Every subject takes its own numbers from the generator, whatever the others need.

    Parameters
    ----------
    rows : Rows
        Logit or probit link.
    fixed : ndarray, shape (N,)
        Linear predictor of the fixed effects.
    W : ndarray, shape (N, r)
        Design of the standardised random effects.
    rng : Generator

    Returns
    -------
    ndarray, shape (n, r), or None
        None where no mode was reached, or the ratings tell so much that hardly a draw is kept.
    """
    n, r = rows.n, W.shape[1]
    modes = find_modes(rows, fixed, W, np.zeros((n, r)))
    if modes is None:
        return None
    at_mode = _log_likelihoods(rows, fixed, W, modes.v, np.ones(n, dtype=bool))
    drawn = np.empty((n, r))
    waiting = np.ones(n, dtype=bool)
    for _ in range(_MOST):
        step, chance = rng.standard_normal((n, r)), rng.random(n)
        value = _log_likelihoods(rows, fixed, W, modes.v + step, waiting)
        keep = waiting & (np.log(chance) < value - at_mode - (modes.v * step).sum(axis=1))
        drawn[keep] = (modes.v + step)[keep]
        waiting &= ~keep
        if not waiting.any():
            return drawn
    return None


def _log_likelihoods(
    rows: Rows, fixed: FloatArray, W: FloatArray, v: FloatArray, of: BoolArray
) -> FloatArray:
    """Return the log-likelihood of some subjects' ratings, 0 for the others."""
    at = of[rows.subject]
    who = rows.subject[at]
    eta = fixed[at] + (W[at] * v[who]).sum(axis=1)
    value, _ = value_and_slope(rows.link, rows.y[at], eta)
    return np.bincount(who, weights=value, minlength=rows.n).astype(float)
