"""What is asked of the distribution of scores that a mixed model was fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_choice, known_level
from trdstats.longitudinal.designs.levels import level_text
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.score_boxes import check_boxes
from trdstats.scales import Scale, get_scale

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm_result import MMRMResult

Outcome = Literal["score", "change"]


@dataclass(frozen=True)
class Question:
    """What is asked of a fitted model.

    Attributes
    ----------
    definition : Definition
    scale : Scale
    outcome : {"score", "change"}
    treatment : str
    baseline : str
    at : mapping
    first : bool
        Whether it may be met at a visit or any before it.
    rounded : bool
    """

    definition: Definition
    scale: Scale
    outcome: Outcome
    treatment: str
    baseline: str
    at: Mapping[str, Any]
    first: bool
    rounded: bool

    @property
    def label(self) -> str:
        """What the probability is of."""
        name = self.definition.label(self.scale)
        return f"{name} at this visit or before" if self.first else name


def read_question(
    fit: MMRMResult,
    definition: Definition,
    *,
    scale: Scale | str | None,
    outcome: Outcome | None,
    treatment: str,
    baseline: str,
    at: Mapping[str, Any] | None,
    first: bool,
    rounded: bool,
) -> Question:
    """Return a question whose parts fit each other and the model.

    Raises
    ------
    SpecError, UnknownNameError
        When they do not.
    """
    fit._need_rows("probabilities of response and their kin")
    design = fit.design
    known = design.scale if scale is None else get_scale(scale)
    if known is None:
        raise SpecError(
            "A definition is read on a scale, and the table the model was fitted to does not say "
            "which: give probability(..., scale='MADRS')."
        )
    if outcome is None:
        if design.outcome not in get_args(Outcome):
            raise SpecError(
                f"The outcome {design.outcome!r} may be a score or a change from baseline: give "
                "outcome='score' or outcome='change'."
            )
        outcome = "change" if design.outcome == "change" else "score"
    check_choice("outcome", outcome, get_args(Outcome))
    limits = check_boxes(definition, known)
    constrained = design.baseline is not None
    if constrained and outcome == "change":
        raise SpecError(
            "A constrained analysis takes the baseline as an outcome, which a change has no part "
            "in: fit the scores."
        )
    if design.scales is not None:
        raise SpecError(
            f"The model has several instruments at a visit ({design.scales.column!r}), and a "
            "definition is read on one scale: fit one instrument alone."
        )
    for column, instead in (
        (treatment, "select in the result"),
        (design.visit, "name some by visit=..."),
    ):
        if column in (at or {}):
            raise SpecError(
                f"at={{{column!r}: ...}}: at sets covariates, and the probabilities are of every "
                f"level of {column!r} in turn; {instead}."
            )
    columns = [str(v) for v in design.spec.required_variables]
    needed = outcome == "change" or any(limit.needs_baseline for limit in limits)
    if needed and not constrained and baseline not in columns:
        raise SpecError(
            f"{definition.label(known)} of a model of the {outcome} needs each subject's "
            f"baseline, and {baseline!r} is not in {fit.spec.formula!r}: add it to the formula, "
            "name its column with baseline=..., or fit the scores with constrained=True."
        )
    if design.weight is not None:
        raise SpecError(
            "The ratings are weighted, so the variance of a score is not known: fit the model "
            "without weights."
        )
    return Question(definition, known, outcome, treatment, baseline, dict(at or {}), first, rounded)


def asked_visits(
    question: Question, visit: Any, names: Sequence[str], days: FloatArray, *, known: bool
) -> list[int]:
    """Return the places of the visits that are asked for, among those after baseline.

    Parameters
    ----------
    question : Question
    visit : object or sequence, optional
        Visits, as they are or as they are printed. Default: all; of a definition that speaks for
        all visits before it, the one at the last day it needs.
    names : sequence of str
        Visits of the model after baseline.
    days : ndarray, shape (T,)
    known : bool
        Whether the visits name their days.

    Raises
    ------
    UnknownNameError
        When the model has no such visit after baseline.
    SpecError
        When the definition needs a day at which the model has no visit.
    """
    definition, label = question.definition, question.definition.label(question.scale)
    asks = [s for s in definition.spacings if s.on or s.least or s.follow_up or isfinite(s.most)]
    if asks and not known:
        raise SpecError(
            f"{label} asks for days, and the visits {', '.join(names[:5])} do not name any."
        )
    for spacing in asks:
        for low, high in spacing.on:
            if not ((days >= low - 1e-9) & (days <= high + 1e-9)).any():
                raise SpecError(
                    f"{label} needs {spacing.words}, and the visits of the model are "
                    f"{', '.join(names)}."
                )
    if visit is not None:
        wanted = visit if isinstance(visit, list | tuple) else [visit]
        if not wanted:
            raise SpecError("visit is empty: name visits of the model, or leave it out for all.")
        return [known_level("visit", level_text(v), names) for v in wanted]
    if not definition.is_cumulative or question.first:
        return list(range(len(names)))
    ends = [end for s in asks for pair in s.on for end in pair if isfinite(end)]
    late = np.flatnonzero(days >= max(ends) - 1e-9).tolist() if ends else []
    return [late[0] if late else len(names) - 1]
