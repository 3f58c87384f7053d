"""Tables in the partitions of a dask DataFrame: what any room needs of them."""

from __future__ import annotations

import atexit
import pickle
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, TypeVar
from weakref import finalize

import narwhals as nw
import numpy as np
import pandas as pd

from trdstats.errors import Counted, Problem, TooLargeError
from trdstats.extras import extra_module

T = TypeVar("T")

_SENTENCE = re.compile(r"(?<=[.?!]) ")


def is_divided(frame: object) -> bool:
    """Return whether a table is a dask DataFrame; dask is not loaded for the answer."""
    return bool(nw.dependencies.is_dask_dataframe(frame))


def task_of(work: Any) -> Any:
    """Return a function as a task of dask, whose arguments are taken as they are."""
    return extra_module("dask", "dask").delayed(work, pure=False, traverse=False)


def task_with(work: Callable[..., Any], arguments: Sequence[object]) -> Any:
    """Return a function as a task that is given separate arguments, after those of the task.

    Threads that share labels of pandas look them up in a table that the first of them makes:
    another finds it half made, and labels missing. Each task has copies, as on a cluster.
    """
    packed = extra_module("cloudpickle", "dask").dumps((work, tuple(arguments)))
    return task_of(partial(_unpacked, packed))


def _unpacked(packed: bytes, *given: object) -> Any:
    work, arguments = pickle.loads(packed)
    return work(*given, *arguments)


def computed(tasks: Sequence[Any]) -> list[Any]:
    """Return the results of tasks, in order, from the scheduler that dask is set to."""
    # Threads that catch warnings at the same time leave it to chance how warnings are shown after
    # them, and those of a fit were lost: what held before holds again.
    with warnings.catch_warnings():
        return list(extra_module("dask", "dask").compute(*tasks))


def persisted(tasks: Sequence[Any]) -> list[Any]:
    """Return tasks whose results are kept in memory, that of the workers of a cluster."""
    with warnings.catch_warnings():  # as for `computed`
        return list(extra_module("dask", "dask").persist(*tasks))


def sent(values: Sequence[Any]) -> list[Any]:
    """Return values as tasks of dask, sent to the workers of a cluster once and kept there."""
    dask = extra_module("dask", "dask")
    with warnings.catch_warnings():
        # They are as large as the table of subjects; to send them is what is meant.
        warnings.filterwarnings("ignore", message="Sending large graph")
        return list(dask.persist(*[dask.delayed(value, traverse=False) for value in values]))


