"""Groups of which some are never at risk together: a test compares only those that are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import trdstats as trd

SIZE = 12


def cohort(seed: int = 3) -> pd.DataFrame:
    """Return A and B followed to day 50, C and D from day 50 on."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(list("ABCD"), SIZE)
    late = np.isin(arm, ["C", "D"])
    time = rng.integers(1, 50, len(arm)) + 50.0 * late
    return pd.DataFrame(
        {"subject": np.arange(len(arm)), "treatment": arm, "time": time, "entry": 50.0 * late,
         "status": rng.choice([0, 1, 2], len(arm)), "site": np.where(late, "y", "x")}
    )  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("separate", ["entry", "strata"])
def test_log_rank_of_two_pairs_is_the_sum_of_both(separate: str, weighted: bool) -> None:
    # Two independent comparisons of two groups have 2 degrees of freedom, not 3.
    frame = cohort()
    options = {} if separate == "entry" else {"strata": "site"}
    if separate == "strata":
        frame = frame.drop(columns="entry")
    weights = pd.Series(1.0, index=frame["subject"]) if weighted else None
    parts = [
        trd.LogRank(**options).fit(frame[frame["treatment"].isin(pair)], weights=weights)
        for pair in (["A", "B"], ["C", "D"])
    ]
    statistic = sum(p.glance()["statistic"].item() for p in parts)
    whole = trd.LogRank(**options).fit(frame, weights=weights).glance().iloc[0]
    assert whole["df"] == 2
    assert whole["statistic"] == pytest.approx(statistic, rel=1e-9)
    note = "Never at risk together, so not compared: A, B | C, D."
    assert note in str(trd.LogRank(**options).fit(frame, weights=weights))
    assert whole["p_value"] == pytest.approx(chi2.sf(statistic, 2), rel=1e-9)


def test_grays_test_within_strata_of_two_pairs_is_the_sum_of_both() -> None:
    frame = cohort().drop(columns="entry")
    spec = trd.GrayTest(strata="site")
    parts = [spec.fit(frame[frame["site"] == s]).tidy()["statistic"].iloc[0] for s in "xy"]
    whole = spec.fit(frame).tidy().iloc[0]
    assert whole["df"] == 2
    assert whole["statistic"] == pytest.approx(sum(parts), rel=1e-9)


def test_one_group_that_overlaps_both_joins_them() -> None:
    frame = cohort()
    assert "Never at risk together" in str(trd.LogRank().fit(frame))
    bridge = frame["subject"] == 0
    frame.loc[bridge, ["time", "status"]] = [99.0, 1]
    whole = trd.LogRank().fit(frame)
    assert whole.glance()["df"].item() == 3
    assert "Never at risk together" not in str(whole)
