"""Forms in the partitions of a dask DataFrame, scored where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import pandas as pd

from trdstats.columns import check_columns, check_not_empty
from trdstats.errors import DataError, Problem
from trdstats.extras import extra_module
from trdstats.items.counts import FormCounts
from trdstats.partitions import (
    computed,
    in_plain_columns,
    problems_together,
    shuffled,
    task_of,
)

if TYPE_CHECKING:
    from trdstats.items.score import ScoredItems

Score = Callable[[pd.DataFrame], "ScoredItems"]


@dataclass(frozen=True, slots=True)
class _Part:
    """Problems of a partition, or its counts, its findings, and its columns without rows."""

    problems: tuple[Problem, ...]
    counts: FormCounts | None = None
    findings: pd.DataFrame | None = None
    columns: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class ScoredPartitions:
    """Forms of all partitions.

    Attributes
    ----------
    frame : dask.dataframe.DataFrame
        Scored forms.
    findings : pandas.DataFrame
        As in `ScoredItems`, with the column partition; rows count within it.
    counts : FormCounts
    """

    frame: Any
    findings: pd.DataFrame
    counts: FormCounts


def score_partitions(frame: Any, score: Score, subject: str) -> ScoredPartitions:
    """Score the forms of every partition; those of a subject are brought together before.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    score : callable
        Scores the forms of a table in memory.
    subject : str
        Column of the subjects.

    Raises
    ------
    DataError
        With the problems of all partitions.
    """
    lacking = check_columns(frame._meta, [("subject", subject)], "forms")
    if lacking:
        raise DataError(lacking)
    ids = pd.concat(computed([task_of(_ids)(f, subject) for f in frame.to_delayed()]))
    frames = frame.to_delayed()
    if ids.duplicated().any():
        frames = shuffled(frame, subject)
    scored: list[_Part | None] = computed([task_of(partial(_look, score=score))(f) for f in frames])
    numbers = [k for k, part in enumerate(scored) if part is not None]
    parts = [part for part in scored if part is not None]
    problems = problems_together([p.problems for p in parts], numbers)
    if not parts:
        none = check_not_empty(pd.DataFrame(), "forms")
        problems = [] if none is None else [none]
    if problems or not parts:
        raise DataError(problems)
    rows = [task_of(partial(_rows, score=score))(frames[k]) for k in numbers]
    return ScoredPartitions(
        extra_module("dask.dataframe", "dask").from_delayed(rows, meta=parts[0].columns),
        _findings(numbers, [p.findings for p in parts if p.findings is not None]),
        reduce(FormCounts.__add__, [p.counts for p in parts if p.counts is not None]),
    )


def _ids(frame: pd.DataFrame, subject: str) -> pd.Series[Any]:
    return in_plain_columns(frame)[subject].dropna().drop_duplicates()


def _look(frame: pd.DataFrame, score: Score) -> _Part | None:
    if not len(frame):
        return None
    try:
        result = score(in_plain_columns(frame))
    except DataError as error:
        return _Part(error.problems)
    return _Part((), result.counts, result.findings, _plain(result).iloc[:0])


def _rows(frame: pd.DataFrame, score: Score) -> pd.DataFrame:
    return _plain(score(in_plain_columns(frame)))


def _plain(scored: ScoredItems) -> pd.DataFrame:
    """Return scored forms whose flags are texts: their categories differ between partitions."""
    return scored.frame.astype({"flags": object})


def _findings(numbers: Sequence[int], findings: Sequence[pd.DataFrame]) -> pd.DataFrame:
    tables = [f.assign(partition=k) for k, f in zip(numbers, findings, strict=True) if len(f)]
    if not tables:
        return findings[0].assign(partition=pd.Series(dtype=int))
    return pd.concat(tables, ignore_index=True).sort_values("kind", kind="stable",
                                                            ignore_index=True)  # fmt: skip
