"""A small randomised plan over files of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

WINDOWS = {7: 2, 14: 3, 28: 3, 168: 14}
SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"

OWN_TRIAL = """title = "A randomised trial"
steps = ["change", "rates"]
[study]
visits = "visits.csv"
subjects = "subjects.csv"
events = "events.csv"
scale = "MADRS"
score = "madrs"
randomised = true
windows = { 7 = 2, 14 = 3, 28 = 3, 168 = 14 }
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 12 }
relapse = { at_least = 22, consecutive = 2, events = ["hospitalisation"] }
[analysis]
acute_end = 28
rate_days = [28]
reference = "TMS"
horizon = 28
"""


def write_trial(folder: Path, plan: str = OWN_TRIAL) -> Path:
    """Write the files of the packaged trial, its visits as far as the plan schedules them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("subjects", "events"):
        text = (SAMPLES / "trial" / f"{name}.csv").read_text("utf-8")
        (folder / f"{name}.csv").write_text(text, "utf-8")
    visits = pd.read_csv(SAMPLES / "trial" / "visits.csv", dtype=str)
    day = visits["day"].astype(float)
    planned = (day <= 0) | np.any([(day - at).abs() <= w for at, w in WINDOWS.items()], axis=0)
    visits[planned].to_csv(folder / "visits.csv", index=False)
    path = folder / "plan.toml"
    path.write_text(plan, "utf-8")
    return path
