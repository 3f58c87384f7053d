"""Forms in the partitions of a dask DataFrame, scored where they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.columns import check_columns, check_not_empty
from trdstats.errors import DataError, DataWarning, Problem, describe_problems, warn
from trdstats.extras import extra_module
from trdstats.items.counts import FormCounts
from trdstats.partitions import (
    columns_of_some,
    computed,
    in_plain_columns,
    problems_together,
    shuffled,
    task_of,
    task_with,
    with_columns,
)

if TYPE_CHECKING:
    from trdstats.items.score import ScoredItems

Score = Callable[..., "ScoredItems"]


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


def score_partitions(frame: Any, score: Score, subject: str, item: str | None) -> ScoredPartitions:
    """Score the forms of every partition; those of a subject are brought together before.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    score : callable
        Scores the forms of a table in memory.
    subject : str
        Column of the subjects.
    item : str, optional
        Column of the items, of tables with one row an item.

    Raises
    ------
    DataError
        With the problems of all partitions.
    """
    lacking = check_columns(frame._meta, [("subject", subject)], "forms")
    if lacking:
        raise DataError(lacking)
    held: list[_Held] = computed([task_of(_hold)(f, subject, item) for f in frame.to_delayed()])
    filled = [k for k, part in enumerate(held) if part.rows]
    types, of_some = columns_of_some(
        [held[k].columns for k in filled], [held[k].rows for k in filled], filled, "forms"
    )
    if of_some:
        warn(describe_problems(of_some), DataWarning)
        completed = with_columns(frame._meta, types)
        frame = frame.map_partitions(with_columns, types, meta=completed)
    if item is not None:
        score = partial(
            score, labels=list(dict.fromkeys(v for k in filled for v in held[k].labels))
        )
    frames = frame.to_delayed()
    if len(filled) > 1 and pd.concat([held[k].ids for k in filled]).duplicated().any():
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
    columns = _columns_of_all([p.columns for p in parts if p.columns is not None])
    task = task_with(partial(_rows, score=score), [columns.dtypes])
    rows = [task(frames[k]) for k in numbers]
    return ScoredPartitions(
        extra_module("dask.dataframe", "dask").from_delayed(rows, meta=columns),
        _findings(numbers, [p.findings for p in parts if p.findings is not None]),
        reduce(FormCounts.__add__, [p.counts for p in parts if p.counts is not None]),
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """What a partition holds: rows, types of columns, identifiers, labels of items."""

    rows: int
    columns: dict[Any, Any]
    ids: pd.Series[Any]
    labels: list[Any]


def _hold(frame: pd.DataFrame, subject: str, item: str | None) -> _Held:
    plain = in_plain_columns(frame)
    ids, labels = (
        plain[c].dropna().drop_duplicates() if c in plain else pd.Series([], dtype=object)
        for c in (subject, item)
    )
    return _Held(len(frame), dict(frame.dtypes), ids, labels.tolist())


def _columns_of_all(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the columns that all have, without rows, each of a type that takes those of all."""
    names = [c for c in parts[0] if all(c in part for part in parts)]
    types = {c: list(dict.fromkeys(part[c].dtype for part in parts)) for c in names}
    return parts[0][names].astype({c: _type_of_all(of_parts) for c, of_parts in types.items()})


def _type_of_all(types: Sequence[Any]) -> Any:
    if len(types) == 1:
        return types[0]
    if all(isinstance(t, np.dtype) and t.kind in "iuf" for t in types):
        return np.result_type(*types)
    return np.dtype(object)


def _look(frame: pd.DataFrame, score: Score) -> _Part | None:
    if not len(frame):
        return None
    try:
        result = score(in_plain_columns(frame))
    except DataError as error:
        return _Part(error.problems)
    return _Part((), result.counts, result.findings, _plain(result).iloc[:0])


def _rows(frame: pd.DataFrame, types: pd.Series[Any], score: Score) -> pd.DataFrame:
    scored = _plain(score(in_plain_columns(frame)))
    return scored[list(types.index)].astype(types.to_dict())


def _plain(scored: ScoredItems) -> pd.DataFrame:
    """Return scored forms whose flags are texts: their categories differ between partitions."""
    return scored.frame.astype({"flags": object})


def _findings(numbers: Sequence[int], findings: Sequence[pd.DataFrame]) -> pd.DataFrame:
    tables = [f.assign(partition=k) for k, f in zip(numbers, findings, strict=True) if len(f)]
    if not tables:
        return findings[0].assign(partition=pd.Series(dtype=int))
    return pd.concat(tables, ignore_index=True).sort_values("kind", kind="stable",
                                                            ignore_index=True)  # fmt: skip
