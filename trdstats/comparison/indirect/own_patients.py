"""The individual patients of an indirect comparison: their outcome, and whom the weights match."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, ObjectArray
from trdstats.columns import check_amounts, check_numbers, numbers
from trdstats.comparison.indirect.published_trial import PublishedTrial
from trdstats.errors import (
    DataError,
    DataWarning,
    Problem,
    SpecError,
    count_of,
    warn,
    with_article,
)

# In standard deviations of the individual patients; above it lies an imbalance, as in `compare`.
_NEAR = 0.1
# A published standard deviation below this part of the own one is more likely a standard error.
_NARROW = 0.25


def outcome_of_patients(values: pd.Series[Any], who: ObjectArray, measure: str) -> FloatArray:
    """Return the outcome of every patient as a number.

    Raises
    ------
    DataError
        When an outcome is missing, a text or a declared category.
    SpecError
        When a measure of rates is asked for and it is not 0 and 1.
    """
    name = str(values.name) if values.name is not None else "outcome"
    categories = check_amounts(values, name)
    if categories is not None:
        raise DataError([categories])
    given = values.astype(float) if pd.api.types.is_bool_dtype(values.dtype) else values
    if given.dtype == object:  # True and False with gaps
        given = given.map(lambda v: float(v) if isinstance(v, bool | np.bool_) else v)
    y, wrong = numbers(given)
    lost = check_numbers(
        given.reset_index(drop=True), wrong, f"the outcome {name!r}",
        "Give 0 and 1, True and False, or scores.",
    )  # fmt: skip
    missing = ~np.isfinite(y) & ~wrong
    problems = [] if lost is None else [lost]
    if missing.any():
        problems.append(
            Problem(
                "missing_outcome",
                count_of(int(missing.sum()), "subject has", "subjects have") + " no outcome.",
                tuple(str(who[i]) for i in map(int, np.flatnonzero(missing))),
                "Count them as failures, impute, or leave them out before the weights. A series "
                "is read by its index, which must hold the subjects.",
            )
        )
    if problems:
        raise DataError(problems)
    if measure != "mean difference" and not np.isin(y, (0.0, 1.0)).all():
        article = with_article(measure)
        raise SpecError(f"{article[:1].upper()}{article[1:]} needs an outcome of 0 and 1.")
    return y


def check_same_population(matched: PublishedTrial, trial: PublishedTrial) -> None:
    """Raise `SpecError` where weights meet other means than those of the trial compared with."""
    apart = [
        f"{k} {matched.means[k]:g} and {trial.means[k]:g}"
        for k in matched.means
        if k in trial.means and not isclose(matched.means[k], trial.means[k], rel_tol=1e-9)
    ]
    if apart:
        raise SpecError(
            f"The weights bring patients to another population than that of {trial.label}: "
            f"{', '.join(apart)}. Fit them to this trial: MAIC(trial).fit(...)."
        )


def check_matched_alone(
    design: FloatArray, target: FloatArray, terms: Sequence[str], weight: FloatArray,
    compared: BoolArray, arms: Sequence[str],
) -> None:  # fmt: skip
    """Raise `SpecError` where weights were found for more patients than are compared.

    Patients of other treatments may make up for those who are compared: these alone then do not
    meet the targets.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Columns whose means are to be met.
    target : ndarray, shape (p,)
    terms : sequence of str
    weight : ndarray, shape (n,)
    compared : ndarray of bool, shape (n,)
    arms : sequence of str
        Treatments that are compared.
    """
    if compared.all():
        return
    mean = np.average(design[compared], axis=0, weights=weight[compared])
    spread = design.std(axis=0)
    far = [int(j) for j in np.flatnonzero(np.abs(mean - target) > _NEAR * spread)]
    if not far:
        return
    # Squared distances are met for standard deviations: they are shown as such.
    shown = [
        f"{terms[j]} "
        + " in place of ".join(
            f"{np.sqrt(v) if terms[j].endswith(' (SD)') else v:.3g}" for v in (mean[j], target[j])
        )
        for j in far
    ]
    named = ", ".join(map(repr, arms))
    raise SpecError(
        f"The weights were found for {len(weight):,} patients, of whom {int(compared.sum()):,} "
        f"have {' or '.join(arms)}: these alone have a weighted mean of {', '.join(shown)}. Find "
        f"the weights for them: MAIC(...).fit(study.only([{named}])), or for the rows of a table "
        "with these treatments."
    )


def check_published_spread(
    published: float | None, of_patients: float, what: str, label: str
) -> None:
    """Warn of a published standard deviation that is far below that of the individual patients."""
    if published is not None and published < _NARROW * of_patients:
        warn(
            f"{label}: the standard deviation of {what} is {published:g}, that of the individual "
            f"patients {of_patients:.3g}. Should it be a standard error, multiply it by the square "
            "root of the number of patients.",
            DataWarning,
        )
