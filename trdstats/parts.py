"""Parts of a long computation: on several workers, with progress, and stored when done."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import Progress as ProgressBar

from trdstats.parallel import run_parallel
from trdstats.threads import one_thread

# Results of a part.
Arrays = dict[str, npt.NDArray[Any]]
# Whether to show a bar, or what is called with the numbers of finished and of all items.
Progress = bool | Callable[[int, int], None]


def fingerprint(*parts: Any) -> str:
    """Return a name for a computation: equal inputs have equal names, others do not."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(str(part).encode())
        digest.update(b"|")
    return digest.hexdigest()[:20]


class Shelf:
    """A folder that keeps the parts of one computation; without a folder nothing is kept."""

    def __init__(self, folder: str | Path | None, name: str) -> None:
        self._folder = None if folder is None else Path(folder) / name

    def get(self, key: str) -> Arrays | None:
        """Return a part that was kept, or None."""
        if self._folder is None:
            return None
        path = self._folder / f"{key}.npz"
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}

    def put(self, key: str, arrays: Arrays) -> None:
        """Store a part completely or not at all, whenever the process ends."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{key}.npz"
        draft = self._folder / f"{key}.{os.getpid()}.part"
        with draft.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        draft.replace(path)


@one_thread
def run_parts(
    work: Callable[[Any], Arrays],
    parts: Sequence[tuple[str, Any]],
    shelf: Shelf,
    *,
    n_jobs: int,
    progress: Progress,
    title: str,
) -> list[Arrays]:
    """Do every part that is not on the shelf, and return all in order.

    Parameters
    ----------
    work : callable
    parts : sequence of (str, sequence)
        A part's name on the shelf, and its items, which `work` is called with.
    shelf : Shelf
    n_jobs : int
    progress : bool or callable
        Whether to show a bar; or what is called with the numbers of finished and of all items.
    title : str
        Title of the bar.
    """
    done = {key: kept for key, _ in parts if (kept := shelf.get(key)) is not None}
    todo = [(key, argument) for key, argument in parts if key not in done]
    total = sum(len(argument) for _, argument in parts)
    finished = total - sum(len(argument) for _, argument in todo)
    with ProgressBar(disable=progress is not True) as bar:
        task = bar.add_task(title, total=total, completed=finished)
        given = ((work, shelf, key, argument) for key, argument in todo)
        results = run_parallel(_do, given, n_jobs)
        for (key, argument), arrays in zip(todo, results, strict=True):
            done[key] = arrays
            finished += len(argument)
            bar.update(task, completed=finished)
            if callable(progress):
                progress(finished, total)
    return [done[key] for key, _ in parts]


def _do(work: Callable[[Any], Arrays], shelf: Shelf, key: str, argument: Any) -> Arrays:
    """Do a part and store it in the same process, so that an interruption loses nothing."""
    result = work(argument)
    shelf.put(key, result)
    return result


@one_thread
def run_chain(
    work: Callable[[Any, Arrays | None], Arrays],
    parts: Sequence[tuple[str, Any]],
    shelf: Shelf,
    *,
    progress: bool,
    title: str,
) -> list[Arrays]:
    """Do parts in order, each from the end of the one before."""
    done: list[Arrays] = []
    with ProgressBar(disable=not progress) as bar:
        task = bar.add_task(title, total=len(parts))
        for key, argument in parts:
            result = shelf.get(key)
            if result is None:
                result = work(argument, done[-1] if done else None)
                shelf.put(key, result)
            done.append(result)
            bar.advance(task)
    return done
