"""The rule by which work is timed, here and in R."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

LEAST_SECONDS = 1.0
LONG_SECONDS = 20.0
MOST_RUNS = 400


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
