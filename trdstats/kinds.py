"""What the values of a column are: numbers, truth values, texts, dates, or a mixture of them.

It is decided by the values, once, for every table that comes in. Numbers kept as objects
(Python integers, decimals) become plain numbers; whole numbers are printed without decimals.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import (
    infer_dtype,
    is_bool_dtype,
    is_complex_dtype,
    is_datetime64_any_dtype,
    is_numeric_dtype,
    is_timedelta64_dtype,
)

from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray, addresses
from trdstats.errors import Problem, count_of

_LISTED = 50  # places kept in a problem; its summary always gives the full count
CONTAINERS = (list, dict, set, tuple, np.ndarray)
# Python would read these as numbers, or fail on them.


Kind = Literal["number", "boolean", "category", "date", "mixed"]

_EXACT = 2**53  # up to here every whole number is exactly a float
# Doses such as "0,5" and "1,0" are labels; so many different ones are measurements.
_MEASURED = 10
_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:[.'\u2019\s]\d{3})+|\d+),\d+")
_POINT = re.compile(r"[-+]?(?:\d{1,3}(?:[,'\u2019\s]\d{3})+|\d+)\.\d+")
_WRITTEN_DATE = re.compile(
    r"\s*(?:\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:\d{4}|\d{2}))(?:[ T]|$)"
)
_WHOLE = re.compile(r"[-+]?\d+")
_APART = re.compile(r"[-+]?\d{1,3}(?:['\u2019\s]\d{3})+")
# Spaces of all widths, and marks of none that copying leaves at the ends of entries.
BLANKS = (
    " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def plain_numbers(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers that are kept as objects as plain numbers; other columns unchanged.

    Whole numbers become integers. Where some are missing they become floats, unless one is too
    large for that: such a column stays as it is.
    """
    if values.dtype != object or (len(values) and isinstance(values.iloc[0], str)):
        return values
    guess = infer_dtype(values, skipna=True)
    if guess in ("string", "empty", "boolean", "bytes"):
        return values
    missing = values.isna().to_numpy(dtype=bool)
    present = values.to_numpy(dtype=object)[~missing]
    if not len(present) or not all(_is_number(v) for v in present):
        return values
    if all(isinstance(v, Integral) for v in present):
        largest = max(abs(int(v)) for v in present)
        if not missing.any() and largest < 2**63:
            return values.astype(np.int64)
        if largest > _EXACT:
            return values
    result = np.full(len(values), np.nan)
    result[~missing] = [float(v) for v in present]
    return pd.Series(result, index=values.index, name=values.name)


def is_plain_number(dtype: object) -> bool:
    """Return whether a type of column is one of NumPy's numbers; pandas takes longer to say so."""
    return isinstance(dtype, np.dtype) and dtype.kind in "iuf"


def missing_in(values: pd.Series[Any]) -> BoolArray:
    """Return which entries of a column are missing."""
    if is_plain_number(values.dtype):
        return np.asarray(np.isnan(values.to_numpy()))
    if isinstance(held := values.array, pd.Categorical):
        return np.asarray(held.codes < 0)
    return values.isna().to_numpy(dtype=bool)


def kind_of(values: pd.Series[Any]) -> Kind:
    """Return what a column holds.

    Returns
    -------
    {"number", "boolean", "category", "date", "mixed"}
        Texts, booleans with missing values and declared categories are categories. Numbers with
        some texts among them, and texts most of which are numbers, are mixed.
    """
    dtype = values.dtype
    if is_plain_number(dtype):
        return "number"
    if isinstance(dtype, pd.CategoricalDtype):
        return "date" if _are_dates(dtype.categories) else "category"
    if is_bool_dtype(dtype):
        return "boolean"
    if is_complex_dtype(dtype):
        return "mixed"
    if _are_dates(values):
        return "date"
    if is_numeric_dtype(dtype):
        return "number"
    return "mixed" if out_of_line(values).any() else "category"


def out_of_line(values: pd.Series[Any]) -> BoolArray:
    """Return which entries are texts in a column whose other entries, most of them, are numbers.

    Codes such as 1, 2, 3A, of which fewer are numbers than not, are labels.
    """
    # Judged by distinct values: columns are long, labels few.
    code, distinct = pd.factorize(values.astype(object))
    number = np.fromiter((_is_number(v) for v in distinct), bool, len(distinct))
    if number.any():
        return _where(~number, code)
    text = np.fromiter((isinstance(v, str) for v in distinct), bool, len(distinct))
    numeric_text = np.isfinite(_read(np.where(text, distinct, np.nan))) & text
    stray = _where(~numeric_text, code)
    return (
        stray if _where(numeric_text, code).sum() > stray.sum() else np.zeros(len(code), dtype=bool)
    )


