"""What the packaged cases of `trdstats selfcheck` are written from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
Values = dict[str, float]
Allowed = Callable[[str, float], float]

SURVIVAL = "R 4.2.2, survival 3.5-3"
PRINTED = "R printed ten digits: 2e-9 of the value"
PRINTED_P = "R printed ten digits, of which tails of statistics lose one or two: 1e-8 of the value"
ARMS = ("TMS", "ECT", "ketamine")
R_TERMS = {"armECT": "treatment[T.ECT]", "armketamine": "treatment[T.ketamine]", "msm": "msm",
           "age": "age"}  # fmt: skip


def read(name: str) -> Any:
    return json.loads((REFERENCE / name / "values.json").read_text("utf-8"))


def relative(size: float, floor: float = 0.0) -> Allowed:
    return lambda name, value: max(size * abs(value), floor)


def case(
    room: str, recipe: str, title: str, provenance: str, tolerance: str, values: Values,
    allowed: Allowed, **inputs: Any,
) -> dict[str, Any]:  # fmt: skip
    figures = {k: [v, float(f"{allowed(k, v):.3g}")] for k, v in values.items() if v is not None}
    return {
        "room": room, "recipe": recipe, "title": title, "provenance": provenance,
        "tolerance": tolerance, "inputs": inputs, "figures": figures,
    }  # fmt: skip
