"""Who is who: identifiers of all tables of an export, written alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype

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
        Identifiers: texts, or whole numbers where all tables hold those.
    labels : pandas.Index
        The same as texts.
    """

    names: npt.NDArray[Any]
    labels: pd.Index[Any]

    def code(self, column: Column) -> IntArray:
        """Return the place of each row's subject, -1 where the row names none."""
        of_value = self.labels.get_indexer(pd.Index(_written(column), dtype=object))
        return np.append(of_value, np.intp(-1))[column.code]


def identify(columns: Iterable[Column]) -> Identifiers:
    """Return the subjects that columns of identifiers name."""
    columns = list(columns)
    every = np.concatenate([_written(c) for c in columns])
    labels = pd.Index(pd.unique(every), dtype=object).dropna()
    whole = all(c.distinct.dtype.kind in "iu" for c in columns)
    names = labels.to_numpy().astype(np.int64) if whole else labels.to_numpy(dtype=object)
    return Identifiers(names, labels)


def _written(column: Column) -> npt.NDArray[np.object_]:
    """Return distinct identifiers as texts: 7, 7.0 and "7" are one."""
    if infer_dtype(column.distinct, skipna=False) == "string":
        return column.distinct
    return as_objects([label_of(v) for v in column.distinct])


def check_named(column: Column, problems: list[Problem]) -> None:
    """Report rows that name no subject."""
    none = column.code < 0
    if none.any():
        problems.append(
            Problem(
                "missing_subject",
                count_of(int(none.sum()), f"row of `{column.table}` names",
                         f"rows of `{column.table}` name") + " no subject.",
                places(none, lambda i: f"row {i}"),
                "Fill the identifier in, or remove the rows.",
            )
        )  # fmt: skip


def check_one_row(column: Column, subject: IntArray, why: str, problems: list[Problem]) -> None:
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
        problems.append(
            Problem(
                "duplicate_subject",
                count_of(int(repeated.sum()), "row repeats", "rows repeat")
                + f" a subject in `{column.table}`, {why}.",
                column.where(repeated),
                "Keep one row a subject.",
            )
        )
