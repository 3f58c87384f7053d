"""Tables as files that a spreadsheet opens without computing what a cell says."""

from __future__ import annotations

from typing import Any

import pandas as pd

_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutralise(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in which no text, and no column name, is a formula to a spreadsheet.

    A text that begins with = + - @, a tab or a carriage return gets an apostrophe before it,
    which spreadsheets read as "this is text". Numbers, and texts that are numbers, stay.
    """
    texts = {
        name: frame[name].map(_as_text)
        for name in frame.columns
        if frame[name].dtype.kind not in "biufcmM"
    }
    result = frame.assign(**texts)
    result.columns = [_as_text(name) for name in result.columns]
    return result


def _as_text(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
