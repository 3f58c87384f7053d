"""Means of an outcome by cell, with their derivatives in the parameters of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.designs.rated_outcome import RatedDesign
from trdstats.longitudinal.designs.subject_weights import COLUMN

if TYPE_CHECKING:
    from trdstats.longitudinal.rated.effects import RatedEffects

_MOST_ROWS = 500_000  # of a design at once

Cell = dict[str, Any]
# From rows of the design, shape (n, q), and the cell of each, or one cell of all: means, one a
# category, shape (n, c), and their derivatives in the parameters, shape (n, c, p).
Means = Callable[[FloatArray, Sequence[Cell]], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class CellMeans:
    """Means, one a cell, and one a category of an ordinal outcome.

    Attributes
    ----------
    keys : pandas.DataFrame
    value : ndarray, shape (k,)
    gradient : ndarray, shape (k, p)
        Derivatives in the parameters.
    sampling : ndarray, shape (n, k), or None
        Influence of every subject through its covariates; None at fixed covariates.
    lost : ndarray of bool, shape (k,)
        Not estimable.
    reasons : list of str
    """

    keys: pd.DataFrame
    value: FloatArray
    gradient: FloatArray
    sampling: FloatArray | None
    lost: BoolArray
    reasons: list[str]


def at_rows(
    model: RatedEffects, L: FloatArray, size: FloatArray, labels: pd.DataFrame, means: Means
) -> CellMeans:
    """Return means at rows of the design.

    Parameters
    ----------
    model : RatedEffects
    L : ndarray, shape (k, q)
        On all columns of the design.
    size : ndarray, shape (k, q)
        As in `Estimability.violates`.
    labels : pandas.DataFrame
    means : callable
    """
    cells = cells_of(labels)
    predictors = model.estimable(L, labels, cells, size)
    lost = np.isnan(predictors.value)
    mu, slope = means(np.where(lost[:, None], 0.0, L), cells)
    c = mu.shape[1]
    reasons = [r if x else "" for r, x in zip(predictors.reasons, lost, strict=True)]
    return CellMeans(
        _keys(model.design, labels), mu.ravel(), slope.reshape(-1, slope.shape[2]), None,
        np.repeat(lost, c), [r for r in reasons for _ in range(c)],
    )  # fmt: skip


def over_subjects(
    model: RatedEffects, labels: pd.DataFrame, at: Mapping[str, Any], means: Means
) -> CellMeans:
    """Return means over the subjects, each with the covariates that it has.

    Raises
    ------
    SpecError
        When a covariate changes between the visits of a subject.
    """
    design = model.design
    columns = [str(v) for v in design.spec.required_variables]
    _check_constant(design, [c for c in columns if c not in labels and c not in at])
    subjects = design.first_rows
    weight = np.ones(len(subjects))
    if design.weighting is not None:
        weight = subjects[COLUMN].to_numpy(dtype=float)
    weight = weight / weight.sum()
    subjects = subjects.assign(
        **{c: _constant(design, c, value, len(subjects)) for c, value in at.items()}
    )
    values, gradients, sampling, lost, reasons = [], [], [], [], []
    for cell, X in _designs(design, subjects, cells_of(labels)):
        judged = model.estimable(
            (weight @ X)[None], labels.iloc[:1], [cell], (weight @ np.abs(X))[None]
        )
        violated = np.asarray(model.identified.columns.violates(X).any(axis=0))
        reason = judged.reasons[0] if np.isnan(judged.value[0]) else ""
        if violated.any() and not reason:
            reason = model.why_lost(violated)
        mu, slope = means(np.zeros_like(X) if reason else X, [cell])
        mean = weight @ mu
        values.append(mean)
        gradients.append(np.einsum("n,ncp->cp", weight, slope))
        sampling.append(weight[:, None] * (mu - mean))
        lost += [bool(reason)] * len(mean)
        reasons += [reason] * len(mean)
    return CellMeans(
        _keys(design, labels), np.concatenate(values), np.concatenate(gradients),
        np.concatenate(sampling, axis=1), np.array(lost, dtype=bool), reasons,
    )  # fmt: skip


def averaged_over(design: RatedDesign) -> str:
    """Return in words over whom `over_subjects` averages."""
    weighted = "counted once" if design.weighting is None else "with its weight"
    return (
        f"over the covariates of the {len(design.subjects):,} analysed subjects"
        f"{design.not_analysed}, each {weighted} whatever its number of visits (g-computation); "
        "their sampling is counted."
    )


def _designs(
    design: RatedDesign, subjects: pd.DataFrame, cells: list[Cell]
) -> Iterator[tuple[Cell, FloatArray]]:
    """Yield each cell with the design of all subjects in it; some cells at once, within bounds."""
    n = len(subjects)
    together = max(1, _MOST_ROWS // n)
    for start in range(0, len(cells), together):
        some = cells[start : start + together]
        tables = [
            subjects.assign(**{c: _constant(design, c, v, n) for c, v in cell.items()})
            for cell in some
        ]
        table = pd.concat(tables, ignore_index=True)
        X = design.rows_of(table).reshape(len(some), n, -1)
        yield from zip(some, X, strict=True)


def _constant(design: RatedDesign, column: str, value: Any, n: int) -> Any:
    types = design.totals.types
    if column in types:
        return pd.Categorical([value] * n, dtype=types[column])
    return np.full(n, float(value))


def _check_constant(design: RatedDesign, columns: list[str]) -> None:
    varying = design.varying(columns)
    if varying:
        raise SpecError(
            f"{', '.join(map(repr, varying))} changes between visits of a subject: there is no "
            "one value to average over. Give it in `by`, fix it with at={...}, or use "
            "covariates='fixed'."
        )


def _keys(design: RatedDesign, labels: pd.DataFrame) -> pd.DataFrame:
    categories = design.categories
    if not categories:
        return labels.reset_index(drop=True)
    keys = labels.loc[labels.index.repeat(len(categories))].reset_index(drop=True)
    return keys.assign(category=[str(c) for c in categories] * len(labels))
