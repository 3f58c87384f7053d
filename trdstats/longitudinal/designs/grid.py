"""The reference grid of marginal means: which rows of the design they average."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_choice, known_level, unknown_name
from trdstats.estimates.table import STATISTICS
from trdstats.longitudinal.designs.design import Design, ModelRows
from trdstats.longitudinal.designs.levels import cells_of, level_text

_ROUNDING = 1e-12


def margin_rows(
    design: ModelRows, term: str, by: str | None, at: Mapping[str, Any], weights: str
) -> tuple[FloatArray, FloatArray, pd.DataFrame]:
    """Return the coefficients of marginal means, and the levels they stand for.

    Numbers are at their mean over the analysed rows, or at the value in `at`; categories that
    are neither `term` nor `by` are averaged, equally, by their proportion of the analysed rows, or
    equally over the combinations that have rows ("observed").

    Returns
    -------
    L : ndarray, shape (k, q)
        On all columns of the design, aliased ones included.
    size : ndarray, shape (k, q)
        Averages of the absolute values.
    labels : pandas.DataFrame
        Levels of `term` and `by`, one row a mean; `by` varies slowest.
    """
    check_choice("weights", weights, ("equal", "proportional", "observed"))
    totals = design.totals
    columns = [str(v) for v in design.spec.required_variables]
    factors = [c for c in columns if c in totals.types]
    check_shown(design, term, by, at)
    at = read_levels(at, totals.types)
    shown = [by, term] if by else [term]
    levels = {c: [at[c]] if c in at else list(totals.types[c].categories) for c in factors}
    others = [c for c in factors if c not in shown]
    grid = pd.DataFrame(
        list(product(*(levels[c] for c in (*shown, *others)))), columns=[*shown, *others]
    )
    for c in factors:
        grid[c] = grid[c].astype(totals.types[c])
    for c in columns:
        if c not in factors:
            grid[c] = at[c] if c in at else totals.mean(c)
    labels = grid[shown].drop_duplicates(ignore_index=True)
    if design.baseline is not None and design.baseline.visit in grid:
        grid = design.baseline.apply(grid)
    X = design.rows_of(grid)
    proportion = np.ones(len(grid))
    if weights == "proportional" and others:
        proportion = np.array([totals.count(cell) for cell in cells_of(grid[others])], dtype=float)
    if weights == "observed" and others:
        counts = [totals.count(cell) for cell in cells_of(grid[[*shown, *others]])]
        proportion = (np.array(counts) > 0).astype(float)
        empty = proportion.reshape(len(labels), -1).sum(axis=1) == 0
        # A mean without any row stays as it is, and the data say that it is not estimable.
        proportion.reshape(len(labels), -1)[empty] = 1.0
    per_mean = len(grid) // len(labels)
    parts = proportion.reshape(len(labels), per_mean)
    parts = parts / parts.sum(axis=1, keepdims=True)
    cells = X.reshape(len(labels), per_mean, -1)
    L = np.einsum("km,kmq->kq", parts, cells)
    size = np.einsum("km,kmq->kq", parts, np.abs(cells))
    return np.asarray(L), np.asarray(size), labels


def check_shown(design: ModelRows, term: str, by: str | None, at: Mapping[str, Any]) -> None:
    """Refuse columns by which means cannot be shown, or that cannot be given a value.

    Raises
    ------
    UnknownNameError, SpecError
    """
    columns = [str(v) for v in design.spec.required_variables]
    for name in (term, *([by] if by else []), *at):
        if name not in columns:
            raise unknown_name("column of the model", name, columns)
    for name in (term, *([by] if by else [])):
        if name not in design.totals.types:
            raise SpecError(f"{name!r} is a number: it has no levels; use at=...")
        if name in STATISTICS:
            raise SpecError(
                f"The column {name!r} has the name of a column of the result: rename it."
            )
    if term == by:
        raise SpecError(f"margins() cannot show {term!r} by {term!r}: leave `by` out.")


def read_levels(at: Mapping[str, Any], types: Mapping[str, pd.CategoricalDtype]) -> dict[str, Any]:
    """Return values that columns are set to: levels of categories, else numbers.

    Raises
    ------
    SpecError, UnknownNameError
        When a value is no number, or no level.
    """
    read: dict[str, Any] = {}
    for column, value in at.items():
        if column in types:
            read[column] = _level(column, value, types[column].categories)
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise SpecError(f"at={{{column!r}: ...}} must be a number; got {value!r}.") from None
        if not np.isfinite(number):
            raise SpecError(f"at={{{column!r}: ...}} must be a finite number; got {value!r}.")
        read[column] = number
    return read


def slope_rows(
    design: Design, variable: str, by: str, at: Mapping[str, Any], weights: str
) -> tuple[FloatArray, FloatArray, pd.DataFrame]:
    """Return the coefficients of slopes of a number within the levels of a category.

    Where the design is a line in the number the slope is exact; else it is the derivative at its
    value, by central differences over 1e-4 of its range.

    Returns
    -------
    L, size : ndarray, shape (k, q)
    labels : pandas.DataFrame
    """
    columns = [str(v) for v in design.spec.required_variables]
    if variable not in columns:
        raise unknown_name("column of the model", variable, columns)
    if variable in design.totals.types:
        raise SpecError(f"{variable!r} is a category and has no slope: use margins({variable!r}).")
    values = design.frame[variable].to_numpy(dtype=float)
    given = read_levels({variable: at[variable]} if variable in at else {}, design.totals.types)
    centre = float(given.get(variable, design.totals.mean(variable)))
    reach = float(np.ptp(values)) / 2 if len(values) else 0.5
    reach = reach if reach > 0 else 0.5

    def rows_at(x: float) -> tuple[FloatArray, FloatArray, pd.DataFrame]:
        return margin_rows(design, by, None, {**at, variable: x}, weights)

    middle, size, labels = rows_at(centre)
    step = reach
    up, down = _around(rows_at, centre, step)
    nearer = _around(rows_at, centre, step / 2)
    # A curve that is odd about the centre has no bend there: half the step tells it from a line.
    bend = np.abs(up + down - 2 * middle)
    odd = np.abs((up - down) - 2 * (nearer[0] - nearer[1]))
    is_line = bool(np.isfinite(bend).all() and np.isfinite(odd).all())
    is_line = is_line and max(bend.max(), odd.max()) <= 1e-9 * np.abs(up).max()
    if not is_line:
        step = 2e-4 * reach
        up, down = _around(rows_at, centre, step)
    if not (np.isfinite(up).all() and np.isfinite(down).all()):
        raise SpecError(
            f"The formula has no finite value around {variable} = {centre:g}: give a value at "
            f"which it has a slope, at={{{variable!r}: ...}}."
        )
    L = (up - down) / (2 * step)
    L = np.where(np.abs(L) * step > 1e-12 * np.maximum(size, 1e-300), L, 0.0)
    return L, np.abs(L) + size / max(abs(centre), reach), labels


def _around(
    rows_at: Callable[[float], tuple[FloatArray, FloatArray, pd.DataFrame]],
    centre: float,
    step: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the rows a step above and a step below; NaN where the formula has no value."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        try:
            return rows_at(centre + step)[0], rows_at(centre - step)[0]
        except SpecError:  # outside the knots of a spline, or no logarithm
            nothing = np.full(1, np.nan)
            return nothing, nothing


def _level(column: str, level: Any, categories: Iterable[Any]) -> Any:
    """Return the level that a user means, given as it is or as it is printed."""
    levels = list(categories)
    return levels[known_level(f"level of {column!r}", level, map(level_text, levels))]


def type3_rows(design: ModelRows) -> dict[str, FloatArray]:
    """Return, for every term of the formula, the contrasts that are 0 without it (type III).

    A term of categories stands for the differences between their levels, averaged equally over
    the levels of all others; numbers in it for the slope, other numbers are 0. These are the
    hypotheses of SAS type III, whatever the coding of the columns. In a constrained analysis all
    have the reference treatment at the first visit.

    Returns
    -------
    dict of str to ndarray, shape (k, q)
        On all columns of the design, aliased ones included.
    """
    totals = design.totals
    columns = [str(v) for v in design.spec.required_variables]
    factors = [c for c in columns if c in totals.types]
    numbers = [c for c in columns if c not in totals.types]
    sizes = [len(totals.types[c].categories) for c in factors]
    levels = product(*(totals.types[c].categories for c in factors))
    grid = pd.DataFrame(list(levels), columns=factors, index=pd.RangeIndex(int(np.prod(sizes))))
    grid = grid.astype({c: totals.types[c] for c in factors})
    if design.baseline is not None and {design.baseline.visit, design.baseline.treatment} <= set(
        factors
    ):
        grid = design.baseline.apply(grid)

    def rows_at(ones: tuple[str, ...]) -> FloatArray:
        return design.rows_of(grid.assign(**{c: float(c in ones) for c in numbers}))

    contrasts: dict[str, FloatArray] = {}
    for term in design.spec.terms:
        variables = {str(v) for v in term.factors}
        if not variables or str(term) == "1":
            continue
        unknown = variables - set(columns)
        if unknown:
            raise SpecError(
                f"Type III tests need plain columns in the formula; {', '.join(sorted(unknown))} "
                "is a transform. Use joint_test(...)."
            )
        slopes = [c for c in numbers if c in variables]
        total, size = np.zeros((len(grid), len(design.terms))), np.zeros(len(design.terms))
        for k in range(len(slopes) + 1):
            for ones in combinations(slopes, k):
                rows = rows_at(ones)
                total += (-1.0) ** (len(slopes) - k) * rows
                size = np.maximum(size, np.abs(rows).max(axis=0))
        cube = total.reshape(*sizes, -1) if factors else total
        for axis in reversed(range(len(factors))):
            cube = np.diff(cube, axis=axis) if factors[axis] in variables else cube.mean(axis=axis)
        L = cube.reshape(-1, len(design.terms))
        # What cancels is set to exactly 0.
        contrasts[str(term)] = np.where(np.abs(L) > _ROUNDING * size, L, 0.0)
    return contrasts
