"""An export of two million visits, 100 MB, through `read_export`: seconds and peak memory.

Run: python benchmarks/intake.py
Required: under 8 s and 1.5 GB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import record

SUBJECTS, VISITS = 200_000, 10
CODE = """
import resource, sys, time
import trdstats as trd
import trdstats.study
started, used = time.perf_counter(), time.process_time()
study = trd.read_export(sys.argv[1], mapping=sys.argv[2])
seconds, cpu = time.perf_counter() - started, time.process_time() - used
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(len(study.visits), seconds, cpu, peak)
"""
MAPPINGS = {
    "dates dd.mm.yyyy, coded arms, decimal commas": """
scale = "MADRS"
subject = "patient"
treatment = "arm"
score = "madrs"
date = "visit_date"
start = "first_treatment"
labels = { arm = { 1 = "ECT", 2 = "TMS", 3 = "ketamine" } }
windows = { 7 = 3, 14 = 3, 28 = 3 }
""",
    "the same, weeks in place of dates": """
scale = "MADRS"
subject = "patient"
treatment = "arm"
score = "madrs"
day = "week"
unit = "weeks"
labels = { arm = { 1 = "ECT", 2 = "TMS", 3 = "ketamine" } }
""",
}


def write_export(path: Path) -> None:
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(SUBJECTS), VISITS)
    week = np.tile(np.arange(VISITS), SUBJECTS)
    start = np.datetime64("2015-01-01") + rng.integers(0, 3650, SUBJECTS)
    jitter = np.where(week > 0, rng.integers(-2, 3, len(who)), 0)
    date = start[who] + 7 * week + jitter

    def german(days: np.ndarray) -> np.ndarray:
        known, code = np.unique(days, return_inverse=True)
        return pd.DatetimeIndex(known).strftime("%d.%m.%Y").to_numpy()[code]

    known = [f"{x:.1f}".replace(".", ",") for x in np.arange(17, 45, 0.1)]
    bmi = rng.integers(0, len(known), SUBJECTS)
    frame = pd.DataFrame(
        {
            "patient": [f"P{k:07d}" for k in who],
            "arm": (who % 3) + 1,
            "week": week,
            "first_treatment": german(start)[who],
            "visit_date": german(date),
            "madrs": np.clip(34 - 2 * week + rng.integers(-8, 9, len(who)), 0, 60),
            "bmi": np.array(known, dtype=object)[bmi][who],
            "site": np.array(["Ulm", "Bonn", "Kiel"], dtype=object)[who % 3],
            "age": rng.integers(18, 80, SUBJECTS)[who],
        }
    )
    frame.to_csv(path, sep=";", index=False)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export.csv"
        write_export(export)
        size = export.stat().st_size / 1e6
        for name, text in MAPPINGS.items():
            mapping = Path(folder) / "export.toml"
            mapping.write_text(text, "utf-8")
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", CODE, str(export), str(mapping)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            visits, seconds, cpu, peak = done.stdout.split()
            rows.append(
                [name, f"{int(visits):,}", f"{size:.0f}", f"{float(seconds):.1f}",
                 f"{float(cpu):.1f}", f"{float(peak):.2f}", f"{time.perf_counter() - started:.1f}"]
            )  # fmt: skip
    record.write(
        "intake",
        "Two million visits from a text file",
        record.table(
            [
                "export",
                "visits",
                "MB",
                "read_export, s",
                "processor, s",
                "peak memory, GB",
                "all, s",
            ],
            rows,
        ),
    )


if __name__ == "__main__":
    main()