def check_kind(values: pd.Series[Any], name: str, table: str) -> Problem | None:
    """Check that a column can be a covariate as it stands: numbers or categories, no dates."""
    kind = kind_of(values)
    if kind == "date":
        return Problem(
            "dates",
            f"`{table}` column {name!r} holds dates or durations, which are no covariate.",
            (),
            "Count days: (column - first treatment).dt.total_seconds() / 86400.",
        )
    if kind == "category" and not isinstance(values.dtype, pd.CategoricalDtype):
        levels = pd.unique(values.dropna())
        if len(levels) >= _MEASURED and all(
            isinstance(v, str) and _WRITTEN_DATE.match(v) for v in levels
        ):
            return Problem(
                "dates_as_text",
                f"`{table}` column {name!r} holds dates written as text: it would be a category of "
                f"{len(levels):,} levels.",
                tuple(repr(v) for v in levels[:5]),
                f"Count days: read them with pd.to_datetime({table.replace(' ', '_')}[{name!r}]), "
                "then (column - first treatment).dt.days. If the values are labels, write "
                f"C({quoted(name)}).",
            )
        spelled = spelled_numbers(levels) if len(levels) >= _MEASURED else ""
        if spelled:
            return Problem(
                "numbers_as_text",
                f"`{table}` column {name!r} is text that spells numbers ({spelled}): it would be a "
                f"category of {len(levels):,} levels.",
                tuple(repr(v) for v in levels[:5]),
                f"{as_numbers_remedy(table, name)} If the values are labels, write "
                f"C({quoted(name)}).",
            )
    if kind != "mixed":
        return None
    if is_complex_dtype(values.dtype):
        return Problem(
            "complex", f"`{table}` column {name!r} holds complex numbers.", (), "Give real numbers."
        )
    stray = out_of_line(values)
    listed = values.to_numpy(dtype=object)
    n = int(stray.sum())
    return Problem(
        "texts_among_numbers",
        f"`{table}` column {name!r} holds numbers, but "
        + count_of(n, "entry is none.", "entries are none."),
        places(stray, lambda i: f"{listed[i]!r} in row {i}"),
        "Correct the entries, or leave them empty. If the values are labels, write "
        f"C({quoted(name)}).",
    )


def spelled_numbers(levels: Any) -> str:
    """Return how texts spell numbers with decimals, with an example; empty where they do not.

    Whole numbers alone are labels as often as numbers.

    Examples
    --------
    >>> spelled_numbers(["23,7", "1.025,5", "31"])
    "decimal commas, such as '23,7'"
    >>> spelled_numbers(["S1", "S2"]), spelled_numbers(["1", "2"])
    ('', '')
    """
    texts = [v.strip() for v in levels if isinstance(v, str)]
    comma = [t for t in texts if _COMMA.fullmatch(t)]
    point = [t for t in texts if _POINT.fullmatch(t)]
    whole = sum(bool(_WHOLE.fullmatch(t)) for t in texts)
    apart = [t for t in texts if _APART.fullmatch(t)]
    most = comma if len(comma) >= len(point) else point
    if comma and point and len(comma) + len(point) + whole >= 0.8 * len(texts):
        return f"decimal commas and decimal points, such as {comma[0]!r} and {point[0]!r}"
    if apart and len(apart) + len(most) + whole >= 0.8 * len(texts) and len(apart) > len(most):
        return f"thousands set apart, such as {apart[0]!r}"
    if not most or len(most) + whole < 0.8 * len(texts):
        return ""
    return f"{'decimal commas' if most is comma else 'decimal points'}, such as {most[0]!r}"


def as_numbers_remedy(table: str, name: str) -> str:
    """Return how text that spells numbers becomes numbers."""
    return (
        f"Convert it: {table}[{name!r}].str.replace(',', '.').astype(float), or read the file with "
        "pd.read_csv(..., decimal=',')."
    )


