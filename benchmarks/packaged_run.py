"""Seconds of `trdstats run` on both packaged plans, and CPU seconds part by part.

Run: python benchmarks/packaged_run.py
The command as it is given takes both cores; with --jobs 1 it takes one. Its seconds on a clock mean
something on a quiet machine only. The parts are those of one process.
Each run is a process of its own with one BLAS thread. CPU time (user and system) is little moved by
other work on the machine, though not untouched; the fastest of the runs is shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time

import record

SAMPLES = ("trial", "modalities")
REPEATS = 3
PARTS = "--parts"


def measure(sample: str) -> dict[str, float]:
    """Return the CPU seconds of each part of a run in this process."""
    begin = time.process_time()
    from trdstats.plan import run_plan, sample_plan

    parts = {"import": time.process_time() - begin}
    plan = sample_plan(sample)
    at = [time.process_time()]
    words = ["reading the plan"]

    def tell(what: str) -> None:
        now = time.process_time()
        parts[words[0]] = parts.get(words[0], 0.0) + now - at[0]
        words[0], at[0] = what, now

    with tempfile.TemporaryDirectory() as folder:
        run_plan(plan, f"{folder}/report", tell=tell)
    tell("")
    return parts


def whole(sample: str, *options: str) -> tuple[float, float]:
    """Return the seconds and CPU seconds of the command, start of the interpreter included."""
    before, begin = os.times(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "trdstats.cli", "run", "--sample", sample]
        command += ["--out", f"{folder}/report", *options]
        subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    spent = after.children_user - before.children_user
    spent += after.children_system - before.children_system
    return time.perf_counter() - begin, spent


def main() -> None:
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    # An installed library is compiled already; without its bytecode every process compiles it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    rows = []
    for sample in SAMPLES:
        for label, options in (("", ()), (" --jobs 1", ("--jobs", "1"))):
            took = [whole(sample, *options) for _ in range(REPEATS)]
            clock, cpu = (min(t[k] for t in took) for k in (0, 1))
            rows.append([sample, f"**trdstats run{label}**", f"**{clock:.1f}**", f"{cpu:.1f}"])
        runs = []
        for _ in range(REPEATS):
            command = [sys.executable, "-W", "ignore", __file__, PARTS, sample]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
        rows += [[sample, part, "", f"{min(r[part] for r in runs):.2f}"] for part in runs[0]]
    load = (
        f"Fastest of {REPEATS}; load of the machine {os.getloadavg()[1]:.1f} on {os.cpu_count()} "
        "cores: beyond one process a core, CPU times are longer, too."
    )
    body = f"{load}\n\n" + record.table(["sample", "part", "seconds", "CPU seconds"], rows)
    record.write("packaged_run", "The packaged runs", body)


if __name__ == "__main__":
    if PARTS in sys.argv:
        print(json.dumps(measure(sys.argv[-1])))
    else:
        main()
