"""A register of up to 100 million visits in Parquet files, in bounded memory on a few workers.

Writes parts of 100,000 patients x 10 visits, then goes from the files to response rates, onset
curves and an MMRM with Kenward-Roger, and checks the seconds and the memory as the files grow.

Run: python benchmarks/register_of_millions.py [millions of visits ...]
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import record

import trdstats as trd
from trdstats.plan.reading.text import plan_from_text

PATIENTS = 100_000  # of a file
DAYS = np.arange(0, 70, 7)
PLAN = """
steps = ["change", "rates"]
[study]
visits = "part0.parquet"
scale = "MADRS"
windows = { 7 = 3, 14 = 3, 21 = 3, 28 = 3, 35 = 3, 42 = 3, 49 = 3, 56 = 3, 63 = 3 }
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 10 }
relapse = { at_least = 22 }
[analysis]
acute_end = 42
rate_days = [14, 42]
reference = "A"
horizon = 63
after_switch = "ignore"
[change]
days = [7, 14, 28, 42]
[sites]
levels = { treatment = ["A", "B", "C"] }
"""


def part(k: int) -> pd.DataFrame:
    """Return the visits of the k-th 100,000 patients."""
    rng = np.random.default_rng(k)
    start = rng.integers(24, 45, PATIENTS)
    arm = rng.choice(["A", "B", "C"], PATIENTS)
    fall = rng.uniform(0, 1, PATIENTS) * np.where(arm == "C", 1.1, 1.0)
    score = start[:, None] * (1 - np.minimum(fall, 1)[:, None] * np.minimum(DAYS / 42, 1.0))
    score = np.clip(np.rint(score + rng.normal(0, 3, score.shape)), 0, 60)
    score[:, 0] = start
    frame = pd.DataFrame({
        "subject": np.repeat(np.arange(PATIENTS) + k * PATIENTS, len(DAYS)),
        "day": np.tile(DAYS, PATIENTS), "score": score.ravel(),
        "treatment": np.repeat(arm, len(DAYS)),
    })  # fmt: skip
    return frame[(rng.random(len(frame)) < 0.92) | (frame["day"] == 0)]


class Peak:
    """The largest memory of this process and its workers, looked at while they work."""

    def __init__(self) -> None:
        self.most = 0.0

    def look(self) -> None:
        me = psutil.Process()
        whole = [me, *me.children(recursive=True)]
        self.most = max(self.most, sum(p.memory_info().rss for p in whole) / 2**30)


def run(millions: int, n_jobs: int) -> list[str]:
    import threading

    folder = Path(tempfile.mkdtemp())
    files = millions * 1_000_000 // (PATIENTS * len(DAYS))
    for k in range(files):
        part(k).to_parquet(folder / f"part{k}.parquet")
    size = sum(f.stat().st_size for f in folder.iterdir()) / 2**30
    plan = plan_from_text(PLAN, folder)
    peak, stop = Peak(), threading.Event()

    def watch() -> None:
        while not stop.wait(0.25):
            peak.look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.perf_counter()
    pooled = trd.summarise_files(plan, str(folder / "*.parquet"), n_jobs=n_jobs)
    summarised = time.perf_counter() - begin
    rates = pooled.rates()
    times = pooled.times("response")
    trd.KaplanMeier().fit(times)
    test = trd.LogRank().fit(times).glance()
    fit = pooled.mixed()
    fit.margins("treatment", by="visit").contrasts(reference="A").tidy()
    total = time.perf_counter() - begin
    stop.set()
    watcher.join()
    shutil.rmtree(folder)
    assert len(rates)
    assert np.isfinite(test["statistic"]).all()
    return [
        f"{millions}", f"{files * PATIENTS:,}", str(n_jobs), f"{size:.2f}", f"{summarised:.0f}",
        f"{total:.0f}", f"{peak.most:.1f}",
    ]  # fmt: skip


def main() -> None:
    sizes = [int(a) for a in sys.argv[1:]] or [10, 20, 50, 100]
    rows = [run(n, 2) for n in sizes]
    rows.append(run(sizes[0], 1))
    body = record.table(
        ["million visits", "patients", "workers", "Parquet, GB", "files to summaries, s",
         "with rates, curves, log-rank and MMRM, s", "memory of all processes, GB"], rows,
    )  # fmt: skip
    body += (
        "\n\nResponse and remission rates at two days, times to response, remission and relapse, "
        "Kaplan-Meier and log-rank of response, and an MMRM of four visits with Kenward-Roger. "
        f"Of this process alone: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} "
        "GB at most."
    )
    record.write("register_of_millions", "A register in many files", body)


if __name__ == "__main__":
    main()
