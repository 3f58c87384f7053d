"""What can be checked of the columns of any table, whatever they are for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import Problem, argument, count_of, nearest
from trdstats.kinds import CONTAINERS, is_plain_number, label_of, places, spelled_numbers

_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+")
_NO_NUMBERS = (bool, np.bool_, complex, np.complexfloating, *CONTAINERS)


def in_roles(frame: pd.DataFrame, roles: Mapping[str, str]) -> pd.DataFrame:
    """Return the table with its columns named by the roles they play: {role: column}.

    A column that has the name of a role and is not the one named gives its name up.

    Examples
    --------
    >>> table = pd.DataFrame({"treatment": ["old"], "arm": ["new"]})
    >>> in_roles(table, {"treatment": "arm"})["treatment"].tolist()
    ['new']
    """
    names = {column: role for role, column in roles.items()}
    kept = [c in names or c not in roles for c in frame.columns]
    # Without copies of the columns, which may be many.
    table = (frame if all(kept) else frame.loc[:, kept]).copy(deep=False)
    table.columns = [names.get(c, c) for c in table.columns]
    return table


def of_subjects(given: pd.Series[Any], subjects: Iterable[Any]) -> pd.Series[Any]:
    """Return values that are indexed by subject, in the order of some subjects.

    Where none of them is in the index, both are read as text: 7, 7.0 and "7" are one subject.

    Examples
    --------
    >>> of_subjects(pd.Series([0.5, 2.0], index=[1, 2]), ["2", "1"]).tolist()
    [2.0, 0.5]
    """
    names = pd.Index(subjects)
    if len(given) and not names.isin(given.index).any():
        read = given.set_axis([label_of(s) for s in given.index])
        if read.index.is_unique:
            return read.reindex([label_of(s) for s in names])
    return given.reindex(names)


def check_columns(
    frame: pd.DataFrame, wanted: Iterable[tuple[str, str]], table: str
) -> list[Problem]:
    """Check that every named column is in the table; the nearest names are offered.

    Parameters
    ----------
    wanted : iterable of (role, column)
        Roles and the columns said to play them. A role that is the name of an argument is told as
        one.
    """
    problems = []
    for role, column in wanted:
        if column in frame.columns:
            continue
        close = nearest(column, frame.columns)
        hint = (
            "Did you mean " + " or ".join(repr(c) for c in close) + "?"
            if close
            else "Columns: " + ", ".join(repr(str(c)) for c in frame.columns) + "."
        )
        problems.append(
            Problem(
                "unknown_column",
                f"`{table}` has no column {column!r} for {role}.",
                (),
                f"{hint} Name it with {argument(role)}" if role.isidentifier() else hint,
            )
        )
    return problems


def check_named(subjects: pd.Series[Any]) -> Problem | None:
    """Check that every row names its subject."""
    nameless = subjects.isna().to_numpy()
    if not nameless.any():
        return None
    return Problem(
        "missing_subject",
        count_of(int(nameless.sum()), "row has", "rows have") + " no subject.",
        places(nameless, lambda i: f"row {i}"),
        "Fill the subject in, or leave these rows out.",
    )


def are_finite(values: pd.Series[Any]) -> bool:
    """Return whether a column is seen at one glance to hold finite numbers, all of them known.

    Examples
    --------
    >>> are_finite(pd.Series([1.0, 2.0])), are_finite(pd.Series([1.0, np.nan]))
    (True, False)
    """
    if not is_plain_number(values.dtype):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return values.dtype.kind != "f" or bool(np.isfinite(values.to_numpy().sum()))


def check_finite(frame: pd.DataFrame, columns: Iterable[str], table: str) -> list[Problem]:
    """Check that no number of the columns is infinite."""
    problems = []
    for name in columns:
        values = frame[name] if name in frame.columns else None
        if values is None or values.dtype.kind != "f" or are_finite(values):
            continue
        infinite = np.isinf(values.to_numpy(dtype=float))
        if infinite.any():
            problems.append(
                Problem(
                    "infinite",
                    count_of(int(infinite.sum()), "number", "numbers")
                    + f" of `{table}` column {name!r} "
                    + ("is" if infinite.sum() == 1 else "are")
                    + " infinite.",
                    places(infinite, lambda i: f"row {i}"),
                    "Enter the values, or leave the cells empty.",
                )
            )
    return problems


def check_not_empty(frame: pd.DataFrame, table: str) -> Problem | None:
    """Check that a table has rows."""
    if len(frame):
        return None
    return Problem(
        "empty_table", f"`{table}` has no rows.", (), "Check the file or the filter that made it."
    )


def bad_rows(
    table: pd.DataFrame, kind: str, bad: Any, one: str, many: str, text: str, remedy: str
) -> list[Problem]:
    """Return a problem of rows of a table with a column subject, or none.

    Rows are named by their subject and number: by the column `row_` where there is one (a table
    that was sorted), else by place.
    """
    at = np.flatnonzero(np.asarray(bad))
    if not len(at):
        return []
    row = table["row_"].to_numpy() if "row_" in table else np.arange(len(table))
    subjects = table["subject"].to_numpy(dtype=object)
    where = tuple(f"{subjects[i]} (row {row[i]})" for i in at)
    return [Problem(kind, f"{count_of(len(at), one, many)} {text}.", where, remedy)]


def numbers(values: pd.Series[Any]) -> tuple[FloatArray, BoolArray]:
    """Return a column as floats, and where an entry is neither a number nor missing."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return np.full(len(values), np.nan), np.ones(len(values), dtype=bool)
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(
        values.dtype
    ):
        return np.full(len(values), np.nan), np.ones(len(values), dtype=bool)
    if pd.api.types.is_complex_dtype(values.dtype):
        return np.full(len(values), np.nan), values.notna().to_numpy(dtype=bool)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf":
        return np.array(values, dtype=float), np.zeros(len(values), dtype=bool)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if values.dtype == object:
        odd = np.fromiter((isinstance(v, _NO_NUMBERS) for v in values), bool, len(values))
        values = values.mask(odd, "not a number") if odd.any() else values
    result = np.array(pd.to_numeric(values, errors="coerce"), dtype=float)
    return result, np.isnan(result) & values.notna().to_numpy(dtype=bool)


