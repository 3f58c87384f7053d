"""The rows of one site on which an answer rests; they stay there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.comparison.weighting.balance_tables import balanced_columns
from trdstats.errors import NotEstimableError, PlanError, SpecError, unknown_name
from trdstats.formulas import read_covariates, read_right_side
from trdstats.kinds import kind_of
from trdstats.outcomes.weighted_rates import verdicts_as_numbers
from trdstats.plan.plan import Plan
from trdstats.plan.steps.rates import RatesSettings, days_of_outcomes
from trdstats.sites.collect import (
    label_categories,
    needs_an_end,
    reference_of,
    times_to,
    verdicts_of,
)
from trdstats.study import Study

FEW_VALUES = 6  # a number with so few values is a category: its sums tell who has a rare one


@dataclass(frozen=True)
class Covariates:
    """The covariates of the subjects who have all of them.

    Attributes
    ----------
    terms : tuple of str
    X : ndarray, shape (n, q)
    cells : ndarray of int, shape (n, c)
        Those that are categories, or numbers of few values, as codes.
    cell_names : tuple of str
    columns : tuple of str
        Terms, and the reference level of each category of three or more.
    balanced : ndarray, shape (n, c)
        Their values.
    kept : ndarray of bool, shape (n_rows,)
        Rows with all covariates.
    """

    terms: tuple[str, ...]
    X: FloatArray
    cells: IntArray
    cell_names: tuple[str, ...]
    columns: tuple[str, ...]
    balanced: FloatArray
    kept: BoolArray

    @property
    def n_left_out(self) -> int:
        """Number of subjects who lack a covariate."""
        return int((~self.kept).sum())


@dataclass(frozen=True)
class SiteRows:
    """What a site computes with.

    Attributes
    ----------
    covariates : Covariates
    time, entry : ndarray, shape (n,)
        Of hazards.
    event : ndarray of int, shape (n,)
    treatment : ndarray of int, shape (n,)
        Place of each subject's treatment among the levels, the reference first.
    labels : tuple of str
        Treatments; of weights.
    met : ndarray, shape (n, j)
        Of weights: 1, 0 or NaN (not counted) for each outcome and day.
    outcomes : tuple of str
        Name, label and day of each, as one JSON text.
    """

    covariates: Covariates
    time: FloatArray
    entry: FloatArray
    event: IntArray
    treatment: IntArray
    labels: tuple[str, ...]
    met: FloatArray
    outcomes: tuple[str, ...]

    @property
    def matrix(self) -> FloatArray:
        """Covariates, shape (n, q)."""
        return self.covariates.X

    @property
    def terms(self) -> tuple[str, ...]:
        """Columns of the matrix."""
        return self.covariates.terms

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns to be balanced; none of hazards."""
        return self.covariates.columns if self.labels else ()

    @property
    def mark(self) -> str:
        """SHA-256 of the rows: whether all rounds are answered with the same ones."""
        text = hashlib.sha256(repr((self.terms, self.labels, self.outcomes)).encode())
        for values in (self.matrix, self.time, self.entry, self.event, self.treatment, self.met):
            text.update(np.ascontiguousarray(values).tobytes())
        return text.hexdigest()


def columns_of(formula: str) -> tuple[str, ...]:
    """Return the columns of a formula over sites.

    Raises
    ------
    SpecError
        When it holds more than columns: a function can single out a subject, and what it learns
        from the rows of one site is not what it would learn from all.
    """
    names = []
    for term in read_right_side(formula):
        factors = [f for f in term.factors if f.expr != "1"]
        if len(factors) > 1 or any(f.eval_method.value != "lookup" for f in factors):
            raise SpecError(
                f"Over sites a formula has columns joined by +; got {term!s}. Make a column of it "
                "at every site, the same way."
            )
        names += [str(f.expr) for f in factors]
    return tuple(names)


def rows_of_hazards(plan: Plan, study: Study, formula: str, outcome: str) -> SiteRows:
    """Return the subjects with follow-up and all covariates.

    Raises
    ------
    NotEstimableError
        When no subject has them, or the plan has no windows where leaving early counts.
    """
    if study.windows is None and needs_an_end(plan)[outcome]:
        raise NotEstimableError(
            "the plan has no windows, so that each site would end at its own last visit. Name the "
            "visits: [study] windows = { 28 = 3, ... }."
        )
    times = times_to(plan, study, outcome)
    frame = times.at_risk() if times is not None else pd.DataFrame()
    if times is None or not len(frame):
        raise NotEstimableError(f"no subject has follow-up for the time to {outcome}.")
    covariates = _covariates(plan, study, frame, formula)
    rows = frame[covariates.kept]
    entry = rows["entry"].to_numpy(dtype=float) if "entry" in rows else np.zeros(len(rows))
    arms = rows["treatment"].cat.codes  # for the guard alone, where the formula does not name it
    return SiteRows(
        covariates, time=rows["time"].to_numpy(dtype=float), entry=entry,
        event=(rows["status"] == 1).to_numpy().astype(np.intp),
        treatment=arms.to_numpy().astype(np.intp), labels=(),
        met=np.empty((len(rows), 0)), outcomes=(),
    )  # fmt: skip


