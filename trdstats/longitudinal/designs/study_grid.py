"""Rows of a design for every subject of a study, under every level of some columns.

An average over them is standardised over the study: every subject as if under each treatment, at
each visit, with the subject's other covariates as they are (g-computation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.grid import check_shown, read_levels


@dataclass(frozen=True)
class StudyGrid:
    """Rows of the design of every subject under every combination of levels.

    Attributes
    ----------
    X : ndarray, shape (k, n, q)
        On all columns of the design, aliased ones included.
    labels : pandas.DataFrame
        Levels each combination stands for, one row a combination; `by` varies slowest.
    table : pandas.DataFrame
        One row a subject: the columns of the formula, values of `at` put in.
    """

    X: FloatArray
    labels: pd.DataFrame
    table: pd.DataFrame


def study_grid(
    design: Design, term: str, by: str | None = None, at: Mapping[str, Any] | None = None
) -> StudyGrid:
    """Return the rows of every subject under every level of `term` and `by`.

    Parameters
    ----------
    design : Design
    term : str
        Column whose levels every subject is put under, such as the treatment.
    by : str, optional
        Another one, such as the visit. Where the formula has visits and they are not shown, each
        row is the mean over all visits.
    at : mapping, optional
        Values that columns have for every subject.

    Raises
    ------
    UnknownNameError, SpecError
        When a column is not in the model, has no levels, or changes between the visits of a
        subject, or the model was fitted to a summary.
    """
    columns = [str(v) for v in design.spec.required_variables]
    types = design.totals.types
    check_shown(design, term, by, at or {})
    shown = [by, term] if by else [term]
    _check_subjects(design, {*shown, *(at or {})})
    fixed = read_levels(at or {}, types)
    table = _subject_table(design, columns, fixed)
    over = (
        [design.visit] if design.visit in columns and design.visit not in (*shown, *fixed) else []
    )
    levels = {c: [fixed[c]] if c in fixed else list(types[c].categories) for c in (*shown, *over)}
    cells = pd.DataFrame(list(product(*levels.values())), columns=list(levels))
    n, k = len(table), len(cells)
    grid = table.loc[np.tile(np.arange(n), k)].reset_index(drop=True)
    for c in levels:
        grid[c] = pd.Categorical(np.repeat(cells[c].to_numpy(), n), dtype=types[c])
    if design.baseline is not None and design.baseline.visit in grid:
        grid = design.baseline.apply(grid)
    X = design.rows_of(grid).reshape(k, n, -1)
    labels = cells[shown].drop_duplicates(ignore_index=True)
    for c in shown:
        labels[c] = labels[c].astype(types[c])
    return StudyGrid(X.reshape(len(labels), -1, n, X.shape[2]).mean(axis=1), labels, table)


def sampling(values: FloatArray) -> FloatArray:
    """Return what each subject adds to the mean over subjects by being in the study.

    Parameters
    ----------
    values : ndarray, shape (k, n)
        A quantity of every subject under every combination.

    Returns
    -------
    ndarray, shape (n, k)
        Influences of the subjects on the means, were the model known. Their cross-product is the
        part of the covariance that comes from sampling subjects (Ye 2023,
        doi:10.1080/01621459.2022.2049278).
    """
    n = values.shape[1]
    return np.asarray((values - values.mean(axis=1, keepdims=True)).T / n)


def _check_subjects(design: Design, given: set[str]) -> None:
    if not len(design.person):
        raise SpecError(
            "The model was fitted to a summary, which has no rows: an average over the study "
            "needs them."
        )
    if design.unit != "subject":
        raise SpecError(
            f"An average over the study counts subjects one by one, and here only the levels of "
            f"{design.unit!r} are independent: use margins at fixed covariates."
        )
    several = design.scales
    columns = set(map(str, design.spec.required_variables)) - given
    if several is not None and several.column in columns:
        raise SpecError(
            f"The instrument {several.column!r} changes within a subject, so that a subject "
            f"has no one value: use covariates='fixed', or at={{{several.column!r}: ...}}."
        )
    varying = [c for c in design.varying if c not in given]
    if varying:
        raise SpecError(
            f"{', '.join(map(repr, varying))} change between the visits of a subject, so that a "
            f"subject has no one value: give values, at={{{varying[0]!r}: ...}}."
        )


def _subject_table(design: Design, columns: list[str], fixed: Mapping[str, Any]) -> pd.DataFrame:
    """Return the columns of the formula, one row a subject in the order of the design."""
    _, row = np.unique(design.person, return_index=True)
    table = design.frame[columns].iloc[row].reset_index(drop=True)
    for c, value in fixed.items():
        dtype = design.totals.types.get(c)
        full = [value] * len(table)
        table[c] = full if dtype is None else pd.Categorical(full, dtype=dtype)
    return table
