"""Rows of a binary, ordinal, count or continuous outcome that is rated repeatedly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, check_choice, count_of
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.formulas import DesignSpec, OutcomeFormula, as_categories, complete_rows
from trdstats.kernels.gaussian.coordinates import centre
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.longitudinal.designs.by_visit import check_once, warn_of_changing_roles
from trdstats.longitudinal.designs.design import RowTotals
from trdstats.longitudinal.designs.outcome_table import count_undefined, outcome_table
from trdstats.longitudinal.designs.outcome_values import (
    FAMILIES,
    Family,
    read_outcome,
    unrated_categories,
)
from trdstats.longitudinal.designs.rating_weights import (
    VISIT_WEIGHT,
    attach_visit_weights,
    positive_weights,
)
from trdstats.longitudinal.designs.subject_weights import (
    COLUMN,
    Weighting,
    attach_weights,
    describe_weights,
)
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import Study
from trdstats.study.plausibility.plain_tables import warn_of_changes
from trdstats.study.study import better_of, caveat_of
from trdstats.study.visit_order import days_of, order_visits


@dataclass(frozen=True)
class OutcomeSums:
    """What checks need of the outcome of all ratings.

    Attributes
    ----------
    n : int
        Ratings.
    mean, variance : float
    lowest, highest : float
    """

    n: int
    mean: float
    variance: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, y: FloatArray) -> OutcomeSums:
        """Return those of some ratings."""
        return cls(len(y), float(y.mean()), float(np.var(y)), float(y.min()), float(y.max()))

    @property
    def mean_square(self) -> float:
        """Mean of the squares."""
        return self.variance + self.mean**2

    def __add__(self, other: OutcomeSums) -> OutcomeSums:
        n = self.n + other.n
        mean = (self.n * self.mean + other.n * other.mean) / n
        between = self.n * (self.mean - mean) ** 2 + other.n * (other.mean - mean) ** 2
        return OutcomeSums(
            n, mean, (self.n * self.variance + other.n * other.variance + between) / n,
            min(self.lowest, other.lowest), max(self.highest, other.highest),
        )  # fmt: skip


@dataclass(frozen=True)
class RatedDesign:
    """What a model says of the ratings that it analyses, wherever their rows stand.

    Attributes
    ----------
    family : {"binomial", "ordinal", "poisson", "gaussian"}
    outcome : str
        Name of the outcome.
    categories : tuple
        Categories of an ordinal outcome, the lowest first; empty for others.
    unrated_categories : tuple
        Declared categories of an ordinal outcome without an analysed rating.
    terms : list of str, length q
        All columns of the design, collinear ones too.
    spec : DesignSpec
        How a table becomes a design, for predictions.
    subjects : pandas.Index, length n
    visits : pandas.Index, length T
        Visits with a rating, in order.
    days_are_known : bool
        Whether the days of ratings are days, and not places.
    weighting : Weighting or None
        What the weights of subjects are, and the model behind them.
    totals : RowTotals
    left_out : dict of str to int
        Rows not analysed, by reason: without an outcome, rated but undefined, ...
    unrated : int
        Subjects of the study, or of the table, without any analysed row.
    definition : str
        Rule of the outcome in words, where it is a definition.
    visit : str
        Column of the visits.
    caveat : str
        What comparisons of the treatments must say; empty when randomised or not known.
    better : {"lower", "higher"} or None
    order_from_text : bool
        Whether the order of the visits was read from the numbers in their names.
    """

    family: Family
    outcome: str
    categories: tuple[Any, ...]
    unrated_categories: tuple[Any, ...]
    terms: list[str]
    spec: DesignSpec
    subjects: pd.Index[Any]
    visits: pd.Index[Any]
    days_are_known: bool
    weighting: Weighting | None
    totals: RowTotals
    left_out: dict[str, int]
    unrated: int
    definition: str
    visit: str
    caveat: str
    better: Literal["lower", "higher"] | None
    order_from_text: bool

    # A constrained analysis, in which treatments share one baseline, is for scores only.
    baseline: ClassVar[None] = None
    # Whether the rows themselves are at hand.
    in_memory: ClassVar[bool] = True

    @property
    def columns(self) -> Estimability:
        """Which columns of the design are independent, and its null space."""
        raise NotImplementedError

    @property
    def is_weighted(self) -> bool:
        """Whether ratings have weights."""
        raise NotImplementedError

    @property
    def sums(self) -> OutcomeSums:
        """What checks need of the outcome."""
        raise NotImplementedError

    @property
    def first_rows(self) -> pd.DataFrame:
        """The first analysed row of every subject, in the order of `subjects`."""
        raise NotImplementedError

    def mean_of_visits(self, in_days: bool) -> FloatArray:
        """Return for each visit the mean place, or day, of its ratings, shape (T,)."""
        raise NotImplementedError

    @property
    def with_one_day_twice(self) -> int:
        """Number of subjects with two ratings of one day."""
        raise NotImplementedError

    def rest(self, columns: IntArray) -> float:
        """Return the mean square of the residuals of least squares on some columns."""
        raise NotImplementedError

    def varying(self, columns: Sequence[str]) -> list[str]:
        """Return which columns change between the analysed rows of a subject."""
        raise NotImplementedError

    def rows_of(self, table: pd.DataFrame) -> FloatArray:
        """Return the rows of the design of other rows of the formula's columns, shape (m, q)."""
        return self.spec.rows(table)

    @property
    def category_notes(self) -> tuple[str, ...]:
        """What must be said of categories without a rating: nothing or one sentence."""
        names = self.unrated_categories
        if not names:
            return ()
        where = count_of(len(names), "category", "categories")
        return (
            f"No analysed rating in {where}: {', '.join(map(str, names))}. The cut points beside "
            + (
                "it cannot be estimated; nothing is said of its probability."
                if len(names) == 1
                else "them cannot be estimated; nothing is said of their probabilities."
            ),
        )

    @property
    def not_analysed(self) -> str:
        """Words on subjects without an analysed rating, in brackets; empty where there are none."""
        return f" ({self.unrated:,} others have no analysed rating)" if self.unrated else ""

    @property
    def n_obs(self) -> int:
        """Number of analysed ratings."""
        return self.totals.n


