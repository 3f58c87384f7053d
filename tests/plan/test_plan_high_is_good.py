"""A plan on a scale on which high is good, from the file to the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trdstats.errors import TrdstatsError
from trdstats.plan import read_plan, run_plan

PLAN = """
title = "Well-being"
[study]
visits = "visits.csv"
scale = "WHO-5"
randomised = true
[definitions]
response = {response}
remission = {{ at_least = 13 }}
relapse = {{ at_most = 7 }}
[analysis]
acute_end = 28
rate_days = [28]
horizon = 56
"""


def written(folder: Path, response: str) -> Path:
    rng = np.random.default_rng(1)
    rows = [
        (
            f"P{i}",
            "AB"[i % 2],
            d,
            int(np.clip(rng.normal(7 + d * (0.15 + 0.1 * (i % 2)), 3), 1, 24)),
        )
        for i in range(60)
        for d in (0, 7, 14, 28, 42, 56)
    ]
    frame = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    frame.to_csv(folder / "visits.csv", index=False)
    path = folder / "plan.toml"
    path.write_text(PLAN.format(response=response), "utf-8")
    return path


def test_the_report_says_that_high_is_good(tmp_path: Path) -> None:
    run = run_plan(read_plan(written(tmp_path, '{ of = "distance" }')), tmp_path / "out")
    text = run.report.read_text("utf-8")
    assert "Higher is better." in text
    assert "Lower is better" not in text
    assert "fall of" not in text
    assert "rise by half of the distance from the baseline to 25" in text
    assert "WHO5 total at most 7" in text
    assert "WHO5 total at least 13" in text
    svg = "".join(f.read_text("utf-8") for f in run.figures if f.suffix == ".svg")
    assert "higher = better" in svg
    assert "lower = better" not in svg
    assert "positive" in svg, "the axis of the waterfall, over several lines"
    assert "negative" not in svg


def test_a_plan_that_leaves_the_share_open_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(TrdstatsError, match="of='distance'"):
        run_plan(read_plan(written(tmp_path, "{ reduction = 0.5 }")), tmp_path / "out")
    run_plan(read_plan(written(tmp_path, "{ points = 3 }")), tmp_path / "points")
