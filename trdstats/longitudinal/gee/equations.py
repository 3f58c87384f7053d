"""The estimating equations of a table: from rows to coefficients, or to words why not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.gaussian.coordinates import centre
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.kernels.gee.batches import lay_out
from trdstats.kernels.gee.criteria import Criteria, criteria
from trdstats.kernels.gee.fit import GEEFit, independent, solve
from trdstats.kernels.gee.means import CumulativeLogit, mean_model
from trdstats.kernels.gee.parts import RatingParts
from trdstats.kernels.gee.ratings import RatingRows, Ratings
from trdstats.kernels.gee.sandwich import infer
from trdstats.kernels.gee.separation import separated_rows
from trdstats.kernels.gee.working import Pairs, Structure, classify
from trdstats.longitudinal.designs.estimable import warn_of_aliased
from trdstats.longitudinal.designs.outcome_values import (
    check_not_exact,
    check_range,
    check_rest,
)
from trdstats.longitudinal.designs.rated_outcome import RatedDesign, RatedOutcome
from trdstats.longitudinal.gee.correlation import places_of
from trdstats.longitudinal.gee.divided_outcome import DividedOutcome, RowsNeededError
from trdstats.longitudinal.gee.separated import Separated, find_separated

_FAR = 12.0  # log odds and logarithms beyond which separation is looked for


@dataclass(frozen=True)
class Equations:
    """Solved estimating equations.

    Attributes
    ----------
    fit : GEEFit
    ratings : Ratings
        Those that take part.
    columns : Estimability
        Columns that were estimated; an ordinal model has thresholds in the place of the intercept.
    used : ndarray of bool, shape (N,), or None
        Ratings that take part; None: all.
    analysed : ndarray of int
        Subjects of the fit, as places among those of the design.
    separated : Separated or None
    """

    fit: GEEFit
    ratings: Ratings
    columns: Estimability
    used: BoolArray | None
    analysed: IntArray
    separated: Separated | None


def solve_equations(design: RatedDesign, *, link: str, structure: Structure) -> Equations:
    """Solve the estimating equations of a table.

    Parameters
    ----------
    design : RatedDesign
    link : str
    structure : str
        Of the working correlation.

    Raises
    ------
    NotEstimableError
        When there is no solution; the message says why and what to do.
    RowsNeededError
        When the ratings stand in partitions, and a solution has to be looked for in rows.
    """
    _check_outcome(design, link)
    columns = design.columns
    alone = _ratings(design, columns, link, structure)
    start, separated = _start(design, alone, columns, link)
    used = None if separated is None else ~separated.rows
    if used is not None:
        rows = in_rows(design)
        X = rows.X[used]
        columns = judge_rows(centre(X)[0]).of_design(X)
        alone = _rating_rows(rows, columns, link, used)
        start, settled = independent(alone)
        if not settled:
            raise NotEstimableError(_no_solution(design, link))
    warn_of_aliased([design.terms[j] for j in design.columns.left_out], len(design.terms))
    analysed = np.arange(len(design.subjects), dtype=np.intp)
    if used is not None:
        analysed = np.unique(in_rows(design).person[used])
    if len(analysed) <= len(start):
        raise NotEstimableError(
            f"{len(analysed)} subjects for {len(start)} coefficients: estimating equations need "
            "more subjects than coefficients. Leave terms out of the formula."
        )
    _check_days(design, structure)
    ratings = alone
    if isinstance(alone, RatingRows):
        ratings = replace(alone, pairs=_pairs(in_rows(design), alone.weight, structure, used))
    elif isinstance(alone, RatingParts):
        ratings = alone.with_correlation(structure)
    fit = solve(ratings, start)
    _check_solution(design, fit, link=link, structure=structure)
    return Equations(fit, ratings, columns, used, analysed, separated)


def _check_solution(design: RatedDesign, fit: GEEFit, *, link: str, structure: str) -> None:
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
        check_not_exact(design.outcome, fit.dispersion, 1e-20 * design.sums.mean_square)


def criteria_of(design: RatedDesign, equations: Equations) -> Criteria:
    """Return the criteria of a fit; NaN with weights."""
    if design.is_weighted:
        return Criteria(np.nan, np.nan, np.nan)
    fit = equations.fit
    robust = infer(fit, "robust", "normal").covariance
    scale = fit.scale if design.family == "gaussian" else 1.0
    return criteria(equations.ratings.independent(), fit.beta, robust, dispersion=scale)


def _pairs(
    design: RatedOutcome, weight: FloatArray, structure: Structure, used: BoolArray | None
) -> Pairs:
    kept = slice(None) if used is None else used
    _, person = np.unique(design.person[kept], return_inverse=True)
    place = places_of(structure, design.occasion, design.place, design.day)[kept]
    batches = lay_out(np.asarray(person, dtype=np.intp).ravel(), place)
    return classify(structure, batches, weight, len(design.visits))


def _check_days(design: RatedDesign, structure: str) -> None:
    if structure != "ar1-days":
        return
    if not design.days_are_known:
        raise SpecError(
            f"corr='ar1-days' needs days, and the visits {', '.join(map(str, design.visits[:5]))} "
            "name none: give a column of days with time=..., or use corr='ar1'."
        )
    if design.with_one_day_twice:
        raise SpecError(
            f"Two ratings of one day in {design.with_one_day_twice:,} subjects: a correlation "
            "that falls with the days between ratings needs different days."
        )


def _check_outcome(design: RatedDesign, link: str) -> None:
    if not design.terms:
        raise SpecError("The formula has no term: '~ 1' is an intercept alone.")
    y = design.sums
    if link == "log" and y.mean <= 0 < y.highest - y.lowest:
        raise NotEstimableError(
            f"The mean of {design.outcome!r} is {y.mean:.3g}, and a log link needs "
            "positive means. Use link='identity'."
        )
    if design.family != "ordinal":
        event = design.family != "gaussian"
        check_range(design.outcome, y.lowest, y.highest, y.n, event=event)


def in_rows(design: RatedDesign) -> RatedOutcome:
    """Return a design whose rows are in memory.

    Raises
    ------
    RowsNeededError
        When they stand in partitions.
    """
    if not isinstance(design, RatedOutcome):
        raise RowsNeededError(
            "Effects may have no finite estimate (separation), and the search for it needs all "
            "ratings at once"
        )
    return design


def _ratings(
    design: RatedDesign, columns: Estimability, link: str, structure: Structure
) -> Ratings:
    """Return the ratings under independence."""
    if isinstance(design, DividedOutcome):
        return design.ratings(parameters_kept(design, columns), link, structure).independent()
    return _rating_rows(in_rows(design), columns, link, None)


def _rating_rows(
    design: RatedOutcome, columns: Estimability, link: str, used: BoolArray | None
) -> RatingRows:
    chosen = slice(None) if used is None else used
    y = design.y[chosen]
    w = np.ones(len(y)) if design.weight is None else design.weight[chosen]
    X = design.X[chosen][:, parameters_kept(design, columns)]
    return RatingRows(mean_model(design.family, X, y, w, link, len(design.categories)), w)


def parameters_kept(design: RatedDesign, columns: Estimability) -> IntArray:
    """Return the estimated columns; of an ordinal outcome without the intercept.

    Thresholds stand for it.
    """
    if design.family != "ordinal":
        return columns.kept
    kept = [int(j) for j in columns.kept if design.terms[int(j)] != "Intercept"]
    return np.array(kept, dtype=np.intp)


def _start(
    design: RatedDesign, alone: Ratings, columns: Estimability, link: str
) -> tuple[FloatArray, Separated | None]:
    """Return the coefficients under independence, and ratings that leave them without end."""
    if design.family == "gaussian" and link == "identity" and design.n_obs > len(columns.kept):
        y = design.sums
        check_rest(design.outcome, y.mean_square, y.variance, design.rest(columns.kept))
    beta, settled = independent(alone)
    bounded = link == "identity" or design.family == "gaussian"
    if design.family == "ordinal":
        if settled and alone.farthest(beta) < _FAR:
            return beta, None
        model = _rating_rows(in_rows(design), columns, link, None).model
        assert isinstance(model, CumulativeLogit)
        if separated_rows(*model.indicators()).any():
            raise NotEstimableError(_ordinal_separation(in_rows(design)))
        if settled:
            return beta, None
        raise NotEstimableError(_no_solution(design, link))
    if settled and (bounded or alone.farthest(beta) <= _FAR):
        return beta, None
    separated = None if bounded else find_separated(in_rows(design), link)
    if separated is not None:
        if separated.rows.all():
            raise NotEstimableError(
                f"Covariates predict every rating without error ({separated.words}): no effect "
                "has a finite estimate. Leave terms out of the formula."
            )
        return beta, separated
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


def _no_solution(design: RatedDesign, link: str) -> str:
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