@dataclass(frozen=True)
class RatedOutcome(RatedDesign):
    """One row a rating, sorted by subject and, within subjects, by visit.

    Attributes
    ----------
    frame : pandas.DataFrame
        Analysed rows, with the columns of the formula; texts and visits are categories.
    y : ndarray, shape (N,)
        0 and 1; places of categories from 0; counts; or measurements.
    X : ndarray, shape (N, q)
        All columns of the design, collinear ones too.
    person : ndarray of int, shape (N,)
        Place of each row's subject in `subjects`; never falls.
    occasion : ndarray of int, shape (N,)
        Place of each row's visit in `visits`; rises within a subject.
    place : ndarray, shape (N,)
        Place of each row's visit among the planned ones: a visit without any rating is a step too.
    day : ndarray, shape (N,)
        Actual day of each rating where `time` names it, else the day its visit names, else
        `place`.
    weight : ndarray, shape (N,), or None
        Weight of each rating: that of the rating times that of the subject.
    """

    frame: pd.DataFrame
    y: FloatArray
    X: FloatArray
    person: IntArray
    occasion: IntArray
    place: FloatArray
    day: FloatArray
    weight: FloatArray | None

    @cached_property
    def columns(self) -> Estimability:
        """Which columns of the design are independent, and its null space."""
        return judge_rows(centre(self.X)[0]).of_design(self.X)

    @property
    def is_weighted(self) -> bool:
        """Whether ratings have weights."""
        return self.weight is not None

    @cached_property
    def sums(self) -> OutcomeSums:
        """What checks need of the outcome."""
        return OutcomeSums.of(self.y)

    @property
    def first_rows(self) -> pd.DataFrame:
        """The first analysed row of every subject."""
        first = np.flatnonzero(np.diff(self.person, prepend=-1))
        return self.frame.iloc[first].reset_index(drop=True)

    def mean_of_visits(self, in_days: bool) -> FloatArray:
        """Return for each visit the mean place, or day, of its ratings."""
        T = len(self.visits)
        values = self.day if in_days else self.place
        return np.bincount(self.occasion, values, T) / np.bincount(self.occasion, minlength=T)

    @property
    def with_one_day_twice(self) -> int:
        """Number of subjects with two ratings of one day."""
        return subjects_with_one_day_twice(self.person, self.day)

    def rest(self, columns: IntArray) -> float:
        """Return the mean square of the residuals of least squares on some columns."""
        X = self.X[:, columns]
        return float(np.mean((self.y - X @ np.linalg.lstsq(X, self.y)[0]) ** 2))

    def varying(self, columns: Sequence[str]) -> list[str]:
        """Return which columns change between the analysed rows of a subject."""
        return [c for c in columns if self.frame[c].groupby(self.person).nunique().max() > 1]


