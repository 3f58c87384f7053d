"""More visits or ratings than a machine integer has bits, and models that are too large."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repeated_measures import simulated

from trdstats import LMM, MMRM
from trdstats.errors import NotEstimableError
from trdstats.items.findings import Finding, flag_forms
from trdstats.kernels.gaussian.patterns import merge, summarise
from trdstats.kernels.numerics.marks import number_rows


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 140), st.integers(1, 30))
def test_rows_of_marks_are_numbered_as_rows(seed: int, k: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    marks = rng.random((min(n, 4), k)) < 0.5
    marks = marks[rng.integers(0, len(marks), n)]
    if k:
        marks[0, -1] = ~marks[0, -1]  # rows that differ in the last mark only
    group = rng.integers(0, 3, n)
    number, first = number_rows(marks, group)
    both = np.column_stack((group, marks))
    same = (both[:, None] == both[None]).all(axis=2)
    assert ((number[:, None] == number[None]) == same).all()
    assert number[first].tolist() == list(range(len(first)))


def deviance_by_hand(frame: pd.DataFrame, g: float, s2: float) -> float:
    """Minus twice the restricted log-likelihood of a random intercept, by the whole matrix."""
    X = np.column_stack((np.ones(len(frame)), frame["day"]))
    same = frame["subject"].to_numpy()[:, None] == frame["subject"].to_numpy()[None]
    V = s2 * np.eye(len(frame)) + g * same
    W = np.linalg.inv(V)
    y = frame["y"].to_numpy()
    information = X.T @ W @ X
    r = y - X @ np.linalg.solve(information, X.T @ W @ y)
    constant = (len(y) - 2) * np.log(2 * np.pi)
    logs = np.linalg.slogdet(V)[1] + np.linalg.slogdet(information)[1]
    return float(logs + r @ W @ r + constant)


def diary(days: list[int], seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {
                "subject": i,
                "day": np.arange(n, dtype=float),
                "y": 20 - 0.05 * np.arange(n) + rng.normal(0, 2) + rng.normal(size=n),
            }
        )
        for i, n in enumerate(days)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("days", [[64, 68] * 2, [63] * 2 + [64] * 2, [130, 2, 65, 3]])
def test_every_rating_of_a_diary_counts(days: list[int]) -> None:
    frame = diary(days)
    fit = LMM("y ~ day").fit(frame)
    assert fit.glance()["n_obs"].item() == sum(days)
    g, s2 = fit.covariance.iloc[0, 0], fit.residual_variance
    assert fit.deviance == pytest.approx(deviance_by_hand(frame, g, s2), abs=1e-6)
    for factor in (0.98, 1.02):
        assert deviance_by_hand(frame, g * factor, s2) > fit.deviance
        assert deviance_by_hand(frame, g, s2 * factor) > fit.deviance


def test_the_diary_of_lme4() -> None:
    """lme4 1.1-31 in R 4.2.2: lmer(y ~ day + (1 + day | subject)), REML, bobyqa to 1e-12."""
    i, day = np.meshgrid(np.arange(12), np.arange(70.0), indexing="ij")
    y = 20 + 3 * np.sin(i) - (0.05 + 0.02 * np.cos(2 * i)) * day + np.sin(1.7 * i + 0.9 * day**1.3)
    frame = pd.DataFrame({"subject": i.ravel(), "day": day.ravel(), "y": y.ravel()})
    frame = frame[(frame["subject"] % 3 != 0) | (frame["day"] < 65)]
    fit = LMM("y ~ day", random="1 + day").fit(frame)
    assert fit.deviance == pytest.approx(1887.77100545, abs=1e-5)
    assert fit.tidy()["estimate"].tolist() == pytest.approx([20.103902999, -0.049965530], rel=1e-5)


def test_patterns_of_seventy_visits() -> None:
    """Subjects that miss the first of 70 visits are no others than those who miss the 65th."""
    rng = np.random.default_rng(0)
    T = 70
    select = np.column_stack([np.zeros(T, dtype=int), 1 + np.arange(T)])
    u = np.column_stack([np.ones(30), rng.normal(size=(30, T))])
    rated = np.ones((30, T), dtype=bool)
    rated[:10, 0] = rated[10:20, 64] = False
    group = np.zeros(30, dtype=np.intp)
    summary, rows = summarise(select, u * np.column_stack([np.ones(30), rated]), rated, group)
    assert summary.n.tolist() == [10, 10, 10]
    assert summary.n_obs == rated.sum()
    assert sorted(rows.order.tolist()) == list(range(30))
    twice = merge(summary, summary)
    assert twice.n.tolist() == [20, 20, 20]
    assert twice.cross_products == pytest.approx(2 * summary.cross_products)


def test_more_kinds_of_findings_than_bits() -> None:
    marked = np.eye(70, dtype=bool)
    flags = flag_forms([Finding(f"kind {k}", marked[k], "") for k in range(70)], 70)
    assert list(flags) == [f"kind {k}" for k in range(70)]


@pytest.mark.parametrize(
    ("covariance", "T", "n", "message"),
    [
        ("us", 30, 24, r"30 visits has 465 parameters and needs more subjects.* there are 24"),
        ("us", 46, 60, r"46 visits with 1081 parameters is too large"),
        ("toeph", 90, 60, r"heterogeneous Toeplitz\) of 90 visits with 179 parameters is too"),
        ("ar1", 160, 20, r"160 visits with 161 distinct columns.*LMM\('score ~ day'"),
    ],
)
def test_what_is_too_large_is_said_at_once(covariance: str, T: int, n: int, message: str) -> None:
    frame = simulated(n=n, T=T, gone=0.02)
    began = time.perf_counter()
    with pytest.raises(NotEstimableError, match=message):
        MMRM("y ~ visit", covariance=covariance).fit(frame)
    assert time.perf_counter() - began < 10


def test_a_likelihood_without_a_maximum_is_given_up_after_one_start() -> None:
    frame = simulated(n=13, T=10, gone=0.1)
    with pytest.raises(NotEstimableError, match=r"unstructured covariance .* did not converge"):
        MMRM("y ~ arm * visit").fit(frame)


def test_daily_ratings_take_no_time() -> None:
    frame = diary([50] * 40)
    began = time.perf_counter()
    LMM("y ~ day", ddf="kenward-roger").fit(frame)
    assert time.perf_counter() - began < 5  # 0.05 s on an idle machine
