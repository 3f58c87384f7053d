"""A register of 10 million visits or more as a divided study: one analysis after another on dask.

Writes the files of `register_of_millions.py`, reads them with ``read_study(engine="dask")`` and
analyses them on clusters of one and two workers.

Run: python benchmarks/register_on_dask.py [millions of visits ...]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import distributed
import record
from register_of_millions import DAYS, PATIENTS, Peak, part

import trdstats as trd

WINDOWS = {int(d): 3 for d in DAYS[1:]}
RESPONSE, RELAPSE = trd.Response(), trd.Relapse(at_least=22)


def steps(folder: Path) -> list[tuple[str, float]]:
    """Return the seconds of every step."""
    seconds: list[tuple[str, float]] = []
    begin = time.perf_counter()

    def tell(what: str) -> None:
        nonlocal begin
        now = time.perf_counter()
        seconds.append((what, now - begin))
        begin = now

    study = trd.read_study(folder / "*.parquet", engine="dask", scale="MADRS", windows=WINDOWS)
    tell("files checked")
    trd.rates(study, RESPONSE, day=42).tidy()
    tell("rates at a day")
    onset = trd.time_to(study, RESPONSE)
    tell("times to response")
    trd.KaplanMeier().fit(onset).tidy()
    trd.LogRank().fit(onset).glance()
    trd.CoxPH("treatment + baseline").fit(onset).tidy()
    tell("Kaplan-Meier, log-rank, Cox")
    durability = trd.time_to(study, RELAPSE, since=RESPONSE, competing="left follow-up")
    trd.AalenJohansen().fit(durability).tidy()
    tell("durability, Aalen-Johansen")
    history = trd.response_history(study, RESPONSE, RELAPSE)
    trd.ResponseState(tau=60).fit(history).tidy()
    tell("histories, days in response")
    trd.mean_scores(study)
    tell("mean scores")
    fit = trd.MMRM("change ~ baseline * visit + treatment * visit").fit(study)
    fit.margins("treatment", by="visit").contrasts(reference="A").tidy()
    tell("MMRM of 9 visits, Kenward-Roger")
    trd.LMM("change ~ baseline + treatment * day", random="1 + day").fit(study).tidy()
    tell("LMM, random slope in days")
    trd.GEE("response ~ treatment * visit + baseline").fit(study, outcome=RESPONSE).tidy()
    tell("GEE of response at 9 visits, exchangeable")
    return seconds


def run(folder: Path, workers: int) -> tuple[list[tuple[str, float]], float]:
    """Return seconds by step, and the most memory of all processes in GB."""
    peak, stop = Peak(), threading.Event()

    def watch() -> None:
        while not stop.wait(0.25):
            peak.look()

    watcher = threading.Thread(target=watch)
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        watcher.start()
        seconds = steps(folder)
        stop.set()
        watcher.join()
    return seconds, peak.most


def main() -> None:
    sizes = [int(a) for a in sys.argv[1:]] or [10]
    columns: list[tuple[str, dict[str, str]]] = []
    for millions in sizes:
        folder = Path(tempfile.mkdtemp())
        for k in range(millions * 1_000_000 // (PATIENTS * len(DAYS))):
            part(k).to_parquet(folder / f"part{k:03d}.parquet")
        for workers in (1, 2):
            seconds, memory = run(folder, workers)
            cells = {what: f"{s:.1f}" for what, s in seconds}
            cells["in all"] = f"{sum(s for _, s in seconds):.1f}"
            cells["memory of all processes, GB"] = f"{memory:.1f}"
            title = f"{millions} million, {workers} worker{'s' if workers > 1 else ''}"
            columns.append((title, cells))
            print(title, cells)
        shutil.rmtree(folder)
    rows = [[what, *(cells[what] for _, cells in columns)] for what in columns[0][1]]
    body = record.table(["seconds", *(title for title, _ in columns)], rows)
    body += (
        "\n\nPatients with ten planned visits each, three treatments, 100,000 patients a file. "
        "One run of each. Every step reads the files again: nothing is kept but one row a "
        "patient, and sums."
    )
    record.write("register_on_dask", "A register as a divided study", body)


if __name__ == "__main__":
    main()
