"""GLMMs on real trials, against R."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_files import real_table

from trdstats import GLMM

VALUES = Path(__file__).resolve().parents[1] / "reference" / "glmm" / "values.json"


def test_koch_with_one_point() -> None:
    """Depression of 340 patients at three visits: Koch et al. 1977, doi:10.2307/2529309."""
    counts = real_table("koch1977_depression_counts.csv")
    wide = counts.loc[counts.index.repeat(counts["count"])].reset_index(drop=True)
    long = wide.rename_axis("patient").reset_index().melt(
        ["patient", "severity", "treatment"], ["w1", "w2", "w4"], "week", "state"
    )  # fmt: skip
    frame = long.assign(
        normal=long["state"] == "normal",
        time=long["week"].map({"w1": 0, "w2": 1, "w4": 2}),
        severe=(long["severity"] == "severe").astype(int),
        new=(long["treatment"] == "new").astype(int),
    )
    spec = GLMM("normal ~ severe + new * time", points=1)
    found = spec.fit(frame, subject="patient", visit="week")
    own = json.loads(VALUES.read_text("utf-8"))["koch_laplace"]
    assert found.loglik == pytest.approx(own["ll"], abs=1e-6)
    assert found.deviations.value[0] == pytest.approx(own["sd"], rel=1e-3)
    for row in found.tidy().itertuples():
        name = "(Intercept)" if row.term == "Intercept" else row.term
        assert row.estimate == pytest.approx(own["coef"][name], abs=1e-4 * own["se"][name])
        assert row.std_error == pytest.approx(own["se"][name], rel=1e-4)
