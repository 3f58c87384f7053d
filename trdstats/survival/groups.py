"""Event times split into the groups that an estimator compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from trdstats.errors import NotEstimableError, unknown_name
from trdstats.estimates.weights import (
    WeightsAmong,
    WeightsLike,
    effective_size,
    read_weights,
    weight_model,
    weights_in_words,
)
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.numerics.stacking import WeightModel
from trdstats.kernels.risk_sets.follow_up import FollowUp
from trdstats.kinds import as_labels
from trdstats.outcomes import Episodes, EventTimes
from trdstats.outcomes.switching import notes_on
from trdstats.tables import caveat_notes, format_count


@dataclass(frozen=True, slots=True)
class Group:
    """The subjects of one group that have follow-up.

    Attributes
    ----------
    label : str
    row : ndarray of int, shape (n,)
        Position among all subjects with follow-up.
    time : ndarray, shape (n,)
    status : ndarray of int, shape (n,)
    left, right : ndarray, shape (n,)
        Last day without the event, and first day with it; infinite where it was never assessed.
    entry : ndarray, shape (n,)
        Day from which the subject is under observation.
    weight : ndarray, shape (n,)
    """

    label: str
    row: IntArray
    time: FloatArray
    status: IntArray
    left: FloatArray
    right: FloatArray
    entry: FloatArray
    weight: FloatArray

    @property
    def follow_up(self) -> FollowUp:
        """What right-censored kernels see."""
        return FollowUp(self.time, self.status, self.entry, self.weight)


@dataclass(frozen=True, slots=True)
class Sample:
    """What an estimator sees of event times.

    Attributes
    ----------
    groups : tuple of Group
        In the order of the categories; groups without follow-up are kept out and named.
    subjects : Any
        Identifiers of all subjects with follow-up, once each.
    owner : ndarray of int, shape (n_rows,)
        Position in `subjects` of whom each row with follow-up belongs to: of event times one row
        a subject, of episodes several.
    n_unseen : int
        Subjects censored at time 0: not observed after the origin.
    n_at_risk_at_origin_only : int
        Those of them who are in the risk set of events at time 0.
    n_ungrouped : int
        Subjects with follow-up whose group is missing; they take no part.
    empty : tuple of str
        Groups in which no subject has follow-up.
    weighted : bool
        Whether subjects have weights.
    model : WeightsAmong or None
        The model by which the weights were estimated.
    """

    groups: tuple[Group, ...]
    subjects: Any
    owner: IntArray
    n_unseen: int
    n_ungrouped: int
    empty: tuple[str, ...]
    weighted: bool = False
    model: WeightsAmong | None = None
    n_at_risk_at_origin_only: int = 0

    @property
    def n(self) -> int:
        """Number of subjects with follow-up."""
        if len(self.owner) == len(self.subjects):  # one row a subject
            return sum(len(g.row) for g in self.groups)
        return sum(len(np.unique(self.owner[g.row])) for g in self.groups)

    def events(self, status: int = 1) -> int:
        """Return the number of events of a cause."""
        return sum(int((g.status == status).sum()) for g in self.groups)

    def keep(self, kept: BoolArray) -> Sample:
        """Return the sample of some of the subjects with follow-up."""
        parts = []
        for g in self.groups:
            kept_here = kept[g.row]
            values = [getattr(g, f.name)[kept_here] for f in fields(g) if f.name != "label"]
            if kept_here.any():
                parts.append(Group(g.label, *values))
        return replace(self, groups=tuple(parts))

    def influences(self, of_group: Callable[[Group], FloatArray], k: int) -> FloatArray:
        """Return influences computed within groups, the estimation of the weights accounted for.

        Parameters
        ----------
        of_group : callable
            Returns the influence of a group's subjects on its k estimates, shape (n_group, k).
        k : int

        Returns
        -------
        ndarray, shape (n + m, groups * k)
            Group by group; subjects as in `influence_subjects`.
        """
        direct = np.zeros((len(self.subjects), len(self.groups) * k))
        for j, g in enumerate(self.groups):
            effect = of_group(g).reshape(len(g.time), k)
            direct[:, j * k : (j + 1) * k] = self.lay_out(g.row, effect)
        return self.stacked_influence(direct)

    def influence_subjects(self) -> ObjectArray:
        """Return all with follow-up, then those that only the model of the weights knows."""
        who = np.asarray(self.subjects, dtype=object)
        return who if self.model is None else np.concatenate([who, self.model.other_subjects])

    def covariance_between(self, influences: FloatArray, variance: FloatArray) -> FloatArray:
        """Return the covariance of estimates: their own variances, correlated as the influences.

        Estimates of different groups share no subjects; what they share comes from the weights'
        model.

        Parameters
        ----------
        influences : ndarray, shape (n, k)
        variance : ndarray, shape (k,)
            NaN where there is none.
        """
        squares = (influences**2).sum(axis=0)
        factor = np.sqrt(variance / np.where(squares > 0, squares, 1.0))
        values = (influences.T @ influences) * factor * factor[:, None]
        np.fill_diagonal(values, variance)
        return values

    def label_influence(self, names: list[str], direct: FloatArray) -> pd.DataFrame:
        """Return influences as a frame, the estimation of the weights accounted for.

        Parameters
        ----------
        names : list of str, length k
        direct : ndarray, shape (n, k)
            Influences of all with follow-up, the weights taken as known.

        Returns
        -------
        pandas.DataFrame
            subject, then a column a name. Subjects that only the model of the weights knows
            stand below.
        """
        frame = pd.DataFrame(self.stacked_influence(direct), columns=names)
        who = self.subjects
        if self.model is not None:
            who = np.concatenate([np.asarray(who, dtype=object), self.model.other_subjects])
        frame.insert(0, "subject", who)
        return frame

    def stacked_influence(self, direct: FloatArray) -> FloatArray:
        """Return influences that know how the weights were estimated."""
        return direct if self.model is None else self.model.stacked_influence(direct)

    def lay_out(self, row: IntArray, effect: FloatArray) -> FloatArray:
        """Return the effects of rows summed within subjects, 0 for subjects without one."""
        return grouped_sums(self.owner[row], effect, len(self.subjects))

    def robust_covariance(
        self,
        row: IntArray,
        effect: FloatArray,
        cluster: IntArray | None = None,
    ) -> FloatArray:
        """Return the covariance of estimates from their influences.

        Parameters
        ----------
        row : ndarray of int, shape (n,)
        effect : ndarray, shape (n, k)
            Influences of those rows, the weights taken as known.
        cluster : ndarray of int, shape (n,), optional
            Codes of groups of subjects that are not independent, the same on all rows of one.
        """
        influence = self.stacked_influence(self.lay_out(row, effect))
        if cluster is not None:
            # Subjects outside the estimate stand alone.
            code = int(cluster.max()) + 1 + np.arange(len(influence))
            code[self.owner[row]] = cluster
            sums = grouped_sums(code, influence, int(code.max()) + 1)
            influence = sums
        return influence.T @ influence

    def weights_of(self, *groups: Group) -> WeightModel | None:
        """Return the model of the weights of some groups; None for known weights."""
        if self.model is None:
            return None
        return self.model.of(np.concatenate([g.row for g in groups]))


def split(
    times: EventTimes | Episodes, by: str | None, weights: WeightsLike | None = None
) -> Sample:
    """Return the groups of event times, or of episodes.

    Parameters
    ----------
    times : EventTimes or Episodes
    by : str or None
        Column that names the groups; None for all subjects together.
    weights : str, Series, DataFrame or EstimatedWeights, optional
        As `read_weights` takes them. Subjects of weight 0 take no part.

    Raises
    ------
    UnknownNameError
        When there is no such column.
    DataError
        When a weight is not usable.
    NotEstimableError
        When no subject has follow-up.
    """
    if by is not None and by not in times.frame.columns:
        raise unknown_name("column", by, times.frame.columns)
    frame = times.at_risk()
    if not len(frame):
        raise NotEstimableError(
            f"No subject has follow-up for the time to {times.outcome}: no subject was assessed "
            f"after {times.origin}."
        )
    status = frame["status"].to_numpy(dtype=np.intp)
    time, left, right = (frame[c].to_numpy(dtype=float) for c in ("time", "left", "right"))
    entry = frame["entry"].to_numpy(dtype=float) if "entry" in frame else np.zeros(len(frame))
    weight = np.ones(len(frame)) if weights is None else read_weights(frame, weights)
    if by is None:
        code, labels = np.zeros(len(frame), dtype=np.intp), ["all"]
    else:
        code, labels = _codes(frame[by])
    model = weight_model(weights)
    owner, subjects = np.arange(len(frame)), frame["subject"].array
    if isinstance(times, Episodes):
        owner, subjects = pd.factorize(frame["subject"])
    if not (code >= 0).any():
        raise NotEstimableError(
            f"No subject with follow-up has a value of {by!r}: there are no groups."
        )
    rows = [np.flatnonzero((code == k) & (weight > 0)) for k in range(len(labels))]
    return Sample(
        groups=tuple(
            Group(
                label, row, time[row], status[row], left[row], right[row], entry[row], weight[row]
            )
            for label, row in zip(labels, rows, strict=True)
            if len(row)
        ),
        subjects=subjects,
        owner=owner,
        n_unseen=times.n_unseen(),
        n_at_risk_at_origin_only=int(((time == 0) & (status == 0)).sum()),
        n_ungrouped=int((code < 0).sum()),
        empty=tuple(label for label, row in zip(labels, rows, strict=True) if not len(row)),
        weighted=weights is not None,
        model=None if model is None else model.among(frame["subject"].drop_duplicates()),
    )


def _codes(column: pd.Series[Any]) -> tuple[IntArray, list[str]]:
    values = column.array
    if isinstance(values, pd.Categorical):
        return values.codes.astype(np.intp), [str(c) for c in values.categories]
    labels = as_labels(column)
    return labels.cat.codes.to_numpy().astype(np.intp), list(labels.cat.categories)


def counts_header(times: EventTimes | Episodes, sample: Sample) -> tuple[tuple[str, str], ...]:
    """Return the lines that every summary of a time-to-event result begins with."""
    left_out = len(times.left_out)
    header = [
        ("Outcome", times.outcome),
        ("Origin", times.origin),
        (
            "Subjects",
            f"{format_count(sample.n)} with follow-up, {format_count(sample.events())} events",
        ),
    ]
    if isinstance(times, Episodes):
        rows = sum(len(g.row) for g in sample.groups)
        clock = ", days counted from the start of each risk" if times.clock == "gap" else ""
        header.append(("Episodes", f"{format_count(rows)}{clock}"))
    if sample.n_unseen:
        only = ", at risk at time 0 only" if sample.n_at_risk_at_origin_only else ""
        header.append(
            (
                "Never assessed",
                f"{format_count(sample.n_unseen)} without a visit after the origin{only}",
            )
        )
    if sample.n_ungrouped:
        header.append(("No group", f"{format_count(sample.n_ungrouped)} whose group is missing"))
    if sample.weighted:
        header.append(
            (
                "Weights",
                weights_in_words(effective_size([g.weight for g in sample.groups]), sample.model),
            )
        )
    if left_out:
        header.append(("Left out", f"{format_count(left_out)} without an origin or a baseline"))
    return tuple(header)


def notes_of(
    times: EventTimes | Episodes, sample: Sample, *, dated: bool = True
) -> tuple[str, ...]:
    """Return the cautions that every summary of a time-to-event result ends with.

    `dated` says whether the method puts an event on the day of the visit that found it.
    """
    notes = [*caveat_notes(times.caveat)]
    notes += notes_on(times.switching)
    if sample.empty:
        notes.append(f"No subject has follow-up in {', '.join(sample.empty)}.")
    if isinstance(times, Episodes):
        return tuple(notes)
    if "origin_gap" in times.frame:
        gap = times.frame["origin_gap"]
        notes.append(
            "The origin is dated at the visit that found it; half of them came about in gaps of "
            f"{gap.median():g} days or more. impute_origin shows what that does."
        )
    # As arrays: on columns of a frame these few lines would cost more than a curve.
    left, right, status = (times.frame[c].to_numpy() for c in ("left", "right", "status"))
    gap = (right - left)[status == 1]
    gap = gap[~np.isnan(gap)]
    middle = float(np.median(gap)) if dated and len(gap) else 0.0
    if middle > 0:
        notes.append(
            "Events are dated at the visit that found them; half of them lie in gaps of "
            f"{middle:g} days or more."
        )
    return tuple(notes)
