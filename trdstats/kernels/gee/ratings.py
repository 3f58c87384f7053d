"""Ratings of subjects as the search for the coefficients asks them: by sums over all of them.

Rows in memory answer here, rows that stand in parts in `parts`; the equations are solved by one
search (`fit`), whoever answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gee.degrees import Kind, SubjectTerms, TermsInMemory, subject_terms
from trdstats.kernels.gee.means import MeanModel, Restricted, Standardised
from trdstats.kernels.gee.working import (
    NEAR_SINGULAR,
    Pairs,
    inverse_factors,
    kept_proportion,
    lowest_eigenvalue,
)


class NormalEquations(NamedTuple):
    """Sums over whitened rows: what a scoring step needs.

    Attributes
    ----------
    cross : ndarray, shape (q, q)
        Of Q_i' Q_i.
    right : ndarray, shape (q,)
        Of Q_i' z_i.
    square : float
        Of z_i' z_i.
    """

    cross: FloatArray
    right: FloatArray
    square: float


class Whitened(ABC):
    """Whitened rows at some coefficients: what inference needs of the subjects."""

    @abstractmethod
    def factor(self, size: FloatArray) -> FloatArray:
        """Return R of the orthogonal decomposition of the rows Q_i, columns divided by `size`."""

    @abstractmethod
    def terms(self, bread: FloatArray, kind: Kind) -> SubjectTerms:
        """Return what every subject adds to the covariance of the coefficients."""

    @abstractmethod
    def scores(self) -> FloatArray:
        """Return Q_i' z_i, one row a subject, shape (n, q)."""


class Here(ABC):
    """Ratings at some coefficients.

    Attributes
    ----------
    quasi_loglik : float
        Under independence, weights counted.
    square : float
        Sum of the squared standardised residuals.
    """

    quasi_loglik: float
    square: float

    @property
    @abstractmethod
    def alpha(self) -> FloatArray:
        """Parameters of the working correlation, by moments."""

    @property
    @abstractmethod
    def singular(self) -> bool:
        """Whether the moments give no correlation matrix; it was drawn towards independence."""

    @property
    @abstractmethod
    def equations(self) -> NormalEquations:
        """Sums over the whitened rows."""

    @property
    @abstractmethod
    def whitened(self) -> Whitened:
        """The whitened rows."""


class Ratings(ABC):
    """Ratings of subjects with the model of their means and their working correlation.

    Attributes
    ----------
    n_values : int
        Standardised residuals: ratings, times the residuals of each.
    weight_sum : float
        Sum of the weights over these residuals.
    visits : ndarray of int, shape (K, 2)
        The two visits of each class of pairs, of an unstructured working correlation.
    """

    n_values: int
    weight_sum: float
    visits: IntArray

    @abstractmethod
    def start(self) -> FloatArray:
        """Return coefficients to start from, shape (q,), whose means lie inside the range."""

    @abstractmethod
    def at(self, beta: FloatArray) -> Here | None:
        """Return the ratings at coefficients; None where a mean leaves the range of the family."""

    @abstractmethod
    def independent(self) -> Ratings:
        """Return the same ratings under independence."""

    @abstractmethod
    def within(self, basis: FloatArray, begin: FloatArray) -> Ratings:
        """Return the same ratings with coefficients that are `basis` times fewer ones.

        Parameters
        ----------
        basis : ndarray, shape (q, r)
        begin : ndarray, shape (r,)
            Coefficients to start from.
        """

    @abstractmethod
    def farthest(self, beta: FloatArray) -> float:
        """Return the largest absolute value of a linear predictor."""


@dataclass(frozen=True)
class RatingRows(Ratings):
    """Ratings in memory.

    Attributes
    ----------
    model : MeanModel
    weight : ndarray, shape (N,)
        Weights of the ratings; those of `model`.
    pairs : Pairs or None
        The structure of the working correlation; None: all ratings are independent.
    """

    model: MeanModel
    weight: FloatArray
    pairs: Pairs | None = None

    @property
    def n_values(self) -> int:  # type: ignore[override]
        """Standardised residuals."""
        return len(self.weight) * self.model.n_parts

    @property
    def weight_sum(self) -> float:  # type: ignore[override]
        """Sum of the weights over the residuals."""
        return float(self.weight.sum()) * self.model.n_parts

    @property
    def visits(self) -> IntArray:  # type: ignore[override]
        """The two visits of each class of pairs."""
        return np.zeros((0, 2), dtype=np.intp) if self.pairs is None else self.pairs.visits

    def start(self) -> FloatArray:
        """Return coefficients to start from."""
        return self.model.start()

    def at(self, beta: FloatArray) -> HereInRows | None:
        """Return the ratings at coefficients; None where a mean leaves the range of the family."""
        here = self.model.at(beta)
        return None if here is None else HereInRows(self, here)

    def independent(self) -> RatingRows:
        """Return the same ratings under independence."""
        return replace(self, pairs=None)

    def within(self, basis: FloatArray, begin: FloatArray) -> RatingRows:
        """Return the same ratings with coefficients that are `basis` times fewer ones."""
        return replace(self, model=Restricted(self.model, basis, begin))

    def farthest(self, beta: FloatArray) -> float:
        """Return the largest absolute value of a linear predictor."""
        return float(np.abs(self.model.linear_predictors(beta)).max())


