"""Predictions of random effects, and the scores of the outermost groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.random_effects.absorb import Pivot
from trdstats.kernels.random_effects.chain import Chain
from trdstats.kernels.random_effects.likelihood import RandomModel, State

Predicted = list[tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Around:
    """Predictions of all effects of groups and of the groups round them, and of their errors.

    Attributes
    ----------
    effect : ndarray, shape (g, k)
        Those of the group first, then outwards.
    error : ndarray, shape (g, k, k)
        Joint covariance of their prediction errors.
    """

    effect: FloatArray
    error: FloatArray

    def of(self, groups: IntArray) -> Around:
        """Return those of some groups, one or more times."""
        return Around(self.effect[groups], self.error[groups])


def predict_effects(model: RandomModel, state: State) -> Predicted:
    """Return the best linear unbiased predictions of the effects of every level.

    Parameters
    ----------
    model : RandomModel
    state : State

    Returns
    -------
    list of (effect, error), as of `predict_levels`
    """
    return predict_levels(model.chain, model.pivots(state.theta), state, None)[0]


def predict_levels(
    chain: Chain, pivots: Sequence[Pivot], state: State, around: Around | None
) -> tuple[Predicted, Around | None]:
    """Return the predictions of the effects of some levels, and those round the innermost groups.

    From the outermost level inwards: the effects of a group given those of the groups round it.

    Parameters
    ----------
    chain : Chain
    pivots : sequence of Pivot
        Of the levels, the innermost first.
    state : State
    around : Around or None
        What is round the groups of the outermost of the levels; None where nothing is.

    Returns
    -------
    list of (effect, error), by level, the innermost first
        effect, shape (g, r); error, shape (g, r, r): covariance of prediction errors, fixed
        effects and covariance parameters taken as known.
    """
    b, n_levels = np.append(-state.beta, 1.0), len(pivots)
    effects: list[FloatArray] = [np.zeros(0)] * n_levels
    errors: list[FloatArray] = [np.zeros(0)] * n_levels
    for level, (F, Z_U) in reversed(list(enumerate(_by_group(pivots)))):
        n_outer = Z_U.shape[2] - len(b)
        if level + 1 < n_levels and around is not None:
            around = around.of(chain.above(level, level + 1))
        elif around is None:
            around = Around(np.zeros((len(F), 0)), np.zeros((len(F), 0, 0)))
        chosen, outer = around.effect, around.error
        with_outer = Z_U[:, :, :n_outer]
        pull = Z_U[:, :, n_outer:] @ b - np.einsum("gru,gu->gr", with_outer, chosen)
        effects[level] = np.einsum("grs,gs->gr", F, pull)
        slope = -F @ with_outer
        cross = slope @ outer
        errors[level] = F + cross @ np.swapaxes(slope, 1, 2)
        top = np.concatenate((errors[level], cross), axis=2)
        bottom = np.concatenate((np.swapaxes(cross, 1, 2), outer), axis=2)
        around = Around(
            np.concatenate((effects[level], chosen), axis=1),
            np.concatenate((top, bottom), axis=1),
        )
    return list(zip(effects, errors, strict=True)), around


def _by_group(pivots: Sequence[Pivot]) -> Predicted:
    """Return F and Z'WU of every level, shapes (g, r, r) and (g, r, u)."""
    return [(np.moveaxis(p.F, -1, 0).copy(), np.moveaxis(p.Z_U, -1, 0).copy()) for p in pivots]


def scores_of_units(
    chain: Chain, pivots: Sequence[Pivot], state: State, of_ratings: FloatArray
) -> FloatArray:
    """Return X' V^-1 (y - X beta) of every group of the outermost level, shape (g, q).

    Parameters
    ----------
    chain : Chain
    pivots : sequence of Pivot
        Of levels whose random effects V has, the innermost first.
    state : State
    of_ratings : ndarray, shape (g, q)
        The same without these random effects, by unit.
    """
    b = np.append(-state.beta, 1.0)
    score = of_ratings.copy()
    outermost = len(chain.starts) - 1
    for level, (F, Z_U) in enumerate(_by_group(pivots)):
        of_xy = Z_U[:, :, -len(b) :]
        pull = np.einsum("grs,gs->gr", F, of_xy @ b)
        each = np.einsum("grq,gr->gq", of_xy[:, :, :-1], pull)
        score -= np.add.reduceat(each, chain.within(level, outermost), axis=0)
    return score
