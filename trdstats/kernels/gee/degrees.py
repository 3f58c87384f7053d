"""Degrees of freedom of the t tests that go with sandwiches, one a contrast.

The variance of a contrast a'u, a = B c, is a sum of squares (a'u_i)^2. Its degrees of freedom are
2 V^2 / var(V): twice the squared mean over the variance of that sum.

"residual" counts subjects less coefficients. "satterthwaite" takes the scores to be as the working
model has them, and allows for what the estimated coefficients take away (Bell and McCaffrey).
"fay-graubard" takes each score's covariance to be a share of the sandwich's, by what leaving the
subject out would cost (their second estimator). "pan-wall" estimates the variance from the spread
of the terms.

References
----------
Fay and Graubard 2001, doi:10.1111/j.0006-341X.2001.01198.x, sections 2.4 and 2.5. Pan and Wall
2002, doi:10.1002/sim.1142. Bell and McCaffrey 2002, Survey Methodology 28:169-181.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from trdstats.arrays import FloatArray

Rule = Literal["residual", "satterthwaite", "fay-graubard", "pan-wall", "normal"]
RULES = ("residual", "satterthwaite", "fay-graubard", "pan-wall", "normal")


def degrees_of(
    rule: Rule, directions: FloatArray, designs: list[FloatArray], adjusted: list[FloatArray],
    scores: FloatArray, enlarged: FloatArray, bread: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return the degrees of freedom of contrasts.

    Parameters
    ----------
    rule : str
    directions : ndarray, shape (k, q)
        B c of each contrast.
    designs, adjusted : list of ndarray, shape (b, m, q)
        Q_i and A_i Q_i.
    scores : ndarray, shape (n, q)
    enlarged : ndarray, shape (n, q)
    bread : ndarray, shape (q, q)
        B.

    Returns
    -------
    ndarray, shape (k,)
        NaN where there are none left.
    """
    n, q = scores.shape
    if rule == "normal":
        return np.full(len(directions), np.inf)
    if rule == "residual":
        return np.full(len(directions), float(n - q) if n > q else np.nan)
    if rule == "pan-wall":
        terms = (scores @ directions.T) ** 2
        spread = n * terms.var(axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(2 * terms.sum(axis=0) ** 2 / spread)
    one = _satterthwaite if rule == "satterthwaite" else _fay_graubard
    return np.array(
        [one(a, designs, adjusted, scores, enlarged, bread) for a in directions], dtype=float
    )


def _satterthwaite(
    a: FloatArray, designs: list[FloatArray], adjusted: list[FloatArray], scores: FloatArray,
    enlarged: FloatArray, bread: FloatArray,
) -> float:  # fmt: skip
    squares, pulled, at = [], [], 0
    for Q, A in zip(designs, adjusted, strict=True):
        scaled = enlarged[at : at + len(Q)] * a
        at += len(Q)
        b = np.einsum("bmq,bq->bm", A, scaled)
        squares.append(np.einsum("bm,bm->b", b, b))
        pulled.append(np.einsum("bmq,bm->bq", Q, b))
    b2, K = np.concatenate(squares), np.concatenate(pulled)
    leverage = np.einsum("ij,jk,ik->i", K, bread, K)
    total = bread @ (K.T @ K)
    trace = float(np.sum(b2 - leverage))
    squared = float(np.sum(b2**2) - 2 * np.sum(b2 * leverage) + np.trace(total @ total))
    return trace**2 / squared if trace > 0 else np.nan


def _fay_graubard(
    a: FloatArray, designs: list[FloatArray], adjusted: list[FloatArray], scores: FloatArray,
    enlarged: FloatArray, bread: FloatArray,
) -> float:  # fmt: skip
    """Return tr(Psi M)^2 / tr(Psi M Psi M), Psi_i a share of the covariance of the sum of scores.

    With f_i = F_i a and h_i = B Omega_i f_i, element (i, j) of the matrix whose trace and squared
    elements count is g_i' Psi g_j for g_i = (1_i - h_i): a diagonal and two of rank q.
    """
    omega = np.concatenate([np.swapaxes(Q, 1, 2) @ Q for Q in designs])
    meat = scores.T @ scores
    proportion = _proportions(a, omega, bread)
    f = enlarged * a
    h = np.einsum("iab,ib->ia", omega, f) @ bread
    psi_f = proportion[:, None] * (f @ meat)
    diagonal = np.einsum("iq,iq->i", f, psi_f)
    # K = diag(d) - P H' - H P' + H S H' with P_i = Psi_i f_i and S the sum of the Psi_i.
    left = np.hstack([-psi_f + h @ meat, -h])
    right = np.hstack([h, psi_f])
    inner = np.einsum("ia,ia->i", left, right)
    trace = float(np.sum(diagonal + inner))
    cross = (right.T @ left) @ (right.T @ left)
    squared = float(np.sum(diagonal**2 + 2 * diagonal * inner) + np.trace(cross))
    return trace**2 / squared if trace > 0 else np.nan


def _proportions(a: FloatArray, omega: FloatArray, bread: FloatArray) -> FloatArray:
    """Return what the model's variance of the contrast grows by without each subject, as shares."""
    # c'[(A - Omega_i)^-1 - A^-1]c = a'(Omega_i^-1 - B)^-1 a = a'(I - Omega_i B)^-1 Omega_i a.
    q = len(a)
    gap = np.eye(q) - omega @ bread
    cost = np.full(len(omega), np.nan)
    usable = np.linalg.cond(gap) < 1e12
    wanted = omega[usable] @ a
    cost[usable] = np.linalg.solve(gap[usable], wanted[:, :, None])[:, :, 0] @ a
    cost = np.maximum(cost, 0.0)
    if np.isnan(cost).any():
        # Without such a subject the contrast is not estimable: it counts as the most costly.
        known = cost[~np.isnan(cost)]
        cost = np.where(np.isnan(cost), known.max() if len(known) else 1.0, cost)
    total = cost.sum()
    return cost / total if total > 0 else np.full(len(cost), 1 / len(cost))