def check_amounts(values: pd.Series[Any], name: str) -> Problem | None:
    """Check that an outcome is no declared category other than 0 and 1: it would have no mean.

    Numbers that name categories would be averaged as if they were amounts.
    """
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return None
    levels = list(values.dtype.categories)
    if all(v in (0, 1) for v in levels):
        return None
    listed = ", ".join(repr(v) for v in levels[:5]) + (", ..." if len(levels) > 5 else "")
    return Problem(
        "categories",
        f"The outcome {name!r} is declared as categories ({listed}): they have no mean.",
        (),
        "Where an order is all they have, use ProportionalOdds or RankComparison. Where they are "
        f"amounts, make them numbers: frame[{name!r}] = frame[{name!r}].astype(float). Of two, "
        "code 0 and 1.",
    )


def check_numbers(
    values: pd.Series[Any], wrong: BoolArray, what: str, remedy: str
) -> Problem | None:
    """Check that a column holds numbers."""
    if not wrong.any():
        return None
    listed = values.to_numpy(dtype=object)
    where = places(wrong, lambda i: f"{listed[i]!r} in row {i}")
    entries = pd.unique(values[wrong])
    if all(isinstance(v, str) and _THOUSANDS.fullmatch(v.strip()) for v in entries):
        remedy = (
            "Their commas may separate thousands or be decimal marks: write the numbers without "
            "the former and with points for the latter."
        )
    elif "comma" in spelled_numbers(entries):
        remedy = "They have decimal commas: read the file with pd.read_csv(..., decimal=',')."
    return Problem(
        "not_a_number",
        count_of(
            int(wrong.sum()),
            f"entry of {what} is not a number.",
            f"entries of {what} are not numbers.",
        ),
        # A column that is wrong throughout is known by its first entry.
        where[:1] if wrong.all() else where,
        remedy,
    )
