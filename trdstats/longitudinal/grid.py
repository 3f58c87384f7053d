"""The reference grid of marginal means: which rows of the design they average."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import SpecError, check_choice, unknown_name
from trdstats.longitudinal.design import Design

FloatArray = npt.NDArray[np.float64]


def margin_rows(
    design: Design, term: str, by: str | None, at: Mapping[str, Any], weights: str
) -> tuple[FloatArray, pd.DataFrame]:
    """Return the coefficients of marginal means, and the levels they stand for.

    Numbers stand at their mean over the analysed rows, or where `at` puts them; categories that
    are neither `term` nor `by` are averaged, equally or by their share of the analysed rows.

    Returns
    -------
    L : ndarray, shape (k, q)
        On all columns of the design, aliased ones included.
    labels : pandas.DataFrame
        Levels of `term` and `by`, one row a mean; `by` varies slowest.
    """
    check_choice("weights", weights, ("equal", "proportional"))
    facts = design.facts
    columns = [str(v) for v in design.spec.required_variables]
    factors = [c for c in columns if c in facts.types]
    for name in (term, *([by] if by else [])):
        if name not in columns:
            raise unknown_name("column of the model", name, columns)
        if name not in factors:
            raise SpecError(f"{name!r} is a number: it has no levels to take means of; use at=...")
    for name in at:
        if name not in columns:
            raise unknown_name("column of the model", name, columns)
    shown = [by, term] if by else [term]
    levels = {c: [at[c]] if c in at else list(facts.types[c].categories) for c in factors}
    others = [c for c in factors if c not in shown]
    grid = pd.DataFrame(
        list(product(*(levels[c] for c in (*shown, *others)))), columns=[*shown, *others]
    )
    for c in factors:
        known = list(facts.types[c].categories)
        if c in at and at[c] not in known:
            raise unknown_name(f"level of {c!r}", at[c], known)
        grid[c] = grid[c].astype(facts.types[c])
    for c in columns:
        if c not in factors:
            grid[c] = float(at[c]) if c in at else facts.mean(c)
    labels = grid[shown].drop_duplicates(ignore_index=True)
    if design.baseline is not None and design.baseline.visit in grid:
        grid = design.baseline.apply(grid)
    matrix = design.spec.get_model_matrix(grid, output="numpy", na_action="ignore")
    X = np.asarray(matrix, dtype=float)
    share = np.ones(len(grid))
    if weights == "proportional" and others:
        counts = facts.size(others)
        keys = list(grid[others].itertuples(index=False, name=None))
        share = np.array([float(counts.loc[k if len(others) > 1 else k[0]]) for k in keys])
    per_mean = len(grid) // len(labels)
    parts = share.reshape(len(labels), per_mean)
    parts = parts / parts.sum(axis=1, keepdims=True)
    L = np.einsum("km,kmq->kq", parts, X.reshape(len(labels), per_mean, -1))
    return np.asarray(L), labels
