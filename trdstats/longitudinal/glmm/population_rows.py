"""Population means by cell, with their derivatives in the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import SpecError
from trdstats.kernels.glmm.population import population_mean, spread_of
from trdstats.longitudinal.designs.levels import cells_of
from trdstats.longitudinal.designs.subject_weights import COLUMN

if TYPE_CHECKING:
    from trdstats.longitudinal.glmm.glmm_effects import GLMMEffects


@dataclass(frozen=True)
class PopulationRows:
    """Means, one a cell, and one a category of an ordinal outcome.

    Attributes
    ----------
    keys : pandas.DataFrame
    value : ndarray, shape (k,)
    gradient : ndarray, shape (k, q)
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


def fixed_rows(
    fit: GLMMEffects,
    L: FloatArray,
    size: FloatArray,
    labels: pd.DataFrame,
    of_effects: Mapping[str, Any],
) -> PopulationRows:
    """Return means at rows of the design.

    Parameters
    ----------
    fit : GLMMEffects
    L : ndarray, shape (k, q)
        On all columns of the design.
    size : ndarray, shape (k, q)
        As in `Estimability.violates`.
    labels : pandas.DataFrame
    of_effects : mapping
        Values of columns that the random effects need.
    """
    cells = cells_of(labels)
    predictors = fit.estimable(L, labels, cells, size)
    lost = np.isnan(predictors.value)
    Z = np.stack([fit.effects.at_cell(fit.design, cell, of_effects) for cell in cells])
    mean, slope = _means(fit, np.where(lost[:, None], 0.0, L), Z)
    c = mean.shape[1]
    reasons = [
        r if x else "" for r, x in zip(predictors.reasons, lost, strict=True) for _ in range(c)
    ]
    return PopulationRows(
        _keys(fit, labels), mean.ravel(), slope.reshape(-1, slope.shape[2]), None,
        np.repeat(lost, c), reasons,
    )  # fmt: skip


def observed_rows(
    fit: GLMMEffects, labels: pd.DataFrame, at: Mapping[str, Any], of_effects: Mapping[str, Any]
) -> PopulationRows:
    """Return means over the subjects, each with the covariates that it has.

    Raises
    ------
    SpecError
        When a covariate changes between the visits of a subject.
    """
    design = fit.design
    columns = [str(v) for v in design.spec.required_variables]
    _check_constant(fit, [c for c in columns if c not in labels and c not in at])
    first = np.flatnonzero(np.diff(design.person, prepend=-1))
    subjects = design.frame.iloc[first].reset_index(drop=True)
    weight = np.ones(len(first))
    if design.weighting is not None:
        weight = subjects[COLUMN].to_numpy(dtype=float)
    weight = weight / weight.sum()
    for c, value in at.items():
        subjects[c] = _constant(fit, c, value, len(subjects))
    values, gradients, sampling, lost, reasons = [], [], [], [], []
    for cell in cells_of(labels):
        table = subjects.assign(**{c: _constant(fit, c, v, len(subjects)) for c, v in cell.items()})
        matrix = design.spec.get_model_matrix(table, output="numpy", na_action="ignore")
        X = np.asarray(matrix, dtype=float)
        judged = fit.estimable((weight @ X)[None], labels.iloc[:1], [cell],
                               (weight @ np.abs(X))[None])  # fmt: skip
        violated = np.asarray(fit.identified.columns.violates(X).any(axis=0))
        reason = judged.reasons[0] if np.isnan(judged.value[0]) else ""
        if violated.any() and not reason:
            reason = fit.separation or fit.identified.aliasing(violated)
        z = fit.effects.at_cell(design, cell, {**at, **of_effects})
        Z = np.broadcast_to(z, (len(X), len(z)))
        mu, slope = _means(fit, np.zeros_like(X) if reason else X, Z)
        mean = weight @ mu
        values.append(mean)
        gradients.append(np.einsum("n,ncp->cp", weight, slope))
        sampling.append(weight[:, None] * (mu - mean))
        lost += [bool(reason)] * len(mean)
        reasons += [reason] * len(mean)
    return PopulationRows(
        _keys(fit, labels), np.concatenate(values), np.concatenate(gradients),
        np.concatenate(sampling, axis=1), np.array(lost, dtype=bool), reasons,
    )  # fmt: skip


def _constant(fit: GLMMEffects, column: str, value: Any, n: int) -> Any:
    types = fit.design.totals.types
    if column in types:
        return pd.Categorical([value] * n, dtype=types[column])
    return np.full(n, float(value))


def _check_constant(fit: GLMMEffects, columns: list[str]) -> None:
    design = fit.design
    varying = [c for c in columns if design.frame[c].groupby(design.person).nunique().max() > 1]
    if varying:
        raise SpecError(
            f"{', '.join(map(repr, varying))} changes between visits of a subject: there is no "
            "one value to average over. Give it in `by`, fix it with at={...}, or use "
            "covariates='fixed'."
        )


def _keys(fit: GLMMEffects, labels: pd.DataFrame) -> pd.DataFrame:
    categories = fit.design.categories
    if not categories:
        return labels.reset_index(drop=True)
    keys = labels.loc[labels.index.repeat(len(categories))].reset_index(drop=True)
    return keys.assign(category=[str(c) for c in categories] * len(labels))


def _means(fit: GLMMEffects, X: FloatArray, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return population means at rows of the design, (n, c), and derivatives, (n, c, q)."""
    theta, rows = fit.parameters.theta, fit.fitted.rows
    p, k = rows.n_fixed, fit.fitted.n_thresholds
    design = fit.on_parameters(X)
    spread, of_factor = spread_of(Z, rows.factor(theta))
    a, b = rows.entries
    designs = [design]
    if k:  # above each threshold in turn
        designs = [design - np.eye(len(theta))[j] for j in range(k)]
    means, slopes = [], []
    for rows_above in designs:
        mean, of_eta, of_spread = population_mean(rows.link, rows_above @ theta, spread)
        slope = of_eta[:, None] * rows_above
        slope[:, p:] += of_spread[:, None] * of_factor[:, a, b]
        means.append(mean)
        slopes.append(slope)
    mu, D = np.stack(means, axis=1), np.stack(slopes, axis=1)
    if not k:
        return mu, D
    zero = np.zeros((len(X), 1, len(theta)))
    proportion = -np.diff(mu, axis=1, prepend=1.0, append=0.0)
    return proportion, -np.diff(np.concatenate([zero, D, zero], axis=1), axis=1)
