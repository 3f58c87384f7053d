"""Checks of the tidy frame handed to a drawing function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trdstats.errors import NotEstimableError, SpecError, UnknownNameError, nearest

ESTIMATE = ("estimate", "conf_low", "conf_high")


def take_columns(
    frame: pd.DataFrame,
    function: str,
    argument: str,
    *,
    names: Sequence[str] = (),
    numbers: Sequence[str] = (),
    key: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the columns a figure draws, as text and floats, in the order of the frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        A tidy frame; never changed.
    function : str
        The drawing function, for messages.
    argument : str
        Its argument that holds the frame, for messages.
    names : sequence of str
        Columns of labels. They come back as categoricals of text; the order of their
        categories, or else of their first appearance, is the order in the figure.
    numbers : sequence of str
        Columns of numbers; missing values are kept as NaN.
    key : sequence of str
        Columns that together must identify the rows.

    Returns
    -------
    pandas.DataFrame
        Columns `names` then `numbers`; index 0 to n - 1.

    Raises
    ------
    UnknownNameError
        If columns are missing from the frame.
    SpecError
        If the frame is not a pandas DataFrame, a column of numbers holds something else, a
        label is missing, or rows repeat the key.
    NotEstimableError
        If the frame has no rows.
    """
    where = f"{function}(): `{argument}`"
    if not isinstance(frame, pd.DataFrame):
        raise SpecError(f"{where} must be a pandas DataFrame; got {type(frame).__name__}.")
    _check_present(frame, where, [*names, *numbers])
    if frame.empty:
        raise NotEstimableError(f"{where} has no rows: nothing to draw.")
    labels = {name: _as_names(frame[name], where) for name in names}
    values = {name: _as_numbers(frame[name], where) for name in numbers}
    result = pd.DataFrame({**labels, **values})
    if key:
        _check_key(result, where, list(key))
    return result


def check_drawable(values: pd.Series[float], function: str) -> None:
    """Raise `NotEstimableError` when no value of a column can be drawn."""
    if not np.isfinite(values).any():
        raise NotEstimableError(
            f"{function}(): column {str(values.name)!r} holds no finite value: nothing to draw."
        )


def treatments_of(frame: pd.DataFrame) -> list[str]:
    """Return the treatments of a checked frame in the order of the figure.

    Unused categories are kept, so that they keep their place in the palette.
    """
    return [str(name) for name in frame["treatment"].cat.categories]


def _check_present(frame: pd.DataFrame, where: str, needed: list[str]) -> None:
    absent = [name for name in needed if name not in frame.columns]
    if not absent:
        return
    columns = [str(column) for column in frame.columns]
    spare = [column for column in columns if column not in needed]
    close = dict.fromkeys(near for name in absent for near in nearest(name, spare, n=1))
    hint = f" Did you mean {' and '.join(map(repr, close))}?" if close else ""
    raise UnknownNameError(
        f"{where} needs the {'column' if len(absent) == 1 else 'columns'} "
        f"{', '.join(map(repr, absent))}; it has {', '.join(map(repr, columns))}.{hint}"
    )


def _as_names(column: pd.Series[Any], where: str) -> pd.Categorical[str]:
    if column.isna().any():
        raise SpecError(f"{where} has missing values in column {column.name!r}: fill in every row.")
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = column.cat.categories
    else:
        order = pd.Index(column.unique())
    return pd.Categorical([str(v) for v in column], categories=[str(v) for v in order])


def _as_numbers(column: pd.Series[Any], where: str) -> NDArray[np.float64]:
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise SpecError(
            f"{where} must hold numbers in column {column.name!r}; its type is {column.dtype}."
        )
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _check_key(frame: pd.DataFrame, where: str, key: list[str]) -> None:
    repeated = frame.duplicated(key)
    if repeated.any():
        first = frame.loc[repeated, key].iloc[0]
        place = ", ".join(f"{name} {first[name]}" for name in key)
        raise SpecError(
            f"{where} must have one row for each {' and '.join(key)}; {int(repeated.sum())} repeat "
            f"an earlier one, the first at {place}. Select one outcome or cause before drawing."
        )
