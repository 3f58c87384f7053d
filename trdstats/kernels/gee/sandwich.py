"""Covariances of the coefficients that hold whatever the working correlation, and their t tests.

With whitened derivatives Q_i and residuals z_i the sandwich is B (sum_i u_i u_i') B with B the
inverse of sum_i Q_i' Q_i and u_i = Q_i' A_i z_i. In small samples residuals are too small;
A_i = (I - H_i)^-1 (Mancl and DeRouen) or (I - H_i)^-1/2 (Kauermann and Carroll),
H_i = Q_i B Q_i', enlarge them; Fay and Graubard enlarge the scores u_i instead.

References
----------
Liang and Zeger 1986, doi:10.1093/biomet/73.1.13. Mancl and DeRouen 2001,
doi:10.1111/j.0006-341X.2001.00126.x. Kauermann and Carroll 2001,
doi:10.1198/016214501753382309. Fay and Graubard 2001, doi:10.1111/j.0006-341X.2001.01198.x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference
from trdstats.kernels.gee.degrees import Rule, degrees_of
from trdstats.kernels.gee.fit import GEEFit

Kind = Literal["robust", "model", "mancl-derouen", "kauermann-carroll", "fay-graubard"]
_SINGULAR = 1e-9  # 1 - leverage that counts as 0
_DEPENDENT = 1e-11  # of a column of length 1, beside those before it
_PART = 1e-8  # share of the model's variance below which a part is rounding
_MOST_ENLARGED = 0.75  # Fay and Graubard's bound of the share of a score, their section 2.3


@dataclass(frozen=True)
class GEEInference(Inference):
    """Coefficients with their covariance and the degrees of freedom of its combinations.

    Attributes
    ----------
    beta : ndarray, shape (q,)
    covariance : ndarray, shape (q, q)
    influence : ndarray, shape (n, q)
        Of every subject on the coefficients; its cross-product is the covariance, but for
        the model's.
    bread : ndarray, shape (q, q)
    enlarged : ndarray, shape (n, q)
        Shares by which Fay and Graubard enlarge scores; 1 for other covariances.
    designs, adjusted : list of ndarray, shape (b, m, q)
        Q_i and A_i Q_i, by batch; subjects stand in the order of the batches.
    scores : ndarray, shape (n, q)
        u_i in the same order.
    alone : ndarray, shape (s, q)
        v' Q_i B for every direction v in which one subject alone determines the fit and so has
        no residual.
    rule : str
        How degrees of freedom are counted.
    by_influence : bool
        Whether the covariance is the cross-product of the influences.
    """

    beta: FloatArray
    covariance: FloatArray
    influence: FloatArray
    bread: FloatArray
    enlarged: FloatArray
    designs: list[FloatArray]
    adjusted: list[FloatArray]
    scores: FloatArray
    alone: FloatArray
    rule: Rule
    by_influence: bool

    def covariances(self, L: FloatArray) -> FloatArray:
        """Return the covariance of L beta, from the influences where it is their cross-product."""
        if not self.by_influence:
            return L @ self.covariance @ L.T
        part = self.influence @ L.T
        return np.asarray(part.T @ part)

    def rests_on_one(self, L: FloatArray) -> BoolArray:
        """Return whether what one subject determines alone is part of each row of L."""
        part = np.sum((L @ self.alone.T) ** 2, axis=1)
        # The part is at most the model's variance L B L'.
        return np.asarray(part > _PART * np.einsum("ij,jk,ik->i", L, self.bread, L))

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row, shape (k,)."""
        usable = np.any(L, axis=1) & ~self.rests_on_one(L)
        degrees = np.full(len(L), np.nan)
        if usable.any():
            degrees[usable] = degrees_of(
                self.rule, L[usable] @ self.bread, self.designs, self.adjusted, self.scores,
                self.enlarged, self.bread,
            )  # fmt: skip
        return degrees

    def f_test(self, L: FloatArray) -> FTest:
        """Test all rows of L together (Wald); no more rows than the subjects can inform."""
        # In standard errors, so that the units of the coefficients play no part.
        rows = L * np.sqrt(np.diag(self.bread))
        rank = np.linalg.matrix_rank(rows)
        scale = np.sqrt(np.diag(self.bread))
        if np.linalg.matrix_rank(rows @ (self.covariance / np.outer(scale, scale)) @ rows.T) < rank:
            return FTest(np.nan, float(rank), np.nan)
        return super().f_test(L)

    def _joint_degrees(self, rows: FloatArray) -> float:
        return np.inf if self.rule == "normal" else super()._joint_degrees(rows)


def infer(fit: GEEFit, kind: Kind, rule: Rule) -> GEEInference:
    """Return the covariance of the coefficients of a fit.

    Parameters
    ----------
    fit : GEEFit
    kind : {"robust", "model", "mancl-derouen", "kauermann-carroll", "fay-graubard"}
    rule : {"residual", "satterthwaite", "fay-graubard", "pan-wall", "normal"}
    """
    B = fit.bread
    power = {"mancl-derouen": -1.0, "kauermann-carroll": -0.5}.get(kind, 0.0)
    adjusted, scores, leverages, alone = [], [], [], []
    for Q, z in zip(fit.designs, fit.residuals, strict=True):
        half = Q @ B
        hat = half @ np.swapaxes(Q, 1, 2)
        lam, vec = np.linalg.eigh(np.eye(Q.shape[1]) - hat)
        who, direction = np.nonzero(lam < _SINGULAR)
        alone.append(np.einsum("sm,smq->sq", vec[who, :, direction], half[who]))
        A = Q
        if power:
            # A subject that determines a coefficient alone has no residual there to enlarge.
            lam = np.where(lam > _SINGULAR, lam, np.inf)
            A = (vec * lam[:, None, :] ** power) @ (np.swapaxes(vec, 1, 2) @ Q)
        adjusted.append(A)
        scores.append(np.einsum("bmq,bm->bq", A, z))
        leverages.append(np.einsum("bmq,bmq->bq", Q, half))
    score, leverage = np.concatenate(scores), np.concatenate(leverages)
    enlarged = np.ones_like(leverage)
    if kind == "fay-graubard":
        enlarged = 1 / np.sqrt(1 - np.minimum(leverage, _MOST_ENLARGED))
        score = score * enlarged
    influence = np.empty_like(score)
    root = _root(fit)
    influence[fit.subject] = (score @ root) @ root.T
    covariance = fit.scale * B if kind == "model" else influence.T @ influence
    return GEEInference(
        fit.beta, np.asarray(covariance), influence, B, enlarged, fit.designs, adjusted, score,
        np.concatenate(alone) if kind != "model" else np.zeros((0, len(B))), rule,
        by_influence=kind != "model",
    )  # fmt: skip


def _root(fit: GEEFit) -> FloatArray:
    """Return a root of the bread, shape (q, q).

    From the derivatives themselves where they are independent: their cross-products lose half of
    the digits of columns far from 0.
    """
    Q = np.concatenate([q.reshape(-1, q.shape[-1]) for q in fit.designs])
    size = np.sqrt((Q**2).sum(axis=0))
    if len(Q) >= Q.shape[1] and (size > 0).all():
        R = np.linalg.qr(Q / size, mode="r")
        if np.abs(np.diag(R)).min() > _DEPENDENT:
            return np.asarray(np.linalg.inv(R) / size[:, None])
    values, vectors = np.linalg.eigh(fit.bread)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
