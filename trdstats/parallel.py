"""Work on several processes: the one place where joblib is called from."""

from __future__ import annotations

import gc
import importlib
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.backend.reduction import dumps

from trdstats.errors import TrdstatsError

_NEW_OBJECTS = 20_000  # between two searches for garbage: a few megabytes
# The processes of `run_beside` and how many they are: one set at the most.
_beside: list[tuple[int, ProcessPoolExecutor]] = []


def count_workers(most: int) -> int:
    """Return how many processors this process may use, up to `most`."""
    return min(most, int(cpu_count()))


def load_for_good(module: str) -> None:
    """Import a module without looking for garbage in it, then or later, and then look less often.

    Modules live as long as the process. Looking through their many objects again and again takes a
    tenth of the time of a long run; looking after every few hundred new objects a twentieth. For
    processes that do one piece of work and end.
    """
    if module in sys.modules or not gc.isenabled():
        importlib.import_module(module)
        return
    gc.disable()
    try:
        importlib.import_module(module)
        gc.freeze()
        gc.set_threshold(_NEW_OBJECTS, 20, 20)
    finally:
        gc.enable()


@contextmanager
def workers_loading(module: str, n_jobs: int) -> Iterator[None]:
    """Start the workers of `run_beside`, which import a module while the block does the same.

    What is given to a worker after the block waits in its queue until the import is done.
    """
    others = n_jobs - 1
    for _ in range(others):
        _workers(others).submit(load_for_good, module)
    yield


def run_beside(
    work: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    n_jobs: int,
    begin: Callable[[int], None],
) -> list[Any]:
    """Return what `work` makes of each tuple of arguments; this process works beside the others.

    Parameters
    ----------
    work : callable
    arguments : sequence of tuple
        Begun in their order: with the longest first, none is waited for long at the end.
    n_jobs : int
        Processes, this one among them; -1 for one a processor.
    begin : callable
        Called with the place of each that is begun, here or elsewhere.

    Raises
    ------
    TrdstatsError
        When a worker was killed.
    """
    arguments = list(arguments)
    others = min(effective_n_jobs(n_jobs), len(arguments)) - 1
    left, done = deque(range(len(arguments))), {}

    # Packed before anything runs: work here may change what the arguments hold.
    packed = bytes(dumps((work, arguments))) if others else b""

    def do_here(k: int) -> Any:
        return work(*arguments[k])

    def do_elsewhere(k: int) -> Any:
        return _workers(others).submit(_do_packed, packed, k).result()

    def feed(do: Callable[[int], Any]) -> None:
        try:
            while (k := _next_of(left)) is not None:
                begin(k)
                done[k] = do(k)
        except BaseException:
            left.clear()  # nothing more is begun
            raise

    with _naming_the_killed(), ThreadPoolExecutor(others or 1) as pool:
        fed = [pool.submit(feed, do_elsewhere) for _ in range(others)]
        try:
            feed(do_here)
        except KeyboardInterrupt:  # of any other fault the work that is begun is ended
            if others:
                _workers(others).shutdown(wait=False, kill_workers=True)
                _beside.clear()
            raise
        for each in fed:
            each.result()
    return [done[k] for k in range(len(arguments))]


def _do_packed(packed: bytes, k: int) -> Any:
    work, arguments = _unpacked(packed)
    return work(*arguments[k])


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Any:
    """Unpack once in each process what all its work shares."""
    return pickle.loads(packed)


def _next_of(left: deque[int]) -> int | None:
    """Take the next one; None when another has taken the last."""
    try:
        return left.popleft()
    except IndexError:
        return None


def _workers(others: int) -> ProcessPoolExecutor:
    """Return the processes beside this one: those that wait already, where they are enough.

    Each has one BLAS thread; they stay for a minute. They are not those of `Parallel`, which has
    one set of workers and its arrangements with it.
    """
    if not _beside or _beside[0][0] < others:
        env = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
        _beside[:] = [(others, ProcessPoolExecutor(max_workers=others, timeout=60, env=env))]
    return _beside[0][1]


@contextmanager
def _naming_the_killed() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor as error:
        _beside.clear()  # the next call starts others
        raise TrdstatsError(
            "A worker process ended before its work was done: it was killed, or memory ran out. "
            "Run again with fewer workers (n_jobs=1 needs least memory)."
        ) from error


def run_parallel(
    work: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], n_jobs: int
) -> Iterator[Any]:
    """Yield what `work` makes of each tuple of arguments, in order.

    Parameters
    ----------
    work : callable
    arguments : iterable of tuple
    n_jobs : int
        Workers, as joblib takes them: -1 for one a processor.

    Raises
    ------
    TrdstatsError
        When a worker was killed.
    """
    calls = (delayed(work)(*given) for given in arguments)
    with _naming_the_killed():
        yield from Parallel(n_jobs=n_jobs, return_as="generator")(calls)
