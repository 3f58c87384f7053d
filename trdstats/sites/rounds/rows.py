"""The rows of one site on which an answer rests; they stay there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.formulas import CovariateDesign, read_covariates, read_right_side
from trdstats.outcomes.rates import verdicts
from trdstats.outcomes.weighted_rates import verdicts_as_numbers
from trdstats.plan.plan import Plan
from trdstats.plan.steps.rates import RatesSettings, days_of_outcomes
from trdstats.plan.switching import strategy_for
from trdstats.sites.collect import label_categories, reference_of, times_to
from trdstats.sites.disclosure import is_small
from trdstats.study import Study

_FEW_VALUES = 6  # a number with so few values is a category: its sums tell who has a rare one
STEEP = 10.0  # coefficients beyond it leave next to nothing to chance
_ROWS_A_TERM = 10  # subjects for each term, or the sums of many rounds could be solved for rows


@dataclass(frozen=True)
class SiteRows:
    """What a site computes with.

    Attributes
    ----------
    terms : tuple of str
    X : ndarray, shape (n, q)
        Covariates.
    time, entry : ndarray, shape (n,)
        Of hazards.
    event : ndarray of bool, shape (n,)
    treatment : ndarray of int, shape (n,)
        Of weights: place of each subject's treatment among the labels.
    labels : tuple of str
    met : ndarray, shape (n, j)
        Of weights: 1, 0 or NaN (not counted) for each outcome and day.
    outcomes : tuple of str
        Name, label and day of each, as one JSON text.
    """

    terms: tuple[str, ...]
    X: FloatArray
    time: FloatArray
    entry: FloatArray
    event: IntArray
    treatment: IntArray
    labels: tuple[str, ...]
    met: FloatArray
    outcomes: tuple[str, ...]


def rows_of_hazards(plan: Plan, study: Study, formula: str, outcome: str, least: int) -> SiteRows:
    """Return the subjects with follow-up and all covariates."""
    times = times_to(plan, study, outcome)
    frame = times.at_risk() if times is not None else pd.DataFrame()
    if times is None or not len(frame):
        raise NotEstimableError(f"no subject has follow-up for the time to {outcome}.")
    design = _design(plan, frame, formula, least)
    kept = frame[design.kept]
    entry = kept["entry"].to_numpy(dtype=float) if "entry" in kept else np.zeros(len(kept))
    none = np.zeros(len(kept), dtype=np.intp)
    return SiteRows(
        tuple(design.terms), design.X, kept["time"].to_numpy(dtype=float), entry,
        (kept["status"] == 1).to_numpy().astype(np.intp), none, (), np.empty((len(kept), 0)), (),
    )  # fmt: skip


def rows_of_weights(plan: Plan, study: Study, formula: str, least: int) -> SiteRows:
    """Return the subjects with all covariates, and whether they met the plan's outcomes."""
    frame = study.subjects
    design = _design(plan, frame, formula, least)
    kept = frame[design.kept]
    arms = label_categories(frame["treatment"], "treatment", plan, least)
    labels = tuple(map(str, arms.categories))
    met, outcomes = [], []
    for name, day in _asked(plan):
        definition = plan.definition(name)
        reference = reference_of(plan)
        known = verdicts(
            study, definition, day=day, missing=plan.missing,
            reference=reference if reference in study.treatments else study.treatments[0],
            after_switch=strategy_for("rates", plan.after_switch),
        )  # fmt: skip
        met.append(verdicts_as_numbers(known)[design.kept])
        outcomes.append(json.dumps([name, definition.label(study.scale), float(day)]))
    none = np.zeros(len(kept))
    return SiteRows(
        tuple(design.terms), design.X, none, none, none.astype(np.intp),
        np.asarray(arms.codes, dtype=np.intp)[design.kept], labels,
        np.column_stack(met), tuple(outcomes),
    )  # fmt: skip


def _asked(plan: Plan) -> Iterator[tuple[str, float]]:
    """Yield the outcomes and days of the steps of rates on the scale of the study, each once."""
    seen: dict[tuple[str, float], None] = {}
    for step in plan.steps:
        if isinstance(step.settings, RatesSettings) and step.settings.scale is None:
            seen |= dict.fromkeys(days_of_outcomes(plan, step.settings))
    yield from seen


def _design(plan: Plan, frame: pd.DataFrame, formula: str, least: int) -> CovariateDesign:
    """Return the covariates, categories with the levels of all sites."""
    needed = sorted(map(str, read_right_side(formula).required_variables))
    made = {
        c: label_categories(frame[c], c, plan, least)
        for c in needed
        if c in frame
        and (c in plan.sites.levels or not pd.api.types.is_numeric_dtype(frame[c].dtype)
             or pd.api.types.is_bool_dtype(frame[c].dtype))
    }  # fmt: skip
    return read_covariates(frame.assign(**made), formula, what="subjects", keep_levels=True)


def why_not(rows: SiteRows, least: int, at: FloatArray) -> str:
    """Return why sums over these rows may not leave; empty when they may.

    Parameters
    ----------
    rows : SiteRows
    least : int
        Cells of fewer subjects do not leave.
    at : ndarray
        Coefficients asked for, a standard deviation of each covariate; none before the search.
    """
    if (np.abs(at) > STEEP).any():
        return (
            f"a coefficient of more than {STEEP:g} a standard deviation is asked for: it would "
            "single out subjects."
        )
    if least == 1:
        return ""
    n, q = rows.X.shape
    if n < _ROWS_A_TERM * q or is_small(n, least):
        return f"fewer than {_ROWS_A_TERM} subjects a term ({q} terms)."
    for term, column in zip(rows.terms, rows.X.T, strict=True):
        values, count = np.unique(column, return_counts=True)
        if len(values) <= _FEW_VALUES and any(is_small(c, least) for c in count):
            return f"fewer than {least} subjects have one of the values of {term!r}."
    groups = [rows.event] if not rows.labels else [rows.treatment]
    for j in range(rows.met.shape[1]):
        known = ~np.isnan(rows.met[:, j])
        groups.append((2 * rows.treatment + rows.met[:, j])[known].astype(np.intp))
    if any(is_small(c, least) for g in groups for c in np.bincount(g)):
        return f"fewer than {least} subjects had the outcome, or did not."
    return ""
