"""Weights of subjects: given as a column, a series or a frame, or estimated by a model.

Estimated weights bring the influence of every subject on their model. An estimate that uses them
then depends on a subject twice: directly, and through the weights of all. Stacking adds the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.aliases import FrameLike, SubjectsLike
from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from trdstats.columns import of_subjects
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of, unknown_name
from trdstats.frames import to_pandas
from trdstats.kernels.numerics.stacking import WeightModel, leaving_out, stack
from trdstats.study.caveats import Caveat

_ALONE = 1e12  # times all other weights, beside which they are rounding
_MOST = 1e60  # of a weight, and its inverse: powers of four stay finite


@dataclass(frozen=True)
class Observation:
    """What had to be observed for a subject to have a weight: censoring weights stand for the rest.

    Attributes
    ----------
    outcome : str
        The outcome in words.
    day : float or None
        Scheduled day; None for a column of the subjects.
    observed, absent : ndarray of object
        Subjects with and without it.
    """

    outcome: str
    day: float | None
    observed: npt.NDArray[np.object_]
    absent: npt.NDArray[np.object_]


@dataclass(frozen=True)
class EstimatedWeights:
    """Weights of subjects with the model they were estimated by.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, weight; one row for every subject of the model, those of weight 0 too.
    log_derivative : ndarray, shape (n, p)
        Derivative of the logarithm of each weight with respect to the parameters of the model;
        0 where a weight is constant.
    influence : ndarray, shape (n, p)
        Influence of each subject on the parameters; its cross-product is their robust covariance.
    label : str
        What the weights are, in words: "overlap weights from msm + age".
    group : ndarray of int, shape (n,), optional
        Treatment of each subject, for errors that are right in small samples too (`leaving_out`).
        Without it influences and errors are those of first order.
    adjusts : bool, default False
        Whether the weights make treatments alike in covariates.
    observations : tuple of Observation
        What the weights make up for; an estimate must be of the same outcomes.
    """

    frame: pd.DataFrame
    log_derivative: FloatArray
    influence: FloatArray
    label: str
    group: IntArray | None = None
    adjusts: bool = False
    observations: tuple[Observation, ...] = ()

    def first_order(self) -> EstimatedWeights:
        """Return the same weights with errors of first order: the sandwich of all equations."""
        return replace(self, group=None)

    def among(self, subjects: SubjectsLike) -> WeightsAmong:
        """Return the model on the rows of some subjects."""
        known = pd.Index(self.frame["subject"])
        place = known.get_indexer(pd.Index(subjects))
        is_there = place >= 0
        others = np.ones(len(known), dtype=bool)
        others[place[place >= 0]] = False
        log_derivative, influence = (
            np.where(is_there[:, None], m[place], 0.0)
            for m in (self.log_derivative, self.influence)
        )
        factor = np.ones(len(place))
        if self.group is not None:
            weight = np.where(is_there, self.frame["weight"].to_numpy(dtype=float)[place], 0.0)
            factor = leaving_out(weight, log_derivative, influence, self.group[place])
        return WeightsAmong(
            log_derivative,
            influence,
            factor,
            self.influence[others],
            known[others].to_numpy(dtype=object),
            self.label,
        )


@dataclass(frozen=True)
class WeightsAmong:
    """A model of weights, laid on the subjects of an estimate.

    Attributes
    ----------
    log_derivative, influence : ndarray, shape (n, p)
        Of the subjects of the estimate; 0 for those the model does not know.
    correction : ndarray, shape (n,)
        Factor of their direct influences.
    others : ndarray, shape (m, p)
        Influence of the subjects of the model that the estimate does not use.
    other_subjects : ndarray of object, shape (m,)
    label : str
    """

    log_derivative: FloatArray
    influence: FloatArray
    correction: FloatArray
    others: FloatArray
    other_subjects: ObjectArray
    label: str

    def stacked_influence(self, direct: FloatArray) -> FloatArray:
        """Return influences that know of the model, those of the others below: (n + m, k)."""
        return stack(direct, self.log_derivative, self.influence, self.correction, self.others)

    def of(self, rows: IntArray | BoolArray | slice) -> WeightModel:
        """Return what kernels see of some of the subjects."""
        cross_product = self.influence.T @ self.influence + self.others.T @ self.others
        return WeightModel(
            self.log_derivative[rows], self.influence[rows], self.correction[rows], cross_product
        )


class BringsWeights(Protocol):
    """A result that estimated weights, such as that of `PropensityWeights`."""

    @property
    def subject_weights(self) -> EstimatedWeights:
        """Weights of subjects with their model."""


# A column, a series indexed by subject, a frame of subject and weight, or what estimated them.
WeightsLike: TypeAlias = "str | pd.Series[Any] | FrameLike | EstimatedWeights | BringsWeights"


def check_cap(cap: float | None) -> None:
    """Refuse a quantile at which weights cannot be cut; None cuts none.

    Raises
    ------
    SpecError
    """
    if cap is not None and not 0.5 <= cap < 1:
        raise SpecError(f"cap must be a quantile from 0.5 to below 1, such as 0.99; got {cap!r}.")


def read_weights(frame: pd.DataFrame, weights: WeightsLike) -> FloatArray:
    """Return the weight of every row of a table with one row a subject.

    Parameters
    ----------
    frame : pandas.DataFrame
        Has a column subject.
    weights : str, Series, DataFrame or EstimatedWeights
        A column of `frame`; a series whose index holds the subjects; or a frame with the columns
        subject and weight. Subjects it does not name have no weight. A result with a property
        `subject_weights`, such as that of `PropensityWeights`, stands for that property.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    UnknownNameError
        When there is no such column.
    SpecError
        When it is none of these.
    DataError
        When a weight is missing, negative or infinite, a subject has two, the largest is beyond
        what can be squared, or one hides all others.
    NotEstimableError
        When all weights are 0.
    """
    values = _values(frame, weights)
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        subjects = frame["subject"].to_numpy(dtype=object)
        raise DataError(
            [
                Problem(
                    "bad_weight",
                    count_of(int(bad.sum()), "subject has", "subjects have")
                    + " a weight that is missing, negative or infinite.",
                    tuple(str(subjects[i]) for i in np.flatnonzero(bad)),
                    "Give every subject with follow-up a weight; 0 leaves it out.",
                )
            ]
        )
    if not values.any():
        raise NotEstimableError("All weights are 0: no subject takes part.")
    largest = float(values.max())
    rest = float(np.sort(values)[:-1].sum())
    if 0 < rest < largest / _ALONE:
        name = frame["subject"].to_numpy(dtype=object)[values.argmax()]
        raise DataError(
            [
                Problem(
                    "one_weight",
                    f"The weight of {name} is more than {_ALONE:.0e} times all others together.",
                    (),
                    "Look at how it came about, or leave the subject out (weight 0).",
                )
            ]
        )
    if not 1 / _MOST <= largest <= _MOST:
        raise DataError(
            [
                Problem(
                    "size_of_weights",
                    f"The largest weight is {largest:.1e}: squares of such weights are lost.",
                    (),
                    "Divide all weights by their mean; only their ratios matter.",
                )
            ]
        )
    return values


def weight_model(weights: Any) -> EstimatedWeights | None:
    """Return estimated weights with their model; None when the weights are taken as known."""
    model = getattr(weights, "subject_weights", weights)
    return model if isinstance(model, EstimatedWeights) else None


def check_observed(
    weights: Any, subjects: Any, has_outcome: BoolArray, *, day: float | None
) -> None:
    """Raise `SpecError` unless censoring weights were made for the outcomes they are given to.

    Parameters
    ----------
    weights : EstimatedWeights, result, or anything else
    subjects : array-like of object, shape (n,)
    has_outcome : ndarray of bool, shape (n,)
        Whose outcome the estimate counts.
    day : float or None
        Scheduled day of the outcome.
    """
    model = weight_model(weights)
    for seen in () if model is None else model.observations:
        if day is not None and seen.day is not None and day != seen.day:
            raise SpecError(
                f"The weights stand for those without an outcome at day {seen.day:g}; this outcome "
                f"is of day {day:g}. Fit CensoringWeights with day={day:g}."
            )
        names = pd.Index(subjects)
        filled = int((has_outcome & names.isin(seen.absent)).sum())
        if filled:
            raise SpecError(
                f"The weights already stand for those without {seen.outcome}; here "
                f"{count_of(filled, 'of them has', 'of them have')} an outcome all the same. Say "
                "missing='observed', which leaves them to the weights, or fit CensoringWeights "
                "for this outcome."
            )
        left = int((~has_outcome & names.isin(seen.observed)).sum())
        if left:
            raise SpecError(
                f"The weights count on {count_of(left, 'subject', 'subjects')} with "
                f"{seen.outcome} who {'has' if left == 1 else 'have'} no outcome here: they were "
                "made for another outcome. Fit CensoringWeights for this one."
            )


def caveat_under(caveat: str, weights: Any) -> str:
    """Return what comparisons must say when subjects have weights.

    Parameters
    ----------
    caveat : str
        What they must say without.
    weights : EstimatedWeights, result, or anything else
        Only weights that are known to adjust change it.
    """
    model = weight_model(weights)
    if model is None or not model.adjusts:
        return caveat
    return Caveat.read(caveat).under_adjusting_weights()


def _values(frame: pd.DataFrame, weights: Any) -> FloatArray:
    weights = getattr(weights, "subject_weights", weights)
    if isinstance(weights, EstimatedWeights):
        weights = weights.frame
    if isinstance(weights, str):
        if weights not in frame.columns:
            raise unknown_name("column", weights, frame.columns)
        return pd.to_numeric(frame[weights], errors="coerce").to_numpy(dtype=float)
    if isinstance(weights, pd.Series):
        given = weights
    elif hasattr(weights, "columns"):
        table = to_pandas(weights, what="weights")
        for name in ("subject", "weight"):
            if name not in table.columns:
                raise unknown_name("column of the weights", name, table.columns)
        given = table.set_index("subject")["weight"]
    else:
        raise SpecError(
            "weights must be a column name, a series indexed by subject, or a frame with the "
            f"columns subject and weight; got {type(weights).__name__}."
        )
    twice = given.index[given.index.duplicated()]
    if len(twice):
        raise DataError(
            [
                Problem(
                    "duplicate_weight",
                    count_of(len(set(twice)), "subject has", "subjects have") + " two weights.",
                    tuple(str(s) for s in dict.fromkeys(twice)),
                    "Keep one weight a subject.",
                )
            ]
        )
    of_subject = of_subjects(given, frame["subject"])
    return pd.to_numeric(of_subject, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def effective_size(weights: Sequence[FloatArray]) -> float:
    """Return the effective sample size of groups: the sum of (sum w)^2 / sum w^2."""
    return float(sum(w.sum() ** 2 / (w**2).sum() for w in weights if w.any()))


def weights_in_words(size: float, model: WeightsAmong | None) -> str:
    """Say what weights are, their effective sample size and what standard errors include."""
    effective = f"effective sample size {size:,.1f}"
    if model is None:
        return f"{effective}; taken as known"
    return f"{model.label}; {effective}; standard errors include their estimation"


def multiply_weights(
    first: EstimatedWeights | BringsWeights, second: EstimatedWeights | BringsWeights
) -> EstimatedWeights:
    """Return the products of two kinds of weights with both their models.

    Parameters
    ----------
    first, second : EstimatedWeights, or a result with `subject_weights`
        Such as weights of treatment and of being observed; subjects of both have a product.

    Raises
    ------
    SpecError
        When one of them brings no model, or no subject has both.
    """
    one, other = weight_model(first), weight_model(second)
    if one is None or other is None:
        raise SpecError(
            "Products need weights with their models: results such as those of "
            "PropensityWeights and CensoringWeights."
        )
    names = one.frame["subject"][one.frame["subject"].isin(other.frame["subject"])]
    if not len(names):
        raise SpecError("No subject has both weights.")
    parts = [m.among(names) for m in (one, other)]
    weight = np.ones(len(names))
    for model in (one, other):
        known = pd.Index(model.frame["subject"]).get_indexer(pd.Index(names))
        weight = weight * model.frame["weight"].to_numpy(dtype=float)[known]
    frame = pd.DataFrame({"subject": names.to_numpy(), "weight": weight})
    return EstimatedWeights(
        frame,
        np.hstack([p.log_derivative for p in parts]),
        np.hstack([p.influence for p in parts]),
        f"{one.label} times {other.label}",
        _pairs(*(_group_of(m, names) for m in (one, other))),
        one.adjusts or other.adjusts,
        one.observations + other.observations,
    )


def _group_of(model: EstimatedWeights, names: Any) -> IntArray | None:
    if model.group is None:
        return None
    place = pd.Index(model.frame["subject"]).get_indexer(pd.Index(names))
    return np.asarray(model.group[place])


def _pairs(one: IntArray | None, other: IntArray | None) -> IntArray | None:
    """Return groups of subjects that share both groups."""
    if one is None or other is None:
        return one if other is None else other
    pairs = np.column_stack([one, other])
    return np.unique(pairs, axis=0, return_inverse=True)[1].ravel().astype(np.intp)
