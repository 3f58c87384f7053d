"""Dates as they are written: the parts of one entry, before the order of its digits is known."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.intake.dates.months import MONTHS, WEEKDAYS

PIVOT = 69  # two-digit years from here on are of the 20th century, as in POSIX


class Form(IntEnum):
    """What an entry is."""

    FIXED = 0  # year, month and day are told apart by how they are written
    DIGITS = 1  # two numbers and a year of four digits
    SHORT = 2  # three numbers of one or two digits
    SERIAL = 3  # days since an epoch, as spreadsheets count
    PARTIAL = 4  # a date without its day or month
    UNREADABLE = 5


@dataclass(frozen=True, slots=True)
class Written:
    """Parts of one entry: the numbers in the order in which they stand.

    Attributes
    ----------
    form : Form
    parts : tuple of int
        Year, month, day where FIXED; else as written; empty where there are none.
    seconds : float
        Time of day in seconds, NaN where none is written.
    offset : float
        Minutes ahead of UTC, NaN where none is written.
    serial : float
    is_named, is_stored : bool
        Whether the month is a word; whether it came as a date or serial number of a spreadsheet.
    zone : str
        Name of a time zone without an offset, such as CET.
    """

    form: Form
    parts: tuple[int, ...] = ()
    seconds: float = float("nan")
    offset: float = float("nan")
    serial: float = float("nan")
    is_named: bool = False
    is_stored: bool = False
    zone: str = ""


_TIME = re.compile(
    r"(?:T|\s|,)\s*(?P<h>\d{1,2})[:.h](?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,]\d+)?)?(?:\s*Uhr)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|[+-]\d{2}:?\d{2}|[+-]\d{2}|[A-Z]{2,5})?"
    r"(?:\[[^\]]*\])?$"
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])(\d{1,2})\2(\d{1,2})\.?$")
_YEAR_LAST = re.compile(r"(\d{1,2})\s*([-/. ])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})\.?$")
_COMPACT = re.compile(r"\d{8}$")
_NAMED = (
    (re.compile(r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?[-/ .,]*(?:of\s+)?(?P<m>[^\W\d_]+)\.?[-/ .,]*"
                r"(?P<y>\d{4}|\d{2})$"), False),
    (re.compile(r"(?P<m>[^\W\d_]+)\.?[-/ .,]*(?P<d>\d{1,2})(?:st|nd|rd|th)?[-/ .,]+(?P<y>\d{4})$"),
     False),
    (re.compile(r"(?P<y>\d{4})[-/ .,]*(?P<m>[^\W\d_]+)\.?[-/ .,]*(?P<d>\d{1,2})$"), True),
)  # fmt: skip
_UNKNOWN = r"(?:UNK?|XX?|\?\??|--?|NK|00?|unbekannt)"
_PARTIAL = tuple(
    re.compile(p, re.IGNORECASE)
    for p in (
        r"(?:19|20)\d{2}[-/.]?$",
        r"(?:19|20)\d{2}[-/. ]\d{1,2}[-/.]?$",
        r"\d{1,2}[-/. ](?:19|20)\d{2}$",
        r"[^\W\d_]{3,}\.?[-/ .,]*(?:19|20)\d{2}$",
        r"(?:19|20)\d{2}[-/ .,]*[^\W\d_]{3,}$",
        rf"(?:\d{{1,2}}|{_UNKNOWN})[-/. ]+(?:\d{{1,2}}|[^\W\d_]{{2,}}|{_UNKNOWN})[-/. ]+"
        rf"(?:\d{{4}}|\d{{2}}|{_UNKNOWN})$",
        rf"\d{{4}}[-/. ]+(?:\d{{1,2}}|{_UNKNOWN})[-/. ]+(?:\d{{1,2}}|{_UNKNOWN})$",
        rf"{_UNKNOWN}$",
        r"(?:19|20)\d{2}-?W\d{1,2}$",
    )
)
_NUMBER = re.compile(r"\d{1,7}(?:[.,]\d+)?$")
_WEEKDAY = re.compile(r"([^\W\d_]{2,})\.?,?\s+(?=\d|[^\W\d_])")
_ZERO = {"UTC": 0.0, "GMT": 0.0, "Z": 0.0}


def read_written(value: Any) -> Written:
    """Return the parts of one entry of a column of dates.

    Examples
    --------
    >>> read_written("3. März 2026").parts, read_written("03/11/26").form.name
    ((2026, 3, 3), 'SHORT')
    """
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, datetime.datetime | np.datetime64):
        return _read_stamp(pd.Timestamp(value))
    if isinstance(value, datetime.date):
        return Written(Form.FIXED, (value.year, value.month, value.day), is_stored=True)
    if isinstance(value, bool | np.bool_) or not np.isscalar(value):
        return Written(Form.UNREADABLE)
    try:
        return _read_number(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Written(Form.UNREADABLE)


def _read_stamp(stamp: Any) -> Written:
    seconds = stamp.hour * 3600.0 + stamp.minute * 60 + stamp.second + stamp.microsecond / 1e6
    shift = stamp.utcoffset()
    offset = float("nan") if shift is None else shift.total_seconds() / 60
    parts = (stamp.year, stamp.month, stamp.day)
    return Written(Form.FIXED, parts, seconds, offset, is_stored=True)


def _read_number(number: float) -> Written:
    if not np.isfinite(number):
        return Written(Form.UNREADABLE)
    if number == int(number):
        text = str(int(number))
        if len(text) == 8:
            return _compact(text)
        if 1900 <= number < 2100:
            return Written(Form.PARTIAL)
    if 0 < number < 1e6:
        return Written(Form.SERIAL, serial=number, is_stored=True)
    return Written(Form.UNREADABLE)


def _read_text(text: str) -> Written:
    text = " ".join(text.replace("\u00a0", " ").replace("‑", "-").replace("–", "-").split())
    if _NUMBER.match(text) and not _COMPACT.match(text):
        return _read_number(float(text.replace(",", ".")))
    time = _TIME.search(text)
    if time is not None and time.start() < 6:
        time = None
    seconds, offset, zone = float("nan"), float("nan"), ""
    if time is not None:
        seconds, offset, zone = _clock(time)
        if np.isnan(seconds):
            return Written(Form.UNREADABLE)
        text = text[: time.start()].rstrip(" ,")
    form, parts, named = _read_date(_without_weekday(text))
    return Written(form, parts, seconds, offset, is_named=named, zone=zone)


def _without_weekday(text: str) -> str:
    match = _WEEKDAY.match(text)
    return text[match.end() :] if match and match[1].casefold() in WEEKDAYS else text


def _clock(time: re.Match[str]) -> tuple[float, float, str]:
    hour, minute, second = (int(time[k] or 0) for k in ("h", "m", "s"))
    half = (time["half"] or "").replace(".", "").lower()
    if half:
        if not 1 <= hour <= 12:
            return float("nan"), float("nan"), ""
        hour = hour % 12 + 12 * (half == "pm")
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        return float("nan"), float("nan"), ""
    zone = time["zone"] or ""
    offset = _ZERO.get(zone, float("nan"))
    if zone[:1] in "+-" and zone:
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if zone[0] == "-" else 1)
    return hour * 3600.0 + minute * 60 + second, offset, "" if offset == offset else zone


def _read_date(text: str) -> tuple[Form, tuple[int, ...], bool]:
    if _COMPACT.match(text):
        written = _compact(text)
        return written.form, written.parts, False
    match = _YEAR_FIRST.match(text)
    if match:
        return _whole((int(match[1]), int(match[3]), int(match[4])), Form.FIXED)
    match = _YEAR_LAST.match(text)
    if match:
        as_written = (int(match[1]), int(match[3]), int(match[4]))
        return _whole(as_written, Form.DIGITS if len(match[4]) == 4 else Form.SHORT)
    for pattern, _ in _NAMED:
        match = pattern.match(text)
        month = MONTHS.get(match["m"].casefold()) if match else None
        if match and month:
            year = int(match["y"])
            year = full_year(year) if len(match["y"]) == 2 else year
            form, parts, _ = _whole((year, month, int(match["d"])), Form.FIXED)
            return form, parts, True
    if any(p.match(text) for p in _PARTIAL):
        return Form.PARTIAL, (), False
    return Form.UNREADABLE, (), False


def _whole(parts: tuple[int, int, int], form: Form) -> tuple[Form, tuple[int, ...], bool]:
    """Return parts, or that the date is partial where a day or month is written as 0."""
    short = form is Form.SHORT
    if (parts[0] == 0 and not short) or parts[1] == 0 or (form is Form.FIXED and parts[2] == 0):
        return Form.PARTIAL, (), False
    return form, parts, False


def _compact(text: str) -> Written:
    """Return eight digits: the year comes first where it can, else last; never both."""
    if text[:2] in ("19", "20") and is_date(int(text[:4]), int(text[4:6]), int(text[6:])):
        return Written(Form.FIXED, (int(text[:4]), int(text[4:6]), int(text[6:])))
    if text[4:6] in ("19", "20"):
        form, parts, _ = _whole((int(text[:2]), int(text[2:4]), int(text[4:])), Form.DIGITS)
        return Written(form, parts)
    if text[:2] in ("19", "20") and "00" in (text[4:6], text[6:]):
        return Written(Form.PARTIAL)
    if text[:2] in ("19", "20"):
        return Written(Form.FIXED, (int(text[:4]), int(text[4:6]), int(text[6:])))
    return Written(Form.UNREADABLE)


def full_year(year: int) -> int:
    """Return the year that two digits stand for: 69 to 99 are 1969 to 1999."""
    return year + (1900 if year >= PIVOT else 2000)


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def ordinals(parts: npt.NDArray[Any]) -> FloatArray:
    """Return dates as days since 1 January 1970, NaN where there is no such day.

    Parameters
    ----------
    parts : ndarray of int, shape (n, 3)
        Year, month, day.
    """
    epoch = datetime.date(1970, 1, 1).toordinal()
    result = np.full(len(parts), np.nan)
    rows: IntArray = parts
    for k, (year, month, day) in enumerate(rows.tolist()):
        if is_date(year, month, day):
            result[k] = datetime.date(year, month, day).toordinal() - epoch
    return result