def read_rated_outcome(
    data: Any,
    formula: OutcomeFormula,
    *,
    family: Family,
    subject: str,
    visit: str,
    outcome: Definition | None = None,
    days: Sequence[float] | None = None,
    rating_weights: str | None = None,
    weights: WeightsLike | None = None,
    visit_weights: pd.DataFrame | None = None,
    time: str | None = None,
    keep: Sequence[str] = (),
) -> RatedOutcome:
    """Return the rows of an outcome that is rated repeatedly.

    Parameters
    ----------
    data : Study or DataFrame
        One row a subject and visit. Of a study the scheduled visits after baseline.
    formula : OutcomeFormula
        Its left side is a column, or the name to be given to the state of `outcome`.
    family : {"binomial", "ordinal", "poisson", "gaussian"}
    subject, visit : str
        Columns.
    outcome : Definition, optional
        Its state at every visit is the outcome; needs a study.
    days : sequence of float, optional
        Scheduled days to keep; needs a study.
    rating_weights : str, optional
        Column of weights of the ratings; rows of weight 0 are left out and counted.
    weights : str, Series, DataFrame or result, optional
        Weights of subjects, as in `MMRM.fit`.
    visit_weights : pandas.DataFrame, optional
        subject, visit, weight: a weight for every rating, as those of being observed.
    time : str, optional
        Column with the actual day of each rating.
    keep : sequence of str
        Other columns that the frame shall have.

    Raises
    ------
    DataError, SpecError, UnknownNameError
        When the table, the formula or the weights are not usable.
    NotEstimableError
        When no row is left to analyse.
    """
    check_choice("family", family, FAMILIES)
    name = str(formula.lhs[0])
    table, undefined = outcome_table(data, name, outcome, days)
    n_subjects = table[subject].nunique() if subject in table else 0
    if isinstance(data, Study):
        n_subjects = len(data.subjects)
    needed = sorted({str(v) for v in formula.required_variables})
    order = order_visits(table[visit], visit) if visit in table else None
    if order is not None:
        table = table.assign(**{visit: pd.Categorical(table[visit], categories=order.levels)})
    left_out = count_undefined(undefined)
    if rating_weights is not None:
        table, without = positive_weights(table, rating_weights)
        left_out |= without
    if weights is not None:
        table, without = attach_weights(table, subject, weights)
        left_out = summed(left_out, without)
    if visit_weights is not None:
        table = attach_visit_weights(table, visit_weights, subject, visit, name)
    roles = [subject, visit, *(c for c in (rating_weights, time, *keep) if c)]
    roles += [COLUMN] if weights is not None else []
    roles += [VISIT_WEIGHT] if visit_weights is not None else []
    frame, missing = complete_rows(table, formula, roles, needed)
    warn_of_changes(table, name, [visit])
    left_out = summed(missing, left_out)
    y, categories = read_outcome(frame, formula, family)
    uses = formula.rhs.columns()
    factors = [visit, *sorted({str(v) for v in formula.rhs.required_variables})]
    frame = as_categories(frame, factors, visit, uses=uses)
    person, subjects = pd.factorize(frame[subject], sort=True)
    occasion = frame[visit].cat.codes.to_numpy().astype(np.intp)
    visits = frame[visit].cat.categories
    check_once(frame, subject, visit, np.asarray(person, dtype=np.intp), occasion, len(visits))
    warn_of_changing_roles(frame, subject, np.asarray(person, dtype=np.intp))
    sort = np.lexsort((occasion, person))
    frame = frame.iloc[sort].reset_index(drop=True)
    person, occasion = np.asarray(person, dtype=np.intp)[sort], occasion[sort]
    X, terms, spec = design_of_rows(frame, formula)
    place = np.arange(len(visits), dtype=float)
    if order is not None:
        place = np.asarray(order.levels.get_indexer(visits), dtype=float)
    weight = None if rating_weights is None else frame[rating_weights].to_numpy(dtype=float)
    weighting = None
    if weights is not None:
        of_subject = frame[COLUMN].to_numpy(dtype=float)
        weight = of_subject if weight is None else weight * of_subject
        weighting = describe_weights(frame, subject, subjects, weights)
    if visit_weights is not None:
        of_visit = frame[VISIT_WEIGHT].to_numpy(dtype=float)
        weight = of_visit if weight is None else weight * of_visit
    return RatedOutcome(
        frame=frame, family=family, outcome=name, y=y[sort], categories=categories,
        unrated_categories=unrated_categories(frame[name], categories) if categories else (), X=X,
        terms=terms, spec=spec, subjects=pd.Index(subjects),
        person=person, visits=visits, occasion=occasion, place=place[occasion],
        day=days_of_rows(frame, visits, place, occasion, time),
        days_are_known=time is not None or not np.isnan(days_of(visits)).any(),
        weight=weight, weighting=weighting,
        totals=RowTotals.of(frame, [str(v) for v in spec.required_variables]),
        left_out=left_out, unrated=int(n_subjects) - len(subjects),
        definition="" if outcome is None else outcome.describe(data.scale), visit=visit,
        caveat=caveat_under(caveat_of(data), weights), better=better_of(data, name),
        order_from_text=order is not None and order.from_text,
    )  # fmt: skip


