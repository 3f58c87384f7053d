"""Probabilities of response and remission from a fitted mixed model for repeated measures.

Every subject of the study is put under every treatment; its scores are normal with the fitted mean
and covariance, and a definition is a set of boxes of scores. The average over the subjects is the
probability. Its error has three parts: that of the effects, that of the covariance (through which
the effects are estimated too), and that the subjects are a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.gaussian.sandwich import covariance_scores, effects_by_covariance
from trdstats.kernels.numerics.normal_boxes import BoxProbabilities
from trdstats.longitudinal.gaussian.fitted_scores import (
    FittedScores,
    covariance_of,
    groups_under,
)
from trdstats.longitudinal.gaussian.question import Question
from trdstats.longitudinal.gaussian.score_probabilities import given_baseline, over_baselines
from trdstats.outcomes.score_boxes import ScoreBoxes, score_boxes

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult

OPEN_ENDED = "ratings after the last visit of the model would have to be known"


@dataclass(frozen=True)
class Averages:
    """Averages over subjects, one a visit and treatment; visits vary slowest.

    Attributes
    ----------
    value : ndarray, shape (k,)
    of_subject : ndarray, shape (k, n)
        Probability of each subject.
    by_effects : ndarray, shape (k, q)
        Derivatives with respect to the effects that were estimated.
    by_covariance : ndarray, shape (k, h)
    used : ndarray of bool, shape (k, n)
        Subjects of whom the definition says something.
    reasons : list of str
        Why there is no average.
    """

    value: FloatArray
    of_subject: FloatArray
    by_effects: FloatArray
    by_covariance: FloatArray
    used: BoolArray
    reasons: list[str]


def average_probabilities(
    fit: MMRMResult, question: Question, scores: FittedScores, at: Sequence[int]
) -> Averages:
    """Return the average probabilities at some visits, given by their place after baseline."""
    boxes, row = boxes_of_subjects(question, scores, at)
    V, A, n = len(at), len(scores.treatments), scores.mean.shape[1]
    kept = fit._kept
    p = np.zeros((V, A, n))
    by_effects = np.zeros((V, A, len(kept)))
    by_covariance = np.zeros((V, A, sum(fit._model.sizes)))
    used = np.stack([~one.undefined[row] for one in boxes])  # (V, n)
    weight = used / np.maximum(used.sum(axis=1, keepdims=True), 1)
    first = np.cumsum([0, *fit._model.sizes])
    for g, by_treatment in enumerate(groups_under(fit, scores, question.treatment)):
        covariance, slopes = covariance_of(fit, g, scores.places)
        here = slice(first[g], first[g + 1])
        for a, subjects in enumerate(by_treatment):
            if not len(subjects):
                continue
            of_profiles, profile = _of_profiles(
                question, scores, boxes, at, scores.mean[a, subjects], row[subjects], covariance
            )
            X = scores.X[:, a][:, subjects][:, :, kept]
            for v, one in enumerate(of_profiles):
                p[v, a, subjects] = one.value[profile]
                weights = weight[v, subjects]
                pull = weights[:, None] * one.by_mean[profile]
                by_effects[v, a] += scores.sign * np.einsum("ik,kiq->q", pull, X)
                of_profile = np.bincount(profile, weights=weights, minlength=len(one.value))
                by_entries = np.tensordot(of_profile, one.by_covariance, 1)
                by_covariance[v, a, here] += np.tensordot(slopes, by_entries, 2)
    value = np.einsum("van,vn->va", p, weight)
    reasons = reasons_without(fit, question, scores, boxes, row, at)
    k = V * A
    return Averages(
        np.where([bool(r) for r in reasons], np.nan, value.ravel()),
        p.reshape(k, n),
        by_effects.reshape(k, -1),
        by_covariance.reshape(k, -1),
        np.repeat(used, A, axis=0),
        reasons,
    )


def boxes_of_subjects(
    question: Question, scores: FittedScores, at: Sequence[int]
) -> tuple[list[ScoreBoxes], IntArray]:
    """Return the boxes of every baseline, and the baseline of every subject."""
    baselines = scores.baseline
    if scores.baseline_is_random:
        # What can be said at all, whatever the baseline.
        baselines = np.full(scores.mean.shape[1], float(question.scale.maximum))
    distinct, row = np.unique(baselines, return_inverse=True)
    return _boxes(question, scores, at, distinct), row.reshape(-1).astype(np.intp)


def used_places(scores: FittedScores, boxes: ScoreBoxes) -> IntArray:
    """Return which of the visits of the scores play a part in an outcome."""
    bounded = (np.isfinite(boxes.lower) | np.isfinite(boxes.upper)).any(axis=0)
    extra = int(scores.baseline_is_random)
    return np.concatenate([np.arange(extra), np.flatnonzero(bounded) + extra]).astype(np.intp)


def _boxes(
    question: Question, scores: FittedScores, at: Sequence[int], baselines: FloatArray
) -> list[ScoreBoxes]:
    return score_boxes(
        question.definition, question.scale, scores.days, baselines,
        at=at, first=question.first, rounded=question.rounded,
    )  # fmt: skip


def _of_profiles(
    question: Question,
    scores: FittedScores,
    boxes: list[ScoreBoxes],
    at: Sequence[int],
    mean: FloatArray,
    row: IntArray,
    covariance: FloatArray,
) -> tuple[list[BoxProbabilities], IntArray]:
    """Return the probabilities of subjects that differ, and which of them each subject is."""
    both = np.column_stack([row.astype(float), mean])
    distinct, profile = np.unique(both, axis=0, return_inverse=True)
    mean, row = distinct[:, 1:], distinct[:, 0].astype(np.intp)
    if not scores.baseline_is_random:
        return given_baseline(boxes, row, mean, covariance), profile.reshape(-1)
    scale = question.scale
    of_profiles = over_baselines(
        lambda baselines: _boxes(question, scores, at, baselines),
        mean,
        covariance,
        floor=float(scale.floor),
        top=float(scale.maximum),
        step=float(scale.step) if question.rounded else 0.0,
    )
    return of_profiles, profile.reshape(-1)


def reasons_without(
    fit: MMRMResult,
    question: Question,
    scores: FittedScores,
    boxes: list[ScoreBoxes],
    row: IntArray,
    at: Sequence[int],
) -> list[str]:
    """Return why there is no average probability, visit by visit and treatment by treatment."""
    design, identified = fit.design, fit.identified
    reasons = []
    for one in boxes:
        defined = ~one.undefined[row]
        general = ""
        if one.open_ended[row][defined].any():
            general = OPEN_ENDED
        elif not defined.any():
            general = "the definition says nothing of any subject's baseline"
        used = used_places(scores, one)
        for a, treatment in enumerate(scores.treatments):
            X = scores.X[used, a]
            violated = identified.columns.violates(X.mean(axis=1), np.abs(X).mean(axis=1))
            lost = np.flatnonzero(violated.any(axis=1))
            why = general
            if len(lost) and not why:
                visit = design.visits[scores.places[used[lost[0]]]]
                cell = {question.treatment: treatment, design.visit: visit}
                known = {c: v for c, v in cell.items() if c in design.totals.types}
                why = identified.unassessed(known) or identified.aliasing(violated[lost[0]])
            reasons.append(why)
    return reasons


def estimate_probabilities(
    fit: MMRMResult,
    question: Question,
    scores: FittedScores,
    at: Sequence[int],
    notes: tuple[str, ...],
    refused: Sequence[str],
) -> Estimates:
    """Return the probabilities with their covariance and the influence of every subject.

    Parameters
    ----------
    fit : MMRMResult
    question : Question
    scores : FittedScores
    at : sequence of int
        Visits, by their place among those after baseline.
    notes : tuple of str
    refused : sequence of str
        Why each visit and treatment has no probability, whatever the model says; empty where it
        may have one.
    """
    averages = average_probabilities(fit, question, scores, at)
    averages = _without(averages, refused)
    state, n = fit._optimum.state, scores.mean.shape[1]
    through = effects_by_covariance(fit._model, state)
    # The covariance moves a probability by itself, and by way of the effects estimated under it.
    in_total = averages.by_covariance + averages.by_effects @ through
    influence = np.zeros((n, len(averages.value)))
    rows = fit._rows
    influence[rows.order] = covariance_scores(fit._model, state, rows) @ fit._of_theta @ in_total.T
    of_effects = fit._influence() @ averages.by_effects.T
    sampled = _sampled(averages)
    robust = fit.spec.vcov != "model"
    covariance = averages.by_effects @ fit.inference.covariance @ averages.by_effects.T
    if robust:
        others = influence + sampled
        both = of_effects.T @ others
        covariance += both + both.T + others.T @ others
    else:
        covariance += in_total @ fit._of_theta @ in_total.T + sampled.T @ sampled
    lost = np.isnan(averages.value)
    covariance[lost], covariance[:, lost] = np.nan, np.nan
    total = influence + of_effects + sampled
    total[:, lost] = 0.0
    reasons = [
        r or _no_error(v, c)
        for r, v, c in zip(averages.reasons, averages.value, np.diag(covariance), strict=True)
    ]
    return estimates_of(
        _keys(fit, question, scores, at), averages.value, influences=total,
        subjects=np.asarray(fit.design.subjects, dtype=object), covariance=covariance,
        limits_scale="logit", reasons=reasons, title=title_of(question),
        notes=(*notes, *_left_out(averages)),
    )  # fmt: skip


def _without(averages: Averages, refused: Sequence[str]) -> Averages:
    """Return the averages without those that are refused."""
    reasons = [r or why for r, why in zip(averages.reasons, refused, strict=True)]
    lost = np.array([bool(r) for r in reasons])
    return replace(averages, value=np.where(lost, np.nan, averages.value), reasons=reasons)


def title_of(question: Question) -> str:
    """Return the heading of the probabilities."""
    return f"Probability of {question.label}, from the fitted normal distribution"


def _sampled(averages: Averages) -> FloatArray:
    """Return what each subject adds by being in the study, shape (n, k)."""
    away = np.where(averages.used, averages.of_subject - averages.value[:, None], 0.0)
    n = np.maximum(averages.used.sum(axis=1), 1)
    return np.asarray(np.nan_to_num(away).T / n)


def _no_error(value: float, variance: float) -> str:
    if not np.isnan(value) and not variance > 0:
        every = "every total" if value > 0.5 else "no total"
        return f"{every} of the scale meets it, so it has no standard error"
    return ""


def _left_out(averages: Averages) -> tuple[str, ...]:
    n = int((~averages.used).any(axis=0).sum())
    if not n:
        return ()
    of = "1 subject is" if n == 1 else f"{n} subjects are"
    return (
        f"{of} left out: the definition has no meaning for a baseline at the end of the scale.",
    )


def _keys(
    fit: MMRMResult, question: Question, scores: FittedScores, at: Sequence[int]
) -> pd.DataFrame:
    visits = fit.design.visits[scores.after[list(at)]]
    A = len(scores.treatments)
    treatments = pd.Categorical(
        list(scores.treatments) * len(at),
        dtype=fit.design.totals.types[question.treatment],
    )
    return pd.DataFrame(
        {
            "treatment": treatments,
            "visit": np.repeat(np.asarray(visits), A),
            "definition": question.label,
        }
    )
