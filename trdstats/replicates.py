"""One driver of all resamples: seeds, chunks, workers, progress, and where they are kept.

Every replicate has a separate random stream, so that neither the number of workers nor the
size of a chunk nor an interruption changes a number.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from trdstats.parts import Arrays, Progress, Shelf, fingerprint, run_parts

_CHUNK = 25  # replicates a task: enough work to be worth sending to a worker
_STACK = 100  # of those computed as one array, which are faster each
Stream = np.random.SeedSequence | tuple[np.random.SeedSequence, ...]


@dataclass(frozen=True)
class _Settings:
    folder: Path | None = None
    progress: Progress = False


_SETTINGS: ContextVar[_Settings] = ContextVar("resampling", default=_Settings())  # noqa: B039


@contextmanager
def resampling(
    *, folder: str | Path | None = None, progress: bool | Callable[[int, int], None] = False
) -> Iterator[None]:
    """Keep resamples in a folder and show progress, for every bootstrap inside the block.

    Parameters
    ----------
    folder : str or Path, optional
        Where finished chunks of resamples are kept. A run that was interrupted continues from
        them when it is started again with the same data and settings, and one with more resamples
        starts from those there are; results are the same as without interruption. The folder may
        be deleted at any time.
    progress : bool or callable, default False
        True shows a bar; a callable is called with the numbers of finished and of all resamples.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> calls = []
    >>> with trd.resampling(progress=lambda done, total: calls.append((done, total))):
    ...     curve = trd.Turnbull(n_boot=30).fit(onset)
    >>> calls[-1]
    (30, 30)
    """
    token = _SETTINGS.set(_Settings(None if folder is None else Path(folder), progress))
    try:
        yield
    finally:
        _SETTINGS.reset(token)


def streams_of(seed: int, n: int) -> list[np.random.SeedSequence]:
    """Return the random streams of n replicates; that of a replicate does not depend on n."""
    return np.random.SeedSequence(seed).spawn(n)


def replicate(
    work: Callable[..., Arrays],
    given: tuple[Any, ...],
    streams: Sequence[Stream],
    *,
    n_jobs: int,
    title: str = "Resampling",
) -> list[Arrays]:
    """Return what `work` makes of every random stream, in their order.

    Parameters
    ----------
    work : callable
        Function of a module, called as ``work(stream, *given)``; returns arrays by name.
    given : tuple
        The same for every replicate.
    streams : sequence of SeedSequence, or of tuples of them
    n_jobs : int
        Workers, as joblib takes them.
    title : str
        Of the progress bar.
    """
    done = _in_chunks(partial(_chunk, work, given), work, given, streams, _CHUNK, n_jobs, title)
    return [row for part in done for row in _unpack(part)]


def replicate_stacked(
    work: Callable[..., Arrays],
    given: tuple[Any, ...],
    streams: Sequence[Stream],
    *,
    n_jobs: int,
    title: str = "Resampling",
) -> Arrays:
    """Return what `work` makes of many random streams at once, replicates along the first axis.

    Parameters
    ----------
    work : callable
        Function of a module, called as ``work(streams, *given)`` with up to 100 streams; returns
        arrays by name whose first axis is that of the streams.
    given, streams, n_jobs, title
        As in `replicate`.
    """
    done = _in_chunks(partial(_stack, work, given), work, given, streams, _STACK, n_jobs, title)
    return {name: np.concatenate([part[name] for part in done]) for name in done[0]}


def _in_chunks(
    task: Callable[[Sequence[Stream]], Arrays], work: Callable[..., Arrays],
    given: tuple[Any, ...], streams: Sequence[Stream], size: int, n_jobs: int, title: str,
) -> list[Arrays]:  # fmt: skip
    """Carry out a task on chunks of the streams, with what the settings ask for."""
    settings = _SETTINGS.get()
    name = ""
    if settings.folder is not None:
        # The package imports this module: its version is read when it is needed.
        version = sys.modules["trdstats"].__version__
        name = fingerprint(version, work.__module__, work.__qualname__, _hash(given))
    chunks = [streams[a : a + size] for a in range(0, len(streams), size)]
    kept = settings.folder is not None  # a name tells chunks apart on the shelf
    parts = [
        (f"{k:05d}-{_hash(chunk)[:12]}" if kept else f"{k:05d}", chunk)
        for k, chunk in enumerate(chunks)
    ]
    return run_parts(
        task, parts, Shelf(settings.folder, name), n_jobs=n_jobs, progress=settings.progress,
        title=title,
    )  # fmt: skip


def _stack(
    work: Callable[..., Arrays], given: tuple[Any, ...], streams: Sequence[Stream]
) -> Arrays:
    return work(streams, *given)


def _chunk(
    work: Callable[..., Arrays], given: tuple[Any, ...], streams: Sequence[Stream]
) -> Arrays:
    """Return the arrays of some replicates under their numbers."""
    rows = [work(stream, *given) for stream in streams]
    named = {f"{k}.{name}": np.asarray(v) for k, row in enumerate(rows) for name, v in row.items()}
    return {"n": np.array(len(rows)), **named}


def _unpack(part: Arrays) -> list[Arrays]:
    rows: list[Arrays] = [{} for _ in range(int(part["n"]))]
    for key, value in part.items():
        if key != "n":
            k, name = key.split(".", 1)
            rows[int(k)][name] = value
    return rows


def _hash(value: Any) -> str:
    """Return a name for a value: functions of a notebook by their code and what they use."""
    try:
        return str(joblib.hash(value, hash_name="sha1"))
    except (pickle.PicklingError, AttributeError, TypeError):
        by_code = pickle.dumps(joblib.wrap_non_picklable_objects(value))
        return hashlib.sha1(by_code, usedforsecurity=False).hexdigest()
