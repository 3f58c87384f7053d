"""Convert any data frame to a pandas frame with plain columns, once, where data enter."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from trdstats.errors import DataError, SpecError
from trdstats.kinds import check_cells, is_plain_number, plain_numbers


def to_pandas(frame: Any, *, what: str, copied: bool = True) -> pd.DataFrame:
    """Return a new pandas frame with a plain row index.

    Parameters
    ----------
    frame : DataFrame of pandas, polars, pyarrow or another library that narwhals reads
        The user's table; it is never changed.
    what : str
        What the table is called in messages, e.g. ``"visits"``.
    copied : bool
        False where the caller reads the columns, but neither keeps nor changes them.

    Returns
    -------
    pandas.DataFrame
        Same columns and rows; names are text; nullable numbers become floats with NaN, numbers that
        are kept as objects (integers, decimals) plain numbers, and arrow texts and dates in pandas
        plain ones. Columns with declared levels
        (pandas categories, polars Enum, arrow dictionaries) are categories in their order; a
        polars Categorical declares no order and becomes text.

    Raises
    ------
    SpecError
        When `frame` is not a data frame, its columns have no names of one level, or a column
        name occurs twice.
    DataError
        When a cell holds several values.
    """
    if isinstance(frame, pd.DataFrame):
        result = frame.copy(deep=copied)
        result.index = pd.RangeIndex(len(frame))
    else:
        result = _from_other(frame, what)
    result.columns = _checked_names(result.columns, what)
    problems = check_cells(result, what)
    if problems:
        raise DataError(problems)
    result = _widened(result)
    columns = {
        name: result[name]
        for name, dtype in result.dtypes.items()
        if dtype.kind == "O" or isinstance(dtype, pd.api.extensions.ExtensionDtype)
    }
    changed = {name: plain_numbers(_plain(column)) for name, column in columns.items()}
    result = result.copy(deep=False)
    for name, values in changed.items():
        if values is not columns[name]:  # as it is, it would be copied
            result[name] = values
    return result


def locked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the same cells, whose numbers and categories cannot be changed in place.

    A column can be replaced, and a copy (``frame.copy()``) changed. From pandas 3 on, what is
    given out is a copy as soon as it is changed. Dates and Python objects are not locked: pandas
    fails on them, or compares them no more.

    Examples
    --------
    >>> bool(locked(pd.DataFrame({"score": [30.0, 12.0]}))["score"].to_numpy().flags.writeable)
    False
    """
    columns = {name: _locked(frame[name]) for name in frame}
    return pd.DataFrame(columns, index=frame.index, copy=False)


def _locked(values: pd.Series[Any]) -> Any:
    if isinstance(values.dtype, pd.CategoricalDtype):  # its codes are given out for reading only
        return pd.Categorical.from_codes(values.array.codes, dtype=values.dtype, validate=False)
    if is_plain_number(values.dtype):
        cells = values.to_numpy().view()
        cells.flags.writeable = False
        return cells
    return values


def _checked_names(columns: pd.Index[Any], what: str) -> pd.Index[Any]:
    if columns.nlevels > 1:
        raise SpecError(
            f"`{what}` has column names of {columns.nlevels} levels, such as {columns[0]!r}. Give "
            "each column one name: frame.columns = ['_'.join(map(str, c)) for c in frame.columns]."
        )
    unnamed = np.flatnonzero(columns.isna())
    if len(unnamed):
        at = ", ".join(map(str, unnamed + 1))
        raise SpecError(f"`{what}` has a column without a name (number {at}). Name or remove it.")
    texts = columns.map(str)  # 1 and "1" cannot be told apart where they are printed
    repeated = texts[texts.duplicated()]
    if len(repeated):
        names = ", ".join(repr(c) for c in dict.fromkeys(repeated))
        raise SpecError(f"`{what}` has columns that share a name: {names}. Rename one of each.")
    return texts


def _widened(frame: pd.DataFrame) -> pd.DataFrame:
    """Return floating-point columns of unusual width as float64."""
    unusual = [c for c, d in frame.dtypes.items() if d.kind == "f" and d.itemsize not in (4, 8)]
    return frame.astype(dict.fromkeys(unusual, np.float64)) if unusual else frame


def _from_other(frame: Any, what: str) -> pd.DataFrame:
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        if nw.dependencies.is_dask_dataframe(frame):
            divided = "DividedStudy(visits, ...) leaves them there; " if what == "visits" else ""
            raise SpecError(
                f"`{what}` stand in the partitions of a dask DataFrame: {divided}this takes a "
                "table in memory (frame.compute()), or one partition (frame.map_partitions)."
            ) from error
        raise SpecError(
            f"`{what}` must be a data frame (pandas, polars, pyarrow); got {type(frame).__name__}."
        ) from error
    # Column by column: a whole-table conversion of polars would need pyarrow.
    return pd.DataFrame({name: _column(table[name]) for name in table.columns})


def _column(series: Any) -> Any:
    dtype = series.dtype
    if dtype.is_integer() and series.null_count():
        series = series.cast(nw.Float64)
    if dtype.is_numeric() or dtype in (nw.Boolean, nw.Datetime, nw.Duration):
        return series.to_numpy()
    levels = _levels(series)
    if levels is not None:
        return pd.Categorical(series.to_list(), categories=levels)
    return pd.Series(series.to_list(), dtype=object)


def _levels(series: Any) -> list[Any] | None:
    """Return the levels that a column declares, in their order; None where it declares none."""
    if isinstance(series.dtype, nw.Enum):
        return list(series.dtype.categories)
    native = series.to_native()
    if series.dtype == nw.Categorical and nw.dependencies.is_pyarrow_chunked_array(native):
        chunks = native.unify_dictionaries().chunks
        return chunks[0].dictionary.to_pylist() if chunks else []
    return None


def _plain(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a nullable or arrow column as the plain one of its kind; others unchanged."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = series.cat.categories
        if not isinstance(levels.dtype, pd.ArrowDtype):
            return series
        return series.cat.rename_categories(pd.Index(_plain(pd.Series(levels))))
    if pd.api.types.is_bool_dtype(series.dtype):
        return (
            series.astype(object).where(series.notna(), None)
            if series.hasnans
            else series.astype(bool)
        )
    if pd.api.types.is_numeric_dtype(series.dtype) and series.to_numpy().dtype == object:
        return series.astype(object)  # decimals of pyarrow
    if pd.api.types.is_numeric_dtype(series.dtype):
        return series.astype(float) if series.hasnans else series.astype(series.to_numpy().dtype)
    if isinstance(series.dtype, pd.ArrowDtype):
        # Texts, dates and dictionaries: arrow arrays refuse to be compared with labels of pandas.
        plain: pd.Series[Any] = series.array.__arrow_array__().to_pandas()
        return plain.set_axis(series.index)
    return series
