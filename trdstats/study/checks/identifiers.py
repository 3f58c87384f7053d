"""Identifiers of subjects: missing, repeated, inexact, unknown, of two kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from trdstats.arrays import BoolArray, IntArray
from trdstats.errors import Problem, argument, count_of
from trdstats.kernels.visits.runs import first_of_runs
from trdstats.kinds import places
from trdstats.study.checks.values import Labels
from trdstats.study.plausibility.lookalikes import likely_meant

_EXACT = 2.0**53  # from here on floating-point numbers skip whole numbers


def changes(values: pd.Series[Any]) -> IntArray | None:
    """Return the rows with another value than the row before, a missing one perhaps among them.

    None where that takes a closer look. Rows of a subject mostly follow each other: what is asked
    of its identifier is asked once.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return first_of_runs(values.cat.codes.to_numpy())
    if not isinstance(values.dtype, np.dtype):
        return None
    try:
        return first_of_runs(values.to_numpy())
    except (TypeError, ValueError):  # a missing value of pandas, which equals nothing and itself
        return None


def check_identifiers(missing: BoolArray, table: str) -> Problem | None:
    """Check that every row names a subject."""
    if not missing.any():
        return None
    return Problem(
        "missing_subject",
        count_of(int(missing.sum()), f"row of `{table}` names", f"rows of `{table}` name")
        + " no subject.",
        places(missing, lambda i: f"row {i}"),
        "Fill the identifier in, or remove the rows.",
    )


def missing_identifiers(values: pd.Series[Any]) -> BoolArray:
    """Return where a column of identifiers is missing or blank."""
    row = changes(values)
    if row is None:
        return _missing(values)
    missing = _missing(values.iloc[row])
    if not missing.any():
        return np.zeros(len(values), dtype=bool)
    return np.repeat(missing, np.diff(row, append=len(values)))


def _missing(values: pd.Series[Any]) -> BoolArray:
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind == "O":  # text, and categories
        blank = [v for v in pd.unique(values) if isinstance(v, str) and not v.strip()]
        if blank:
            missing |= values.isin(blank).to_numpy(dtype=bool)
    return missing


def check_kinds_of_identifiers(values: pd.Series[Any], table: str) -> list[Problem]:
    """Check that identifiers are exact, and that none is a number here and text there.

    What is found makes all that follows meaningless, so it is reported before anything else.
    """
    row = changes(values)
    if row is not None and not _wrong_kinds(values.iloc[row], table):
        return []
    return _wrong_kinds(values, table)


def _wrong_kinds(values: pd.Series[Any], table: str) -> list[Problem]:
    missing = missing_identifiers(values)
    if len(values) and missing.all():
        return [
            Problem(
                "missing_subject",
                f"No row of `{table}` names a subject: column {str(values.name)!r} is empty.",
                (),
                f"Name the column of the identifiers with {argument('subject')}",
            )
        ]
    inexact = np.zeros(len(values), dtype=bool)
    if values.dtype.kind == "f":
        inexact = (np.abs(values.to_numpy(dtype=float)) >= _EXACT) & ~missing
    elif values.dtype == object and infer_dtype(values, skipna=True) != "string":
        inexact = np.fromiter(
            (isinstance(v, float | np.floating) and abs(float(v)) >= _EXACT for v in values),
            bool,
            len(values),
        )
    if inexact.any():
        return [
            Problem(
                "inexact_subject",
                count_of(
                    int(inexact.sum()), f"identifier of `{table}`", f"identifiers of `{table}`"
                )
                + " above 2^53 stored as a floating-point number: neighbours cannot be told apart.",
                places(inexact, lambda i: f"{values.array[i]!r} (row {i})"),
                "Read the column as text; converting it now would come too late.",
            )
        ]
    return _mixed_kinds(values, missing, table)


def _mixed_kinds(values: pd.Series[Any], missing: BoolArray, table: str) -> list[Problem]:
    if values.dtype.kind != "O" or infer_dtype(values, skipna=True) == "string":
        return []
    kinds: dict[str, set[bool]] = {}
    for value in pd.unique(values[~missing].astype(object)):
        kinds.setdefault(name_of(value), set()).add(isinstance(value, str))
    both = {name for name, kinds_of in kinds.items() if len(kinds_of) > 1}
    if not both:
        return []
    twin = np.fromiter((name_of(v) in both for v in values), bool, len(values)) & ~missing
    return [
        Problem(
            "mixed_subject",
            count_of(len(both), f"identifier of `{table}` is", f"identifiers of `{table}` are")
            + " a number in some rows and text in others.",
            places(twin, lambda i: f"{values.array[i]!r} (row {i})"),
            "Make the column text in whole: .astype(str), or .map(str).",
        )
    ]


def check_known_subjects(
    values: Labels, unknown: BoolArray, ids: Labels, table: str
) -> Problem | None:
    """Check that every subject of a table is in `subjects`, whose identifiers are `ids`."""
    if not unknown.any():
        return None
    remedy = "Add them to `subjects`, or remove the rows."
    known = {name_of(i) for i in ids}
    strangers = pd.unique(np.asarray(values, dtype=object)[unknown])
    nearest_ids = likely_meant(strangers, ids)
    if nearest_ids and all(name_of(v) in known for v in strangers):
        remedy = (
            "Identifiers are text in one table and numbers in the other: "
            "convert both with .astype(str)."
        )
    elif nearest_ids:
        remedy = f"Write them alike in both tables: {nearest_ids} are probably the same."
    return Problem(
        "unknown_subject",
        count_of(int(unknown.sum()), f"row of `{table}` names", f"rows of `{table}` name")
        + " a subject that `subjects` does not have.",
        places(unknown, lambda i: f"{values[i]} (row {i})"),
        remedy,
    )


def name_of(identifier: Any) -> str:
    """Return an identifier as one would write it: 7, 7.0 and "7" are all written 7."""
    if isinstance(identifier, float | np.floating) and float(identifier).is_integer():
        return str(int(identifier))
    return str(identifier)


def check_subject_rows(ids: Labels, repeated: BoolArray) -> Problem | None:
    """Check that `subjects` has one row a subject."""
    if not repeated.any():
        return None
    return Problem(
        "duplicate_subject",
        count_of(int(repeated.sum()), "row of `subjects` repeats", "rows of `subjects` repeat")
        + " a subject.",
        places(repeated, lambda i: f"{ids[i]} (row {i})"),
        "Keep one row a subject; what changes over time belongs in `visits`.",
    )
