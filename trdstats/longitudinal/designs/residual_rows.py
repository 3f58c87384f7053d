"""Ratings of subjects by visit, for residuals that are correlated within a subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.gaussian.covariance import Shape
from trdstats.longitudinal.designs.by_visit import check_once, days_by_schedule
from trdstats.study.visit_order import order_visits


@dataclass(frozen=True)
class ResidualRows:
    """Which visit of which subject each rating is, and the covariance of the residuals.

    Attributes
    ----------
    structure : callable
        Parameters to covariance matrices, one a schedule.
    size : int
        Number of parameters.
    start : ndarray, shape (size,)
        Starting values of residuals with variance 1.
    names : list of str
        Names of the parameters.
    visits : pandas.Index
        Visits in order.
    group, occasion : ndarray of int, shape (n_rows,)
        Subject and visit of each rating.
    days : ndarray, shape (K, T)
        Days of the visits, one row a schedule.
    schedule : ndarray of int, shape (n,)
        Schedule of each subject.
    boundary : callable
        Parameters to those at their boundary, each with a sentence.
    """

    structure: Callable[[FloatArray], Shape]
    size: int
    start: FloatArray
    names: list[str]
    visits: pd.Index[Any]
    group: IntArray
    occasion: IntArray
    days: FloatArray
    schedule: IntArray
    boundary: Callable[[FloatArray], dict[int, str]]

    def at_boundary(self, theta: FloatArray) -> dict[int, str]:
        """Return which of all parameters of a model lie at the boundary of these, in words.

        Parameters
        ----------
        theta : ndarray
            Parameters of the model, those of the residuals last.
        """
        before = len(theta) - self.size
        return {before + k: words for k, words in self.boundary(theta[before:]).items()}


@dataclass(frozen=True)
class VisitRows:
    """Ratings by subject and visit.

    Attributes
    ----------
    visits, planned : pandas.Index
        Assessed visits, and all that the table names, in order.
    occasion : ndarray of int, shape (n_rows,)
    days : ndarray, shape (K, T)
    schedule : ndarray of int, shape (n,)
    """

    visits: pd.Index[Any]
    planned: pd.Index[Any]
    occasion: IntArray
    days: FloatArray
    schedule: IntArray


def lay_out_visits(
    frame: pd.DataFrame, subject: str, group: IntArray, visit: str, time: str | None
) -> VisitRows:
    """Find the visit of every rating.

    Parameters
    ----------
    frame : pandas.DataFrame
    subject : str
        Column of the subjects.
    group : ndarray of int, shape (n_rows,)
        Subject of each row.
    visit : str
        Column of the visits.
    time : str, optional
        Column of the actual days.

    Raises
    ------
    DataError, SpecError
        When a subject has two rows at a visit, or visits have no order.
    """
    order = order_visits(frame[visit], visit)
    column = pd.Series(pd.Categorical(frame[visit], categories=order.levels))
    planned = column.cat.categories
    column = column.cat.remove_unused_categories()
    visits = column.cat.categories
    occasion = column.cat.codes.to_numpy().astype(np.intp)
    check_once(frame, subject, visit, group, occasion, len(visits))
    rated = np.zeros((int(group.max()) + 1, len(visits)), dtype=bool)
    rated[group, occasion] = True
    days, schedule = days_by_schedule(frame, visits, time, group, occasion, rated)
    return VisitRows(visits, pd.Index(planned), occasion, days, schedule)