def quoted(name: object) -> str:
    """Return a column name as a formula takes it, in backticks unless it is a plain word."""
    text = str(name)
    if text.isidentifier():
        return text
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def label_of(value: Any) -> str | None:
    """Return a label as text with all its digits; empty and missing are None.

    Examples
    --------
    >>> label_of(2119361.0), label_of(0.5), label_of(" TMS ")
    ('2119361', '0.5', 'TMS')
    """
    if type(value) is str:
        return value.strip(BLANKS) or None
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, float | np.floating):
        whole = math.isfinite(value) and value == int(value)
        return str(int(value)) if whole else np.format_float_positional(value, trim="-")
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else f"{value.normalize():f}"
    return str(value).strip(BLANKS) or None


def trimmed(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a table some of whose columns have texts without blanks around them.

    Blanks are not seen in a table: ``"TMS "`` is ``"TMS"``, as in a study, and a text of blanks
    alone is missing.
    """
    changed = {}
    for column in columns:
        values = frame[column]
        without = _trimmed(values)
        if without is not values:
            changed[column] = without
    return frame.assign(**changed) if changed else frame


def _trimmed(values: pd.Series[Any]) -> pd.Series[Any]:
    if is_plain_number(values.dtype):
        return values
    if is_numeric_dtype(values.dtype) or is_datetime64_any_dtype(values.dtype):
        return values
    held = values.array
    if isinstance(held, pd.Categorical):
        code, distinct = held.codes, held.categories
    else:
        try:
            code, distinct = pd.factorize(values)  # columns are long, labels few
        except TypeError:  # lists and the like, which are refused elsewhere
            return values
    labels = [(v.strip(BLANKS) or None) if isinstance(v, str) else v for v in distinct]
    if all(a is b or a == b for a, b in zip(labels, distinct, strict=True)):
        return values
    if not isinstance(held, pd.Categorical):
        entries = np.array([*labels, None], dtype=object)[code]
        return pd.Series(entries, index=values.index, name=values.name)
    levels = [v for v in dict.fromkeys(labels) if v is not None]
    place = {v: k for k, v in enumerate(levels)}
    of_code = np.array([*(place.get(v, -1) for v in labels), -1], dtype=np.intp)
    categories = pd.Categorical.from_codes(of_code[code], pd.Index(levels), ordered=held.ordered)
    return pd.Series(categories, index=values.index, name=values.name)


def in_order(labels: Any) -> list[Any]:
    """Return distinct labels in their default order: numbers by size, other labels as text.

    Numbers written as text are ordered as numbers too.

    Examples
    --------
    >>> in_order(["25", "5", "10"]), in_order(["b", "10", "a"])
    (['5', '10', '25'], ['10', 'a', 'b'])
    """
    distinct = list(dict.fromkeys(labels))
    size = _read(distinct)
    if np.isfinite(size).all():
        return [v for _, _, v in sorted(zip(size, map(str, distinct), distinct, strict=True))]
    try:
        return sorted(distinct)
    except TypeError:  # of several kinds
        return sorted(distinct, key=str)


def as_labels(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of labels, such as treatments, as categories of text in their order.

    Categories keep the order they were given; unused ones go. See `in_order` for others.
    """
    held = values.array
    declared = isinstance(values.dtype, pd.CategoricalDtype)
    if isinstance(held, pd.Categorical):
        code, entries = held.codes, list(held.categories)
    else:
        code, distinct = factorized(values)
        entries = list(distinct)
    labels = [label_of(v) for v in entries]
    counts = np.bincount(code[code >= 0], minlength=len(labels))
    used = {labels[k] for k in np.flatnonzero(counts)} - {None}
    levels = [t for t in dict.fromkeys(labels) if t in used] if declared else in_order(sorted(used))
    place = {label: k for k, label in enumerate(levels)}
    of_code = np.array([*(place.get(label, -1) for label in labels), -1], dtype=np.intp)
    categories = pd.Categorical.from_codes(of_code[code], pd.Index(levels, dtype=object))
    return pd.Series(categories, index=values.index, name=values.name)


def as_category(values: pd.Series[Any]) -> pd.Categorical:
    """Return a column as categories in their default order; declared ones keep theirs.

    Whole floats become integers, so that they read as such.
    """
    if isinstance(held := values.array, pd.Categorical):
        uses = np.bincount(held.codes[held.codes >= 0], minlength=len(held.categories))
        return held.copy() if uses.all() else held.remove_unused_categories()
    if is_bool_dtype(values.dtype) or is_numeric_dtype(values.dtype):
        category = pd.Categorical(values)
        levels = category.categories
        if is_numeric_dtype(levels.dtype) and not is_bool_dtype(levels.dtype) and len(levels):
            integral = np.isfinite(levels) & (np.abs(levels) <= _EXACT)
            if integral.all() and (levels == np.round(levels)).all():
                category = pd.Categorical.from_codes(category.codes, levels.astype(np.int64))
        return category
    entries = values.astype(object)
    if out_of_line(entries).any():
        entries = entries.map(label_of)  # numbers and texts as one kind of label
    code, distinct = pd.factorize(entries)  # columns are long, labels few
    ordered = in_order(distinct)
    place = {label: k for k, label in enumerate(ordered)}
    of_code = np.array([*(place[label] for label in distinct), -1], dtype=np.intp)
    return pd.Categorical.from_codes(of_code[code], categories=pd.Index(ordered))


def _where(marked: BoolArray, code: IntArray) -> BoolArray:
    """Return which rows have a marked value; -1 is a missing one."""
    return np.append(marked, False)[code]


def _read(entries: Any) -> FloatArray:
    """Return entries as numbers, NaN where they are none."""
    read = pd.to_numeric(pd.Series(entries, dtype=object), errors="coerce")
    return read.to_numpy(dtype=float, na_value=np.nan)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_)