def subjects_with_one_day_twice(person: IntArray, day: FloatArray) -> int:
    """Return the number of subjects with two ratings of one day, of rows by subject and visit."""
    same = (np.diff(day) == 0) & (np.diff(person) == 0)
    return len(np.unique(person[1:][same]))


def design_of_rows(
    frame: pd.DataFrame, formula: OutcomeFormula
) -> tuple[FloatArray, list[str], DesignSpec]:
    """Return the design of rows, its columns, and how a table becomes one.

    Raises
    ------
    SpecError
        When a value is not a finite number.
    """
    X, spec = formula.rhs.design(frame)
    if not np.isfinite(X).all():
        raise SpecError("The formula gives values that are not finite numbers.")
    return X, list(spec.column_names), spec


def summed(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Return counts by reason of two tables, or two steps, together."""
    return {k: one.get(k, 0) + other.get(k, 0) for k in {**one, **other}}


def days_of_rows(
    frame: pd.DataFrame,
    visits: pd.Index[Any],
    place: FloatArray,
    occasion: IntArray,
    time: str | None,
) -> FloatArray:
    """Return the day of every rating."""
    if time is None:
        nominal = days_of(visits)
        return (place if np.isnan(nominal).any() else nominal)[occasion]
    actual = pd.to_numeric(frame[time], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(actual).all():
        raise SpecError(f"time={time!r} must hold numbers.")
    return actual
