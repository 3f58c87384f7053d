"""Weights of subjects in a mixed model, and standard errors that include their estimation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
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
from trdstats.study import DividedStudy

SUBJECT, COLUMN = "subject", "subject_weight"


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

    def stacked(self, robust: Sandwich, order: IntArray) -> Sandwich:
        """Return an empirical covariance that includes the estimation of the weights.

        Parameters
        ----------
        robust : Sandwich
        order : ndarray of int, shape (n,)
            Place of each of its subjects among those analysed.
        """
        if self.among is None:
            return robust
        effect = np.zeros_like(robust.scores)
        effect[order] = robust.scores @ robust.plain
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
    _check_name(table)
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


def _check_name(table: pd.DataFrame) -> None:
    if COLUMN in table:
        raise SpecError(f"The table has a column {COLUMN!r} already; rename it.")


def with_weights(table: pd.DataFrame, column: FloatArray) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows with a column of subjects' weights; weight 0 is left out and counted."""
    weighted = table.assign(**{COLUMN: column})
    without = int((column == 0).sum())
    left_out = {"weight 0": without} if without else {}
    return weighted[column > 0], left_out


def has_rows(table: pd.DataFrame) -> BoolArray:
    """Return which subjects of a part, the categories of its column, have a row."""
    subject = table[SUBJECT].cat
    return np.asarray(np.bincount(subject.codes, minlength=len(subject.categories)) > 0)


def weights_of_parts(
    study: DividedStudy, with_row: Sequence[BoolArray], weights: Any
) -> list[FloatArray] | None:
    """Return the weights of the subjects of each part of a study; NaN of those without a row.

    None where the weights are a column of the visits.

    Parameters
    ----------
    study : DividedStudy
    with_row : sequence of ndarray of bool
        What `has_rows` says of each part.
    weights
        As in `attach_weights`.

    Raises
    ------
    DataError, SpecError, UnknownNameError
        When a weight is not usable.
    """
    if isinstance(weights, str) and weights not in study.subjects:
        return None
    there = study.in_order(with_row)
    weight = np.full(len(study.subjects), np.nan)
    weight[there] = read_weights(study.subjects[there].reset_index(drop=True), weights)
    return [weight[place] for place in study.places_of_parts()]


def weigh_part(table: pd.DataFrame, weight: FloatArray) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of a part with the weights of its subjects; see `with_weights`.

    Raises
    ------
    SpecError
        When the table has a column of that name already.
    """
    _check_name(table)
    return with_weights(table, weight[table[SUBJECT].cat.codes])


def describe_weights(frame: pd.DataFrame, subject: str, subjects: Any, weights: Any) -> Weighting:
    """Return the description of the weights of a fit, and the model behind them.

    The effective sample size is that of all subjects together.
    """
    model = weight_model(weights)
    among = None if model is None else model.among(subjects)
    each = frame.drop_duplicates(subject)[COLUMN].to_numpy(dtype=float)
    return Weighting(weights_in_words(effective_size([each]), among), among)
