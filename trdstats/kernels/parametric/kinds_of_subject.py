"""Subjects who are alike, as one row of a likelihood with the sum of their weights.

Patients of a trial are seen on the same days: those with the same interval between visits and the
same covariates have the same likelihood at every value of the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.numerics.distinct import equal_rows
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kernels.parametric.mixed_times import MixedTimes

KnownTimes = CensoredTimes | MixedTimes


@dataclass(frozen=True, slots=True)
class Rows:
    """What a likelihood is a sum over.

    Attributes
    ----------
    times : CensoredTimes or MixedTimes
    weight : ndarray, shape (m,)
        Sum of the weights of the subjects that a row stands for.
    unit : float
        Mean weight of a subject.
    first : ndarray of int, shape (m,), or None
        A subject of each row; None where rows are subjects, in their order.
    place : ndarray of int, shape (n,), or None
        Row of each subject.
    """

    times: KnownTimes
    weight: FloatArray
    unit: float
    first: IntArray | None = None
    place: IntArray | None = None

    @classmethod
    def of(cls, times: KnownTimes, designs: Sequence[FloatArray], weight: FloatArray) -> Rows:
        """Return one row a kind of subject, or a subject where few are alike.

        Rows of one kind of censoring stand together: none is looked up while a search goes on.

        Parameters
        ----------
        times : CensoredTimes or MixedTimes
            Of n subjects. Those whose origin is not dated are not looked at.
        designs : sequence of ndarray, each of shape (n, q)
            As they were given: what is computed from them may differ by rounding in equal rows.
        weight : ndarray, shape (n,)
        """
        unit = float(weight.mean())
        if not isinstance(times, CensoredTimes):
            return cls(times, weight, unit)
        covariates = [column for X in designs for column in X.T[::-1]]
        ends = (times.log_left, times.log_right, times.log_entry)
        kinds = equal_rows([*covariates, *ends], len(weight))
        first, place = (np.arange(len(weight)),) * 2 if kinds is None else kinds
        order = np.argsort(times.kind()[first], kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        first, place = first[order], rank[place]
        return cls(times.take(first), grouped_sums(place, weight, len(first)), unit, first, place)

    def design(self, X: FloatArray) -> FloatArray:
        """Return the rows of a design of subjects, shapes (n, q) and (m, q)."""
        return X if self.first is None else X[self.first]

    def of_subjects(self, values: FloatArray) -> FloatArray:
        """Return a value of each row, shape (m, ...), for each subject, shape (n, ...)."""
        return values if self.place is None else values[self.place]
