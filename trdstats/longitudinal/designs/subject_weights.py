"""Weights of subjects in a mixed model, and standard errors that include their estimation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, ObjectArray
from trdstats.columns import in_roles
from trdstats.errors import SpecError, unknown_name
from trdstats.estimates.weights import (
    WeightsAmong,
    effective_size,
    read_weights,
    weight_model,
    weights_in_words,
)
from trdstats.kernels.gaussian.sandwich import Sandwich
from trdstats.kernels.gaussian.subject_rows import SubjectRows

COLUMN = "subject_weight"


@dataclass(frozen=True)
class Weighting:
    """Weights that a fit was given.

    Attributes
    ----------
    words : str
        Description of the weights.
    among : WeightsAmong or None
        The model they were estimated by.
    """

    words: str
    among: WeightsAmong | None

    def through(self, effect: FloatArray) -> FloatArray:
        """Return influences of the analysed subjects, including the estimation of the weights."""
        return effect if self.among is None else self.among.stacked_influence(effect)

    def subjects(self, analysed: ObjectArray) -> ObjectArray:
        """Return the subjects of the influences: analysed ones, then others of the weight model."""
        if self.among is None:
            return analysed
        return np.concatenate([analysed, self.among.other_subjects])

    def stacked(self, robust: Sandwich, rows: SubjectRows) -> Sandwich:
        """Return an empirical covariance that includes the estimation of the weights."""
        if self.among is None:
            return robust
        effect = np.zeros_like(robust.scores)
        effect[rows.order] = robust.scores @ robust.plain
        influence = self.through(effect)
        return replace(robust, covariance=influence.T @ influence)


def attach_weights(
    table: pd.DataFrame, subject: str, weights: Any
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows with a column of subjects' weights; weight 0 is left out and counted.

    Raises
    ------
    DataError, SpecError, UnknownNameError
        When a weight is not usable.
    """
    if subject not in table:
        raise unknown_name("column", subject, table.columns)
    if COLUMN in table:
        raise SpecError(f"The table has a column {COLUMN!r} already; rename it.")
    if isinstance(weights, str) and weights in table:
        distinct = table.groupby(subject, observed=True)[weights].nunique(dropna=False)
        if len(distinct) and distinct.max() > 1:
            raise SpecError(
                f"weights={weights!r} changes within a subject (such as {distinct.idxmax()}), and "
                "these are weights of subjects: for weights of ratings use "
                f"rating_weights={weights!r}."
            )
    first = in_roles(table.drop_duplicates(subject), {"subject": subject})
    weight = pd.Series(read_weights(first, weights), index=first["subject"].to_numpy())
    return with_weights(table, np.asarray(table[subject].map(weight), dtype=float))


def with_weights(table: pd.DataFrame, column: FloatArray) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows with a column of subjects' weights; weight 0 is left out and counted."""
    weighted = table.assign(**{COLUMN: column})
    without = int((column == 0).sum())
    left_out = {"weight 0": without} if without else {}
    return weighted[column > 0], left_out


def describe_weights(frame: pd.DataFrame, subject: str, subjects: Any, weights: Any) -> Weighting:
    """Return the description of the weights of a fit, and the model behind them.

    The effective sample size is that of all subjects together.
    """
    model = weight_model(weights)
    among = None if model is None else model.among(subjects)
    each = frame.drop_duplicates(subject)[COLUMN].to_numpy(dtype=float)
    return Weighting(weights_in_words(effective_size([each]), among), among)
