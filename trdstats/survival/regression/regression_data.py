"""What a regression of right-censored times is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import DataError, NotEstimableError, Problem, count_of, unknown_name
from trdstats.formulas import CovariateDesign, check_full_rank, read_covariates
from trdstats.kernels.risk_sets.partial_likelihood import Episodes, Standardised
from trdstats.kinds import missing_in
from trdstats.outcomes import Episodes as EpisodeTable
from trdstats.outcomes import EventTimes
from trdstats.outcomes.event_times import OUTCOME_COLUMNS
from trdstats.survival.groups import Sample, counts_header, split


@dataclass(frozen=True)
class Regressed:
    """The rows of a regression: those with follow-up, weight and all covariates.

    Of event times there is one row a subject, of episodes several.

    Attributes
    ----------
    times : EventTimes or Episodes
    sample : Sample
    frame : pandas.DataFrame
        Their rows.
    row : ndarray of int, shape (n,)
        Position of each among all rows with follow-up.
    design : CovariateDesign
    X : ndarray, shape (n, q)
        Covariates.
    weight, time, entry : ndarray, shape (n,)
    status : ndarray of int, shape (n,)
    left_out : int
        Rows with follow-up that lack a covariate or a needed column.
    lacked : tuple of str
        Needed columns, such as strata, that rows were left out for.
    """

    times: EventTimes | EpisodeTable
    sample: Sample
    frame: pd.DataFrame
    row: IntArray
    design: CovariateDesign
    X: FloatArray
    weight: FloatArray
    time: FloatArray
    entry: FloatArray
    status: IntArray
    left_out: int
    lacked: tuple[str, ...] = ()

    def codes(self, column: str | None) -> IntArray:
        """Return the values of a column as 0, 1, 2, ...; all 0 without a column.

        Raises
        ------
        UnknownNameError
            When there is no such column.
        """
        if column is None:
            return np.zeros(len(self.row), dtype=np.intp)
        if column not in self.frame:
            raise unknown_name("column", column, self.frame.columns)
        return np.asarray(pd.factorize(self.frame[column], sort=True)[0], dtype=np.intp)

    def influence(self, terms: list[str], effect: FloatArray) -> pd.DataFrame:
        """Return influences of all with follow-up: subject, then a column a term."""
        return self.sample.label_influence(terms, self.sample.lay_out(self.row, effect))

    def stacked_influence(self, effect: FloatArray) -> FloatArray:
        """Return influences that know how the weights were estimated."""
        return self.sample.stacked_influence(self.sample.lay_out(self.row, effect))

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the facts a summary begins with."""
        header = counts_header(self.times, self.sample)
        if self.left_out:
            rows = " episodes" if isinstance(self.times, EpisodeTable) else ""
            lacking = " or ".join(["a covariate", *self.lacked])
            header += (("Left out", f"{self.left_out:,}{rows}: {lacking} is missing"),)
        return header + self.design.spec.header()


def regress(
    times: EventTimes | EpisodeTable, formula: str, weights: Any, needed: tuple[str, ...]
) -> Regressed:
    """Return the subjects of a regression.

    Parameters
    ----------
    times : EventTimes or Episodes
    formula : str
        Covariates only.
    weights : str, Series, DataFrame or None
    needed : tuple of str
        Further columns, such as strata, that a subject must have.

    Raises
    ------
    UnknownNameError, DataError, SpecError
        When a column is not there or a weight is not usable.
    NotEstimableError
        When no subject has all covariates, or covariates are collinear.
    """
    sample = split(times, None, weights)
    frame = times.at_risk()
    for column in needed:
        if column not in frame:
            raise unknown_name("column", column, frame.columns)
    group = sample.groups[0]
    weight = np.zeros(len(frame))
    weight[group.row] = group.weight
    usable = weight > 0
    for column in needed:
        usable &= ~missing_in(frame[column])
    row = np.flatnonzero(usable)
    if not len(row):
        raise NotEstimableError(f"No subject has {', '.join(needed)}.")
    design = read_covariates(
        _rows(frame, row), formula, what="event times", outcome=OUTCOME_COLUMNS
    )
    check_full_rank(design.X - design.X.mean(axis=0), design.terms)
    row = row[design.kept]
    kept = np.zeros(len(frame), dtype=bool)
    kept[row] = True
    rows = _rows(frame, row)
    return Regressed(
        times=times,
        sample=sample.keep(kept),
        frame=rows,
        row=row,
        design=design,
        X=design.X,
        weight=weight[row],
        time=rows["time"].to_numpy(dtype=float),
        entry=rows["entry"].to_numpy(dtype=float) if "entry" in rows else np.zeros(len(rows)),
        status=rows["status"].to_numpy(dtype=np.intp),
        left_out=int((weight > 0).sum()) - len(row),
        lacked=tuple(c for c in dict.fromkeys(needed) if frame[c][weight > 0].isna().any()),
    )


