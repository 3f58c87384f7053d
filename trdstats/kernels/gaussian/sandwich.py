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
from typing import Literal, Protocol

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.gaussian.entries import crosses
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.kernels.gaussian.reml import Model, State, covariances
from trdstats.kernels.gaussian.subject_rows import SubjectRows

_SINGULAR = 1e-9  # 1 - leverage that counts as 0
_PART = 1e-8  # share of the model's variance below which a part is rounding

Kind = Literal["empirical", "bias-reduced", "jackknife"]


@dataclass(frozen=True, slots=True)
class DegreeSums:
    """What degrees of freedom of combinations L beta need of subjects; those of parts add.

    With b = A_i X_i Phi c and K = X_i' b of every subject and row c of L.

    Attributes
    ----------
    trace : ndarray, shape (k,)
        Sums of b'b - K' Phi K.
    squares : ndarray, shape (k,)
        Sums of (b'b)^2 - 2 b'b K' Phi K.
    products : ndarray, shape (k, q, q)
        Sums of K K'.
    """

    trace: FloatArray
    squares: FloatArray
    products: FloatArray


class Scored(Protocol):
    """The scores of all subjects at an optimum, wherever their rows are."""

    @property
    def scores(self) -> FloatArray:
        """X_i' A_i r_i of every subject, shape (n, q)."""
        ...

    @property
    def alone(self) -> FloatArray:
        """V' X_i Phi for every direction v that one subject alone determines, shape (s, q)."""
        ...

    def degree_sums(self, L: FloatArray, plain: FloatArray) -> DegreeSums:
        """Return the sums over all subjects that degrees of freedom need."""
        ...


class Subjects(Protocol):
    """The subjects of a fit one by one, in memory or in parts."""

    @property
    def order(self) -> IntArray:
        """Place of each among the subjects as they were given, shape (n,)."""
        ...

    def scored(self, model: Model, state: State, kind: Kind) -> Scored:
        """Return their scores at an optimum, in the order of these subjects."""
        ...


@dataclass(frozen=True, slots=True)
class SubjectsInMemory:
    """Subjects whose rows are at hand.

    Attributes
    ----------
    rows : SubjectRows
    """

    rows: SubjectRows

    @property
    def order(self) -> IntArray:
        """Place of each among the subjects as they were given, shape (n,)."""
        return self.rows.order

    def scored(self, model: Model, state: State, kind: Kind) -> ScoredRows:
        """Return their scores at an optimum, in the order of the rows."""
        return score_rows(model, state, self.rows, kind)


@dataclass(frozen=True)
class ScoredRows:
    """Subjects as an empirical covariance takes them, whitened at an optimum.

    Attributes
    ----------
    scores : ndarray, shape (n, q)
        X_i' A_i r_i of every subject, in the order of the rows.
    blocks : list of ndarray, shape (n_p, m, q)
        A_i X_i Phi by pattern.
    designs : list of ndarray, shape (n_p, m, q)
        X_i, whitened.
    alone : ndarray, shape (s, q)
        v' X_i Phi for every direction v in which one subject alone determines the fit and so has
        no residual.
    """

    scores: FloatArray
    blocks: list[FloatArray]
    designs: list[FloatArray]
    alone: FloatArray

    def degree_sums(self, L: FloatArray, plain: FloatArray) -> DegreeSums:
        """Return the sums over the subjects that degrees of freedom need.

        Parameters
        ----------
        L : ndarray, shape (k, q)
        plain : ndarray, shape (q, q)
            The model's covariance of the effects, Phi.
        """
        each = [self._of_row(c, plain) for c in L]
        trace, squares = (np.array([one[i] for one in each]) for i in (0, 1))
        return DegreeSums(trace, squares, np.reshape([one[2] for one in each], (-1, *plain.shape)))

    def _of_row(self, c: FloatArray, plain: FloatArray) -> tuple[float, float, FloatArray]:
        squares, pulled = [], []
        for block, design in zip(self.blocks, self.designs, strict=True):
            b = block @ c
            squares.append(np.einsum("im,im->i", b, b))
            pulled.append(np.einsum("imj,im->ij", design, b))
        b2, K = np.concatenate(squares), np.concatenate(pulled)
        leverage = np.einsum("ij,jk,ik->i", K, plain, K)
        squared = float(np.sum(b2**2) - 2 * np.sum(b2 * leverage))
        return float(np.sum(b2 - leverage)), squared, K.T @ K


