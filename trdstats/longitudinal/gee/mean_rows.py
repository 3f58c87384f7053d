"""Means of an outcome by cell, with their derivatives in the parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError
from trdstats.kernels.gee.links import LINKS
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.designs.subject_weights import COLUMN

if TYPE_CHECKING:
    from trdstats.longitudinal.gee.gee_result import GEEResult

_MOST_ROWS = 500_000  # of a design at once


@dataclass(frozen=True)
class MeanRows:
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


def mean_rows(fit: GEEResult, L: FloatArray, size: FloatArray, labels: pd.DataFrame) -> MeanRows:
    """Return means at rows of the design.

    Parameters
    ----------
    fit : GEEResult
    L : ndarray, shape (k, q)
        On all columns of the design.
    size : ndarray, shape (k, q)
        As in `Estimability.violates`.
    labels : pandas.DataFrame
    """
    estimates = fit.estimable(L, labels, cells_of(labels), size)
    lost = np.isnan(estimates.value)
    mu, slope = _means(fit, np.where(lost[:, None], 0.0, L))
    c = mu.shape[1]
    return MeanRows(
        _keys(fit, labels), mu.ravel(), slope.reshape(-1, slope.shape[2]), None,
        np.repeat(lost, c), [r if x else "" for r, x in zip(estimates.reasons, lost, strict=True)
                             for _ in range(c)],
    )  # fmt: skip


def observed_rows(fit: GEEResult, labels: pd.DataFrame, at: Mapping[str, Any]) -> MeanRows:
    """Return means over the subjects, each with the covariates that it has.

    Raises
    ------
    SpecError
        When a covariate changes between the visits of a subject.
    """
    design = fit.design
    columns = [str(v) for v in design.spec.required_variables]
    others = [c for c in columns if c not in labels and c not in at]
    _check_constant(fit, others)
    first = np.flatnonzero(np.diff(design.person, prepend=-1))
    subjects = design.frame.iloc[first].reset_index(drop=True)
    weight = np.ones(len(first))
    if design.weighting is not None:
        weight = subjects[COLUMN].to_numpy(dtype=float)
    weight = weight / weight.sum()
    for c, value in at.items():
        subjects[c] = _constant(fit, c, value, len(subjects))
    values, gradients, sampling, lost, reasons = [], [], [], [], []
    for cell, X in _designs(fit, subjects, cells_of(labels)):
        average = (weight @ X)[None]
        judged = fit.estimable(average, labels.iloc[:1], [cell], (weight @ np.abs(X))[None])
        violated = np.asarray(fit.identified.columns.violates(X).any(axis=0))
        reason = judged.reasons[0] if np.isnan(judged.value[0]) else ""
        if violated.any() and not reason:
            reason = fit.identified.aliasing(violated)
        mu, slope = _means(fit, np.zeros_like(X) if reason else X)
        mean = weight @ mu
        values.append(mean)
        gradients.append(np.einsum("n,ncp->cp", weight, slope))
        sampling.append(weight[:, None] * (mu - mean))
        lost += [bool(reason)] * len(mean)
        reasons += [reason] * len(mean)
    return MeanRows(
        _keys(fit, labels), np.concatenate(values), np.concatenate(gradients),
        np.concatenate(sampling, axis=1), np.array(lost, dtype=bool), reasons,
    )  # fmt: skip


def _designs(
    fit: GEEResult, subjects: pd.DataFrame, cells: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], FloatArray]]:
    """Yield each cell with the design of all subjects in it; some cells at once, within bounds."""
    n = len(subjects)
    together = max(1, _MOST_ROWS // n)
    for start in range(0, len(cells), together):
        some = cells[start : start + together]
        tables = [
            subjects.assign(**{c: _constant(fit, c, v, n) for c, v in cell.items()})
            for cell in some
        ]
        table = pd.concat(tables, ignore_index=True)
        spec = fit.design.spec
        matrix = spec.get_model_matrix(table, output="numpy", na_action="ignore")
        X = np.asarray(matrix, dtype=float).reshape(len(some), n, -1)
        yield from zip(some, X, strict=True)


def _constant(fit: GEEResult, column: str, value: Any, n: int) -> Any:
    types = fit.design.totals.types
    if column in types:
        return pd.Categorical([value] * n, dtype=types[column])
    return np.full(n, float(value))


def _check_constant(fit: GEEResult, columns: list[str]) -> None:
    design = fit.design
    varying = [c for c in columns if design.frame[c].groupby(design.person).nunique().max() > 1]
    if varying:
        raise SpecError(
            f"{', '.join(map(repr, varying))} changes between visits of a subject: there is no "
            "one value to average over. Give it in `by`, fix it with at={...}, or use "
            "covariates='fixed'."
        )


def _keys(fit: GEEResult, labels: pd.DataFrame) -> pd.DataFrame:
    categories = fit.design.categories
    if not categories:
        return labels.reset_index(drop=True)
    keys = labels.loc[labels.index.repeat(len(categories))].reset_index(drop=True)
    return keys.assign(category=[str(c) for c in categories] * len(labels))


def _means(fit: GEEResult, X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means at rows of the design, shape (n, c), and their derivatives, (n, c, p)."""
    rows = fit.on_parameters(X)
    beta = fit.parameters.beta
    eta = rows @ beta
    k = len(fit.thresholds)
    if not k:
        link = LINKS[fit.spec.link_name]
        return link.mean(eta)[:, None], (link.slope(eta)[:, None] * rows)[:, None, :]
    below = beta[:k] - eta[:, None]
    mu, slope = expit(below), expit(below) * expit(-below)
    each = np.broadcast_to(np.eye(k, rows.shape[1]), (len(rows), k, rows.shape[1]))
    D = slope[:, :, None] * (each - rows[:, None, :])
    zero = np.zeros((len(rows), 1, rows.shape[1]))
    proportion = np.diff(mu, axis=1, prepend=0.0, append=1.0)
    return proportion, np.diff(np.concatenate([zero, D, zero], axis=1), axis=1)
