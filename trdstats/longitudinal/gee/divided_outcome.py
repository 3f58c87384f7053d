"""Ratings that stand in partitions: what a model knows of them, and what it asks of them.

A partition keeps the design of its rows. What is gathered is one row a subject, or sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import TooLargeError, TrdstatsError
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.kernels.gee.batches import Batches
from trdstats.kernels.gee.means import mean_model
from trdstats.kernels.gee.parts import RatingParts
from trdstats.kernels.gee.ratings import RatingRows, triangle_of
from trdstats.kernels.gee.working import Structure, classify
from trdstats.longitudinal.designs.outcome_values import Family
from trdstats.longitudinal.designs.rated_outcome import OutcomeSums, RatedDesign
from trdstats.partitions import Kept


class RowsNeededError(Exception):
    """Rows of all subjects are needed at once, and why: sums of partitions do not answer.

    Attributes
    ----------
    of_part : TrdstatsError or None
        What a part refused.
    """

    def __init__(self, why: str, of_part: TrdstatsError | None = None) -> None:
        super().__init__(why)
        self.of_part = of_part


@dataclass(frozen=True)
class PartOfRatings:
    """The rows of a partition, as its workers keep them.

    Attributes
    ----------
    X : ndarray, shape (N, q)
        All columns of the design.
    y : ndarray, shape (N,)
    weight : ndarray, shape (N,), or None
    batches : Batches
    """

    X: FloatArray
    y: FloatArray
    weight: FloatArray | None
    batches: Batches


@dataclass(frozen=True)
class Asked:
    """The equations that parts are asked of.

    Attributes
    ----------
    family : str
    link : str
    n_categories : int
    kept : ndarray of int
        Columns of the design that have a coefficient.
    structure : str
        Of the working correlation.
    classes : ndarray, shape (K,)
        Classes of pairs of all parts.
    n_visits : int
    """

    family: Family
    link: str
    n_categories: int
    kept: IntArray
    structure: Structure
    classes: FloatArray
    n_visits: int

    def rows(self, part: PartOfRatings) -> RatingRows:
        """Return the ratings of a part."""
        weight = np.ones(len(part.y)) if part.weight is None else part.weight
        X = part.X[:, self.kept]
        model = mean_model(self.family, X, part.y, weight, self.link, self.n_categories)
        pairs = classify(self.structure, part.batches, weight, self.n_visits, self.classes)
        return RatingRows(model, weight, pairs)


@dataclass(frozen=True)
class AskParts:
    """Asks every part for what some work makes of its ratings.

    Attributes
    ----------
    parts : Kept
    asked : Asked
    """

    parts: Kept
    asked: Asked

    def __call__(self, work: Callable[..., Any], *arguments: object) -> list[Any]:
        """Return the answers of all parts, in order."""
        return self.parts.ask(_answer, self.asked, work, arguments)


def _answer(
    laid_out: Any, asked: Asked, work: Callable[..., Any], arguments: tuple[object, ...]
) -> Any:
    return work(asked.rows(laid_out.part), *arguments)


@dataclass(frozen=True)
class RowsOfParts:
    """What the rows of all parts come to.

    Attributes
    ----------
    sums : OutcomeSums
    factor : ndarray, shape (q + 2, q + 2)
        R of the orthogonal decomposition of 1, the columns of the design and the outcome.
    lowest, highest : ndarray, shape (q,)
        Of the columns of the design.
    weight_sum : float
    is_weighted : bool
    first_rows : pandas.DataFrame
        Of the subjects, in their order.
    in_study : ndarray of int, shape (n,)
        Place of each of them among the subjects of the study.
    subject : ndarray of int, shape (n,)
        Place among them of each subject of the parts, one part after another.
    varying : frozenset of str
        Columns that change within a subject.
    place, day : ndarray, shape (T,)
        Means by visit.
    with_one_day_twice : int
    classes, count : ndarray, shape (K,)
        Classes of pairs, and sums of the weights of the pairs.
    """

    sums: OutcomeSums
    factor: FloatArray
    lowest: FloatArray
    highest: FloatArray
    weight_sum: float
    is_weighted: bool
    first_rows: pd.DataFrame
    in_study: IntArray
    subject: IntArray
    varying: frozenset[str]
    place: FloatArray
    day: FloatArray
    with_one_day_twice: int
    classes: FloatArray
    count: FloatArray

    @property
    def of_columns(self) -> FloatArray:
        """R of the columns of the design alone, up to an orthogonal matrix."""
        return self.factor[:, 1:-1]

    @property
    def of_centred(self) -> FloatArray:
        """The same of columns less their means where one of them is constant, as `centre` has."""
        same = self.lowest == self.highest
        constant = np.flatnonzero(same & (self.lowest != 0))
        if not len(constant):
            return self.of_columns
        rest = np.where(same, 0.0, self.factor[1:, 1:-1])
        one = np.zeros((1, rest.shape[1]))
        one[0, constant[0]] = self.lowest[constant[0]] * np.sqrt(self.sums.n)
        return np.concatenate([one, rest])


@dataclass(frozen=True)
class DividedOutcome(RatedDesign):
    """Analysed ratings in partitions.

    Attributes
    ----------
    parts : Kept
        `LaidOut`, kept where the partitions are.
    rows : RowsOfParts
        What they come to.
    structure : str
        The working correlation that the rows were laid out for.
    """

    parts: Kept
    rows: RowsOfParts
    structure: Structure

    in_memory: ClassVar[bool] = False

    @cached_property
    def columns(self) -> Estimability:
        """Which columns of the design are independent, and its null space."""
        return judge_rows(self.rows.of_centred).of_design(self.rows.of_columns)

    @property
    def is_weighted(self) -> bool:
        """Whether ratings have weights."""
        return self.rows.is_weighted

    @property
    def sums(self) -> OutcomeSums:
        """What checks need of the outcome."""
        return self.rows.sums

    @property
    def first_rows(self) -> pd.DataFrame:
        """The first analysed row of every subject."""
        return self.rows.first_rows

    def mean_of_visits(self, in_days: bool) -> FloatArray:
        """Return for each visit the mean place, or day, of its ratings."""
        return self.rows.day if in_days else self.rows.place

    @property
    def with_one_day_twice(self) -> int:
        """Number of subjects with two ratings of one day."""
        return self.rows.with_one_day_twice

    def rest(self, columns: IntArray) -> float:
        """Return the mean square of the residuals of least squares on some columns."""
        chosen = np.append(columns + 1, len(self.rows.factor) - 1)
        R = triangle_of(self.rows.factor[:, chosen])
        return float(R[-1, -1] ** 2 / self.n_obs)

    def varying(self, columns: Sequence[str]) -> list[str]:
        """Return which columns change between the analysed rows of a subject."""
        return [c for c in columns if c in self.rows.varying]

    def ratings(self, kept: IntArray, link: str, structure: Structure) -> RatingParts:
        """Return the ratings, of which sums may be asked.

        Parameters
        ----------
        kept : ndarray of int
            Columns of the design that have a coefficient.
        link : str
        structure : str
        """
        k = max(len(self.categories) - 1, 1)
        rows, n_visits = self.rows, len(self.visits)
        asked = Asked(
            self.family, link, len(self.categories), kept, self.structure, rows.classes, n_visits
        )
        return RatingParts(
            ask=AskParts(self.parts, asked), n_values=rows.sums.n * k,
            weight_sum=rows.weight_sum * k, subject=rows.subject, n_slopes=len(kept),
            ordinal=self.family == "ordinal", classes=rows.classes, count=rows.count,
            n_visits=n_visits, structure=structure,
        )  # fmt: skip

    def _refuse(self, what: str) -> NoReturn:
        raise TooLargeError(
            f"{what} of {self.n_obs:,} ratings are not in memory: the model was fitted to sums of "
            "partitions of a DividedStudy. For what needs them fit it to study.in_memory(); where "
            "memory has no room for all visits, to study.keep(...).in_memory() of fewer subjects."
        )

    @property
    def frame(self) -> pd.DataFrame:
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The rows (design.frame)")

    @property
    def X(self) -> FloatArray:  # noqa: N802 - as rows in memory have it
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The rows of the design (design.X)")

    @property
    def y(self) -> FloatArray:
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The outcomes (design.y)")

    @property
    def person(self) -> IntArray:
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The subjects (design.person)")

    @property
    def occasion(self) -> IntArray:
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The visits (design.occasion)")

    @property
    def day(self) -> FloatArray:
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The days (design.day)")

    @property
    def weight(self) -> FloatArray:
        """Refuse: rows stay in their partitions.

        Raises
        ------
        TooLargeError
        """
        self._refuse("The weights (design.weight)")
