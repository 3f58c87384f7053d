"""Weights of subjects, given as a column, a series or a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of, unknown_name
from trdstats.study.frames import to_pandas

FloatArray = npt.NDArray[np.float64]


def read_weights(frame: pd.DataFrame, weights: Any) -> FloatArray:
    """Return the weight of every row of a table with one row a subject.

    Parameters
    ----------
    frame : pandas.DataFrame
        Has a column subject.
    weights : str, Series or DataFrame
        A column of `frame`; a series whose index holds the subjects; or a frame with the columns
        subject and weight. Subjects it does not name have no weight.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    UnknownNameError
        When there is no such column.
    SpecError
        When it is none of the three.
    DataError
        When a weight is missing, negative or infinite, or a subject has two.
    NotEstimableError
        When all weights are 0.
    """
    values = _values(frame, weights)
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        subjects = frame["subject"].to_numpy(dtype=object)
        raise DataError(
            [
                Problem(
                    "bad_weight",
                    count_of(int(bad.sum()), "subject has", "subjects have")
                    + " a weight that is missing, negative or infinite.",
                    tuple(str(subjects[i]) for i in np.flatnonzero(bad)),
                    "Give every subject with follow-up a weight; 0 leaves it out.",
                )
            ]
        )
    if not values.any():
        raise NotEstimableError("All weights are 0: nobody takes part.")
    return values


def _values(frame: pd.DataFrame, weights: Any) -> FloatArray:
    if isinstance(weights, str):
        if weights not in frame.columns:
            raise unknown_name("column", weights, frame.columns)
        return pd.to_numeric(frame[weights], errors="coerce").to_numpy(dtype=float)
    if isinstance(weights, pd.Series):
        given = weights
    elif hasattr(weights, "columns"):
        table = to_pandas(weights, what="weights")
        for name in ("subject", "weight"):
            if name not in table.columns:
                raise unknown_name("column of the weights", name, table.columns)
        given = table.set_index("subject")["weight"]
    else:
        raise SpecError(
            "weights must be a column name, a series indexed by subject, or a frame with the "
            f"columns subject and weight; got {type(weights).__name__}."
        )
    twice = given.index[given.index.duplicated()]
    if len(twice):
        raise DataError(
            [
                Problem(
                    "duplicate_weight",
                    count_of(len(set(twice)), "subject has", "subjects have") + " two weights.",
                    tuple(str(s) for s in dict.fromkeys(twice)),
                    "Keep one weight a subject.",
                )
            ]
        )
    return given.reindex(frame["subject"]).to_numpy(dtype=float)
