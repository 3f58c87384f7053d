"""The estimating equations of a table: from rows to coefficients, or to words why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.gaussian.coordinates import centre
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.kernels.gee.batches import lay_out
from trdstats.kernels.gee.criteria import Criteria, criteria
from trdstats.kernels.gee.fit import GEEFit, independent, solve
from trdstats.kernels.gee.means import CumulativeLogit, MeanModel, OneMean
from trdstats.kernels.gee.sandwich import infer
from trdstats.kernels.gee.separation import separated_rows
from trdstats.kernels.gee.working import Pairs, Structure, classify
from trdstats.longitudinal.designs.estimable import warn_of_aliased
from trdstats.longitudinal.designs.outcome_values import (
    check_not_exact,
    check_residuals,
    check_varies,
)
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome
from trdstats.longitudinal.gee.separated import Separated, find_separated

_FAR = 12.0  # log odds and logarithms beyond which separation is looked for


@dataclass(frozen=True)
class Equations:
    """Solved estimating equations.

    Attributes
    ----------
    fit : GEEFit
    model : MeanModel
        Of the ratings that take part.
    weight : ndarray
        Of the same ratings.
    pairs : Pairs
        Pairs of ratings of the working correlation.
    columns : Estimability
        Columns that were estimated; an ordinal model has thresholds in the place of the intercept.
    used : ndarray of bool, shape (N,)
        Ratings that take part.
    analysed : ndarray of int
        Subjects of the fit, as places among those of the design.
    separated : Separated or None
    """

    fit: GEEFit
    model: MeanModel
    weight: FloatArray
    pairs: Pairs
    columns: Estimability
    used: BoolArray
    analysed: IntArray
    separated: Separated | None


def solve_equations(design: RatedOutcome, *, link: str, structure: Structure) -> Equations:
    """Solve the estimating equations of a table.

    Parameters
    ----------
    design : RatedOutcome
    link : str
    structure : str
        Of the working correlation.

    Raises
    ------
    NotEstimableError
        When there is no solution; the message says why and what to do.
    """
    _check_outcome(design, link)
    start, separated = _start(design, link)
    used = np.ones(design.n_obs, dtype=bool) if separated is None else ~separated.rows
    X = design.X[used]
    columns = judge_rows(centre(X)[0]).of_design(X)
    weight = np.ones(design.n_obs) if design.weight is None else design.weight
    model = _model(design, columns, weight, used, link)
    if separated is not None or start is None:
        start, settled = independent(model)
        if not settled:
            raise NotEstimableError(_no_solution(design, link))
    warn_of_aliased([design.terms[j] for j in design.columns.left_out], len(design.terms))
    analysed, person = np.unique(design.person[used], return_inverse=True)
    if len(analysed) <= len(start):
        raise NotEstimableError(
            f"{len(analysed)} subjects for {len(start)} coefficients: estimating equations need "
            "more subjects than coefficients. Leave terms out of the formula."
        )
    place = _places(design, structure)[used]
    batches = lay_out(np.asarray(person, dtype=np.intp).ravel(), place)
    pairs = classify(structure, batches, weight[used], len(design.visits))
    fit = solve(model, weight[used], pairs, start)
    _check_solution(design, fit, link=link, structure=structure)
    analysed = np.asarray(analysed, dtype=np.intp)
    return Equations(fit, model, weight[used], pairs, columns, used, analysed, separated)


def _check_solution(design: RatedOutcome, fit: GEEFit, *, link: str, structure: str) -> None:
    if not fit.converged:
        if design.family == "binomial" and link in ("log", "identity"):
            raise NotEstimableError(_no_solution(design, link))
        raise NotEstimableError(
            f"The estimating equations with the working correlation {structure!r} did not settle "
            f"(steps: {fit.iterations}). Use corr='independence', whose robust errors are valid "
            "all the same, or fewer terms."
        )
    if fit.singular:
        others = [s for s in ("exchangeable", "independence") if s != structure]
        raise NotEstimableError(
            f"The moments of the ratings give no correlation matrix for {structure!r}: it would "
            f"not be positive definite. Use corr={' or '.join(map(repr, others))}; the robust "
            "errors are valid with each."
        )
    if design.family == "gaussian":
        check_not_exact(design.outcome, fit.dispersion, 1e-20 * float(np.mean(design.y**2)))


def criteria_of(design: RatedOutcome, equations: Equations) -> Criteria:
    """Return the criteria of a fit; NaN with weights."""
    if design.weight is not None:
        return Criteria(np.nan, np.nan, np.nan)
    fit = equations.fit
    robust = infer(fit, "robust", "normal").covariance
    scale = fit.scale if design.family == "gaussian" else 1.0
    return criteria(equations.model, fit.beta, robust, dispersion=scale)


def _places(design: RatedOutcome, structure: str) -> FloatArray:
    if structure == "unstructured":
        return design.occasion.astype(float)
    if not structure.startswith("ar1"):
        return np.zeros(design.n_obs)
    if structure == "ar1":
        return design.place
    if not design.days_are_known:
        raise SpecError(
            f"corr='ar1-days' needs days, and the visits {', '.join(map(str, design.visits[:5]))} "
            "name none: give a column of days with time=..., or use corr='ar1'."
        )
    same = (np.diff(design.day) == 0) & (np.diff(design.person) == 0)
    if same.any():
        raise SpecError(
            f"Two ratings of one day in {len(np.unique(design.person[1:][same])):,} subjects: a "
            "correlation that falls with the days between ratings needs different days."
        )
    return design.day


def _check_outcome(design: RatedOutcome, link: str) -> None:
    if not design.X.shape[1]:
        raise SpecError("The formula has no term: '~ 1' is an intercept alone.")
    if link == "log" and design.y.mean() <= 0 < np.ptp(design.y):
        raise NotEstimableError(
            f"The mean of {design.outcome!r} is {design.y.mean():.3g}, and a log link needs "
            "positive means. Use link='identity'."
        )
    if design.family != "ordinal":
        check_varies(design.outcome, design.y, event=design.family != "gaussian")


def _model(
    design: RatedOutcome, columns: Estimability, weight: FloatArray, used: BoolArray, link: str
) -> MeanModel:
    y, w = design.y[used], weight[used]
    if design.family == "ordinal":
        return CumulativeLogit(
            design.X[used][:, slopes(design, columns)], y, w, len(design.categories) - 1
        )
    X = design.X[used][:, columns.kept]
    return OneMean(X, y, w, link, design.family)


def slopes(design: RatedOutcome, columns: Estimability) -> IntArray:
    """Return the estimated columns but the intercept, for which thresholds stand."""
    kept = [int(j) for j in columns.kept if design.terms[int(j)] != "Intercept"]
    return np.array(kept, dtype=np.intp)


def _start(design: RatedOutcome, link: str) -> tuple[FloatArray | None, Separated | None]:
    """Return the coefficients under independence, or the ratings that leave them without end."""
    columns = design.columns
    everything = np.ones(design.n_obs, dtype=bool)
    weight = np.ones(design.n_obs) if design.weight is None else design.weight
    model = _model(design, columns, weight, everything, link)
    if design.family == "gaussian" and link == "identity":
        X = design.X[:, columns.kept]
        rest = design.y - X @ np.linalg.lstsq(X, design.y)[0]
        check_residuals(design.outcome, design.y, rest, X.shape[1])
    beta, settled = independent(model)
    bounded = link == "identity" or design.family == "gaussian"
    if isinstance(model, CumulativeLogit):
        if settled and np.abs(model.linear_predictors(beta)).max() < _FAR:
            return beta, None
        if separated_rows(*model.indicators()).any():
            raise NotEstimableError(_ordinal_separation(design))
        if settled:
            return beta, None
        raise NotEstimableError(_no_solution(design, link))
    far = not bounded and bool(np.abs(design.X[:, columns.kept] @ beta).max() > _FAR)
    if settled and not far:
        return beta, None
    separated = None if bounded else find_separated(design, link)
    if separated is not None:
        if separated.rows.all():
            raise NotEstimableError(
                f"Covariates predict every rating without error ({separated.words}): no effect "
                "has a finite estimate. Leave terms out of the formula."
            )
        return None, separated
    if not settled:
        raise NotEstimableError(_no_solution(design, link))
    return beta, None


def _ordinal_separation(design: RatedOutcome) -> str:
    frame = design.frame.assign(_y=design.y)
    top = len(design.categories) - 1
    for factor in sorted(design.totals.types):
        by = frame.groupby(factor, observed=True)["_y"].agg(["min", "max"])
        for end, name in ((0, design.categories[0]), (top, design.categories[-1])):
            at = by[(by["min"] == end) & (by["max"] == end)]
            if len(at):
                return (
                    f"All ratings at {factor} {at.index[0]!s} are {name!s}: the effects of "
                    f"{factor} have no finite estimate. Join levels or leave the term out."
                )
    return (
        f"The thresholds of {design.outcome!r} have no finite estimate: covariates predict the "
        "category without error (separation), or categories are too rare. Join categories, or "
        "leave terms out of the formula."
    )


def _no_solution(design: RatedOutcome, link: str) -> str:
    if design.family == "binomial" and link in ("log", "identity"):
        measure = "risk ratios" if link == "log" else "risk differences"
        other = "poisson" if link == "log" else "gaussian"
        return (
            f"With link={link!r} no probabilities between 0 and 1 solve the equations (they end at "
            f"the boundary). Use GEE(..., family={other!r}, link={link!r}): it estimates the same "
            f"{measure} with robust errors (Zou and Donner 2013), and needs no bound."
        )
    return (
        "The estimating equations have no solution that the search could find. Leave terms out of "
        "the formula, or scale covariates."
    )
