"""Two source trees of the library on the same kernels and verbs, in turns, in one run.

Run: python benchmarks/side_by_side.py BEFORE NOW [words of cases]
BEFORE and NOW are folders that hold `trdstats/`. One process a tree, with one BLAS thread, holds
the data of a case; the two take turns at it, so that a busy moment of the machine falls on both,
and the table shows the least CPU time of each. With words, only the cases that hold one of them
run, and nothing is written.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

TURNS, BUDGET, CALLS = 8, 0.06, 40  # BUDGET: CPU seconds of a turn
FRESH = {
    "import trdstats": "import trdstats",
    "import trdstats; trdstats.KaplanMeier": "import trdstats; trdstats.KaplanMeier",
    "import trdstats; trdstats.MMRM": "import trdstats; trdstats.MMRM",
}


def serve() -> None:
    """Answer each name of a case on the input with the least CPU seconds of a turn at it."""
    warnings.simplefilter("ignore")
    from side_by_side_cases import CASES

    print(json.dumps(list(CASES)), flush=True)
    name, call = "", None
    for line in sys.stdin:
        if line.strip() != name:
            name = line.strip()
            call = CASES[name]()
            call()  # imports and caches are not what is measured here
        taken: list[float] = []
        gc.collect()
        gc.disable()
        while call is not None and sum(taken) < BUDGET and len(taken) < CALLS:
            begin = time.process_time()
            call()
            taken.append(time.process_time() - begin)
        gc.enable()
        print(min(taken), flush=True)


def environment(tree: Path) -> dict[str, str]:
    paths = [str(tree.resolve()), str(Path(__file__).resolve().parent)]
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | one | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}


class Tree:
    """A process that has one of the trees."""

    def __init__(self, tree: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(tree), cwd=tree,
        )  # fmt: skip
        self.cases: list[str] = json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def turn(self, case: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        return float(self._line())


def fresh(tree: Path, code: str) -> float:
    """Return CPU seconds of a statement in a new interpreter, without the interpreter's own."""
    timed = f"import time; t = time.process_time(); {code}; print(time.process_time() - t)"
    out = subprocess.run(
        [sys.executable, "-c", timed],
        capture_output=True, text=True, check=True, env=environment(tree), cwd=tree,
    )  # fmt: skip
    return float(out.stdout)


def version_of(tree: Path) -> str:
    with contextlib.suppress(subprocess.CalledProcessError):
        command = ["git", "log", "-1", "--format=%h of %as"]
        return subprocess.check_output(command, cwd=tree, text=True).strip()
    return "no commit"


def main() -> None:
    if sys.argv[1] == "--serve":
        serve()
        return
    trees = {"before": Path(sys.argv[1]), "now": Path(sys.argv[2])}
    words, least = sys.argv[3:], {}
    for name, code in {} if words else FRESH.items():
        runs = [{side: fresh(tree, code) for side, tree in trees.items()} for _ in range(TURNS)]
        least[name] = [min(r[side] for r in runs) for side in trees]
    held = {side: Tree(tree) for side, tree in trees.items()}
    for name in held["now"].cases:
        if not words or any(w in name for w in words):
            turns = [{side: tree.turn(name) for side, tree in held.items()} for _ in range(TURNS)]
            least[name] = [min(t[side] for t in turns) for side in trees]
            print(name, *least[name], file=sys.stderr)
    rows = [
        [name, f"{1e3 * before:.3g}", f"{1e3 * now:.3g}", f"{now / before:.2f}"]
        for name, (before, now) in least.items()
    ]
    import record

    header = ["case", "before, ms", "now, ms", "now / before", "what it costs, and why"]
    reasons = json.loads((Path(__file__).parent / "side_by_side_reasons.json").read_text("utf-8"))
    body = record.table(header, [[*row, reasons.get(row[0], "")] for row in rows])
    if words:
        print(body)
        return
    compared = ", ".join(f"{side} {version_of(tree)}" for side, tree in trees.items())
    note = (
        f"{compared}. CPU milliseconds, the least of {TURNS} turns with one BLAS thread; imports "
        "in fresh interpreters, without the interpreter's start. Other processes ran on the "
        f"machine (load {os.getloadavg()[1]:.0f}): differences below a tenth say nothing."
    )
    record.write("side_by_side", "Two versions side by side", f"{note}\n\n{body}")


if __name__ == "__main__":
    main()
