"""One Newton search for every log-likelihood: it climbs, ends at a maximum, and says when not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats.kernels.numerics.newton_loglik import Surface, maximise, shortest, uphill
from trdstats.kernels.weighting.generalised_linear import fit_linear_model
from trdstats.kernels.weighting.moment_weights import moment_weights
from trdstats.kernels.weighting.propensity import fit_scores


def poisson(y: np.ndarray, X: np.ndarray, beta: np.ndarray) -> Surface | None:
    eta = X @ beta
    if eta.max() > 300:
        return None
    mean = np.exp(eta)
    return Surface(float(y @ eta - mean.sum()), X.T @ (y - mean), (X * mean[:, None]).T @ X)


@given(far=st.floats(-30, 30), direction=st.sampled_from([uphill, shortest]))
@settings(max_examples=40, deadline=None)
def test_a_far_start_ends_where_a_near_one_does(far: float, direction: object) -> None:
    # From -30 a full step overshoots by 10^13: it is halved until it has a value and climbs.
    y, X = np.array([0.0, 1, 2, 4, 9]), np.column_stack([np.ones(5), np.arange(5.0)])
    found = maximise(
        lambda b: poisson(y, X, b), np.array([far, 0.0]), most=500, longest=5.0,
        direction=direction,  # type: ignore[arg-type]
    )  # fmt: skip
    assert found is not None
    assert found.converged
    near = maximise(lambda b: poisson(y, X, b), np.zeros(2))
    assert near is not None
    assert found.theta == pytest.approx(near.theta, abs=1e-10)
    assert np.abs(found.point.score).max() < 1e-10


def test_parameters_that_explain_one_another_share_the_shortest_step() -> None:
    y, one = np.array([1.0, 2, 3]), np.ones((3, 1))
    found = maximise(lambda b: poisson(y, np.hstack([one, one]), b), np.zeros(2),
                     direction=shortest)  # fmt: skip
    assert found is not None
    assert found.theta == pytest.approx(np.full(2, np.log(2) / 2), abs=1e-12)


def test_a_search_says_that_it_did_not_end() -> None:
    # exp(-x) falls without end: every Newton step is 1.
    found = maximise(
        lambda t: Surface(-float(np.exp(-t[0])), np.exp(-t), np.exp(-t)[:, None]), np.zeros(1),
        most=7,
    )  # fmt: skip
    assert found is not None
    assert (found.iterations, found.settled, found.converged) == (7, False, False)
    assert found.theta.item() == pytest.approx(7)
    assert found.by.item() == pytest.approx(1)


@given(seed=st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_scores_vanish_at_the_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 80
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    w = rng.uniform(0.2, 3.0, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-X @ [0.2, 0.5, -0.5]))).astype(float)
    logistic = fit_linear_model(X, y, w, "logistic")
    assert np.abs(logistic.effects.sum(axis=0)).max() < 1e-8
    treatment = rng.integers(0, 3, n)
    scores = fit_scores(X, treatment, 3, w)
    assert scores.converged
    assert np.abs(w @ scores.parts).max() < 1e-8
    moments = moment_weights(X[:, 1:], [0.2, -0.1])
    assert moments.converged
    assert np.abs(moments.distance).max() < 1e-12
