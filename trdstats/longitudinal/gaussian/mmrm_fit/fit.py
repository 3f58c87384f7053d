"""An MMRM fitted: from rows to cross-products, to the optimum, to the result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import EstimateWarning, SpecError, warn
from trdstats.estimates.weights import caveat_under
from trdstats.formulas import read_formula
from trdstats.kernels.gaussian.estimability import Estimability, judge_columns
from trdstats.kernels.gaussian.patterns import CrossProducts, distinct_columns, summarise
from trdstats.kernels.gaussian.sandwich import Subjects, SubjectsInMemory
from trdstats.kernels.gaussian.subject_rows import SubjectRows
from trdstats.longitudinal.covariances.structures import get_covariance
from trdstats.longitudinal.designs.by_visit import build_design, long_table
from trdstats.longitudinal.designs.counted_from import (
    counted_from_values,
    rest_on_left_out,
    without_origins,
)
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.estimable import (
    left_out_by_constraint,
    warn_of_aliased,
    without_visit,
)
from trdstats.longitudinal.designs.outcome_values import check_not_exact, check_varies
from trdstats.longitudinal.designs.subject_weights import (
    COLUMN,
    Weighting,
    attach_weights,
    describe_weights,
)
from trdstats.longitudinal.gaussian.mmrm_fit.inference import infer
from trdstats.longitudinal.gaussian.mmrm_fit.optimum import (
    WITHOUT_DAYS,
    at_boundary,
    optimise,
    sentences_of,
)
from trdstats.longitudinal.gaussian.mmrm_fit.origin import origin_of, shifted_by, weighted
from trdstats.longitudinal.gaussian.mmrm_fit.structure import (
    Counts,
    check_columns,
    check_groups,
    check_parameters,
    model_of,
    structure_of,
)
from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult
from trdstats.longitudinal.gaussian.summaries import MMRMSummary
from trdstats.study.study import caveat_of

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM

# Of sums of squares: what rounding leaves of an exact fit, and where columns count as dependent.
_ROUNDING, _DEPENDENT = 1e-13, 1e-12


def fit_weighted(
    spec: MMRM, data: Any, subject: str, visit: str, treatment: str, weights: Any
) -> MMRMResult:
    """Fit the model with weights of subjects: an empirical covariance that knows them."""
    if spec.rating_weights is not None or isinstance(data, MMRMSummary):
        raise SpecError(
            "Weights of subjects need rows, and cannot be combined with weights of ratings: "
            "give either fit(weights=...) or MMRM(rating_weights=...), and no summary."
        )
    table = long_table(data, with_baseline=spec.constrained)
    rows, left_out = attach_weights(table, subject, weights)
    robust = with_weights_of_subjects(spec)
    design = _design_of(robust, rows, subject, visit, treatment)
    caveat = caveat_under(caveat_of(data), weights)
    design = replace(design, left_out=left_out | design.left_out, caveat=caveat)
    weighting = describe_weights(design.frame, subject, design.subjects, weights)
    return _fit_design(robust, design, weighting)


def with_weights_of_subjects(spec: MMRM) -> MMRM:
    """Return the model with the covariance and degrees of freedom that weights of subjects need."""
    return replace(
        spec,
        rating_weights=COLUMN,
        vcov="empirical" if spec.vcov == "model" else spec.vcov,
        ddf="satterthwaite" if spec.ddf.startswith("kenward") else spec.ddf,
    )


def fit_rows(spec: MMRM, data: Any, subject: str, visit: str, treatment: str) -> MMRMResult:
    """Fit the model to rows, which are summed into cross-products."""
    return _fit_design(spec, _design_of(spec, data, subject, visit, treatment), None)


def _design_of(spec: MMRM, data: Any, subject: str, visit: str, treatment: str) -> Design:
    design = build_design(
        data, read_formula(spec.formula), subject=subject, visit=visit, group=spec.group,
        weights=spec.rating_weights, treatment=treatment if spec.constrained else None,
        time=spec.time, scale=spec.scale,
    )  # fmt: skip
    check_varies(design.outcome, design.y[design.rated.T])
    return counted_from_values(design)


def _fit_design(spec: MMRM, design: Design, weighting: Weighting | None) -> MMRMResult:
    """Fit the model to the columns of a design."""
    origin = origin_of(design)
    X, y, log_weight = weighted(design, origin)
    select, distinct = distinct_columns(X, y)
    check_parameters(get_covariance(spec.covariance), Counts.of(design), len(design.terms))
    check_columns(len(design.visits), distinct.shape[1])
    kinds = design.group * len(design.days) + design.schedule
    summary, rows = summarise(select, distinct, design.rated, kinds, log_weight)
    check_residuals(design, summary)
    resting = resting_columns(design, summary)
    if resting.any():
        return _fit_design(spec, without_origins(design, resting), weighting)
    return fit_summary(spec, design, summary, rows, origin, weighting=weighting)


def resting_columns(design: Design, summary: CrossProducts) -> BoolArray:
    """Return which kept columns are counted from an origin by a column that is left out."""
    if design.coordinates is None:
        return np.zeros(len(design.terms), dtype=bool)
    kept = np.isin(np.arange(len(design.terms)), _judge(design, summary).kept)
    return rest_on_left_out(design, kept)


def check_residuals(design: Design, summary: CrossProducts) -> None:
    """Refuse an outcome that the formula fits exactly; it is counted from its mean."""
    each = np.eye(summary.rated.shape[1]) * summary.rated[:, :, None]
    products = summary.moments(each)
    of_x, with_y, of_y = products[:-1, :-1], products[:-1, -1], float(products[-1, -1])
    root = np.sqrt(np.diag(of_x))
    root = np.where(root > 0, root, 1.0)
    scaled, correlation = of_x / np.outer(root, root), with_y / root
    beta, _, rank, _ = np.linalg.lstsq(scaled, correlation, rcond=_DEPENDENT)
    if summary.n_obs <= rank:  # too few ratings are another fault
        return
    explained = float(correlation @ beta)
    check_not_exact(design.outcome, of_y - explained, _ROUNDING * of_y)


def _judge(design: Design, summary: CrossProducts) -> Estimability:
    return judge_columns(summary, last=without_visit(design))


def fit_summary(
    spec: MMRM,
    design: Design,
    summary: CrossProducts,
    rows: SubjectRows,
    origin: FloatArray | None = None,
    *,
    subjects: Subjects | None = None,
    weighting: Weighting | None = None,
) -> MMRMResult:
    """Fit the model to cross-products.

    Parameters
    ----------
    spec : MMRM
    design : Design
    summary : CrossProducts
    rows : SubjectRows
        Of the subjects that are at hand.
    origin : ndarray, shape (q,), optional
        Coefficients whose fitted values were subtracted from the outcome.
    subjects : Subjects, optional
        All subjects, where an empirical covariance asks for them. Default: those at hand.
    weighting : Weighting, optional
        Weights of subjects, whose estimation the covariance includes.

    Raises
    ------
    NotEstimableError
        When the covariance cannot be estimated.
    """
    columns = _judge(design, summary)
    # Treatment columns that are 0 at baseline are collinear: that is the constraint.
    implied = left_out_by_constraint(design, columns)
    aliased = [design.terms[j] for j in columns.left_out if j not in implied]
    warn_of_aliased(aliased, len(design.terms))
    kept = columns.kept
    summary = summary.keep(kept)
    structure = structure_of(spec, design)
    model = model_of(summary, structure, design, spec.reml)
    check_groups(model, design, spec.group)
    optimum = optimise(model, structure, design)
    boundary = at_boundary(model, structure, design, optimum)
    if boundary:
        warn(
            f"{sentences_of(boundary)} It happens by chance where a true correlation is small "
            "(or near one), and does not show that it is. Degrees of freedom and errors take "
            f"it as known. {WITHOUT_DAYS}",
            EstimateWarning,
        )
    # What lies at the boundary is taken as known: nothing changes with it.
    free = [k for k in range(len(optimum.hessian)) if k not in boundary]
    of_theta = np.zeros_like(optimum.hessian)
    of_theta[np.ix_(free, free)] = 2 * np.linalg.inv(optimum.hessian[np.ix_(free, free)])
    subjects = subjects or SubjectsInMemory(rows)
    inference = infer(spec, model, optimum, of_theta, subjects, weighting)
    start = np.zeros(len(kept)) if origin is None else origin[kept]
    return MMRMResult(
        spec=spec,
        design=design,
        terms=tuple(design.terms[j] for j in kept),
        aliased=tuple(aliased),
        inference=shifted_by(inference, start),
        _columns=columns,
        _by_constraint=implied,
        _model=model,
        _optimum=optimum,
        _of_theta=of_theta,
        _rows=rows,
        _origin=start,
        _weighting=weighting,
    )
