"""What parametric models of time are fitted to: known times, weights and designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import DataError, NotEstimableError, Problem, count_of, unknown_name
from trdstats.formulas import (
    CovariateDesign,
    check_full_rank,
    quoted,
    read_covariates,
    read_right_side,
)
from trdstats.frames import to_pandas
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kernels.parametric.mixed_times import MixedTimes
from trdstats.kinds import missing_in
from trdstats.outcomes import EventTimes
from trdstats.outcomes.event_times import OUTCOME_COLUMNS
from trdstats.outcomes.switching import notes_on
from trdstats.participants.beyond_the_data import note_extrapolation
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import Sample, counts_header, split
from trdstats.tables import caveat_notes

# Below this share of the information that every subject's exact time would give about a parameter,
# the likelihood is flat: its maximum lies at infinity or is a ridge.
FLAT = 1e-6
NO_SPREAD = -15.0  # log scale: times that differ by less than a millionth of themselves


@dataclass(frozen=True)
class Analysed:
    """The subjects of a parametric model.

    Attributes
    ----------
    times : EventTimes
    sample : Sample
    row : ndarray of int, shape (n,)
        Position of each analysed subject among all with follow-up.
    known : CensoredTimes or MixedTimes
    weight : ndarray, shape (n,)
    designs : tuple of CovariateDesign
        One a formula, without intercept.
    left_out : int
        Subjects with follow-up that lack a covariate.
    durations : DoublyCensored or None
        What is known of the origin, where it is not dated.
    """

    times: EventTimes
    sample: Sample
    row: IntArray
    known: CensoredTimes | MixedTimes
    weight: FloatArray
    designs: tuple[CovariateDesign, ...]
    left_out: int
    durations: DoublyCensored | None = None

    @property
    def dated(self) -> CensoredTimes:
        """Times counted from the dated origin."""
        return self.known if isinstance(self.known, CensoredTimes) else self.known.dated

    @property
    def n(self) -> int:
        """Number of analysed subjects."""
        return len(self.row)

    @property
    def events(self) -> int:
        """Number of analysed subjects that had the event."""
        return int(self.known.seen.sum())

    @property
    def longest(self) -> float:
        """Last day on which any subject was seen."""
        ends = np.where(self.known.seen, self.known.log_right, self.known.log_left)
        return float(np.exp(ends.max()))

    def influence(self, terms: Sequence[str], effect: FloatArray) -> pd.DataFrame:
        """Return influences of all with follow-up: subject, then a column a term.

        Parameters
        ----------
        terms : sequence of str
        effect : ndarray, shape (n, p)
        """
        return self.sample.label_influence(list(terms), self.sample.lay_out(self.row, effect))

    def robust_covariance(self, effect: FloatArray) -> FloatArray:
        """Return the covariance of estimates from influences, shape (n, p)."""
        return self.sample.robust_covariance(self.row, effect)

    def criteria(self, loglik: float, p: int) -> dict[str, float]:
        """Return the information criteria of p parameters; NaN with weights, which are no counts.

        The likelihood of weighted subjects is a pseudo-likelihood of no number of subjects.
        """
        if self.sample.weighted:
            return {"aic": float("nan"), "bic": float("nan")}
        return {"aic": 2 * p - 2 * loglik, "bic": float(np.log(self.n)) * p - 2 * loglik}

    def header(self) -> tuple[tuple[str, str], ...]:
        """Return the lines a summary begins with."""
        header = counts_header(self.times, self.sample)
        if self.left_out:
            header += (("Left out", f"{self.left_out:,}: a covariate is missing"),)
        named = (fact for design in self.designs for fact in design.spec.header())
        return header + tuple(dict.fromkeys(named))

    def notes(self) -> tuple[str, ...]:
        """Return the cautions a summary ends with."""
        notes = [*caveat_notes(self.times.caveat)]
        notes += notes_on(self.times.switching)
        if self.sample.empty:
            notes.append(f"No subject has follow-up in {', '.join(self.sample.empty)}.")
        if self.durations is not None:
            return (*notes, *self.durations.notes())
        return (*notes, "Each time is the interval between visits that holds it; none is imputed.")

    def notes_beyond(self, by: str) -> tuple[str, ...]:
        """Return where numbers standardised over treatments speak of subjects who never get one."""
        if by != "treatment":
            return ()
        used = sorted({v for design in self.designs for v in _columns(design)})
        frame = self.times.at_risk().iloc[self.row]
        return note_extrapolation(frame, " + ".join(map(quoted, used)), by, None)


def analyse(
    times: EventTimes,
    weights: Any,
    formulas: Sequence[str],
    durations: DoublyCensored | None = None,
) -> Analysed:
    """Return the subjects that have follow-up, weight and all covariates.

    Parameters
    ----------
    times : EventTimes
        Causes other than 1 count as censored.
    weights : str, Series, DataFrame or None
    formulas : sequence of str
        Covariates only; ``"1"`` for none.
    durations : DoublyCensored, optional
        What is known of the origin of the times, where it is not dated.

    Raises
    ------
    DataError
        When an event is dated at time 0 exactly, or a column is missing.
    NotEstimableError
        When no subject had the event, a group had none, or covariates are collinear.
    """
    sample = split(times, "treatment", weights)
    needed = sorted({str(v) for f in formulas for v in read_right_side(f).required_variables})
    table = times.at_risk()
    present = [c for c in needed if c in table]
    complete = np.ones(len(table), dtype=bool)
    for column in present:
        complete &= ~missing_in(table[column])
    followed = sample.n
    sample = sample if complete.all() else sample.keep(complete)
    if not sample.groups:
        raise NotEstimableError(f"No subject has all covariates: {', '.join(present)}.")
    row = np.sort(np.concatenate([g.row for g in sample.groups]))
    weight = np.empty(len(table))
    for g in sample.groups:
        weight[g.row] = g.weight
    if len(row) < len(table):
        table = table.iloc[row].reset_index(drop=True)
    designs = tuple(
        read_covariates(table, f, what="event times", least=0, outcome=OUTCOME_COLUMNS)
        for f in formulas
    )
    for design in designs:
        check_full_rank(with_intercept(design.X), ["Intercept", *design.terms])
    known = _known(table)
    if not known.seen.any():
        raise NotEstimableError(
            f"No subject had the event: the time to {times.outcome} cannot be modelled."
        )
    data = Analysed(times, sample, row, known, weight[row], designs, followed - sample.n)
    if durations is None:
        return data
    left, right = np.exp(known.log_left), np.exp(known.log_right)
    mixed = MixedTimes.of(left, right, durations.origin.take(row))
    return replace(data, known=mixed, durations=durations)


def _known(table: pd.DataFrame) -> CensoredTimes:
    event = table["status"].to_numpy() == 1
    left = table["left"].to_numpy(dtype=float)
    right = np.where(event, table["right"].to_numpy(dtype=float), np.inf)
    checks = (
        ("event_at_zero", right == 0, "event is", "events are",
         "dated at time 0 exactly, which has no logarithm.",
         "Give the interval (0, right] that holds the event, or start time earlier."),
        ("negative_left", left < 0, "interval begins", "intervals begin",
         "before time 0.", "Time counts from 0: left is 0 or later."),
    )  # fmt: skip
    problems = [
        Problem(
            kind,
            f"{count_of(int(bad.sum()), one, many)} {text}",
            tuple(str(s) for s in table["subject"][bad]),
            remedy,
        )
        for kind, bad, one, many, text, remedy in checks
        if bad.any()
    ]
    if problems:
        raise DataError(problems)
    entry = table["entry"].to_numpy(dtype=float) if "entry" in table else np.zeros(len(table))
    # Seen from entry on, the event cannot lie before it.
    return CensoredTimes.of(np.maximum(left, entry), right, entry)


def check_events(design: CovariateDesign, seen: BoolArray) -> None:
    """Raise `NotEstimableError` when no subject in a category of a covariate had the event."""
    without = []
    for column in _columns(design):
        values = design.frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            names, codes = values.dtype.categories, values.array.codes
            code = codes[seen]
            events = np.bincount(code[code >= 0], minlength=len(names))
            without += [f"{column} = {c}" for c, n in zip(names, events, strict=True) if not n]
    if without:
        raise NotEstimableError(
            f"No subject had the event where {' or '.join(without)}: the time ratio has no finite "
            "estimate. Leave such a group out, or describe it with a curve."
        )


def _columns(design: CovariateDesign) -> list[str]:
    return sorted(str(v) for v in design.spec.formula.required_variables)


def no_start(distribution: str) -> NotEstimableError:
    """Build the error for times that a distribution gives no probability at all."""
    return NotEstimableError(
        f"Some times are so far from the others that {distribution} times give them probability "
        "0. Check them, or take another distribution."
    )


def with_intercept(X: FloatArray) -> FloatArray:
    """Return a design with a first column of ones."""
    return np.column_stack([np.ones(len(X)), X])


def rows_like(design: CovariateDesign, frame: Any) -> tuple[pd.DataFrame, BoolArray]:
    """Return rows for prediction with the categories of the design, and which are complete.

    Raises
    ------
    UnknownNameError
        When a column is missing or a category was not there when the model was fitted.
    """
    table = to_pandas(frame, what="rows to predict")
    changed: dict[str, Any] = {}
    for column in _columns(design):
        if column not in table:
            raise unknown_name("column", column, table.columns)
        dtype = design.frame[column].dtype
        values = table[column]
        if isinstance(dtype, pd.CategoricalDtype):
            for value in values.dropna().unique():
                if value not in dtype.categories:
                    raise unknown_name(f"{column}:", value, dtype.categories)
            values = values.astype(dtype)
        changed[column] = values
    table = pd.DataFrame(changed, index=table.index)
    return table, table.notna().all(axis=1).to_numpy()


def categories_of(designs: Sequence[CovariateDesign]) -> dict[str, list[Any]]:
    """Return the categories that formulas use, by column."""
    return {
        column: list(design.frame[column].cat.categories)
        for design in designs
        for column in _columns(design)
        if isinstance(design.frame[column].dtype, pd.CategoricalDtype)
    }


def levels_of(designs: Sequence[CovariateDesign], by: str) -> list[Any]:
    """Return the categories over which curves are standardised.

    Raises
    ------
    UnknownNameError
        When no formula has the column, or it holds numbers.
    """
    named = categories_of(designs)
    if by not in named:
        raise unknown_name("category of the formula:", by, named)
    return named[by]


def design_at(design: CovariateDesign, by: str, level: Any) -> FloatArray:
    """Return the design, with intercept, had every subject had one category of `by`."""
    if by not in _columns(design):
        return with_intercept(design.X)
    categories = design.frame[by].cat.categories
    column = pd.Categorical([level] * len(design.frame), categories=categories)
    frame = design.frame.assign(**{by: column})
    return with_intercept(design.matrix(frame))
