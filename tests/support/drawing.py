"""Patients drawn as text, and states drawn under them.

From baseline 30: ``#`` response (15), ``=`` kept but no response (17), ``o`` a fall of a third
(20), ``.`` no improvement (30), ``!`` worse (38), ``_`` a missed visit. Visits are a week apart,
the first on day 7. Of each rated visit: ``Y`` met, ``n`` not met, ``?`` not known.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from trdstats import Study, assess, time_to
from trdstats.outcomes import Definition

SCORE = {"#": 15, "=": 17, "o": 20, ".": 30, "!": 38}


def study_of(*patients: str, step: float = 7, windows: bool = False, **options: Any) -> Study:
    rows: list[tuple[str, str, float, float]] = []
    for k, drawn in enumerate(patients):
        name, arm = f"P{k}", "ECT" if k % 2 else "TMS"
        rows.append((name, arm, 0, 30))
        rows += [(name, arm, step * (i + 1), SCORE[c]) for i, c in enumerate(drawn) if c != "_"]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    if windows:
        options["windows"] = {step * (i + 1): 1 for i in range(max(map(len, patients)))}
    return Study(frame, scale="MADRS", **options)


def drawn_states(rule: Definition, patient: str, **options: Any) -> str:
    # A second patient keeps the study a comparison; its rows come last.
    states = assess(study_of(patient, "." * len(patient), **options), rule)
    met = states.loc[states["subject"] == "P0", "met"]
    return "".join("?" if pd.isna(m) else "Y" if m else "n" for m in met)


def event(rule: Definition, patient: str, **options: Any) -> tuple[float, float, float, int]:
    since = options.pop("since", None)
    frame = time_to(study_of(patient, "#." * len(patient), **options), rule, since=since).frame
    row = frame[frame["subject"] == "P0"].iloc[0]
    return row["left"], row["right"], row["time"], row["status"]
