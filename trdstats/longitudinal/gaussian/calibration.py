"""Whether as many subjects had an outcome as a fitted model predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.kernels.gaussian.reml import covariances
from trdstats.kernels.numerics.normal_boxes import box_probabilities
from trdstats.kernels.numerics.tails import normal_isf
from trdstats.longitudinal.designs.levels import level_text
from trdstats.longitudinal.gaussian.fitted_scores import days_after, fitted_scores
from trdstats.longitudinal.gaussian.predict import fitted_means
from trdstats.longitudinal.gaussian.probability import boxes_of_subjects, reasons_without
from trdstats.longitudinal.gaussian.question import Question
from trdstats.outcomes.score_boxes import ScoreBoxes, score_boxes
from trdstats.tables import FrameResult, Summary, Table, each_row, format_percent

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult


@dataclass(frozen=True, repr=False, eq=False)
class Calibration(FrameResult):
    """Predicted and observed proportions by treatment and visit.

    Attributes
    ----------
    frame : pandas.DataFrame
        treatment, visit, n (subjects), assessed, predicted (mean of their probabilities, given
        covariates and baseline), observed, conf_low and conf_high of it (Wilson, 95 %, by the
        number assessed); NaN where the model knows no probability. Of subjects not assessed
        the probability given their other ratings counts, so that dropout by these does not
        distort the comparison.
    outcome : str
    caveat : str
    """

    frame: pd.DataFrame
    outcome: str
    caveat: str = ""

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw observed against predicted proportions; returns the Axes."""
        settings = {"caveat": self.caveat, "title": self.outcome, **options}
        return plots.plot_calibration(self.frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return one row a visit and treatment."""
        rows = tuple(
            (
                level_text(r.visit), str(r.treatment), f"{r.assessed} of {r.n}",
                format_percent(r.predicted), format_percent(r.observed),
            )
            for r in each_row(self.frame)
        )  # fmt: skip
        columns = ("Visit", "Treatment", "Assessed", "Predicted", "Observed")
        notes = ("Subjects not assessed count by their probability given their other ratings.",)
        return Summary(f"Calibration: {self.outcome}", (), (Table(columns, rows, 2),), notes)


def calibrate(fit: MMRMResult, question: Question, places: Sequence[int]) -> Calibration:
    """Compare predicted with observed proportions; see `ProbabilityResult.calibration`."""
    design, scale = fit.design, question.scale
    before = () if design.baseline is None else design.baseline.before
    after = np.flatnonzero([v not in before for v in design.visits])
    first = np.unique(design.person, return_index=True)[1]
    treatment = design.frame[question.treatment].iloc[first].reset_index(drop=True)
    mean, score = fitted_means(fit), design.y
    if design.baseline is None:
        column = design.frame.get(question.baseline)
        base = np.full(len(first), np.nan) if column is None else column.to_numpy(float)[first]
        if question.outcome == "change":
            mean, score = mean + base, score + base
    else:
        start = [k for k, v in enumerate(design.visits) if v in before][-1]
        base = np.where(design.rated[:, start], score[start], np.nan)
    mean, score = np.asarray(scale.oriented(mean)), np.asarray(scale.oriented(score))
    baselines, inverse = np.unique(np.asarray(scale.oriented(base)), return_inverse=True)
    row = inverse.reshape(-1)
    boxes = score_boxes(
        question.definition, scale, days_after(design, after)[0], baselines,
        at=places, first=question.first, rounded=question.rounded,
    )  # fmt: skip
    has_baseline = (
        ~np.isnan(base) if design.baseline is not None else np.ones(len(base), dtype=bool)
    )
    lost = _not_estimable(fit, question, places)
    rows = []
    for place, one in zip(places, boxes, strict=True):
        _check_one_visit(one, place, question)
        k = int(after[place])
        predicted = _of_visit(one, place, row, *_given(fit, mean, score, k, before))
        others = _of_visit(one, place, row, *_given(fit, mean, score, k, None))
        assessed = design.rated[:, k]
        met = np.where(assessed, _is_inside(one, place, row, score[k]), others)
        usable = ~one.undefined[row] & has_baseline
        for level in treatment.cat.categories:
            in_arm = np.flatnonzero(usable & (treatment == level).to_numpy(dtype=bool))
            n_assessed = int(assessed[in_arm].sum())
            proportion = float(met[in_arm].mean()) if len(in_arm) else np.nan
            ends = _wilson(proportion, n_assessed)
            mean_of = float(predicted[in_arm].mean()) if len(in_arm) else np.nan
            if (place, level) in lost:
                mean_of, proportion, ends = np.nan, np.nan, (np.nan, np.nan)
            rows.append(
                (level, design.visits[k], len(in_arm), n_assessed, mean_of, proportion, *ends)
            )
    columns = [
        "treatment", "visit", "n", "assessed", "predicted", "observed", "conf_low", "conf_high",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).astype({"treatment": treatment.dtype})
    return Calibration(frame, question.label, design.caveat)


def _not_estimable(
    fit: MMRMResult, question: Question, places: Sequence[int]
) -> set[tuple[int, object]]:
    """Return the visits and treatments whose probability the model does not know."""
    scores = fitted_scores(fit, question)
    boxes, row = boxes_of_subjects(question, scores, places)
    reasons = reasons_without(fit, question, scores, boxes, row, places)
    cells = [(place, treatment) for place in places for treatment in scores.treatments]
    return {cell for cell, why in zip(cells, reasons, strict=True) if why}


def _wilson(proportion: float, n: int) -> tuple[float, float]:
    """Return Wilson's limits of a proportion, NaN of none."""
    if not n or np.isnan(proportion):
        return np.nan, np.nan
    z2 = float(normal_isf(0.025)) ** 2
    centre = (proportion + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (proportion * (1 - proportion) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return centre - half, centre + half


def _check_one_visit(boxes: ScoreBoxes, place: int, question: Question) -> None:
    bounded = np.isfinite(boxes.lower) | np.isfinite(boxes.upper)
    if np.delete(bounded, place, axis=1).any():
        raise SpecError(
            f"{question.label} is an outcome of several visits: calibration is of states at one "
            "visit, such as Response()."
        )


def _given(
    fit: MMRMResult,
    mean: FloatArray,
    score: FloatArray,
    k: int,
    only: Sequence[object] | None,
) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of a visit's scores given others of the same subject.

    Parameters
    ----------
    fit : MMRMResult
    mean, score : ndarray, shape (T, n)
    k : int
        The visit.
    only : sequence or None
        Visits that are known, where they were assessed; None for all others.
    """
    design, rows, products = fit.design, fit._rows, fit._model.products
    V = covariances(fit._model, fit._optimum.state.shapes)
    allowed = np.array([only is None or v in only for v in design.visits])
    allowed[k] = False
    centre, spread = np.zeros(mean.shape[1]), np.zeros(mean.shape[1])
    for p in range(len(products.n)):
        subjects = rows.order[rows.pattern == p]
        given = np.flatnonzero(products.rated[p] & allowed)
        cross = V[p][given, k]
        pull = np.linalg.solve(V[p][np.ix_(given, given)], cross)
        centre[subjects] = mean[k, subjects] + pull @ (score - mean)[np.ix_(given, subjects)]
        spread[subjects] = np.sqrt(V[p][k, k] - cross @ pull)
    return centre, spread


def _of_visit(
    boxes: ScoreBoxes, place: int, row: IntArray, centre: FloatArray, spread: FloatArray
) -> FloatArray:
    """Return each subject's probability of an outcome at one visit."""
    value = boxes.whole[row].copy()
    for j in range(len(boxes.row)):
        in_arm = np.flatnonzero(row == boxes.row[j])
        low = (boxes.lower[j, place] - centre[in_arm]) / spread[in_arm]
        high = (boxes.upper[j, place] - centre[in_arm]) / spread[in_arm]
        zero = np.zeros((len(in_arm), 1))
        of_box = box_probabilities(low[:, None], high[:, None], zero, np.eye(1))
        value[in_arm] += boxes.sign[j] * of_box.value
    return value


def _is_inside(boxes: ScoreBoxes, place: int, row: IntArray, score: FloatArray) -> FloatArray:
    """Return 1 for subjects whose score lies in a box of their baseline, else 0."""
    value = boxes.whole[row].copy()
    for j in range(len(boxes.row)):
        inside = (score > boxes.lower[j, place]) & (score <= boxes.upper[j, place] + 1e-6)
        value += np.where((row == boxes.row[j]) & inside, boxes.sign[j], 0.0)
    return value
