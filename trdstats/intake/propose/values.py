"""What the values of a column look like: numbers, dates, the same within each subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.intake.dates.texts import Form, read_written
from trdstats.intake.values.entries import NO_NUMBER

_MOST = 0.95  # of the entries: a few odd ones are for the reading to report
_LOOKED_AT = 200  # distinct entries: of dates, more say no more
_SERIAL = (20_000, 60_000)  # 1954 to 2064, as spreadsheets count days


def present(values: pd.Series[Any]) -> BoolArray:
    """Return which entries are not empty, shape (n_rows,)."""
    given = values.notna().to_numpy()
    if values.dtype.kind == "O":  # texts, declared as such or not, and categories
        text = values.astype(object).map(lambda v: isinstance(v, str) and _is_empty(v))
        given = given & ~text.fillna(False).to_numpy(dtype=bool)
    result: BoolArray = given
    return result


def _is_empty(text: str) -> bool:
    return not text.strip() or text.strip().casefold() in NO_NUMBER


def as_numbers(values: pd.Series[Any]) -> FloatArray | None:
    """Return a column as numbers, NaN where empty; None where it holds something else.

    Commas are read as decimal marks: what they are is decided when the export is read.
    """
    given = present(values)
    if pd.api.types.is_datetime64_any_dtype(values) or not given.any():
        return None
    text = values.astype(object).map(lambda v: v.replace(",", ".") if isinstance(v, str) else v)
    parsed = pd.to_numeric(text.where(given), errors="coerce").to_numpy(dtype=float)
    read = np.isfinite(parsed)
    return parsed if read.sum() >= _MOST * given.sum() else None


def are_dates(values: pd.Series[Any], *, named: bool) -> bool:
    """Return whether a column holds dates; serial numbers only where its name says so."""
    distinct = pd.unique(values[present(values)].astype(object))[:_LOOKED_AT]
    if not len(distinct):
        return False
    written = [read_written(v) for v in distinct]
    good = {Form.FIXED, Form.DIGITS, Form.SHORT}
    hits = sum(w.form in good or (named and _is_serial(w.serial)) for w in written)
    return hits >= _MOST * len(distinct)


def _is_serial(number: float) -> bool:
    return _SERIAL[0] <= number <= _SERIAL[1]


def is_constant(values: pd.Series[Any], subject: IntArray, n: int) -> bool:
    """Return whether a column says at most one thing of each subject, and anything at all."""
    code = pd.factorize(values)[0]
    code = np.where(present(values), code, -1)
    known = (code >= 0) & (subject >= 0)
    if not known.any():
        return False
    low, high = np.full(n, len(code)), np.full(n, -1)
    np.minimum.at(low, subject[known], code[known])
    np.maximum.at(high, subject[known], code[known])
    return bool((low[high >= 0] == high[high >= 0]).all())