@dataclass(frozen=True)
class HereInRows(Here):
    """Ratings in memory at some coefficients.

    Attributes
    ----------
    ratings : RatingRows
    standardised : Standardised
    """

    ratings: RatingRows
    standardised: Standardised

    @property
    def quasi_loglik(self) -> float:  # type: ignore[override]
        """Quasi-log-likelihood under independence."""
        return self.standardised.quasi_loglik

    @cached_property
    def square(self) -> float:  # type: ignore[override]
        """Sum of the squared standardised residuals."""
        return float(np.sum(self.standardised.residual**2))

    def products(self) -> FloatArray:
        """Return sums of products of residuals by class of pair, shape (K,)."""
        pairs = self.ratings.pairs
        assert pairs is not None
        return pairs.sums([self.standardised.residual[b.rows] for b in pairs.batches.parts])

    @cached_property
    def alpha(self) -> FloatArray:
        """Parameters of the working correlation."""
        pairs = self.ratings.pairs
        dispersion = self.square / self.ratings.weight_sum
        if pairs is None or pairs.structure == "independence" or not dispersion > 0:
            return np.empty(0)
        return pairs.parameters(self.products(), dispersion)

    @cached_property
    def _matrices(self) -> list[FloatArray] | None:
        return self._correlations(self.alpha)

    def _correlations(self, alpha: FloatArray) -> list[FloatArray] | None:
        pairs = self.ratings.pairs
        if pairs is None or pairs.structure == "independence":
            return None
        return pairs.matrices(alpha)

    @cached_property
    def _lowest(self) -> float:
        return lowest_eigenvalue(self._matrices or [])

    @property
    def singular(self) -> bool:
        """Whether the moments give no correlation matrix."""
        return self._lowest < NEAR_SINGULAR

    @cached_property
    def equations(self) -> NormalEquations:
        """Sums over the whitened rows."""
        if self.ratings.pairs is None:
            design = self.standardised.design
            Q = design.reshape(-1, design.shape[2])
            return NormalEquations(Q.T @ Q, Q.T @ self.standardised.residual.ravel(), self.square)
        return self.whitened.equations()

    @cached_property
    def whitened(self) -> WhitenedRows:
        """The whitened rows."""
        return self._whitened_by(self._matrices, kept_proportion(self._lowest))

    def whitened_by(self, alpha: FloatArray, kept: float) -> tuple[WhitenedRows | None, float]:
        """Return rows whitened by a given working correlation, and its lowest eigenvalue.

        Parameters
        ----------
        alpha : ndarray
        kept : float
            Proportion of the correlations that is kept.

        Returns
        -------
        whitened : WhitenedRows or None
            None where all correlations were to be kept and they are those of no matrix.
        lowest : float
            Of all correlations.
        """
        matrices = self._correlations(alpha)
        lowest = lowest_eigenvalue(matrices or [])
        if kept == 1 and lowest < NEAR_SINGULAR:
            return None, lowest
        return self._whitened_by(matrices, kept), lowest

    def _whitened_by(self, matrices: list[FloatArray] | None, kept: float) -> WhitenedRows:
        pairs = self.ratings.pairs
        assert pairs is not None
        factors = None if matrices is None else inverse_factors(matrices, kept)
        designs, residuals = [], []
        _, c, q = self.standardised.design.shape
        for i, b in enumerate(pairs.batches.parts):
            n, m = b.rows.shape
            D = self.standardised.design[b.rows].reshape(n, m, c * q)
            e = self.standardised.residual[b.rows]
            if factors is not None and m > 1:
                # One pattern for all is a plain product; others take their factor along.
                factor = factors[i][0] if len(factors[i]) == 1 else factors[i][b.pattern]
                D, e = factor @ D, factor @ e
            designs.append(np.asarray(D.reshape(n, m * c, q)))
            residuals.append(np.asarray(e.reshape(n, m * c)))
        return WhitenedRows(designs, residuals, pairs.batches.subject)


@dataclass(frozen=True)
class WhitenedRows(Whitened):
    """Whitened rows in memory.

    Attributes
    ----------
    designs : list of ndarray, shape (b, m c, q)
        Q_i, by batch.
    residuals : list of ndarray, shape (b, m c)
        z_i, by batch.
    subject : ndarray of int, shape (n,)
        Subject of each row of the batches.
    """

    designs: list[FloatArray]
    residuals: list[FloatArray]
    subject: IntArray

    def equations(self) -> NormalEquations:
        """Return the sums over all rows."""
        q = self.designs[0].shape[2]
        cross, right, square = np.zeros((q, q)), np.zeros(q), 0.0
        for Q, z in zip(self.designs, self.residuals, strict=True):
            rows, rest = Q.reshape(-1, q), z.ravel()
            cross += rows.T @ rows
            right += rows.T @ rest
            square += float(rest @ rest)
        return NormalEquations(cross, right, square)

    def factor(self, size: FloatArray) -> FloatArray:
        """Return R of the orthogonal decomposition of the rows Q_i, columns divided by `size`."""
        Q = np.concatenate([q.reshape(-1, q.shape[-1]) for q in self.designs])
        return triangle_of(Q / size)

    def terms(self, bread: FloatArray, kind: Kind) -> TermsInMemory:
        """Return what every subject adds to the covariance of the coefficients."""
        return subject_terms(self.designs, self.residuals, self.subject, bread, kind)

    def scores(self) -> FloatArray:
        """Return Q_i' z_i, one row a subject, in the order of the batches."""
        return np.concatenate([
            np.einsum("bmq,bm->bq", Q, z)
            for Q, z in zip(self.designs, self.residuals, strict=True)
        ])  # fmt: skip


def triangle_of(rows: FloatArray) -> FloatArray:
    """Return R of the orthogonal decomposition of rows; those of parts, stacked, give that of all.

    Parameters
    ----------
    rows : ndarray, shape (N, q)
    """
    return np.asarray(np.linalg.qr(rows, mode="r"))
