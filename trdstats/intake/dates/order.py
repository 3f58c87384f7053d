"""Day first or month first: decided by all dates of an export together, never row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from trdstats.arrays import BoolArray
from trdstats.errors import Problem, count_of
from trdstats.intake.dates.columns import ORDERS, DateColumn, Order
from trdstats.intake.dates.texts import PIVOT, Form
from trdstats.intake.values.entries import plain

Fit = Callable[[Order], str]

ENOUGH = 4  # different days before their number says which place holds them


def decide_order(
    columns: Sequence[DateColumn], declared: Order | None, fit: Fit, problems: list[Problem]
) -> Order:
    """Return the order in which dates of digits are written.

    Parameters
    ----------
    columns : sequence of DateColumn
        All columns of dates of the export: files are written in one order.
    declared : str or None
        What the mapping says.
    fit : callable
        Says in words how well days fit under an order; asked where the digits leave it open.
    problems : list of Problem
        Problems and notices are appended.
    """
    digits = [c for c in columns if c.is_digits.any()]
    if not digits:
        return declared or "day first"
    reads = {o: [~np.isnan(c.ordered(o)) | ~c.is_digits for c in digits] for o in ORDERS}
    possible = [np.logical_or.reduce([reads[o][k] for o in ORDERS]) for k in range(len(digits))]
    if declared is not None:
        wrong = [p & ~r for p, r in zip(possible, reads[declared], strict=True)]
        if any(w.any() for w in wrong):
            problems.append(_against(digits, wrong, f"the mapping says {declared}"))
        _note_short(digits, problems)
        return declared
    fits = [
        o
        for o in ORDERS
        if all((r | ~p).all() for r, p in zip(reads[o], possible, strict=True))
        and (o != "year first" or all((c.form != Form.DIGITS).all() for c in digits))
    ]
    fits = _by_spread(digits, fits)
    if not fits:
        problems.append(_contradiction(digits, reads))
        return "day first"
    same = all(
        np.array_equal(c.ordered(fits[0]), c.ordered(o), equal_nan=True)
        for c in digits
        for o in fits
    )
    if len(fits) > 1 and not same:
        problems.append(_ambiguous(digits, fits, fit))
    elif len(fits) == 1:
        problems.append(_decided(digits, fits[0]))
    _note_short(digits, problems)
    return fits[0]


def _by_spread(columns: Sequence[DateColumn], fits: list[Order]) -> list[Order]:
    """Return the orders under which years of two digits vary less than days do.

    Whether 25.11.03 begins or ends with the year no single entry says; in a column the years are
    few and the days are many.
    """
    if "year first" not in fits or len(fits) == 1:
        return fits
    parts = np.concatenate([c.parts[c.form == Form.SHORT] for c in columns])
    first, last = (len(np.unique(parts[:, k])) for k in (0, 2))
    if max(first, last) < ENOUGH or 2 * min(first, last) > max(first, last):
        return fits
    return [o for o in fits if (o == "year first") == (first < last)]


def _rows(columns: Iterable[DateColumn], marked: Iterable[BoolArray]) -> Iterator[str]:
    for column, mark in zip(columns, marked, strict=True):
        rows = column.column.rows_with(mark & column.is_digits)
        if rows.any():
            yield from (f"{column.column.what}: {w}" for w in column.column.where(rows))


def _count(columns: Sequence[DateColumn], marked: Sequence[BoolArray]) -> int:
    return sum(
        int(c.column.counts[m & c.is_digits].sum()) for c, m in zip(columns, marked, strict=True)
    )


def _against(columns: Sequence[DateColumn], wrong: Sequence[BoolArray], why: str) -> Problem:
    n = _count(columns, wrong)
    return Problem(
        "date_order",
        count_of(n, "date cannot", "dates cannot") + f" be read in this order: {why}.",
        tuple(_rows(columns, wrong)),
        "Correct the entries, or the order: date_order = "
        '"day first", "month first" or "year first".',
    )


def _contradiction(columns: Sequence[DateColumn], reads: dict[Order, list[BoolArray]]) -> Problem:
    days, months = reads["day first"], reads["month first"]
    only_day = [d & ~m for d, m in zip(days, months, strict=True)]
    only_month = [m & ~d for d, m in zip(days, months, strict=True)]
    counts = _count(columns, only_day), _count(columns, only_month)
    fewer = only_day if counts[0] < counts[1] else only_month
    return Problem(
        "mixed_date_order",
        "Dates are written in two orders: "
        + count_of(counts[0], "can only be", "can only be")
        + f" day first, {counts[1]:,} only month first. All others may be either.",
        tuple(_rows(columns, fewer)),
        "Find out where the two come from, for example two sites or a spreadsheet that changed "
        "some, and write all dates as year-month-day.",
    )


def _ambiguous(columns: Sequence[DateColumn], fits: list[Order], fit: Fit) -> Problem:
    where = []
    for column in columns:
        k = int(np.flatnonzero(column.is_digits)[0])
        where.append(f"{column.column.what}: {plain(column.column.distinct[k])!r}")
    options = " or ".join(f'date_order = "{o}"' for o in fits)
    evidence = " ".join(f"{o[0].upper()}{o[1:]}: {fit(o)}." for o in fits)
    return Problem(
        "ambiguous_date_order",
        f"Dates can be read {' or '.join(fits)}: nothing in them tells which.",
        tuple(where),
        f"Say it: {options}. {evidence}",
    )


def _decided(columns: Sequence[DateColumn], order: Order) -> Problem:
    others = [o for o in ORDERS if o != order]
    deciding = [np.isnan(c.ordered(others[0])) & c.is_digits for c in columns]
    n = _count(columns, deciding)
    if not n:
        deciding = [c.is_digits for c in columns]
    example = next(_rows(columns, deciding), "")
    how = count_of(n, "entry allows", "entries allow") + " no other order" if n else (
        "years vary less than days do"
    )  # fmt: skip
    return Problem(
        "date_order",
        f"Dates are read {order}: {how}.",
        (example,),
        'If that is wrong, say date_order = "..." in the mapping.',
        level="note",
    )


def _note_short(columns: Sequence[DateColumn], problems: list[Problem]) -> None:
    short = [c.form == Form.SHORT for c in columns]
    n = _count(columns, short)
    if n:
        problems.append(
            Problem(
                "short_years",
                count_of(n, "date has a year", "dates have years")
                + f" of two digits: 00 to {PIVOT - 1} are read as 2000 to {2000 + PIVOT - 1}, "
                f"{PIVOT} to 99 as {1900 + PIVOT} to 1999.",
                (),
                "Write years with four digits where that is wrong.",
                level="note",
            )
        )