@dataclass(frozen=True)
class Sandwich(Inference):
    """Empirical covariance with Bell and McCaffrey's degrees of freedom.

    Attributes
    ----------
    beta, covariance : ndarray
    plain : ndarray, shape (q, q)
        The model's own covariance, Phi.
    subjects : Scored
    """

    beta: FloatArray
    covariance: FloatArray
    plain: FloatArray
    subjects: Scored

    @property
    def scores(self) -> FloatArray:
        """X_i' A_i r_i of every subject, in the order of the subjects of the fit, shape (n, q)."""
        return self.subjects.scores

    def rests_on_one(self, L: FloatArray) -> BoolArray:
        """Return whether what one subject determines alone is part of each row of L."""
        part = np.sum((L @ self.subjects.alone.T) ** 2, axis=1)
        # The part is at most the model's variance L Phi L'.
        return np.asarray(part > _PART * np.einsum("ij,jk,ik->i", L, self.plain, L))

    def degrees(self, L: FloatArray) -> FloatArray:
        """Return the degrees of freedom of each row."""
        usable = np.any(L, axis=1) & ~self.rests_on_one(L)
        df = np.full(len(L), np.nan)
        if usable.any():
            sums = self.subjects.degree_sums(L[usable], self.plain)
            total = self.plain @ sums.products
            df[usable] = sums.trace**2 / (sums.squares + np.einsum("kij,kji->k", total, total))
        return df


def sandwich(model: Model, state: State, subjects: Subjects, kind: Kind) -> Sandwich:
    """Return the empirical covariance of the fixed effects."""
    scored = subjects.scored(model, state, kind)
    covariance = state.vcov @ (scored.scores.T @ scored.scores) @ state.vcov
    return Sandwich(state.beta, covariance, state.vcov, scored)


def score_rows(model: Model, state: State, rows: SubjectRows, kind: Kind) -> ScoredRows:
    """Return the scores of subjects whose rows are at hand."""
    s = model.products
    power = {"empirical": 0.0, "bias-reduced": -0.5, "jackknife": -1.0}[kind]
    scores, blocks, designs, alone = [], [], [], []
    values = covariances(model, state.shapes)
    for p in range(len(s.n)):
        visits = np.flatnonzero(s.rated[p])
        z = s.designs(rows, p)
        V = values[p][np.ix_(visits, visits)]
        whitened = np.linalg.solve(np.linalg.cholesky(V), z)
        X = whitened[:, :, :-1]
        r = whitened[:, :, -1] - X @ state.beta
        adjusted = X
        hat = X @ state.vcov @ np.swapaxes(X, 1, 2)
        lam, vec = np.linalg.eigh(np.eye(len(visits)) - hat)
        who, direction = np.nonzero(lam < _SINGULAR)
        alone.append(np.einsum("sm,smq->sq", vec[who, :, direction], X[who] @ state.vcov))
        if power:
            # A subject that fixes a coefficient alone has no residual there to adjust.
            lam = np.where(lam > _SINGULAR, lam, np.inf)
            adjusted = (vec * lam[:, None, :] ** power) @ np.swapaxes(vec, 1, 2) @ X
        scores.append(np.einsum("imj,im->ij", adjusted, r))
        blocks.append(np.asarray(adjusted @ state.vcov, dtype=float))
        designs.append(np.asarray(X, dtype=float))
    return ScoredRows(np.concatenate(scores), blocks, designs, np.concatenate(alone))


def effects_by_covariance(model: Model, state: State) -> FloatArray:
    """Return the derivatives of the fixed effects with respect to the covariance, shape (q, h).

    The effects are those that maximise the likelihood given the covariance parameters:
    d beta / d theta_h = -Phi X' W V_h W r. It is near 0 where visits are missed at random whatever
    the outcomes, and not where earlier outcomes matter (Kenward and Molenberghs 1998,
    doi:10.1214/ss/1028905886).
    """
    towards = []
    for g, shape in enumerate(state.shapes):
        patterns, V = model.slopes_of(g, shape)
        towards.append(crosses(model.products, patterns, V, state.weight[patterns], state.beta))
    return np.asarray(-state.vcov @ np.concatenate(towards).T)


def covariance_scores(model: Model, state: State, rows: SubjectRows) -> FloatArray:
    """Return every subject's score for the covariance parameters, shape (n, h).

    In the order of the rows. They sum to 0 at the maximum; the inverse of the information times
    them is the subject's influence on the parameters.
    """
    s = model.products
    values = covariances(model, state.shapes)
    h = sum(model.sizes)
    scores = np.zeros((len(rows.pattern), h))
    first = np.cumsum([0, *model.sizes])
    for p in range(len(s.n)):
        visits = np.flatnonzero(s.rated[p])
        z = s.designs(rows, p)
        W = np.linalg.inv(values[p][np.ix_(visits, visits)])
        g = int(model.block[p])
        V = state.shapes[g].first
        V = V[:, 0] if V.shape[1] == 1 else V[:, model.member[p]]
        V = V[:, visits[:, None], visits]
        X = W @ z[:, :, :-1]
        r = W @ z[:, :, -1:] - X @ state.beta[:, None]
        quadratic = np.einsum("im,hmk,ik->ih", r[:, :, 0], V, r[:, :, 0], optimize=True)
        trace = np.einsum("mk,hkm->h", W, V)
        summands = quadratic - trace
        if model.reml:
            spread = X @ state.vcov @ np.swapaxes(X, 1, 2)
            summands = summands + np.einsum("imk,hkm->ih", spread, V, optimize=True)
        scores[rows.pattern == p, first[g] : first[g + 1]] = summands / 2
    return scores