def _rows(frame: pd.DataFrame, row: IntArray) -> pd.DataFrame:
    """Return some rows of a frame, counted from 0; all of them as they are."""
    return frame if len(row) == len(frame) else frame.iloc[row].reset_index(drop=True)


def ends_of_runs(owner: IntArray) -> tuple[BoolArray, BoolArray]:
    """Return which rows are the first and the last of their subject; rows of one stand together."""
    change = np.r_[True, owner[1:] != owner[:-1]]
    return change, np.r_[change[1:], True]


def whole_subjects(
    table: EpisodeTable, formula: str, weights: Any = None, needed: tuple[str, ...] = ()
) -> Regressed:
    """Return the rows of subjects of whom every episode has all covariates.

    Where one lacks them the subject would seem to leave, or to begin, where it did not.

    Raises
    ------
    NotEstimableError
        When no subject has them; else as `regress`.
    """
    regressed = regress(table, formula, weights, needed)
    if not regressed.left_out:
        return regressed
    frame = table.at_risk()
    kept = np.zeros(len(frame), dtype=bool)
    kept[regressed.row] = True
    lacking = frame["subject"][~kept].drop_duplicates()
    whole = table.without_subjects(lacking)
    if not len(whole.frame):
        raise NotEstimableError(f"No subject has all covariates of {formula!r} in every episode.")
    complete = regress(whole, formula, weights, needed)
    return replace(complete, left_out=len(frame) - len(complete.row))


def check_events(regressed: Regressed, cause: int) -> None:
    """Raise `NotEstimableError` unless somebody had the event."""
    if not (regressed.status == cause).any():
        name = regressed.times.causes.get(cause, f"cause {cause}")
        raise NotEstimableError(f"No subject had {name}: its hazard cannot be modelled.")


def standardise(data: Episodes, terms: Sequence[str]) -> Standardised:
    """Return episodes with standardised covariates.

    Raises
    ------
    NotEstimableError
        When a covariate does not vary among those at risk together.
    """
    standardised = Standardised.of(data)
    aliased = standardised.aliased
    if aliased.any():
        names = ", ".join(t for t, a in zip(terms, aliased, strict=True) if a)
        raise NotEstimableError(
            f"{names}: the same, or collinear (aliased) with the terms before, for all subjects "
            "who are at risk together in a stratum, so that hazards cannot be compared by it. "
            "Leave the term out, or the stratum that fixes it."
        )
    return standardised


def clusters_of(regressed: Regressed, column: str | None) -> IntArray:
    """Return codes of what is independent: the values of a column, or the subjects.

    Raises
    ------
    DataError
        When rows of one subject are in two clusters.
    """
    owner = regressed.sample.owner[regressed.row]
    if column is None:
        return np.unique(owner, return_inverse=True)[1].reshape(-1)
    code = regressed.codes(column)
    first = np.full(len(regressed.sample.subjects), -1, dtype=np.intp)
    first[owner[::-1]] = code[::-1]
    apart = np.flatnonzero(first[owner] != code)
    if len(apart):
        who = tuple(dict.fromkeys(str(s) for s in regressed.frame["subject"].iloc[apart]))
        raise DataError(
            [
                Problem(
                    "two_clusters",
                    f"{count_of(len(who), 'subject is', 'subjects are')} in two clusters of "
                    f"{column!r}.",
                    who,
                    "A cluster holds whole subjects: name a column that is the same on all rows "
                    "of a subject.",
                )
            ]
        )
    return code


def check_clusters(cluster: IntArray, n_terms: int, *, robust: bool) -> None:
    """Raise `NotEstimableError` where a robust variance has no more clusters than coefficients."""
    n = len(np.unique(cluster))
    if robust and n <= n_terms:
        raise NotEstimableError(
            f"A robust variance of {n_terms} coefficients needs more clusters than that; there "
            f"{'is' if n == 1 else 'are'} {n}. Name a finer cluster, or fewer covariates."
        )


def no_finite_estimate(terms: list[str], outcome: str, remedy: str = "") -> NotEstimableError:
    """Build the error for coefficients that grow without end, with another way out."""
    return NotEstimableError(
        f"The effect of {', '.join(terms)} on the time to {outcome} has no finite estimate: the "
        "likelihood has no maximum, as it does when no subject in a category had the event. Leave "
        f"the term or the category out, {remedy}or describe it with a curve."
    )
