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

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from trdstats.arrays import FloatArray, IntArray

T = TypeVar("T")
Kind = Literal["robust", "model", "mancl-derouen", "kauermann-carroll", "fay-graubard"]
Rule = Literal["residual", "satterthwaite", "fay-graubard", "pan-wall", "normal"]
RULES = ("residual", "satterthwaite", "fay-graubard", "pan-wall", "normal")
_SINGULAR = 1e-9  # 1 - leverage that counts as 0
_DETERMINED = 1e12  # condition from which a subject alone determines a coefficient
_MOST_ENLARGED = 0.75  # Fay and Graubard's bound of the proportion of a score, their section 2.3


class SubjectTerms(ABC):
    """What every subject adds to the covariance of the coefficients.

    Attributes
    ----------
    subject : ndarray of int, shape (n,)
        Place of each subject among all.
    scores : ndarray, shape (n, q)
        u_i.
    alone : ndarray, shape (s, q)
        v' Q_i B for every direction v in which one subject alone determines the fit and so has
        no residual.
    """

    subject: IntArray
    scores: FloatArray
    alone: FloatArray

    @abstractmethod
    def sums(self, work: Callable[..., T], *arguments: object) -> list[T]:
        """Return what some work makes of the terms of each part of the subjects.

        Parameters
        ----------
        work : callable
            Called with `TermsInMemory` and the arguments.
        *arguments : object
        """


@dataclass(frozen=True, slots=True)
class TermsInMemory(SubjectTerms):
    """The same with the rows behind it.

    Attributes
    ----------
    designs, adjusted : list of ndarray, shape (b, m, q)
        Q_i and A_i Q_i, by batch; subjects stand in the order of the batches.
    enlarged : ndarray, shape (n, q)
        By what Fay and Graubard enlarge scores; 1 for other covariances.
    """

    subject: IntArray
    scores: FloatArray
    alone: FloatArray
    enlarged: FloatArray
    designs: list[FloatArray]
    adjusted: list[FloatArray]

    def sums(self, work: Callable[..., T], *arguments: object) -> list[T]:
        """Return what some work makes of the terms, which are the only part."""
        return [work(self, *arguments)]


def subject_terms(
    designs: list[FloatArray], residuals: list[FloatArray], subject: IntArray, bread: FloatArray,
    kind: Kind,
) -> TermsInMemory:  # fmt: skip
    """Return what every subject adds to the covariance of the coefficients.

    Parameters
    ----------
    designs, residuals : list of ndarray, shape (b, m, q) and (b, m)
        Q_i and z_i, by batch.
    subject : ndarray of int, shape (n,)
    bread : ndarray, shape (q, q)
        B.
    kind : str
    """
    power = {"mancl-derouen": -1.0, "kauermann-carroll": -0.5}.get(kind, 0.0)
    adjusted, scores, leverages, alone = [], [], [], []
    for Q, z in zip(designs, residuals, strict=True):
        half = Q @ bread
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
    alone = alone if kind != "model" else [np.zeros((0, len(bread)))]
    return TermsInMemory(subject, score, np.concatenate(alone), enlarged, designs, adjusted)


