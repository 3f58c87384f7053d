"""From the rows of a rated outcome to a fit: what is estimable, and why the rest is not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, count_of
from trdstats.kernels.gaussian.coordinates import centre
from trdstats.kernels.gaussian.estimability import Estimability, judge_rows
from trdstats.kernels.glmm.conditional import Link
from trdstats.kernels.glmm.fit import MixedFit, fit_marginal, fit_without
from trdstats.kernels.glmm.ordered import OrderedDesign, ordered_rows
from trdstats.kernels.glmm.rows import Rows
from trdstats.kernels.glmm.separation import looks_separated, recession, separated_rows
from trdstats.longitudinal.designs.rated_outcome import RatedOutcome
from trdstats.longitudinal.designs.subject_weights import COLUMN
from trdstats.longitudinal.glmm.effects import RandomEffects

_SHOWN = 8


@dataclass(frozen=True)
class FittedGLMM:
    """A fit and the rows it is of.

    Attributes
    ----------
    rows : Rows
    fit : MixedFit
    without : tuple of ndarray and float
        Fixed effects and log-likelihood without random effects.
    points : int
    columns : Estimability
        Of the design, all columns.
    estimated : ndarray of int, shape (q,)
        Columns of the design that have a coefficient.
    n_thresholds : int
        Thresholds, which stand before the coefficients; 0 unless the outcome is ordinal.
    analysed : ndarray of int, shape (n,)
        Subjects of the rows among those of the design.
    separated : tuple of str
        Columns whose coefficients grow without end.
    n_separated : int
        Ratings that they predict without error, which have no part in the fit.
    """

    rows: Rows
    fit: MixedFit
    without: tuple[FloatArray, float]
    points: int
    columns: Estimability
    estimated: IntArray
    n_thresholds: int
    analysed: IntArray
    separated: tuple[str, ...]
    n_separated: int


def fit_rated_outcome(
    design: RatedOutcome, effects: RandomEffects, link: Link, *, points: int, correlated: bool
) -> FittedGLMM:
    """Fit a model with random effects to the rows of a rated outcome.

    Raises
    ------
    NotEstimableError
        When outcomes do not vary, subjects tell nothing of a variance, the thresholds of an
        ordinal outcome are separated, or the likelihood has no maximum.
    """
    _check_variation(design)
    kept = np.ones(design.n_obs, dtype=bool)
    columns, separated = design.columns, dict[int, None]()
    while True:
        estimated = _with_coefficient(design, columns)
        made = _make_rows(design, effects, link, kept, estimated, correlated)
        without = fit_without(made.rows, made.start)
        if not looks_separated(made.rows, None if without is None else without[0]):
            break
        direction = recession(made.rows)
        if not direction.any():
            break
        if design.family == "ordinal":
            raise _ordinal_separation(design, estimated, direction)
        separated |= dict.fromkeys(estimated[direction != 0].tolist())
        kept[np.flatnonzero(kept)[separated_rows(made.rows, direction)]] = False
        if not kept.any():
            raise _all_separated(design, [*separated])
        columns = _judge(design, kept)
    if without is None:
        raise _no_maximum(design, effects)
    fit = fit_marginal(made.rows, points, without[0])
    if fit is None or not fit.converged:
        raise _no_maximum(design, effects)
    return FittedGLMM(
        made.rows, fit, without, points, columns, estimated, max(len(design.categories) - 1, 0),
        made.analysed, tuple(design.terms[j] for j in separated), int((~kept).sum()),
    )  # fmt: skip


def with_thresholds(
    design: RatedOutcome, effects: RandomEffects, fitted: FittedGLMM, by_threshold: tuple[int, ...]
) -> MixedFit | None:
    """Fit an ordinal model in which some columns have a coefficient at every threshold."""
    kept = np.ones(design.n_obs, dtype=bool)
    made = _make_rows(
        design, effects, "logit", kept, fitted.estimated, fitted.rows.correlated, by_threshold
    )
    start = np.zeros(made.rows.n_fixed)
    start[: fitted.rows.n_fixed] = fitted.without[0]
    return fit_marginal(made.rows, fitted.points, start)


@dataclass(frozen=True)
class _Made:
    rows: Rows
    start: FloatArray
    analysed: IntArray


def _make_rows(
    design: RatedOutcome,
    effects: RandomEffects,
    link: Link,
    kept: BoolArray,
    estimated: IntArray,
    correlated: bool,
    by_threshold: tuple[int, ...] = (),
) -> _Made:
    analysed, subject = np.unique(design.person[kept], return_inverse=True)
    subject = subject.astype(np.intp).reshape(-1)
    weight = np.ones(len(design.subjects))
    if design.weighting is not None:
        weight[design.person] = design.frame[COLUMN].to_numpy(dtype=float)
    X, Z, weight = design.X[np.ix_(kept, estimated)], effects.Z[kept], weight[analysed]
    if design.family == "ordinal":
        y = design.y.astype(np.intp)
        ordered = OrderedDesign(X, len(design.categories) - 1, by_threshold)
        rows = ordered_rows(ordered, y, subject, Z, weight, correlated=correlated)
        return _Made(rows, ordered.start(y), analysed)
    none = np.zeros(0, dtype=np.intp)
    rows = Rows(
        link, subject, X, Z, design.y[kept], weight, none, np.zeros((0, X.shape[1])), correlated
    )
    return _Made(rows, np.zeros(X.shape[1]), analysed)


def _with_coefficient(design: RatedOutcome, columns: Estimability) -> IntArray:
    """Return the columns with a coefficient; thresholds stand for the intercept."""
    ordinal = design.family == "ordinal"
    kept = [j for j in columns.kept.tolist() if not (ordinal and design.terms[j] == "Intercept")]
    return np.array(kept, dtype=np.intp)


def _judge(design: RatedOutcome, kept: BoolArray) -> Estimability:
    X = design.X[kept]
    return replace(judge_rows(centre(X)[0]).of_design(X))


def _check_variation(design: RatedOutcome) -> None:
    """Refuse outcomes that tell nothing of a variance between subjects."""
    y, person = design.y, design.person
    n = len(design.subjects)
    if n < 2:
        raise NotEstimableError(
            f"There is one subject with a rating ({design.subjects[0]}): a variance between "
            "subjects needs several."
        )
    if np.ptp(y) == 0:
        shown = design.categories[0] if design.categories else f"{y[0]:g}"
        raise NotEstimableError(
            f"The outcome {design.outcome!r} is {shown} in all {len(y):,} ratings: there is "
            "nothing to explain."
        )
    if design.family == "poisson":
        return
    if design.n_obs == n:
        other = "ProportionalOdds" if design.family == "ordinal" else "logistic regression"
        raise NotEstimableError(
            "Every subject has one rating: differences between subjects cannot be told from "
            f"those between ratings. Fit more visits, or {other} at one visit."
        )
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, person, y)
    np.maximum.at(high, person, y)
    if (low == high).all():
        raise NotEstimableError(
            f"Every subject has the same {design.outcome!r} at all ratings: the variance of the "
            "random effects grows without end. GEE and the rates of one visit can be had."
        )


def _names(design: RatedOutcome, columns: list[int]) -> str:
    names = [design.terms[j] for j in columns]
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _all_separated(design: RatedOutcome, columns: list[int]) -> NotEstimableError:
    return NotEstimableError(
        f"The outcome {design.outcome!r} is separated: {_names(design, columns)} predict all "
        f"{count_of(design.n_obs, 'rating', 'ratings')} without error, so that no coefficient "
        "has a finite estimate. Leave out terms of the formula."
    )


def _ordinal_separation(
    design: RatedOutcome, estimated: IntArray, direction: FloatArray
) -> NotEstimableError:
    k = len(design.categories) - 1
    columns = estimated[direction[k:] != 0].tolist()
    return NotEstimableError(
        f"The categories of {design.outcome!r} are separated: {_names(design, columns)} predict "
        "some of them without error, so that their coefficients have no finite estimate. Leave "
        "out these terms, or merge categories."
    )


def _no_maximum(design: RatedOutcome, effects: RandomEffects) -> NotEstimableError:
    simpler = " Try random='1'." if len(effects.names) > 1 else ""
    return NotEstimableError(
        f"The likelihood of the random effects {', '.join(effects.names)} has no maximum that the "
        f"search could reach with {count_of(len(design.subjects), 'subject', 'subjects')} and "
        f"{count_of(design.n_obs, 'rating', 'ratings')}: a variance grows without end where "
        f"subjects hardly change between ratings.{simpler} Fewer terms, or GEE, may be had."
    )