def rows_of_weights(plan: Plan, study: Study, formula: str) -> SiteRows:
    """Return the subjects with all covariates, and whether they met the plan's outcomes.

    Raises
    ------
    NotEstimableError
        When no subject has them, or a verdict cannot be had at this site.
    """
    subjects = study.subjects
    covariates = _covariates(plan, study, subjects, formula)
    kept = covariates.kept
    arms = _codes(plan, subjects["treatment"][kept], "treatment")
    met, outcomes = [], []
    for name, day in outcomes_of(plan):
        met.append(verdicts_as_numbers(verdicts_of(plan, study, name, day))[kept])
        label = plan.definition(name).label(study.scale)
        outcomes.append(json.dumps([name, label, float(day)]))
    none = np.zeros(int(kept.sum()))
    return SiteRows(
        covariates, time=none, entry=none, event=none.astype(np.intp),
        treatment=np.asarray(arms.codes, dtype=np.intp), labels=tuple(map(str, arms.categories)),
        met=np.column_stack(met), outcomes=tuple(outcomes),
    )  # fmt: skip


def outcomes_of(plan: Plan) -> Iterator[tuple[str, float]]:
    """Yield the outcomes and days of the steps of rates on the scale of the study, each once."""
    seen: dict[tuple[str, float], None] = {}
    for step in plan.steps:
        if isinstance(step.settings, RatesSettings) and step.settings.scale is None:
            seen |= dict.fromkeys(days_of_outcomes(plan, step.settings))
    yield from seen


def _covariates(plan: Plan, study: Study, frame: pd.DataFrame, formula: str) -> Covariates:
    made: dict[str, object] = {}
    cells: dict[str, IntArray] = {}
    subjects = study.subjects
    place = pd.Index(subjects["subject"]).get_indexer(pd.Index(frame["subject"]))
    for column in columns_of(formula):
        if column not in subjects.columns:
            raise unknown_name("column of the subjects", column, subjects.columns)
        values = subjects[column].iloc[place].reset_index(drop=True)
        if kind_of(values) == "number" and column not in plan.sites.levels:
            made[column] = _usable(values, column).to_numpy()
            if values.nunique() <= FEW_VALUES:
                cells[column] = pd.factorize(values, sort=True)[0]
        else:
            coded = _codes(plan, values, column)
            made[column], cells[column] = coded, np.asarray(coded.codes)
    design = read_covariates(pd.DataFrame(made), formula, what="subjects", keep_levels=True)
    kept, none = design.kept, np.empty((len(design.X), 0))
    codes = np.column_stack([c[kept] for c in cells.values()]) if cells else none
    columns, balanced = balanced_columns(design)
    return Covariates(
        tuple(design.terms), design.X, codes.astype(np.intp), tuple(cells), tuple(columns),
        balanced, kept,
    )  # fmt: skip


def _usable(values: pd.Series[Any], column: str) -> pd.Series[Any]:
    """Return a number whose squares can be summed.

    Raises
    ------
    NotEstimableError
        When no subject has it.
    SpecError
        When they cannot.
    """
    if values.isna().all():
        raise NotEstimableError(f"no subject of this site has {column!r}.")
    size = float(values.abs().max())
    if not np.isfinite(size) or size > 1e50 or 0 < size < 1e-50:
        raise SpecError(
            f"{column!r} has values up to {size:g}, whose squares cannot be summed: give it in "
            "other units at every site."
        )
    return values


def _codes(plan: Plan, values: pd.Series[Any], column: str) -> pd.Categorical[str]:
    """Return a category with the levels that the plan names, of treatments the reference first."""
    if column not in plan.sites.levels:
        raise PlanError(
            f"Name the levels that {column!r} has at all sites, in one order: [sites] levels = "
            f"{{ {column} = [...] }}."
        )
    coded = label_categories(values, column, plan, 1)
    reference = reference_of(plan)
    if column == "treatment" and reference in coded.categories:
        first = [reference, *(c for c in coded.categories if c != reference)]
        return coded.reorder_categories(first)
    return coded
