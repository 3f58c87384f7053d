"""Resamples estimated together are what each of them is by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from trdstats.kernels.interval.innermost import innermost_intervals
from trdstats.kernels.interval.npmle_bounds import restricted_mean_bounds
from trdstats.kernels.interval.stacked_cells import stacked_cells
from trdstats.kernels.interval.stacked_runs import StackedRuns
from trdstats.kernels.interval.stacked_turnbull import stacked_turnbull
from trdstats.kernels.interval.turnbull import turnbull
from trdstats.kernels.weighting.propensity import fit_scores, weigh
from trdstats.kernels.weighting.stacked_propensity import _probability, stacked_scores

# The bounds are not sharper than the square of what both searches leave of the gap, 1e-10.
ATOL = 1e-8


def visits_of(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals between visits that many miss; some are open, some are single days."""
    days = np.array([0.0, 2, 7, 14, 21, 28, 42, 56])
    attended = rng.random((n, len(days))) < 0.7
    attended[:, 0] = True
    onset = rng.exponential(25, n)
    left = np.where(attended & (days <= onset[:, None]), days, 0).max(axis=1)
    right = np.where(attended & (days > onset[:, None]), days, np.inf).min(axis=1)
    exact = (rng.random(n) < 0.1) & np.isfinite(right)
    return np.where(exact, right, left), right


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), b=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_curves_of_resamples_are_those_of_each_alone(seed: int, n: int, b: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = visits_of(rng, n)
    weight = rng.multinomial(n, np.full(n, 1 / n), size=b) * rng.uniform(0.2, 5.0, n)
    stacked = stacked_turnbull(left, right, weight)
    for tau in (20.0, 56.0):
        alone = [
            restricted_mean_bounds(turnbull(left[w > 0], right[w > 0], w[w > 0]), tau)
            for w in weight
        ]
        np.testing.assert_allclose(stacked.restricted_mean_bounds(tau), alone, rtol=0, atol=ATOL)
    np.testing.assert_allclose(stacked.mass.sum(axis=1), 1.0)


def test_intervals_of_a_resample_are_those_of_the_subjects_drawn() -> None:
    rng = np.random.default_rng(5)
    left, right = visits_of(rng, 40)
    weight = rng.multinomial(40, np.full(40, 1 / 40), size=20).astype(float)
    cells = stacked_cells(left, right, weight)
    for row, w in enumerate(weight):
        own = innermost_intervals(left[w > 0], right[w > 0])
        n = cells.n[row]
        np.testing.assert_array_equal(cells.lower[row, :n], own.lower)
        np.testing.assert_array_equal(cells.upper[row, :n], own.upper)
        assert not cells.valid[row, n:].any()
    assert len(set(cells.n)) > 1  # that of all subjects would not do


def test_two_subjects_drawn_unequally_by_hand() -> None:
    # One in (0, 7], one in (7, inf]: the masses are the weights, 3 to 1; alone each has all.
    stacked = stacked_turnbull(
        np.array([0.0, 7.0]), np.array([7.0, np.inf]), np.array([[3.0, 1.0], [2.0, 0], [0, 2.0]])
    )
    np.testing.assert_allclose(
        stacked.restricted_mean_bounds(28.0), [[7 / 4, 49 / 4], [0, 7], [7, 28]]
    )


@pytest.mark.parametrize(("k", "target"), [(2, "ate"), (2, "overlap"), (3, "ate"), (3, "matching")])
def test_weights_of_resamples_are_those_of_each_alone(k: int, target: str) -> None:
    rng = np.random.default_rng(11)
    X = np.column_stack([np.ones(150), rng.normal(size=(150, 3))])
    treatment = (X[:, 1] + rng.gumbel(size=(k, 150)) > 0.5).sum(axis=0) % k
    counts = rng.multinomial(150, np.full(150, 1 / 150), size=12).astype(float)
    start = fit_scores(X, treatment, k, np.ones(150))
    probability, settled = stacked_scores(X, treatment, start, counts)
    assert settled.all()
    together = weigh(probability, treatment, target, -1)  # type: ignore[arg-type]
    for row, m in enumerate(counts):
        alone = fit_scores(X, treatment, k, m)
        expected = weigh(alone.probability, treatment, target, -1)  # type: ignore[arg-type]
        np.testing.assert_allclose(together[row], expected, rtol=1e-9)


def test_separated_and_collinear_resamples_are_left_to_the_longer_search() -> None:
    rng = np.random.default_rng(3)
    rare = np.zeros(60)
    rare[[0, 1, 30]] = 1.0  # two of the first treatment, one of the second
    X = np.column_stack([np.ones(60), rng.normal(size=60), rare])
    treatment = np.repeat([0, 1], 30)
    start = fit_scores(X, treatment, 2, np.ones(60))
    counts = np.ones((3, 60))
    counts[1, 30] = 0.0  # the trait stays with the first treatment
    counts[2, [0, 1, 30]] = 0.0  # the trait occurs nowhere
    assert stacked_scores(X, treatment, start, counts)[1].tolist() == [True, False, False]


def test_curvature_is_the_sum_over_runs() -> None:
    rng = np.random.default_rng(8)
    first, last = np.sort(rng.integers(0, 6, (2, 3, 10)), axis=0)
    bend = rng.uniform(size=(3, 10))
    covers = (first[:, :, None] <= np.arange(6)) & (np.arange(6) <= last[:, :, None])
    expected = np.einsum("br,bri,brj->bij", bend, covers, covers)
    found = StackedRuns(first, last, 6).curvature(bend)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(found, found.swapaxes(1, 2))


@pytest.mark.parametrize("k", [2, 3, 5])
def test_scores_are_the_softmax_of_the_linear_predictors(k: int) -> None:
    rng = np.random.default_rng(k)
    X = np.column_stack([np.ones(30), rng.normal(size=(30, 2))])
    gamma = rng.normal(scale=[1, 20, 300], size=(4, k - 1, 3))  # scores of 0 and 1 too
    eta = np.zeros((4, 30, k))
    eta[:, :, 1:] = np.einsum("bjq,nq->bnj", gamma, X)
    np.testing.assert_allclose(_probability(X, gamma), softmax(eta, axis=2), rtol=1e-11, atol=0)
