"""Empirical covariance of fixed effects from the subjects' scores, and its degrees of freedom.

In whitened form, X_i and r_i times the inverse Cholesky factor of V_i, the estimator is
Phi (sum_i X_i' A_i r_i r_i' A_i' X_i) Phi with A_i the identity (CR0), (I - H_i)^-1/2 (CR2) or
(I - H_i)^-1 (CR3, the jackknife), H_i = X_i Phi X_i'.

References
----------
Liang and Zeger 1986, doi:10.1093/biomet/73.1.13. Bell and McCaffrey 2002, Survey Methodology
28:169-181. Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from trdstats.kernels.mixed_tests import Inference
from trdstats.kernels.reml import Model, State, covariances
from trdstats.kernels.rows import Rows

FloatArray = npt.NDArray[np.float64]

Kind = Literal["empirical", "bias-reduced", "jackknife"]


@dataclass(frozen=True)
class Sandwich(Inference):
    """Empirical covariance with Bell and McCaffrey's degrees of freedom.

    Attributes
    ----------
    beta, covariance : ndarray
    scores : ndarray, shape (n, q)
        X_i' A_i r_i of every subject, in the order of the rows.
    plain : ndarray, shape (q, q)
    blocks : list of ndarray, shape (n_p, m, q)
        A_i X_i Phi by pattern.
    designs : list of ndarray, shape (n_p, m, q)
        X_i, whitened.
    """

    beta: FloatArray
    covariance: FloatArray
    scores: FloatArray
    plain: FloatArray
    blocks: list[FloatArray]
    designs: list[FloatArray]

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row."""
        return np.array([self._one(row) for row in L])

    def _one(self, c: FloatArray) -> float:
        squares, pulled = [], []
        for block, design in zip(self.blocks, self.designs, strict=True):
            b = block @ c
            squares.append(np.einsum("im,im->i", b, b))
            pulled.append(np.einsum("imj,im->ij", design, b))
        b2, K = np.concatenate(squares), np.concatenate(pulled)
        leverage = np.einsum("ij,jk,ik->i", K, self.plain, K)
        total = self.plain @ (K.T @ K)
        trace = float(np.sum(b2 - leverage))
        squared = float(np.sum(b2**2) - 2 * np.sum(b2 * leverage) + np.trace(total @ total))
        return trace**2 / squared


def sandwich(model: Model, state: State, rows: Rows, kind: Kind) -> Sandwich:
    """Return the empirical covariance of the fixed effects."""
    s = model.summary
    power = {"empirical": 0.0, "bias-reduced": -0.5, "jackknife": -1.0}[kind]
    scores, blocks, designs = [], [], []
    values = covariances(model, state.shapes)
    for p in range(len(s.n)):
        visits = np.flatnonzero(s.rated[p])
        z = s.designs(rows, p)
        V = values[p][np.ix_(visits, visits)]
        whitened = np.linalg.solve(np.linalg.cholesky(V), z)
        X = whitened[:, :, :-1]
        r = whitened[:, :, -1] - X @ state.beta
        adjusted = X
        if power:
            hat = X @ state.vcov @ np.swapaxes(X, 1, 2)
            lam, vec = np.linalg.eigh(np.eye(len(visits)) - hat)
            # A subject that fixes a coefficient alone has no residual there to adjust.
            lam = np.where(lam > 1e-9, lam, np.inf)
            adjusted = (vec * lam[:, None, :] ** power) @ np.swapaxes(vec, 1, 2) @ X
        scores.append(np.einsum("imj,im->ij", adjusted, r))
        blocks.append(np.asarray(adjusted @ state.vcov, dtype=float))
        designs.append(np.asarray(X, dtype=float))
    score = np.concatenate(scores)
    covariance = state.vcov @ (score.T @ score) @ state.vcov
    return Sandwich(state.beta, covariance, score, state.vcov, blocks, designs)
