"""Ratings that stand in parts: what the search asks is asked of every part, and sums are added.

A part answers with sums over its rows, or with one row a subject; it keeps its rows. Steps and
halvings are those of rows in memory, as both go through `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gee.degrees import Kind, SubjectTerms, TermsInMemory
from trdstats.kernels.gee.means import CumulativeLogit, OneMean, drawn_inside, start_of_categories
from trdstats.kernels.gee.ratings import (
    Here,
    HereInRows,
    NormalEquations,
    RatingRows,
    Ratings,
    Whitened,
    WhitenedRows,
    triangle_of,
)
from trdstats.kernels.gee.working import (
    NEAR_SINGULAR,
    Structure,
    kept_proportion,
    parameters_of,
    visits_of_classes,
)

T = TypeVar("T")

# Called with some work and its arguments: returns what it makes of the `RatingRows` of each part.
Ask = Callable[..., list[Any]]


@dataclass(frozen=True)
class RatingParts(Ratings):
    """Ratings in parts.

    Attributes
    ----------
    ask : callable
        Called with work and arguments; returns what the work makes of the `RatingRows` of each
        part, in order.
    n_values : int
    weight_sum : float
    subject : ndarray of int, shape (n,)
        Place among all of each subject, one part after another.
    n_slopes : int
        Coefficients beside thresholds.
    ordinal : bool
    classes, count : ndarray, shape (K,)
        Classes of pairs of all parts, and sums of the weights of their pairs.
    n_visits : int
    structure : str
        Of the working correlation that is asked for.
    basis : ndarray, shape (q, r), or None
        Coefficients of the model are this times fewer ones.
    begin : ndarray, shape (r,), or None
        Where those start.
    """

    ask: Ask
    n_values: int
    weight_sum: float
    subject: IntArray
    n_slopes: int
    ordinal: bool
    classes: FloatArray
    count: FloatArray
    n_visits: int
    structure: Structure = "independence"
    basis: FloatArray | None = None
    begin: FloatArray | None = None

    @property
    def visits(self) -> IntArray:  # type: ignore[override]
        """The two visits of each class of pairs."""
        return visits_of_classes(self.classes, self.n_visits)

    def start(self) -> FloatArray:
        """Return coefficients to start from."""
        if self.begin is not None:
            return self.begin
        totals = np.sum(self.ask(_totals), axis=0)
        if self.ordinal:
            return start_of_categories(totals, self.n_slopes)
        R = triangle_of(np.concatenate(self.ask(_start_factor, totals[0] / totals[1])))
        q = self.n_slopes
        return drawn_inside(np.asarray(np.linalg.lstsq(R[:, :q], R[:, q:], rcond=None)[0]), self.at)

    def at(self, beta: FloatArray) -> HereInParts | None:
        """Return the ratings at coefficients; None where a mean leaves the range of the family."""
        answers = self.ask(_moments, beta, self.basis, self.structure != "independence")
        if any(answer is None for answer in answers):
            return None
        return HereInParts(self, beta, answers)

    def independent(self) -> RatingParts:
        """Return the same ratings under independence."""
        return replace(self, structure="independence")

    def with_correlation(self, structure: Structure) -> RatingParts:
        """Return the same ratings with the working correlation whose classes are known."""
        return replace(self, structure=structure)

    def within(self, basis: FloatArray, begin: FloatArray) -> RatingParts:
        """Return the same ratings with coefficients that are `basis` times fewer ones."""
        return replace(self, basis=basis, begin=begin)

    def farthest(self, beta: FloatArray) -> float:
        """Return the largest absolute value of a linear predictor."""
        return float(max(self.ask(RatingRows.farthest, beta)))


class Moments(NamedTuple):
    """What a part says of its ratings at some coefficients.

    Attributes
    ----------
    quasi_loglik, square : float
    products : ndarray, shape (K,), or None
        Sums of products of residuals by class of pair.
    equations : NormalEquations or None
        Under independence.
    """

    quasi_loglik: float
    square: float
    products: FloatArray | None
    equations: NormalEquations | None


@dataclass(frozen=True)
class HereInParts(Here):
    """Ratings in parts at some coefficients.

    Attributes
    ----------
    ratings : RatingParts
    beta : ndarray
    moments : list of Moments
        One a part.
    """

    ratings: RatingParts
    beta: FloatArray
    moments: list[Moments]

    @cached_property
    def quasi_loglik(self) -> float:  # type: ignore[override]
        """Quasi-log-likelihood under independence."""
        return float(sum(m.quasi_loglik for m in self.moments))

    @cached_property
    def square(self) -> float:  # type: ignore[override]
        """Sum of the squared standardised residuals."""
        return float(sum(m.square for m in self.moments))

    @cached_property
    def alpha(self) -> FloatArray:
        """Parameters of the working correlation."""
        ratings = self.ratings
        dispersion = self.square / ratings.weight_sum
        if ratings.structure == "independence" or not dispersion > 0:
            return np.empty(0)
        products = np.sum([m.products for m in self.moments if m.products is not None], axis=0)
        return parameters_of(
            ratings.structure, ratings.classes, ratings.count, products, dispersion
        )

    @cached_property
    def _solved(self) -> tuple[NormalEquations, float, float]:
        """Return the sums, the lowest eigenvalue, and the proportion of correlations kept."""
        if self.ratings.structure == "independence":
            return _added([m.equations for m in self.moments]), 1.0, 1.0
        answers = self._ask_equations(1.0)
        lowest = min(low for _, low in answers)
        kept = kept_proportion(lowest)
        if kept < 1:
            answers = self._ask_equations(kept)
        return _added([sums for sums, _ in answers]), lowest, kept

    def _ask_equations(self, kept: float) -> list[tuple[NormalEquations | None, float]]:
        at = At(self.beta, self.ratings.basis, self.alpha, kept)
        return self.ratings.ask(_equations, at)

    @property
    def singular(self) -> bool:
        """Whether the moments give no correlation matrix."""
        return self._solved[1] < NEAR_SINGULAR

    @property
    def equations(self) -> NormalEquations:
        """Sums over the whitened rows."""
        return self._solved[0]

    @property
    def whitened(self) -> WhitenedParts:
        """The whitened rows."""
        at = At(self.beta, self.ratings.basis, self.alpha, self._solved[2])
        return WhitenedParts(self.ratings.ask, self.ratings.subject, at)


class At(NamedTuple):
    """Where parts whiten their rows.

    Attributes
    ----------
    beta : ndarray, shape (q,)
    basis : ndarray, shape (p, q), or None
    alpha : ndarray
    kept : float
        Proportion of the correlations that is kept.
    """

    beta: FloatArray
    basis: FloatArray | None
    alpha: FloatArray
    kept: float


@dataclass(frozen=True)
class WhitenedParts(Whitened):
    """Whitened rows in parts.

    Attributes
    ----------
    ask : callable
    subject : ndarray of int, shape (n,)
    at : At
    """

    ask: Ask
    subject: IntArray
    at: At

    def factor(self, size: FloatArray) -> FloatArray:
        """Return R of the orthogonal decomposition of the rows Q_i, columns divided by `size`."""
        return triangle_of(np.concatenate(self.ask(_factor, self.at, size)))

    def terms(self, bread: FloatArray, kind: Kind) -> TermsOfParts:
        """Return what every subject adds to the covariance of the coefficients."""
        answers = self.ask(_terms, self.at, bread, kind)
        scores, alone = (np.concatenate(arrays) for arrays in zip(*answers, strict=True))
        return TermsOfParts(self.subject, scores, alone, self.ask, self.at, bread, kind)

    def scores(self) -> FloatArray:
        """Return Q_i' z_i, one row a subject, one part after another."""
        return np.concatenate(self.ask(_scores, self.at))


