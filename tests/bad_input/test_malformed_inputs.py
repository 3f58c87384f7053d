"""Five hundred malformed inputs: refused in our words, or the right numbers."""

from __future__ import annotations

import pandas as pd
from malformed import Verdict, count, verdicts

N, SEED = 500, 20261128


def test_malformed_inputs() -> None:
    found = list(verdicts(N, SEED))
    faults = [f"{v.kind}: {v.outcome}" for v in found if v.is_fault]
    assert not faults, "\n".join(faults)
    table = count(found).set_index("kind")
    # The generator must reach both ends: all refused, or all accepted, would test nothing.
    assert (table["refused"] > 0).all()
    assert (table["right"] > 0).all()


def test_a_fault_is_counted() -> None:
    table = count([Verdict("table", "refused"), Verdict("table", "case 1: KeyError: 'x'")])
    expected = pd.DataFrame({"kind": ["table"], "refused": [1], "right": [0], "fault": [1]})
    assert table.equals(expected)
