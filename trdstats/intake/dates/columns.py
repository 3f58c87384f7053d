"""Columns of dates as days since 1970, under an order of their digits that is known."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.intake.dates.texts import Form, full_year, ordinals, read_written
from trdstats.intake.values.entries import Column

Order = Literal["day first", "month first", "year first"]
ORDERS: tuple[Order, ...] = ("day first", "month first", "year first")

# Places of year, month and day among three numbers.
_PLACES: dict[str, tuple[int, int, int]] = {
    "day first": (2, 1, 0),
    "month first": (2, 0, 1),
    "year first": (0, 1, 2),
}
# Day 0 of serial numbers as days since 1970. From 1 March 1900 on the epoch of 1900 counts one
# day too many, since it holds a 29 February 1900.
_EPOCHS = {1900: -25569, 1904: -24107}
EARLIEST, LATEST = -7305, 47482  # 1 January 1950 and 2100


@dataclass(frozen=True)
class DateColumn:
    """A column of dates by its distinct entries, as written.

    Attributes
    ----------
    column : Column
    form : ndarray of int, shape (n_values,)
    parts : ndarray of int, shape (n_values, 3)
        Year, month, day, or the numbers as written.
    seconds, offset, serial : ndarray, shape (n_values,)
        Time of day, minutes ahead of UTC, serial number; NaN where there is none.
    is_named, is_stored : ndarray of bool, shape (n_values,)
    zones : tuple of str
        Zones that are named without an offset.
    """

    column: Column
    form: npt.NDArray[np.int8]
    parts: npt.NDArray[np.int64]
    seconds: FloatArray
    offset: FloatArray
    serial: FloatArray
    is_named: BoolArray
    is_stored: BoolArray
    zones: tuple[str, ...]

    @property
    def is_digits(self) -> BoolArray:
        """Entries whose order of digits must be known."""
        return np.isin(self.form, (Form.DIGITS, Form.SHORT))

    @property
    def has_times(self) -> bool:
        """Whether the column holds times of day and not midnight throughout."""
        known = self.seconds[~np.isnan(self.seconds)]
        return bool(len(known) and (known != 0).any() and not np.isnan(self.seconds).any())

    def ordered(self, order: Order) -> FloatArray:
        """Return dates of digits as days since 1970; NaN for others and impossible ones."""
        result = np.full(len(self.form), np.nan)
        rows = np.flatnonzero(self.is_digits)
        if order == "year first":
            rows = rows[self.form[rows] == Form.SHORT]
        year, month, day = _PLACES[order]
        parts = self.parts[rows][:, [year, month, day]]
        short = self.form[rows] == Form.SHORT
        parts[short, 0] = [full_year(int(y)) for y in parts[short, 0]]
        result[rows] = ordinals(parts)
        return result

    def days(self, order: Order, date_system: int) -> FloatArray:
        """Return all entries as days since 1970 with the time of day left out, NaN where none."""
        result = self.ordered(order)
        fixed = np.flatnonzero(self.form == Form.FIXED)
        result[fixed] = ordinals(self.parts[fixed])
        serial = self.form == Form.SERIAL
        result[serial] = np.floor(self.serial[serial]) + _EPOCHS[date_system]
        return result


def read_date_column(column: Column) -> DateColumn:
    """Return the distinct entries of a column of dates by their parts."""
    written = [read_written(v) for v in column.distinct]
    n = len(written)
    parts = np.zeros((n, 3), dtype=np.int64)
    for k, w in enumerate(written):
        if w.parts:
            parts[k] = w.parts
    serial = np.fromiter((w.serial for w in written), float, n)
    seconds = np.fromiter((w.seconds for w in written), float, n)
    counted = ~np.isnan(serial)
    seconds[counted] = np.rint(serial[counted] % 1 * 86400)
    return DateColumn(
        column=column,
        form=np.fromiter((w.form for w in written), np.int8, n),
        parts=parts,
        seconds=seconds,
        offset=np.fromiter((w.offset for w in written), float, n),
        serial=serial,
        is_named=np.fromiter((w.is_named for w in written), bool, n),
        is_stored=np.fromiter((w.is_stored for w in written), bool, n),
        zones=tuple(sorted({w.zone for w in written} - {""})),
    )


def in_zone(
    days: FloatArray, seconds: FloatArray, offset: FloatArray, zone: str
) -> tuple[FloatArray, FloatArray]:
    """Return dates and times with an offset from UTC as those on the clocks of a zone.

    Parameters
    ----------
    days, seconds, offset : ndarray, shape (n,)
        Days since 1970, seconds of the day, minutes ahead of UTC; entries without an offset are
        on the clocks of the zone already.
    """
    rows = np.flatnonzero(~np.isnan(days) & ~np.isnan(offset) & ~np.isnan(seconds))
    utc = days[rows] * 86400 + seconds[rows] - offset[rows] * 60
    stamps: Any = pd.to_datetime(np.rint(utc * 1e3).astype("int64"), unit="ms", utc=True)
    local = stamps.tz_convert(zoneinfo.ZoneInfo(zone)).tz_localize(None)
    since = (local - pd.Timestamp(0)).total_seconds().to_numpy(dtype=float)
    days, seconds = days.copy(), seconds.copy()
    days[rows] = np.floor(since / 86400)
    seconds[rows] = since - days[rows] * 86400
    return days, seconds
