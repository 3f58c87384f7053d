"""Work on several processes: the one place where joblib is called from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any

from joblib import Parallel, delayed

from trdstats.errors import SpecError, TrdstatsError

_MOST = 100_000  # workers; joblib counts them in a C int


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
    SpecError
        When `n_jobs` is 0.
    TrdstatsError
        When a worker was killed.
    """
    if n_jobs == 0 or abs(n_jobs) > _MOST:
        raise SpecError(
            f"n_jobs must be a number of workers, or -1 for all processors; got {n_jobs!r}."
        )
    calls = (delayed(work)(*given) for given in arguments)
    try:
        yield from Parallel(n_jobs=n_jobs, return_as="generator")(calls)
    except BrokenExecutor as error:
        raise TrdstatsError(
            "A worker process ended before its work was done: it was killed, or memory ran out. "
            "Run again with fewer workers (n_jobs=1 needs least memory)."
        ) from error
