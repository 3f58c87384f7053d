"""Bounds of durability among those who respond under either arm."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.numerics.partial_identification import bounds_interval, trimmed_means


def test_trimmed_means_by_hand() -> None:
    """Half last 10 days, half 30: the lower half has mean 10, the upper 30, all 20; a quarter."""
    days, survival = np.array([10.0, 30.0]), np.array([0.5, 0.0])
    assert trimmed_means(days, survival, 40.0, 1.0) == pytest.approx((20, 20))
    assert trimmed_means(days, survival, 40.0, 0.5) == pytest.approx((10, 30))
    # Three quarters: at least all of the short and a third of the long, (2 * 10 + 30) / 3.
    assert trimmed_means(days, survival, 40.0, 0.75) == pytest.approx((50 / 3, 70 / 3))
    assert trimmed_means(days, survival, 20.0, 0.5) == pytest.approx((10, 20))


def test_intervals_of_bounds() -> None:
    """A point has the usual interval; wide bounds are missed on one side only, at 5 %."""
    low, high = bounds_interval(1.0, 1.0, 0.5, 0.5, 0.95)
    assert (low, high) == pytest.approx((1 - 1.959964 * 0.5, 1 + 1.959964 * 0.5), abs=1e-6)
    low, high = bounds_interval(0.0, 100.0, 1.0, 1.0, 0.95)
    assert (low, high) == pytest.approx((-1.644854, 100 + 1.644854), abs=1e-6)


def trial(n: int, *, seed: int = 2, protected: float = 0.2, gap: float = 0.6) -> trd.Study:
    return trd.Study(rows_of(n, seed, protected, gap), scale="MADRS", randomised=True)


def rows_of(n: int, seed: int = 2, protected: float = 0.2, gap: float = 0.6) -> pd.DataFrame:
    """Two arms, visits every 10 days; responders under both, and some under K only who lose sooner.

    Among those who respond under both, durations have the same mean under both arms.
    """
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    kind = rng.choice(["both", "K only", "neither"], n, p=[0.5, protected, 0.5 - protected])
    responds = (kind == "both") | ((kind == "K only") & (arm == 1))
    lasts = rng.exponential(np.where(kind == "both", 80.0, 80.0 * gap))
    rows = []
    for i in range(n):
        for day in range(0, 201, 10):
            score = 30
            if day > 0 and responds[i] and day <= 10 + lasts[i]:
                score = 8
            rows.append((i, "K" if arm[i] else "P", day, day, score))
    return pd.DataFrame(rows, columns=["subject", "treatment", "day", "visit", "score"])


def test_the_truth_lies_between_the_bounds() -> None:
    study = trial(2_400)
    spec = trd.PrincipalStratumBounds(
        trd.Response(), trd.Relapse(22), tau=100, reference="P", n_boot=60
    )
    fit = spec.fit(study)
    row = fit.tidy().iloc[0]
    # No effect in the stratum; responders under K lose sooner, as some of them need K to respond.
    assert row["bound_low"] < 0 < row["bound_high"]
    assert row["naive"] < -3
    assert row["stratum"] == pytest.approx(0.5, abs=0.04)
    assert row["conf_low"] < row["bound_low"]
    # Stratum 50.2 days up to 100, the others 33.2 + ...: the gap makes up for the difference.
    mean = {m: m * (1 - np.exp(-100 / m)) for m in (80.0, 48.0)}
    held = fit.at(mean[80.0] - mean[48.0])
    assert held["estimate"].item() == pytest.approx(0, abs=4)
    assert held["within"].item()
    assert fit.at(0)["estimate"].item() == pytest.approx(row["naive"])
    assert not fit.at(1_000)["within"].item()
    text = str(fit)
    assert "who are different patients" in text
    wide = trd.PrincipalStratumBounds(
        trd.Response(), trd.Relapse(22), tau=100, reference="P", n_boot=60, monotone=False
    ).fit(study).tidy().iloc[0]  # fmt: skip
    assert wide["bound_low"] < row["bound_low"]
    assert wide["bound_high"] > row["bound_high"]


def test_equal_response_rates_leave_a_point() -> None:
    study = trial(1_000, protected=0.0)
    fit = trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=60, n_boot=20).fit(study)
    row = fit.tidy().iloc[0]
    assert abs(row["bound_high"] - row["bound_low"]) < 12  # rates differ by chance only
    assert row["bound_low"] <= row["naive"] <= row["bound_high"]


def test_replicates_without_a_stratum_are_counted() -> None:
    """Without monotonicity its least size is the sum of both response rates less 1."""
    options = {"tau": 60, "n_boot": 40, "monotone": False}
    spec = trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), **options)
    fit = spec.fit(trial(60, protected=0.1))
    assert re.search(r"Note: . v .: in [1-9]\d* of 40 replicates the stratum was empty", str(fit))
    assert "replicates the stratum" not in str(spec.fit(trial(600, protected=0.4)))


def test_what_is_refused() -> None:
    study = trial(60)
    spec = trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=60, n_boot=5)
    cohort = trd.Study(rows_of(60), scale="MADRS", randomised=False)
    with pytest.raises(SpecError, match="need randomised treatments"):
        spec.fit(cohort)
    with pytest.raises(SpecError, match="tau must be a positive number"):
        trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=-1)
    with pytest.raises(SpecError, match="n_boot must be above 0"):
        trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=60, n_boot=0)
    with pytest.raises(NotEstimableError, match="tau must not be later"):
        trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=900, n_boot=5).fit(study)
    never = rows_of(60).assign(score=30)
    with pytest.raises(NotEstimableError, match="No subject"):
        spec.fit(trd.Study(never, scale="MADRS", randomised=True))
    wide = trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=60, n_boot=5,
                                      monotone=False)  # fmt: skip
    with pytest.raises(SpecError, match="under monotonicity only"):
        wide.fit(trial(600, protected=0.4)).at(1)


def test_a_response_without_a_baseline_is_of_its_own_subject() -> None:
    """Remission needs no baseline: without day 0 the proportions and bounds stay the same."""
    frame = rows_of(200)
    spec = trd.PrincipalStratumBounds(
        trd.Remission(10), trd.Relapse(22), tau=60, reference="P", n_boot=20
    )
    unseen = frame["subject"] % 5 < 3
    whole = spec.fit(trd.Study(frame, scale="MADRS", randomised=True)).tidy()
    with pytest.warns(trd.errors.DataWarning):
        holes = trd.Study(frame[~(unseen & (frame["day"] == 0))], scale="MADRS", randomised=True)
    found = spec.fit(holes).tidy()
    columns = ["response", "response_reference", "bound_low", "bound_high", "conf_low"]
    assert found[columns].to_numpy() == pytest.approx(whole[columns].to_numpy(), abs=1e-12)


def test_other_treatments_are_said() -> None:
    """Of the 198 who responded 31 had another treatment before the loss: no word of it."""
    spec = trd.PrincipalStratumBounds(trd.Response(), trd.Relapse(22), tau=60, n_boot=4)
    found = spec.fit(trd.load_sample("trial"))
    told = "Started another treatment: 9 TMS, 13 ECT, 9 IV ketamine (counted as assigned)."
    assert told in repr(found)
