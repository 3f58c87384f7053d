"""Names of columns, days, treatments and what must not change within a subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.kernels.visits.blocks import extremes
from trdstats.kinds import kind_of_objects, places
from trdstats.study.plausibility.lookalikes import shown

Labels = Sequence[Any] | npt.NDArray[Any] | pd.Index


def show_day(day: float) -> str:
    """Return a day without needless decimals."""
    return f"day {day:g}"


def check_given_names(frame: pd.DataFrame, reserved: Sequence[str], table: str) -> Problem | None:
    """Check that no column stands where another is put whose own name the study needs."""
    both = [c for c in reserved if c in frame.columns and f"{c}_given" in frame.columns]
    if not both:
        return None
    return Problem(
        "column_pair",
        f"`{table}` has columns that would share a name: a study keeps your {both[0]!r} as "
        f"'{both[0]}_given'.",
        tuple(f"{c!r} and '{c}_given'" for c in both),
        "Rename or remove one of each pair.",
    )


def check_days(subjects: Labels, day: FloatArray, wrong: BoolArray, table: str) -> Problem | None:
    """Check that every row has a finite day; entries known not to be numbers are left out."""
    if np.isfinite(extremes(day)).all():
        return None
    bad = ~np.isfinite(day) & ~wrong
    if not bad.any():
        return None
    return Problem(
        "missing_day",
        count_of(int(bad.sum()), f"row of `{table}` has", f"rows of `{table}` have")
        + " a missing or infinite day.",
        places(bad, lambda i: f"{subjects[i]} (row {i})"),
        "Give the day since first treatment, or remove the row.",
    )


def check_treatment(ids: Labels, missing: BoolArray, row: IntArray) -> Problem | None:
    """Check that every subject has a treatment; `row` says where it was looked for."""
    if not missing.any():
        return None
    return Problem(
        "missing_treatment",
        count_of(int(missing.sum()), "subject has", "subjects have") + " no treatment.",
        places(missing, lambda i: f"{ids[i]} (row {row[i]})"),
        "Fill the treatment in; a subject without one cannot be compared.",
    )


def check_labels(values: pd.Series[Any], labels: pd.Series[Any], column: str) -> Problem | None:
    """Check that no two treatments of different kinds are written the same way.

    Parameters
    ----------
    values, labels : pandas.Series
        Treatments as given, and as categories of text.
    """
    if values.dtype.kind != "O":
        return None
    kind = kind_of_objects(values) if values.dtype == object else infer_dtype(values, skipna=True)
    if kind == "string":
        return None
    written = labels.astype(object)
    kinds: dict[str, set[bool]] = {}
    first = ~pd.Series(list(zip(values.map(type), written, strict=True))).duplicated().to_numpy()
    for value, text in zip(values[first], written[first], strict=True):
        if isinstance(text, str):
            kinds.setdefault(text, set()).add(isinstance(value, str))
    both = [text for text, kinds_of in kinds.items() if len(kinds_of) > 1]
    if not both:
        return None
    return Problem(
        "mixed_treatment",
        f"Treatments in {column!r} are a number in some rows and text in others.",
        tuple(repr(text) for text in both),
        "Make the column text in whole: .astype(str), or .map(str).",
    )


def check_constant(
    ids: Labels, varies: BoolArray, column: str, values: pd.Series[Any], pair: IntArray
) -> Problem | None:
    """Check that a property of the subject does not change between visits.

    Parameters
    ----------
    ids : sequence, shape (n_subjects,)
    varies : ndarray of bool, shape (n_subjects,)
    column : str
    values : Series, shape (n_rows,)
    pair : ndarray of int, shape (n_subjects, 2)
        Two rows of each subject, which differ where the property changes.
    """
    if not varies.any():
        return None

    def place(i: int) -> str:
        one, two = (values.iloc[k] for k in pair[i])
        entries = " and ".join("empty" if pd.isna(v) else shown(v) for v in (one, two))
        return f"{ids[i]}: {entries} (row {pair[i, 1]})"

    return Problem(
        "changing_value",
        f"{column!r} changes between visits of "
        + count_of(int(varies.sum()), "subject.", "subjects."),
        places(varies, place),
        "Give one value a subject; a switch of treatment belongs in `events`.",
    )


def check_treated(values: pd.Series[Any] | None) -> Problem | None:
    """Check that the column of who began the treatment holds True and False, or 1 and 0."""
    if values is None:
        return None
    known = values.dropna()
    wrong = [v for v in known.unique().tolist() if isinstance(v, str) or v not in (0, 1)]
    if not wrong:
        return None
    return Problem(
        "treated_not_a_truth",
        f"The column 'treated' says who began the treatment and holds {wrong[0]!r}.",
        (),
        "Write True and False, or 1 and 0, or give the column another name.",
    )
