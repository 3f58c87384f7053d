"""Time and memory of assess and time_to on 10 visits a subject, from 10 thousand to a million.

Run: python benchmarks/outcomes.py
Each size runs in a process of its own, so that peak memory is its own.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import record

SIZES = [10_000, 100_000, 1_000_000]
VISITS = 10


def tables(n: int) -> Any:
    """Return visits and subjects: a baseline and ten weekly visits, integer MADRS totals."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20261123)
    score = rng.integers(0, 46, (n, VISITS + 1))
    score[:, 0] = rng.integers(22, 46, n)
    visits = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), VISITS + 1),
            "day": np.tile(7.0 * np.arange(VISITS + 1), n),
            "score": score.ravel(),
        }
    )
    arms = np.array(["TMS", "ECT", "ketamine"])[np.arange(n) % 3]
    return visits, pd.DataFrame({"subject": np.arange(n), "treatment": arms})


def measure(n: int) -> dict[str, float]:
    import trdstats as trd

    seconds: dict[str, float] = {}

    def timed(name: str, call: Callable[[], Any], repeats: int = 5) -> Any:
        taken = []
        for _ in range(repeats):
            begin = time.perf_counter()
            result = call()
            taken.append(time.perf_counter() - begin)
        seconds[name] = statistics.median(taken)
        return result

    trd.Study  # noqa: B018  imports are not what is measured here
    trd.assess  # noqa: B018
    visits, subjects = tables(n)
    build = lambda: trd.Study(visits, subjects, scale="MADRS", randomised=True)  # noqa: E731
    study = timed("Study", build, repeats=1)
    timed("assess", lambda: trd.assess(study, trd.Response()))
    timed("time_to, onset", lambda: trd.time_to(study, trd.Response()))
    timed(
        "time_to, durability",
        lambda: trd.time_to(
            study, trd.Relapse(22, 2), since=trd.Response(), competing="left follow-up"
        ),
    )
    seconds["peak GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return seconds


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    found = {}
    for n in SIZES:
        out = subprocess.run(
            [sys.executable, __file__, str(n)], capture_output=True, text=True, check=True
        )
        found[n] = json.loads(out.stdout)
    keys = list(found[SIZES[0]])
    rows = [
        [f"{n:,}", *(f"{found[n][k]:.3f}" for k in keys),
         f"{found[n]['assess'] + found[n]['time_to, onset']:.2f}"]
        for n in SIZES
    ]  # fmt: skip
    total = {n: found[n]["assess"] + found[n]["time_to, onset"] for n in SIZES}
    least, most = SIZES[0], SIZES[-1]
    body = record.table(["subjects x 10 visits", *keys, "assess + time_to"], rows)
    note = (
        "Seconds, medians of five calls (Study: one); peak memory of the whole process, tables "
        f"included. From {least:,} to {most:,} subjects, {most / least:.0f} times as many, "
        f"assess + time_to take {total[most] / total[least]:.0f} times as long."
    )
    record.write("outcomes", "assess and time_to", f"{body}\n\n{note}")


if __name__ == "__main__":
    main()
