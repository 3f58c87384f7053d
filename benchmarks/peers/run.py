"""Run the comparisons with other packages and store the table.

Run: python benchmarks/peers/run.py [part of a name ...]
The packages are those of ``requirements.txt`` and ``debian.txt`` beside this file; those that are
not there are left out, as are those of R without R. With a part of a name only these are run, and
nothing is stored.
"""

from __future__ import annotations

import runpy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import adjusted_cases
import mixed_cases
import register_cases
import survival_cases
from cases import Case, is_here, seconds, versions

# A file of the folder above has the name of a package that peers import: only this one is taken.
RECORD = runpy.run_path(str(Path(__file__).parent.parent / "record.py"))
SETS = (register_cases, survival_cases, mixed_cases, adjusted_cases)


def all_cases() -> Iterator[Case]:
    for part in SETS:
        yield from part.cases()


def main() -> None:
    wanted = sys.argv[1:]
    warnings.simplefilter("ignore")
    rows, packages, notes = [], {}, []
    for case in all_cases():
        if wanted and not any(w.lower() in case.work.lower() for w in wanted):
            continue
        ours = seconds(case.ours)
        peers = {name: peer for name, peer in case.peers.items() if is_here(name, peer)}
        times = {name: seconds(peer) for name, peer in peers.items()}
        for name, peer in peers.items():
            packages |= versions(name, peer)
        ratio = f"{min(times.values()) / ours:.2f}" if times else "-"
        others = ", ".join(f"{k} {v:.4f}" for k, v in sorted(times.items(), key=lambda p: p[1]))
        rows.append([case.work, f"{ours:.4f}", others or "none here", ratio])
        notes += [f"- {case.work}, {k}: {v}." for k, v in case.less.items() if k in times]
        print(" | ".join(rows[-1]), flush=True)
    if wanted:
        return
    body = RECORD["table"](["work", "trdstats, s", "peers, s", "fastest peer / trdstats"], rows)
    body += "\n\nShortest of several runs, one process, data in memory as each package takes it; R "
    body += "in a process beside it, timed there by the same rule, and held to the estimates "
    body += "of trdstats. Above 1 trdstats is faster. "
    body += "Packages: " + ", ".join(f"{p} {v}" for p, v in sorted(packages.items())) + "."
    if notes:
        body += "\n\nWhere a package does less:\n\n" + "\n".join(notes)
    RECORD["write"]("peers", "The same work in other packages", body)


if __name__ == "__main__":
    main()
