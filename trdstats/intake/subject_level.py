"""What a table of visits says of its subjects: one value each, and where it says two."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.intake.values.entries import Codes, Column, plain
from trdstats.kinds import places

RARELY = 0.02  # of the subjects: so few differences look like slips


def first_known(code: Codes, subject: IntArray, n: int) -> tuple[Codes, BoolArray]:
    """Return the first code of each subject that is not empty, and the rows that differ from it.

    Parameters
    ----------
    code : ndarray of int, shape (n_rows,)
        -1 where empty.
    subject : ndarray of int, shape (n_rows,)
        -1 where the row names none.
    n : int
        Subjects.
    """
    rows = np.flatnonzero((code >= 0) & (subject >= 0))[::-1]
    first = np.full(n, -1, dtype=np.int32)
    first[subject[rows]] = code[rows]  # of several the last one assigned stays: the first row
    differs = (code >= 0) & (subject >= 0)
    differs &= code != first[subject]
    return first, differs


def check_conflicts(
    column: Column,
    differs: BoolArray,
    first: Codes,
    subject: IntArray,
    names: npt.NDArray[Any],
    role: str,
    problems: list[Problem],
) -> None:
    """Report subjects for whom a column that describes subjects says two things."""
    if not differs.any():
        return
    who = np.unique(subject[differs])
    row_of = dict(zip(subject[differs][::-1].tolist(), np.flatnonzero(differs)[::-1], strict=True))
    marked = np.zeros(len(names), dtype=bool)
    marked[who] = True

    def place(i: int) -> str:
        row = int(row_of[i])
        one, two = (plain(column.distinct[k]) for k in (first[i], column.code[row]))
        return f"{names[i]}: {one!r} and {two!r} (row {row})"

    problems.append(
        Problem(
            "conflicting_values",
            f"{column.what} ({role}) says two things of "
            + count_of(len(who), "subject.", "subjects."),
            places(marked, place),
            "Give one value a subject; a switch of treatment belongs among the events.",
        )
    )


def describes_subjects(
    column: Column, early: BoolArray, subject: IntArray, n: int, problems: list[Problem]
) -> Codes | None:
    """Return the code of each subject where a column never changes within one, else None.

    What becomes known only after the first visit does not describe the subject: it would look
    into the future.

    Parameters
    ----------
    early : ndarray of bool, shape (n_rows,)
        Rows without a day, and those of each subject's first day.
    """
    first, _ = first_known(np.where(early, column.code, -1).astype(np.int32), subject, n)
    differs = (column.code >= 0) & (subject >= 0)
    differs &= column.code != first[subject]
    if not differs.any():
        return first
    changing = np.zeros(n, dtype=bool)
    changing[subject[differs & (first[subject] >= 0)]] = True
    late = np.zeros(n, dtype=bool)
    late[subject[differs & (first[subject] < 0)]] = True
    known = column.code >= 0
    several = np.bincount(subject[known & (subject >= 0)], minlength=n) > 1
    if not late.any() and 0 < changing.sum() <= RARELY * several.sum():
        problems.append(
            Problem(
                "nearly_constant",
                f"{column.what} changes within "
                + count_of(int(changing.sum()), "subject", "subjects")
                + f" of {int(several.sum()):,} and in no other: kept as a column of the visits.",
                column.where(differs),
                "If it describes subjects, correct it and name it in covariates = [...].",
                level="warning",
            )
        )
    return None


def constant(
    values: FloatArray, subject: IntArray, n: int
) -> tuple[FloatArray, BoolArray, IntArray]:
    """Return the first number of each subject, the rows that differ, and the row it came from."""
    known = ~np.isnan(values) & (subject >= 0)
    rows = np.flatnonzero(known)[::-1]
    first, row = np.full(n, np.nan), np.full(n, -1, dtype=np.intp)
    first[subject[rows]] = values[rows]
    row[subject[rows]] = rows
    differs = known.copy()
    differs[known] = values[known] != first[subject[known]]
    return first, differs, row
