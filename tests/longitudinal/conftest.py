"""The reference trial as R saw it, and what R made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

VALUES = Path(__file__).resolve().parents[1] / "reference" / "longitudinal" / "values.json"


@pytest.fixture(scope="session")
def r_values() -> dict[str, Any]:
    return json.loads(VALUES.read_text("utf-8"))


@pytest.fixture(scope="session")
def acute(trial_tables: Any) -> pd.DataFrame:
    """Return the acute visits: 1,022 ratings of 224 subjects at days 3, 7, 14, 21 and 28."""
    subjects, visits, _ = trial_tables
    frame = visits[visits["day"] <= 28].merge(subjects, on="usubjid")
    return frame.assign(
        chg=frame["madrs"] - frame["madrs_bl"],
        visit=frame["day"],
        week=frame["day"] / 7,
        w=np.where(frame["msm"] >= 10, 1.5, 1.0),
    )
