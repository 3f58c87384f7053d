"""The reference trial for outcomes with random effects, and what R made of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from trdstats import GLMM
from trdstats.longitudinal import GLMMResult

FOLDER = Path(__file__).resolve().parents[2] / "reference" / "glmm"
sys.path.insert(0, str(FOLDER))


@pytest.fixture(scope="session")
def in_r() -> dict[str, Any]:
    return json.loads((FOLDER / "values.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def later(acute: pd.DataFrame) -> pd.DataFrame:
    """Return 804 ratings of 216 subjects at days 7, 14, 21 and 28."""
    frame = acute[acute["day"] >= 7].reset_index(drop=True)
    met = 2 * (frame["madrs_bl"] - frame["madrs"]) >= frame["madrs_bl"]
    bands = ["none", "mild", "moderate", "severe"]
    return frame.assign(
        met=met.astype(int),
        arm=pd.Categorical(frame["arm"], categories=["TMS", "ECT", "ketamine"]),
        band=pd.cut(frame["madrs"], [-1, 6, 19, 34, 60], labels=bands),
    )


@pytest.fixture(scope="session")
def small() -> pd.DataFrame:
    """Return 80 subjects, two treatments, four visits, a moderate spread between subjects."""
    rng = np.random.default_rng(8)
    n, T = 80, 4
    frame = pd.DataFrame({"subject": np.repeat([f"S{i:02}" for i in range(n)], T),
                          "treatment": np.repeat(np.tile(["A", "B"], n // 2), T),
                          "visit": np.tile(np.arange(T), n)})  # fmt: skip
    frame["day"] = 7.0 * frame["visit"] + rng.integers(-2, 3, n * T)
    u = np.repeat(rng.normal(size=n), T)
    eta = -1 + 0.5 * frame["visit"] + 0.6 * (frame["treatment"] == "B") + u
    frame["met"] = (rng.random(n * T) < expit(eta)).astype(int)
    frame["count"] = rng.poisson(np.exp(0.3 * eta))
    frame["w"] = np.repeat(rng.uniform(0.5, 2.0, n), T)
    return frame


@pytest.fixture(scope="session")
def fit(later: pd.DataFrame) -> GLMMResult:
    return GLMM("met ~ arm * visit + madrs_bl", points=15).fit(later, subject="usubjid")


@pytest.fixture(scope="session")
def bands(later: pd.DataFrame) -> GLMMResult:
    spec = GLMM("band ~ arm + visit + madrs_bl", family="ordinal", points=9)
    return spec.fit(later, subject="usubjid")