def degrees_of(
    rule: Rule, directions: FloatArray, terms: SubjectTerms, bread: FloatArray
) -> FloatArray:
    """Return the degrees of freedom of contrasts.

    Parameters
    ----------
    rule : str
    directions : ndarray, shape (k, q)
        B c of each contrast.
    terms : SubjectTerms
    bread : ndarray, shape (q, q)
        B.

    Returns
    -------
    ndarray, shape (k,)
        NaN where there are none left.
    """
    n, q = terms.scores.shape
    if rule == "normal":
        return np.full(len(directions), np.inf)
    if rule == "residual":
        return np.full(len(directions), float(n - q) if n > q else np.nan)
    if rule == "pan-wall":
        squares = (terms.scores @ directions.T) ** 2
        spread = n * squares.var(axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(2 * squares.sum(axis=0) ** 2 / spread)
    if rule == "satterthwaite":
        trace, squared, cross = _added(terms.sums(_satterthwaite_sums, directions, bread))
        total = bread @ cross
    else:
        meat = terms.scores.T @ terms.scores
        # One part hands its costs on; several count them again, so that they stay where they are.
        alone = isinstance(terms, TermsInMemory)
        answers = terms.sums(_costs, directions, bread, alone)
        known, unknown = _added([a[:2] for a in answers])
        highest = np.max([a[2] for a in answers], axis=0)
        costs = answers[0][3] if alone else None
        # Without such a subject the contrast is not estimable: it counts as the most costly.
        fill = np.where(unknown < n, highest, 1.0)
        sum_of_costs = known + unknown * fill
        trace, squared, total = _added(
            terms.sums(_fay_graubard_sums, directions, bread, meat, fill, sum_of_costs, n, costs)
        )
    squared = squared + np.trace(total @ total, axis1=1, axis2=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(trace > 0, trace**2 / squared, np.nan), dtype=float)


def _added(parts: list[tuple[FloatArray, ...]]) -> list[FloatArray]:
    """Return sums of parts, each of several arrays."""
    return [np.sum(arrays, axis=0) for arrays in zip(*parts, strict=True)]


def _satterthwaite_sums(
    terms: TermsInMemory, directions: FloatArray, bread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return for each contrast sums of b'b - h, its squares less cross terms, and of K'K."""
    trace, squared, cross = [], [], []
    for a in directions:
        squares, pulled, at = [], [], 0
        for Q, A in zip(terms.designs, terms.adjusted, strict=True):
            scaled = terms.enlarged[at : at + len(Q)] * a
            at += len(Q)
            b = np.einsum("bmq,bq->bm", A, scaled)
            squares.append(np.einsum("bm,bm->b", b, b))
            pulled.append(np.einsum("bmq,bm->bq", Q, b))
        b2, K = np.concatenate(squares), np.concatenate(pulled)
        leverage = np.einsum("ij,jk,ik->i", K, bread, K)
        trace.append(np.sum(b2 - leverage))
        squared.append(np.sum(b2**2) - 2 * np.sum(b2 * leverage))
        cross.append(K.T @ K)
    return np.array(trace), np.array(squared), np.array(cross)


def _fay_graubard_sums(
    terms: TermsInMemory, directions: FloatArray, bread: FloatArray, meat: FloatArray,
    fill: FloatArray, sum_of_costs: FloatArray, n: int, costs: FloatArray | None,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Return for each contrast sums of which tr(Psi M) and tr(Psi M Psi M) are made.

    Psi_i is a proportion of the covariance of the sum of scores. With f_i = F_i a and
    h_i = B Omega_i f_i, element (i, j) of the matrix whose trace and squared elements count is
    g_i' Psi g_j for g_i = (1_i - h_i): a diagonal and two of rank q.
    """
    omega = _information(terms)
    costs = _costs_of(directions, omega, bread) if costs is None else costs
    trace, squared, cross = [], [], []
    for k, a in enumerate(directions):
        proportion = np.full(len(omega), 1 / n)
        if sum_of_costs[k] > 0:
            proportion = np.where(np.isnan(costs[k]), fill[k], costs[k]) / sum_of_costs[k]
        f = terms.enlarged * a
        h = (omega @ f[:, :, None])[:, :, 0] @ bread
        psi_f = proportion[:, None] * (f @ meat)
        diagonal = np.einsum("iq,iq->i", f, psi_f)
        # K = diag(d) - P H' - H P' + H S H' with P_i = Psi_i f_i and S the sum of the Psi_i.
        left = np.hstack([-psi_f + h @ meat, -h])
        right = np.hstack([h, psi_f])
        inner = np.einsum("ia,ia->i", left, right)
        trace.append(np.sum(diagonal + inner))
        squared.append(np.sum(diagonal**2 + 2 * diagonal * inner))
        cross.append(right.T @ left)
    return np.array(trace), np.array(squared), np.array(cross)


def _information(terms: TermsInMemory) -> FloatArray:
    return np.concatenate([np.swapaxes(Q, 1, 2) @ Q for Q in terms.designs])


def _costs(
    terms: TermsInMemory, directions: FloatArray, bread: FloatArray, handed_on: bool
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]:
    """Return for each contrast the sum of known costs, the unknown ones, the highest, and all."""
    costs = _costs_of(directions, _information(terms), bread)
    known = np.nan_to_num(costs)
    return (
        known.sum(axis=1),
        np.isnan(costs).sum(axis=1),
        known.max(axis=1, initial=0.0),
        costs if handed_on else None,
    )


def _costs_of(directions: FloatArray, omega: FloatArray, bread: FloatArray) -> FloatArray:
    """Return what the model's variance of each contrast grows by without each subject, (k, n)."""
    # c'[(A - Omega_i)^-1 - A^-1]c = a'(Omega_i^-1 - B)^-1 a = a'(I - Omega_i B)^-1 Omega_i a.
    gap = np.eye(len(bread)) - omega @ bread
    costs = np.full((len(directions), len(omega)), np.nan)
    usable = np.linalg.cond(gap) < _DETERMINED
    growth = np.linalg.solve(gap[usable], omega[usable])
    costs[:, usable] = np.einsum("ka,iab,kb->ki", directions, growth, directions, optimize=True)
    return np.asarray(np.maximum(costs, 0.0))
