"""Retrieved dropout: the status after the event as covariate of the imputation model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import ANCOVA, ApproximateBayes, Bayesian, Imputation, JumpToReference
from trdstats.errors import NotEstimableError, SpecError

FORMULA = "change ~ treatment * after_event"


def imputed(draws: Any) -> Any:
    """Return the imputed values, one row a draw."""
    return draws.impute("MAR").values  # noqa: PD011


def one_visit() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two arms of six at one visit; in each two discontinued and were seen, one was not."""
    change = [-10, -12, -14, -3, -5, np.nan, -6, -7, -8, -1, -2, np.nan]
    frame = pd.DataFrame(
        {"subject": range(12), "treatment": ["K"] * 6 + ["P"] * 6, "visit": 28, "change": change}
    )
    events = pd.DataFrame({"subject": [3, 4, 5, 9, 10, 11], "visit": 28, "reason": "discontinued"})
    return frame, events


def test_a_missing_visit_is_the_mean_of_the_retrieved_of_its_arm() -> None:
    """K: the mean of -3 and -5; P: of -1 and -2. Without the status it is the mean of the arm."""
    frame, events = one_visit()
    draws = Imputation(FORMULA).draw(frame, events)
    assert imputed(draws)[0] == pytest.approx([-4, -1.5], abs=1e-9)
    plain = Imputation("change ~ treatment").draw(frame, events)
    assert imputed(plain)[0] == pytest.approx([-44 / 5, -24 / 5], abs=1e-9)
    difference = draws.impute().analyse(ANCOVA(None)).pool().tidy()
    expected = np.mean([-6, -7, -8, -1, -2, -1.5]) - np.mean([-10, -12, -14, -3, -5, -4])
    found = difference.loc[difference["measure"] == "difference", "estimate"].item()
    assert abs(found) == pytest.approx(expected, abs=1e-9)


def trial(n: int = 120, *, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three visits; a third discontinues at the second or third, and half of them are then seen."""
    rng = np.random.default_rng(seed)
    arm = np.array(["K", "P"])[np.arange(n) % 2]
    event = np.where(rng.random(n) < 0.35, rng.integers(1, 3, n), 3)
    after = np.arange(3) >= event[:, None]
    y = -5 * (arm == "K")[:, None] - np.arange(3) + 8 * after + 3 * rng.normal(size=(n, 1))
    y = y + rng.normal(size=(n, 3))
    lost = rng.random(n) < 0.5
    y[after & lost[:, None]] = np.nan
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(n), 3), "treatment": np.repeat(arm, 3),
         "visit": np.tile([7, 14, 28], n), "change": y.ravel()}
    )  # fmt: skip
    left = np.flatnonzero(event < 3)
    events = pd.DataFrame({"subject": left, "visit": np.array([7, 14, 28])[event[left]]})
    return frame, events.assign(reason="discontinued")


@pytest.mark.parametrize(
    "method", [ApproximateBayes(20, seed=1), Bayesian(20, seed=1, burn_in=30, thin=5)]
)
def test_drawn_values_follow_the_retrieved(method: Any) -> None:
    frame, events = trial()
    formula = "change ~ treatment * visit + after_event"
    with_status = Imputation(formula, method=method).draw(frame, events)
    without = Imputation("change ~ treatment * visit", method=method).draw(frame, events)
    gain = imputed(with_status).mean() - imputed(without).mean()
    assert 2 < gain < 9  # the event costs 8 points; what was seen before it knows part of it


def test_words() -> None:
    frame, events = one_visit()
    with pytest.raises(SpecError, match="have a column of that name: rename it"):
        Imputation(FORMULA).draw(frame.assign(after_event=0), events)
    with pytest.raises(NotEstimableError, match="needs retrieved subjects"):
        Imputation(FORMULA).draw(frame)
    seen = events[events["subject"].isin([5, 11])]
    with pytest.raises(NotEstimableError, match="needs retrieved subjects"):
        Imputation(FORMULA).draw(frame, seen)
    with pytest.raises(SpecError, match="the strategy is 'MAR'"):
        Imputation(FORMULA).draw(frame, events).impute(JumpToReference("P"))
    with pytest.raises(SpecError, match="the strategy is 'MAR'"):
        Imputation(FORMULA).draw(frame, events.assign(strategy="JR"))