def shuffled(frame: Any, subject: str) -> list[Any]:
    """Return partitions that have all rows of their subjects, one of whom stood in two before.

    They are brought together once. The workers of a cluster keep them; without one they are kept
    in a temporary folder until Python ends, for memory need not hold them.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    subject : str
        Column of the subjects.

    Returns
    -------
    list of Delayed
    """
    together = frame.shuffle(on=subject, npartitions=frame.npartitions)
    if _has_cluster():
        return list(together.persist().to_delayed())
    folder = Path(mkdtemp(prefix="trdstats-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    return _stored(together.to_delayed(), folder)


class Kept:
    """Results of tasks that are kept where tasks find them, as long as this stands.

    The workers of a cluster keep them in memory; without one they are in a temporary folder, for
    memory need not hold them.

    Attributes
    ----------
    tasks : list of Delayed
        Each returns one of them.
    """

    tasks: list[Any]

    def __init__(self, tasks: Sequence[Any]) -> None:
        if _has_cluster():
            self.tasks = persisted(tasks)
            return
        folder = Path(mkdtemp(prefix="trdstats-"))
        finalize(self, rmtree, folder, ignore_errors=True)
        self.tasks = _stored(tasks, folder)

    def keep_only(self, places: Sequence[int]) -> None:
        """Ask only some of them from now on."""
        self.tasks = [self.tasks[k] for k in places]

    def ask(
        self,
        work: Callable[..., T],
        *arguments: object,
        each: Sequence[object] | None = None,
    ) -> list[T]:
        """Return what some work makes of each of them and of arguments, in order.

        Parameters
        ----------
        work : callable
            Called with one of them, its entry of `each` where that is given, and the arguments.
        *arguments : object
        each : sequence of object, optional

        Raises
        ------
        TooLargeError
            When they are no longer there.
        """
        with _still_kept():
            return computed(self._asked(work, arguments, each))

    def then(
        self,
        work: Callable[..., object],
        *arguments: object,
        each: Sequence[object] | None = None,
    ) -> Kept:
        """Return what some work makes of each of them, kept likewise; see `ask`."""
        with _still_kept():
            return Kept(self._asked(work, arguments, each))

    def _asked(
        self,
        work: Callable[..., object],
        arguments: Sequence[object],
        each: Sequence[object] | None,
    ) -> list[Any]:
        given = [()] * len(self.tasks) if each is None else [(one,) for one in each]
        task = task_with(work, arguments)
        return [task(k, *g) for k, g in zip(self.tasks, given, strict=True)]


@contextmanager
def _still_kept() -> Iterator[None]:
    """Refuse in words where files that were kept are gone."""
    try:
        yield
    except FileNotFoundError as error:
        raise TooLargeError(
            "What partitions keep for this result is no longer there: it is kept as long as "
            "the result that was fitted, not for copies of it. Fit the model again."
        ) from error


def _stored(tasks: Sequence[Any], folder: Path) -> list[Any]:
    """Return tasks that read the results of others from a folder."""
    paths = [task_of(_store)(task, str(folder / f"{k}.pkl")) for k, task in enumerate(tasks)]
    return [task_of(pd.read_pickle)(path) for path in computed(paths)]


def _has_cluster() -> bool:
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_client()
    except ValueError:
        return False
    return True


def _store(value: object, path: str) -> str:
    Path(path).write_bytes(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))
    return path


def in_plain_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a partition with texts as Python objects, as tables in memory have them."""
    plain = {}
    for c, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.StringDtype):
            texts = frame[c].array
            plain[c] = np.array(texts, dtype=object)
            plain[c][texts.isna()] = None
    if not plain:
        return frame.copy(deep=False)
    columns = {c: plain.get(c, frame[c]) for c in frame}
    result = pd.DataFrame(columns, index=frame.index, copy=False)
    result.attrs = dict(frame.attrs)
    return result


def columns_of_some(
    columns: Sequence[Mapping[Any, Any]], rows: Sequence[int], numbers: Sequence[int], table: str
) -> tuple[dict[Any, Any], list[Problem]]:
    """Return the columns of all partitions with their types, and those that only some have.

    Parameters
    ----------
    columns : sequence of dict
        Types of the columns of each partition that has rows.
    rows, numbers : sequence of int
        Their rows and numbers.
    table : str
        What the table is called.
    """
    names: dict[Any, Any] = {}
    for of_part in columns:
        names |= {c: dtype for c, dtype in of_part.items() if c not in names}
    problems = []
    for c in names:
        lacking = [k for k, of_part in enumerate(columns) if c not in of_part]
        if not lacking:
            continue
        where = "partition" if len(lacking) == 1 else "partitions"
        problems.append(
            Problem(
                "columns_of_some",
                f"`{table}` have a column {c!r} only in some partitions: it is missing in "
                f"{sum(rows[k] for k in lacking):,} rows of {len(lacking):,} {where}.",
                tuple(f"partition {numbers[k]}" for k in lacking),
                "Where the column has another name there, name it alike in all.",
                level="warning",
            )
        )
    return names, problems


def with_columns(part: pd.DataFrame, types: Mapping[Any, Any]) -> pd.DataFrame:
    """Return a partition with all columns; those that it has not are missing."""
    given = {c: part[c] for c in types if c in part}
    missing = np.full(len(part), np.nan)
    for c in types:
        if c not in given:
            dtype = types[c]
            # Whole numbers and truth values have no missing entry of their own.
            if isinstance(dtype, np.dtype) and dtype.kind in "iub":
                dtype = np.dtype(object if dtype.kind == "b" else float)
            given[c] = pd.Series(missing, index=part.index, dtype=object).astype(dtype)
    return pd.DataFrame({c: given[c] for c in types}, index=part.index)


def problems_together(parts: Sequence[Sequence[Problem]], numbers: Sequence[int]) -> list[Problem]:
    """Return the problems of all partitions: counts add, places say their partition.

    Parameters
    ----------
    parts : sequence of sequence of Problem
        Those of each partition, in order.
    numbers : sequence of int
        Numbers of the partitions, as their places are named by.
    """
    by_words: dict[tuple[object, ...], list[Problem]] = {}
    order: list[tuple[object, ...]] = []
    for k, problems in zip(numbers, parts, strict=True):
        keys = [(p.kind, p.level, *_words(p.summary)) for p in problems]
        for i, (key, problem) in enumerate(zip(keys, problems, strict=True)):
            if len(parts) > 1:
                where = tuple(_placed(k, place) for place in problem.where)
                problem = replace(problem, where=where)
            if key not in by_words:
                # Before those that its partition has later: all stand in the order of the checks.
                later = [order.index(other) for other in keys[i + 1 :] if other in by_words]
                order.insert(min(later, default=len(order)), key)
            by_words.setdefault(key, []).append(problem)
    return [_as_one(by_words[key]) for key in order]


def _words(text: str) -> tuple[object, ...]:
    return text.words if isinstance(text, Counted) else (text,)


def _as_one(problems: Sequence[Problem]) -> Problem:
    """Return one problem of several partitions; it advises what all of them advise."""
    first = problems[0]
    if len(problems) == 1:
        return first
    where: dict[object, str] = {}
    for place in (place for p in problems for place in p.where):
        key = len(where) if place == "..." else _words(place)
        before = where.get(key)
        where[key] = place if before is None else _sum(before, place)
    summary = reduce(_sum, [p.summary for p in problems])
    advice = [_SENTENCE.split(p.remedy) for p in problems]
    remedy = " ".join(s for s in advice[0] if all(s in other for other in advice[1:]))
    return replace(
        first, summary=summary, where=tuple(where.values()), remedy=remedy or first.remedy
    )


def _sum(a: str, b: str) -> str:
    return a.more(b) if isinstance(a, Counted) and isinstance(b, Counted) else a


def _placed(partition: int, place: str) -> str:
    """Return a place; rows count within the partition, which is named."""
    if place == "..." or "row" not in place:
        return place
    return f"partition {partition}: {place}"
