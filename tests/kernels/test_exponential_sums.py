"""Sums of exp(h r) over risk sets by series against the sums written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.kernels.numerics import exponential_sums
from trdstats.kernels.numerics.exponential_sums import ExponentialSums, _foremost

# Running sums of 3,000 terms and 25 terms of a series: some hundred roundings of 1e-16.
CLOSE = 1e-12


def sums_of(seed: int, *, spread: float, end: float) -> ExponentialSums:
    rng = np.random.default_rng(seed)
    time = np.sort(rng.exponential(size=3_000))
    when = np.sort(rng.choice(time, 1_500, replace=False))
    r = np.exp(rng.normal(0, spread, 3_000))
    sums = ExponentialSums.of(
        np.linspace(0, end, 1_500) ** 2 / end, r - r.mean(), np.searchsorted(time, when)
    )
    assert sums is not None
    return sums


@pytest.mark.parametrize(("spread", "end"), [(0.0, 1.0), (0.2, 0.3), (0.7, 3.0), (1.0, 1.5)])
def test_series_are_the_sums_written_out(spread: float, end: float) -> None:
    sums = sums_of(1, spread=spread, end=end)
    rng = np.random.default_rng(2)
    part, of_time = rng.uniform(0.2, 3, 3_000), rng.uniform(0, 2, (1_500, 2))
    there = np.arange(3_000) >= sums.start[:, None]
    for factor in (1.0, 2.0):
        table = np.where(there, np.exp(factor * sums.h[:, None] * sums.r), 0.0)
        assert sums.over_subjects(part, factor) == pytest.approx(table @ part, rel=CLOSE)
    table = np.where(there, np.exp(sums.h[:, None] * sums.r), 0.0)
    assert sums.over_times(of_time) == pytest.approx(table.T @ of_time, rel=CLOSE)
    assert sums.largest(part) == pytest.approx((table * part).max(axis=1), rel=1e-15)
    assert len(sums.block) > (2 if end * spread > 1 else 1)


def test_the_largest_is_among_the_foremost_in_every_order_of_parts() -> None:
    part, r = np.array([1.0, 3.0, 2.0, 2.0, 1.0]), np.array([9.0, 1.0, 2.0, 2.0, 2.0])
    # The third is as large as the fourth, who stays longer; the last is smaller than it.
    assert sorted(_foremost(part, r).tolist()) == [0, 1, 3, 4]


def test_few_times_and_wide_ranges_are_written_out() -> None:
    r, start = np.array([0.0, 1.0, 400.0]), np.zeros(500, dtype=np.intp)
    assert ExponentialSums.of(np.linspace(0, 1, 500), r, start) is None  # exp(400) squared
    assert ExponentialSums.of(np.linspace(0, 0.3, 500), r, start) is None  # 30 blocks
    assert ExponentialSums.of(np.zeros(20), r, start[:20]) is None
    assert ExponentialSums.of(np.linspace(0, 0.001, 500), r, start) is not None


def untied(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    x, z = rng.normal(size=n), rng.integers(0, 2, n)
    event = rng.exponential(40 * np.exp(-0.5 * x), n)
    leaves = np.minimum(rng.exponential(60 * np.exp(-0.8 * x - 0.4 * z), n), 80)
    return pd.DataFrame({
        "subject": np.arange(n), "treatment": np.where(rng.random(n) < 0.5, "A", "B"),
        "time": np.minimum(event, leaves), "status": (event <= leaves).astype(int), "x": x, "z": z,
        "w": rng.uniform(0.5, 2, n),
    })  # fmt: skip


@pytest.mark.parametrize("weights", [None, "w"])
def test_a_weighted_curve_is_that_of_sums_written_out(
    weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = trd.EventTimes(untied(1_500))
    spec = trd.IPCW("x + z", days=[10, 30], tau=50)
    series = spec.fit(times, weights=weights)
    monkeypatch.setattr(exponential_sums, "_TIMES_A_BLOCK", 10**9)
    plain = spec.fit(times, weights=weights)
    for a, b in ((series.tidy(), plain.tidy()), (series.glance(), plain.glance())):
        pd.testing.assert_frame_equal(a, b, rtol=1e-10)
    influences = [f.influence().select_dtypes("number").to_numpy() for f in (series, plain)]
    # Relative to the largest: parts that cancel leave absolute errors.
    gap = np.abs(influences[0] - influences[1]).max(axis=0)
    assert (gap <= 1e-11 * np.abs(influences[1]).max(axis=0)).all()
