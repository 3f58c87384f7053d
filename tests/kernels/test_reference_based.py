"""Laws after an event, and values drawn from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trdstats.kernels.gaussian.reference_based import (
    VisitDistribution,
    carry_last_mean,
    copy_increments,
    impute,
    jump,
)

OWN = VisitDistribution(
    np.array([1.0, 2.0, 4.0]), np.array([[4.0, 2.0, 1.0], [2.0, 5.0, 2.0], [1.0, 2.0, 6.0]])
)
REFERENCE = VisitDistribution(
    np.array([0.0, 1.0, 2.0]), np.array([[2.0, 1.0, 0.5], [1.0, 3.0, 1.0], [0.5, 1.0, 2.0]])
)
BEFORE = np.array([True, True, False])
NEVER, AT_ONCE = np.ones(3, dtype=bool), np.zeros(3, dtype=bool)


def test_means() -> None:
    assert jump(OWN, REFERENCE, BEFORE).mean.tolist() == [1, 2, 2]
    assert copy_increments(OWN, REFERENCE, BEFORE).mean.tolist() == [1, 2, 3]
    assert carry_last_mean(OWN, BEFORE).mean.tolist() == [1, 2, 2]


def test_without_a_visit_before_the_event() -> None:
    for law in (jump(OWN, REFERENCE, AT_ONCE), copy_increments(OWN, REFERENCE, AT_ONCE)):
        assert law.mean.tolist() == REFERENCE.mean.tolist()
        assert law.covariance.tolist() == REFERENCE.covariance.tolist()
    assert carry_last_mean(OWN, AT_ONCE).mean.tolist() == OWN.mean.tolist()


def test_event_after_the_last_visit_changes_nothing() -> None:
    for law in (jump(OWN, REFERENCE, NEVER), carry_last_mean(OWN, NEVER)):
        assert law.mean.tolist() == OWN.mean.tolist()
        assert law.covariance.tolist() == OWN.covariance.tolist()


def test_covariance_keeps_own_visits_and_the_regression_of_the_reference() -> None:
    found = jump(OWN, REFERENCE, BEFORE).covariance
    early, late = np.ix_([0, 1], [0, 1]), np.ix_([2], [0, 1])
    assert found[early] == pytest.approx(OWN.covariance[early], rel=1e-12)
    slope = found[late] @ np.linalg.inv(found[early])
    of_reference = REFERENCE.covariance[late] @ np.linalg.inv(REFERENCE.covariance[early])
    assert slope == pytest.approx(of_reference, rel=1e-12)
    rest = found[2, 2] - (slope @ found[early] @ slope.T)[0, 0]
    own = (
        REFERENCE.covariance[2, 2]
        - (of_reference @ REFERENCE.covariance[early] @ of_reference.T)[0, 0]
    )
    assert rest == pytest.approx(own, rel=1e-12)
    assert found == pytest.approx(found.T, rel=1e-14)


def test_equal_covariances_stay_as_they_are() -> None:
    alike = VisitDistribution(REFERENCE.mean, OWN.covariance.copy())
    assert jump(OWN, alike, BEFORE).covariance == pytest.approx(OWN.covariance, rel=1e-12)


def test_conditional_mean_and_variance() -> None:
    """Given the first and last of three visits, the middle one by the textbook formula."""
    rated = np.array([True, False, True])
    y = np.array([[2.0, np.nan, 3.0]])
    law = VisitDistribution(OWN.mean[None, None], OWN.covariance[None, None])
    V = OWN.covariance
    pull = np.linalg.solve(V[np.ix_([0, 2], [0, 2])], V[[0, 2], 1])
    mean = OWN.mean[1] + pull @ (np.array([2.0, 3.0]) - OWN.mean[[0, 2]])
    assert impute(law, y, rated, None) == pytest.approx(mean, rel=1e-12)
    one_sd = impute(law, y, rated, np.ones((1, 1, 1))) - mean
    assert one_sd**2 == pytest.approx(V[1, 1] - pull @ V[[0, 2], 1], rel=1e-12)


def test_without_observed_visits_the_law_itself_is_drawn() -> None:
    law = VisitDistribution(np.tile(OWN.mean, (20_000, 1, 1)), OWN.covariance[None, None])
    z = np.random.default_rng(1).standard_normal((20_000, 1, 3))
    drawn = impute(law, np.full((1, 3), np.nan), np.zeros(3, dtype=bool), z)[:, 0]
    # Four standard errors of a mean of 20,000 and of a covariance.
    assert drawn.mean(axis=0) == pytest.approx(OWN.mean, abs=4 * 6**0.5 / 20_000**0.5)
    assert np.cov(drawn.T) == pytest.approx(OWN.covariance, abs=4 * 6 * (2 / 20_000) ** 0.5)


@given(seed=st.integers(0, 10_000), T=st.integers(2, 5), event=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_any_two_laws_make_a_law(seed: int, T: int, event: int) -> None:
    """The covariance is positive definite, and batches are single laws."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2, 3, T, T))
    V = root @ np.swapaxes(root, 2, 3) + 0.1 * np.eye(T)
    mean = rng.normal(size=(2, 3, T))
    before = np.arange(T) < event
    own, reference = VisitDistribution(mean[0], V[0]), VisitDistribution(mean[1], V[1])
    for strategy in (jump, copy_increments):
        found = strategy(own, reference, before)
        assert np.linalg.eigvalsh(found.covariance).min() > 0
        for b in range(3):
            single = strategy(
                VisitDistribution(mean[0, b], V[0, b]),
                VisitDistribution(mean[1, b], V[1, b]),
                before,
            )
            assert found.mean[b] == pytest.approx(single.mean, rel=1e-12)
            assert found.covariance[b] == pytest.approx(single.covariance, rel=1e-9, abs=1e-12)
    assert jump(own, own, before).mean.tolist() == own.mean.tolist()
    assert copy_increments(own, own, before).mean == pytest.approx(own.mean, rel=1e-12)