@dataclass(frozen=True)
class TermsOfParts(SubjectTerms):
    """What every subject adds to the covariance; parts keep the rows behind it.

    Attributes
    ----------
    ask : callable
    at : At
    bread : ndarray, shape (q, q)
    kind : str
    """

    subject: IntArray
    scores: FloatArray
    alone: FloatArray
    ask: Ask
    at: At
    bread: FloatArray
    kind: Kind

    def sums(self, work: Callable[..., T], *arguments: object) -> list[T]:
        """Return what some work makes of the terms of each part."""
        return self.ask(_of_terms, self.at, self.bread, self.kind, work, arguments)


def _added(parts: list[Any]) -> NormalEquations:
    cross, right, square = zip(*parts, strict=True)
    return NormalEquations(np.sum(cross, axis=0), np.sum(right, axis=0), float(sum(square)))


# What parts do with their rows.


def _totals(rows: RatingRows) -> FloatArray:
    model = rows.model
    assert isinstance(model, OneMean | CumulativeLogit)
    return model.totals()


def _start_factor(rows: RatingRows, average: float) -> FloatArray:
    model = rows.model
    assert isinstance(model, OneMean)
    return triangle_of(np.hstack([model.X, model.wanted(average)]))


def _here(rows: RatingRows, beta: FloatArray, basis: FloatArray | None) -> HereInRows | None:
    return (rows if basis is None else rows.within(basis, beta)).at(beta)


def _moments(
    rows: RatingRows, beta: FloatArray, basis: FloatArray | None, correlated: bool
) -> Moments | None:
    here = _here(rows if correlated else rows.independent(), beta, basis)
    if here is None:
        return None
    if correlated:
        return Moments(here.quasi_loglik, here.square, here.products(), None)
    return Moments(here.quasi_loglik, here.square, None, here.equations)


def _equations(rows: RatingRows, at: At) -> tuple[NormalEquations | None, float]:
    here = _here(rows, at.beta, at.basis)
    assert here is not None  # asked before, for its moments
    whitened, lowest = here.whitened_by(at.alpha, at.kept)
    return None if whitened is None else whitened.equations(), lowest


def _whitened(rows: RatingRows, at: At) -> WhitenedRows:
    here = _here(rows, at.beta, at.basis)
    assert here is not None
    whitened, _ = here.whitened_by(at.alpha, at.kept)
    assert whitened is not None
    return whitened


def _factor(rows: RatingRows, at: At, size: FloatArray) -> FloatArray:
    return _whitened(rows, at).factor(size)


def _scores(rows: RatingRows, at: At) -> FloatArray:
    return _whitened(rows, at).scores()


def _terms(
    rows: RatingRows, at: At, bread: FloatArray, kind: Kind
) -> tuple[FloatArray, FloatArray]:
    terms = _whitened(rows, at).terms(bread, kind)
    scores = np.empty_like(terms.scores)
    scores[terms.subject] = terms.scores
    return scores, terms.alone


def _of_terms(
    rows: RatingRows, at: At, bread: FloatArray, kind: Kind,
    work: Callable[..., T], arguments: tuple[object, ...],
) -> T:  # fmt: skip
    terms: TermsInMemory = _whitened(rows, at).terms(bread, kind)
    return work(terms, *arguments)
