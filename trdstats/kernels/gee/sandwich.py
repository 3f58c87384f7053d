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

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference
from trdstats.kernels.gee.degrees import Kind, Rule, SubjectTerms, degrees_of
from trdstats.kernels.gee.fit import GEEFit

_DEPENDENT = 1e-11  # of a column of length 1, beside those before it
_PART = 1e-8  # share of the model's variance below which a part is rounding


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
    terms : SubjectTerms
        What every subject adds.
    rule : str
        How degrees of freedom are counted.
    by_influence : bool
        Whether the covariance is the cross-product of the influences.
    """

    beta: FloatArray
    covariance: FloatArray
    influence: FloatArray
    bread: FloatArray
    terms: SubjectTerms
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
        part = np.sum((L @ self.terms.alone.T) ** 2, axis=1)
        # The part is at most the model's variance L B L'.
        return np.asarray(part > _PART * np.einsum("ij,jk,ik->i", L, self.bread, L))

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row, shape (k,)."""
        usable = np.any(L, axis=1) & ~self.rests_on_one(L)
        degrees = np.full(len(L), np.nan)
        if usable.any():
            degrees[usable] = degrees_of(self.rule, L[usable] @ self.bread, self.terms, self.bread)
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
    terms = fit.whitened.terms(B, kind)
    influence = np.empty_like(terms.scores)
    root = _root(fit)
    influence[terms.subject] = (terms.scores @ root) @ root.T
    covariance = fit.scale * B if kind == "model" else influence.T @ influence
    return GEEInference(
        fit.beta, np.asarray(covariance), influence, B, terms, rule, by_influence=kind != "model"
    )


def _root(fit: GEEFit) -> FloatArray:
    """Return a root of the bread, shape (q, q).

    From the derivatives themselves where they are independent: their cross-products lose half of
    the digits of columns far from 0.
    """
    size = np.sqrt(np.diag(fit.cross))
    if (size > 0).all():
        R = fit.whitened.factor(size)
        if len(R) == len(size) and np.abs(np.diag(R)).min() > _DEPENDENT:
            return np.asarray(np.linalg.inv(R) / size[:, None])
    values, vectors = np.linalg.eigh(fit.bread)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