def _are_dates(values: pd.Series[Any] | pd.Index[Any]) -> bool:
    dtype = values.dtype
    if is_datetime64_any_dtype(dtype) or is_timedelta64_dtype(dtype):
        return True
    if is_numeric_dtype(dtype) or dtype == "string" or isinstance(dtype, pd.PeriodDtype):
        return isinstance(dtype, pd.PeriodDtype)
    guess = infer_dtype(values, skipna=True)
    if guess in ("string", "boolean", "integer", "floating", "decimal", "empty"):
        return False
    return any(isinstance(v, _DATES) for v in values.dropna())


def places(rows: BoolArray, describe: Callable[[int], str]) -> tuple[str, ...]:
    """Return a description of the first rows that are marked."""
    marked = np.flatnonzero(rows)
    text = [describe(int(i)) for i in marked[:_LISTED]]
    if len(marked) > _LISTED:
        text += ["..."] * (len(marked) - _LISTED)
    return tuple(text)


def kind_of_objects(values: pd.Series[Any]) -> str:
    """Return what pandas says the objects of a column are, of each run of one object once."""
    held = values.to_numpy()
    where = addresses(held)
    heads = np.append(0, np.flatnonzero(where[1:] != where[:-1]) + 1)[: len(held)]
    return str(infer_dtype(held[heads], skipna=True))


def factorized(values: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], Any]:
    """Return the code of each entry, -1 where it is missing, and the distinct entries.

    As `pandas.factorize`; of a long column of few objects each object is looked at once.
    """
    if values.dtype == object:
        held: ObjectArray = values.to_numpy()
        place, distinct = pd.factorize(addresses(held))
        if 8 * len(distinct) <= len(held):
            # Places are numbered as they appear.
            first = np.flatnonzero(np.diff(np.maximum.accumulate(place), prepend=-1))
            code, entries = pd.factorize(held[first])
            return code[place], entries
    return pd.factorize(values)


def check_cells(frame: pd.DataFrame, table: str) -> list[Problem]:
    """Check that every cell holds one value, not a list or another container."""
    problems = []
    for name, dtype in frame.dtypes.items():
        # Only columns of mixed content can hold one; the look at their kind is cheap.
        if not (isinstance(dtype, np.dtype) and dtype.kind == "O"):
            continue
        column = frame[name]
        if not kind_of_objects(column).startswith("mixed"):
            continue
        is_container = np.fromiter((isinstance(v, CONTAINERS) for v in column), bool, len(column))
        if is_container.any():
            at = f"`{table}` column {str(name)!r}"
            problems.append(
                Problem(
                    "several_values",
                    count_of(int(is_container.sum()), f"cell of {at} holds", f"cells of {at} hold")
                    + " several values (a list or another container).",
                    places(is_container, lambda i: f"row {i}"),
                    "Give one value a cell, for example with .explode().",
                )
            )
    return problems
