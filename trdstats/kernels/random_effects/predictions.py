"""Predictions of random effects, and the scores of the outermost groups."""

from __future__ import annotations

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.random_effects.likelihood import RandomModel, State

Predicted = list[tuple[FloatArray, FloatArray]]


def predict_effects(model: RandomModel, state: State) -> Predicted:
    """Return the best linear unbiased predictions of the effects of every level.

    From the outermost level inwards: the effects of a group given those of the groups round it.

    Parameters
    ----------
    model : RandomModel
    state : State

    Returns
    -------
    list of (effect, error), by level, the innermost first
        effect, shape (g, r); error, shape (g, r, r): covariance of prediction errors, fixed
        effects and covariance parameters taken as known.
    """
    chain, b = model.chain, np.append(-state.beta, 1.0)
    n_levels, pivots = len(model.levels), _by_group(model, state)
    effects: list[FloatArray] = [np.zeros(0)] * n_levels
    errors: list[FloatArray] = [np.zeros(0)] * n_levels
    outer: FloatArray = np.zeros((1, 0, 0))  # joint covariance of all effects round a group
    chosen: FloatArray = np.zeros((1, 0))  # and their predictions
    for level in reversed(range(n_levels)):
        F, Z_U = pivots[level]
        n_outer = Z_U.shape[2] - len(b)
        if level + 1 < n_levels:
            at = chain.above(level, level + 1)
            chosen, outer = chosen[at], outer[at]
        else:
            chosen = np.zeros((len(F), 0))
            outer = np.zeros((len(F), 0, 0))
        with_outer = Z_U[:, :, :n_outer]
        pull = Z_U[:, :, n_outer:] @ b - np.einsum("gru,gu->gr", with_outer, chosen)
        effects[level] = np.einsum("grs,gs->gr", F, pull)
        slope = -F @ with_outer
        cross = slope @ outer
        errors[level] = F + cross @ np.swapaxes(slope, 1, 2)
        chosen = np.concatenate((effects[level], chosen), axis=1)
        top = np.concatenate((errors[level], cross), axis=2)
        bottom = np.concatenate((np.swapaxes(cross, 1, 2), outer), axis=2)
        outer = np.concatenate((top, bottom), axis=1)
    return list(zip(effects, errors, strict=True))


def _by_group(model: RandomModel, state: State) -> Predicted:
    """Return F and Z'WU of every level, shapes (g, r, r) and (g, r, u)."""
    return [
        (np.moveaxis(p.F, -1, 0).copy(), np.moveaxis(p.Z_U, -1, 0).copy())
        for p in model.pivots(state.theta)
    ]


def scores_of_units(model: RandomModel, state: State, of_ratings: FloatArray) -> FloatArray:
    """Return X' V^-1 (y - X beta) of every group of the outermost level, shape (g, q).

    Parameters
    ----------
    model : RandomModel
    state : State
    of_ratings : ndarray, shape (g, q)
        The same without random effects: X' R^-1 (y - X beta) by unit.
    """
    b = np.append(-state.beta, 1.0)
    score = of_ratings.copy()
    pivots = _by_group(model, state)
    for level, (F, Z_U) in enumerate(pivots):
        of_xy = Z_U[:, :, -len(b) :]
        pull = np.einsum("grs,gs->gr", F, of_xy @ b)
        each = np.einsum("grq,gr->gq", of_xy[:, :, :-1], pull)
        score -= np.add.reduceat(each, model.chain.within(level, len(pivots) - 1), axis=0)
    return score
