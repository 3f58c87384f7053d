"""Breast cosmesis, the textbook trial of interval-censored times, as R's survreg fits it.

Its licence keeps the file out of this repository.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from real_files import real_file

from trdstats import AFT, EventTimes


@pytest.fixture
def cosmesis() -> EventTimes:
    path = real_file("breast_cosmesis_interval.csv")
    table = pd.read_csv(path)
    right = table["R"].to_numpy(dtype=float)
    seen = np.isfinite(right)
    frame = pd.DataFrame(
        {"subject": range(len(table)),
         "treatment": pd.Categorical(table["group"], categories=["RT", "RCT"]),
         "left": table["L"], "right": right, "time": np.where(seen, right, table["L"]),
         "status": seen.astype(int)}
    )  # fmt: skip
    return EventTimes(frame, outcome="retraction")


@pytest.fixture
def survreg() -> dict[str, Any]:
    path = real_file("expected_results.json")
    return dict(json.loads(path.read_text("utf-8"))["breast_cosmesis"]["weibull"])


def test_weibull(cosmesis: EventTimes, survreg: dict[str, Any]) -> None:
    fit = AFT("treatment").fit(cosmesis)
    frame = fit.tidy()
    # R printed ten digits.
    assert fit.glance()["loglik"].item() == pytest.approx(survreg["loglik"], abs=1e-10)
    assert frame["estimate"].iloc[:2].tolist() == pytest.approx(survreg["coef"], rel=1e-9)
    assert frame["std_error"].iloc[:2].tolist() == pytest.approx(survreg["se"], rel=1e-9)
    assert fit.scale == pytest.approx(survreg["scale"], rel=1e-9)
    # A Weibull model in the other form: minus the coefficient over the scale.
    ratio = np.exp(-survreg["coef"][1] / survreg["scale"])
    assert fit.hazard_ratios()["hazard_ratio"].item() == pytest.approx(ratio, rel=1e-9)


def test_38_of_94_were_never_seen_to_retract(cosmesis: EventTimes) -> None:
    assert AFT("treatment").fit(cosmesis).glance()["events"].item() == 56
