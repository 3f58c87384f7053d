"""What a comparison with other packages is made of: one piece of work, ours and theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module, metadata
from typing import Any

LEAST_SECONDS = 1.0
LONG_SECONDS = 20.0
MOST_RUNS = 15


@dataclass(frozen=True)
class Case:
    """A piece of work at one size.

    Attributes
    ----------
    work : str
        What is done, and to how many.
    ours : callable
    peers : dict of str to callable
        By package; each may raise ImportError, and is then left out.
    less : dict of str to str
        What a package leaves out of the work.
    """

    work: str
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]]
    less: dict[str, str] = field(default_factory=dict)


Cases = Callable[[], Iterator[Case]]


def has(package: str) -> bool:
    """Return whether a package can be imported."""
    try:
        import_module(package)
    except ImportError:
        return False
    return True


def version(package: str) -> str:
    names = {"sklearn": "scikit-learn"}
    return metadata.version(names.get(package, package))


def seconds(call: Callable[[], Any]) -> float:
    """Return the shortest time of several runs, after one that is not counted where it is short."""
    begin = time.perf_counter()
    call()
    first = time.perf_counter() - begin
    if first > LONG_SECONDS:  # a first run also imports, and asks for memory: few are that long
        return first
    times: list[float] = []
    while len(times) < 3 or (sum(times) < LEAST_SECONDS and len(times) < MOST_RUNS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)
