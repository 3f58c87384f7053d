"""Time to import trdstats, beside lifelines and a bare interpreter, in one run.

Run: python benchmarks/import_time.py
Medians of 15 fresh interpreters, files in the cache of the system.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import record

CASES = {
    "bare interpreter": "pass",
    "import trdstats": "import trdstats",
    "import trdstats, first use of Study": "import trdstats; trdstats.Study",
    "import lifelines": "import lifelines",
}
REPEATS = 15


def seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> None:
    for code in CASES.values():
        seconds(code)  # fills the caches
    # Interleaved, so that a busy moment falls on all cases alike.
    runs = [{name: seconds(code) for name, code in CASES.items()} for _ in range(REPEATS)]
    median = {name: statistics.median(r[name] for r in runs) for name in CASES}
    peer = median["import lifelines"]
    rows = [[name, f"{t:.3f}", f"{t / peer:.2f}"] for name, t in median.items()]
    body = record.table(["case", "seconds", "of import lifelines"], rows)
    record.write("import_time", "Import time", body)


if __name__ == "__main__":
    main()
