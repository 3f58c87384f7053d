"""Ten thousand malformed inputs: refused in the library's words, or the right numbers.

Run: python benchmarks/malformed_inputs.py [cases] [seed]
The generator is that of the tests (``tests/support/malformed.py``). Required: no fault.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import record

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from malformed import count, verdicts

CASES, SEED = 10_000, 11


def main() -> None:
    cases, seed = (*map(int, sys.argv[1:]), *(CASES, SEED)[len(sys.argv) - 1 :])
    began = time.perf_counter()
    found = list(verdicts(cases, seed))
    seconds = time.perf_counter() - began
    table = count(found)
    rows = [[str(v) for v in row] for row in table.itertuples(index=False, name=None)]
    total = table.drop(columns="kind").sum()
    rows.append(["all", *(str(n) for n in total)])
    faults = [f"- {v.kind}: {v.outcome}" for v in found if v.is_fault]
    body = record.table(["input", "refused", "right", "fault"], rows)
    body += f"\n\n{cases:,} inputs from seed {seed} in {seconds:,.0f} s.\n"
    body += "\n".join(["", *faults]) if faults else "\nNo fault."
    record.write("malformed_inputs", "Malformed inputs", body)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
