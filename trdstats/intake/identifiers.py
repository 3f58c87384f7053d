"""Who is who: identifiers of all tables of an export, written alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trdstats.arrays import IntArray
from trdstats.errors import Problem, count_of
from trdstats.intake.values.entries import Column, as_objects
from trdstats.kinds import label_of, places


@dataclass(frozen=True)
class Identifiers:
    """Subjects of an export.

    Attributes
    ----------
    names : ndarray, shape (n_subjects,)
        Identifiers in the order in which they first appear: texts, or whole numbers where all
        tables hold those.
    """

    names: npt.NDArray[Any]
    _place: dict[str | None, int]

    def code(self, column: Column) -> IntArray:
        """Return the place of each row's subject, -1 where the row names none."""
        of_value = np.fromiter(
            (self._place.get(_written(v), -1) for v in column.distinct),
            np.intp,
            len(column.distinct),
        )
        return np.append(of_value, np.intp(-1))[column.code]


def _written(value: Any) -> str | None:
    # Texts of a column have no blanks at their ends; most identifiers are such.
    return value if type(value) is str else label_of(value)


def identify(columns: Iterable[Column]) -> Identifiers:
    """Return the subjects that columns of identifiers name."""
    columns = list(columns)
    place: dict[str | None, int] = {}
    for column in columns:
        present = column.counts > 0
        for value in column.distinct[present]:
            label = _written(value)
            if label is not None:
                place.setdefault(label, len(place))
    whole = all(c.distinct.dtype.kind in "iu" for c in columns)
    names = np.array([int(p or 0) for p in place]) if whole else as_objects(list(place))
    return Identifiers(names, place)


def check_named(column: Column, found: list[Problem]) -> None:
    """Report rows that name no subject."""
    nobody = column.code < 0
    if nobody.any():
        found.append(
            Problem(
                "missing_subject",
                count_of(int(nobody.sum()), f"row of `{column.table}` names",
                         f"rows of `{column.table}` name") + " no subject.",
                places(nobody, lambda i: f"row {i}"),
                "Fill the identifier in, or remove the rows.",
            )
        )  # fmt: skip


def check_one_row(column: Column, subject: IntArray, why: str, found: list[Problem]) -> None:
    """Report subjects with several rows in a table that has one row a subject.

    Parameters
    ----------
    column : Column
        Identifiers as written.
    subject : ndarray of int, shape (n_rows,)
        Subject of each row, -1 where it names none.
    """
    named = np.flatnonzero(subject >= 0)
    repeated = np.zeros(len(subject), dtype=bool)
    repeated[named] = True
    repeated[named[np.unique(subject[named], return_index=True)[1]]] = False
    if repeated.any():
        found.append(
            Problem(
                "duplicate_subject",
                count_of(int(repeated.sum()), "row repeats", "rows repeat")
                + f" a subject in `{column.table}`, {why}.",
                column.where(repeated),
                "Keep one row a subject.",
            )
        )
