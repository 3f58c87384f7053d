"""The scores of every subject under every treatment, as a fitted model says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.longitudinal.covariances.covariances import OnDays
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.levels import level_text
from trdstats.longitudinal.designs.study_grid import StudyGrid, study_grid
from trdstats.longitudinal.gaussian.question import Question
from trdstats.study.visit_order import days_of

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult


@dataclass(frozen=True)
class FittedScores:
    """Means, baselines and covariances, counted from good to bad as definitions count scores.

    Attributes
    ----------
    grid : StudyGrid
        The subjects.
    treatments : list
        Levels of the treatment.
    places : ndarray of int, shape (K,)
        Visits of the model that play a part: those after baseline, and before them the baseline
        where the model takes it as an outcome.
    after : ndarray of int, shape (T,)
        Visits after baseline.
    days : ndarray, shape (T,)
        Their days, rising and above 0; 1, 2, ... where visits name none.
    days_are_known : bool
    X : ndarray, shape (K, A, n, q)
        On all columns of the design, aliased ones included.
    mean : ndarray, shape (A, n, K)
    sign : float
        What a point more of the outcome is in `mean`: -1 where high is good.
    baseline : ndarray, shape (n,)
        NaN where it is no column of the model.
    """

    grid: StudyGrid
    treatments: list[object]
    places: IntArray
    after: IntArray
    days: FloatArray
    days_are_known: bool
    X: FloatArray
    mean: FloatArray
    sign: float
    baseline: FloatArray

    @property
    def baseline_is_random(self) -> bool:
        """Whether the baseline is one of the outcomes."""
        return len(self.places) > len(self.after)


def fitted_scores(fit: MMRMResult, question: Question) -> FittedScores:
    """Return the scores of the subjects of a study under every treatment.

    Raises
    ------
    SpecError, UnknownNameError
        When the model was fitted to a summary, has no such treatment, or a covariate has no one
        value for a subject.
    """
    design, scale = fit.design, question.scale
    columns = [str(v) for v in design.spec.required_variables]
    by = design.visit if design.visit in columns else None
    grid = study_grid(design, question.treatment, by, question.at)
    n, q = grid.X.shape[1:]
    before = () if design.baseline is None else design.baseline.before
    is_before = np.array([v in before for v in design.visits])
    after = np.flatnonzero(~is_before)
    start = np.flatnonzero(is_before)[-1:]
    places = np.concatenate([start, after]).astype(np.intp)
    X = grid.X.reshape(len(design.visits) if by else 1, -1, n, q)
    X = X[places] if by else np.repeat(X, len(places), axis=0)
    raw = _baselines(grid.table, question.baseline)
    mean = X[..., fit._kept] @ fit.inference.beta
    if question.outcome == "change":
        mean = mean + raw
    days, known = days_after(design, after)
    return FittedScores(
        grid=grid,
        treatments=list(dict.fromkeys(grid.labels[question.treatment])),
        places=places,
        after=after,
        days=days,
        days_are_known=known,
        X=X,
        mean=np.asarray(np.moveaxis(scale.oriented(mean), 0, -1)),
        sign=-1.0 if scale.high_is_good else 1.0,
        baseline=np.asarray(scale.oriented(raw), dtype=float),
    )


def days_after(design: Design, after: IntArray) -> tuple[FloatArray, bool]:
    """Return the days of visits after baseline, and whether the visits name them.

    Where they do not, they are 1, 2, ...: definitions need only their order then.
    """
    days = days_of(list(design.visits))[after]
    known = not np.isnan(days).any() and bool((days > 0).all())
    return (days, True) if known else (np.arange(1.0, len(after) + 1), False)


def _baselines(table: pd.DataFrame, column: str) -> FloatArray:
    if column not in table:
        return np.full(len(table), np.nan)
    if isinstance(table[column].dtype, pd.CategoricalDtype):
        raise SpecError(f"The baseline {column!r} must hold numbers, and the model takes levels.")
    return table[column].to_numpy(dtype=float)


def groups_under(fit: MMRMResult, scores: FittedScores, treatment: str) -> list[list[IntArray]]:
    """Return the subjects that have each group's covariance, under every treatment.

    Where the treatment itself has the covariance, all have that of the treatment they are put
    under.
    """
    design, group = fit.design, fit.spec.group
    every = np.arange(scores.mean.shape[1])
    if group is None:
        return [[every] * len(scores.treatments)]
    if group == treatment:
        names = [level_text(t) for t in scores.treatments]
        return [
            [every if name == level else every[:0] for level in names] for name in design.groups
        ]
    members = [np.flatnonzero(design.group == g) for g in range(len(design.groups))]
    return [[subjects] * len(scores.treatments) for subjects in members]


def covariance_of(fit: MMRMResult, g: int, places: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the covariance of a group at some visits, and its derivatives, shape (h, K, K)."""
    theta = fit._model.parts(fit._optimum.state.theta)[g]
    shape = OnDays(fit._structure, fit.design.nominal_days[None])(theta)
    rows = places[:, None]
    return shape.value[0][rows, places], shape.first[:, 0][:, rows, places]
