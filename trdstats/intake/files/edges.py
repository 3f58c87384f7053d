"""The edges of a table: names of columns, and rows and columns that hold nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trdstats.errors import DataError, Problem, count_of


def check_names(names: Sequence[str], what: str) -> None:
    """Refuse columns that share a name.

    Raises
    ------
    DataError
    """
    given = [n for n in names if n]
    twice = sorted({n for n in given if given.count(n) > 1}, key=given.index)
    if twice:
        raise DataError(
            [
                Problem(
                    "shared_names",
                    f"{what}: columns share a name: {', '.join(map(repr, twice))}.",
                    (),
                    "Rename one of each.",
                )
            ]
        )


def without_empty_edges(
    frame: pd.DataFrame, unnamed: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Problem, ...]]:
    """Return the table without empty rows at its end and without empty columns that have no name.

    Parameters
    ----------
    frame : pandas.DataFrame
    unnamed : sequence of str
        Columns to which the file gives no name.

    Returns
    -------
    frame : pandas.DataFrame
    notices : tuple of Problem
    """
    notices = []
    spare = [c for c in unnamed if frame[c].isna().all()]
    if spare:
        frame = frame.drop(columns=spare)
    kept = len(frame)
    if kept and frame.shape[1] and frame.iloc[-1].isna().all():
        filled = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
        kept = int(filled[-1]) + 1 if len(filled) else 0
    if kept < len(frame):
        n = len(frame) - kept
        notices.append(
            Problem(
                "empty_rows",
                count_of(n, "row", "rows")
                + f" at the end of the table {'holds' if n == 1 else 'hold'} nothing: left out.",
                (),
                "Nothing has to be done.",
                level="note",
            )
        )
        frame = frame.iloc[:kept]
    return frame, tuple(notices)
