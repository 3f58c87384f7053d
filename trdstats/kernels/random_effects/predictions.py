"""Predictions of random effects, and the scores of the outermost groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.random_effects.chain import Chain
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
    n_levels = len(model.levels)
    effects: list[FloatArray] = [np.zeros(0)] * n_levels
    errors: list[FloatArray] = [np.zeros(0)] * n_levels
    outer: FloatArray = np.zeros((1, 0, 0))  # joint covariance of all effects round a group
    chosen: FloatArray = np.zeros((1, 0))  # and their predictions
    for level in reversed(range(n_levels)):
        pivot = state.pivots[level]
        q1 = len(b)
        n_outer = pivot.Z_U.shape[2] - q1
        if level + 1 < n_levels:
            at = chain.above(level, level + 1)
            chosen, outer = chosen[at], outer[at]
        else:
            chosen = np.zeros((len(pivot.F), 0))
            outer = np.zeros((len(pivot.F), 0, 0))
        with_outer = pivot.Z_U[:, :, :n_outer]
        pull = pivot.Z_U[:, :, n_outer:] @ b - np.einsum("gru,gu->gr", with_outer, chosen)
        effects[level] = np.einsum("grs,gs->gr", pivot.F, pull)
        slope = -pivot.F @ with_outer
        cross = slope @ outer
        errors[level] = pivot.F + cross @ np.swapaxes(slope, 1, 2)
        chosen = np.concatenate((effects[level], chosen), axis=1)
        top = np.concatenate((errors[level], cross), axis=2)
        bottom = np.concatenate((np.swapaxes(cross, 1, 2), outer), axis=2)
        outer = np.concatenate((top, bottom), axis=1)
    return list(zip(effects, errors, strict=True))


def state_of_part(model: RandomModel, state: State) -> State:
    """Return a state of all parts of a model, with what one of them takes out there.

    Parameters
    ----------
    model : RandomModel
        Of the part.
    state : State
    """
    moments_and_pivots = model.moments(state.theta, 0)
    if moments_and_pivots is None:
        raise ValueError("the likelihood has no value here")
    return replace(state, pivots=tuple(moments_and_pivots[1]))


def scores_of_units(
    chain: Chain, state: State, of_ratings: FloatArray, n_levels: int
) -> FloatArray:
    """Return X' V^-1 (y - X beta) of every group of the outermost level, shape (g, q).

    Parameters
    ----------
    chain : Chain
    state : State
    of_ratings : ndarray, shape (g, q)
        The same without random effects: X' R^-1 (y - X beta) by unit.
    n_levels : int
    """
    b = np.append(-state.beta, 1.0)
    score = of_ratings.copy()
    for level in range(n_levels):
        pivot = state.pivots[level]
        of_xy = pivot.Z_U[:, :, -len(b) :]
        pull = np.einsum("grs,gs->gr", pivot.F, of_xy @ b)
        each = np.einsum("grq,gr->gq", of_xy[:, :, :-1], pull)
        score -= np.add.reduceat(each, chain.within(level, n_levels - 1), axis=0)
    return score
