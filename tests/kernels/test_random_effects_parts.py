"""Sums of parts are the sums of all rows: columns, ranks, coordinates, likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trdstats.kernels.gaussian.coordinates import centre, uncorrelated
from trdstats.kernels.gaussian.estimability import judge_rows
from trdstats.kernels.random_effects import pieces
from trdstats.kernels.random_effects.chain import Chain
from trdstats.kernels.random_effects.column_sums import merge_columns, sum_columns
from trdstats.kernels.random_effects.divided import DividedModel, moments_of_part
from trdstats.kernels.random_effects.effects import Effects
from trdstats.kernels.random_effects.likelihood import evaluate, slopes
from trdstats.kernels.random_effects.moments import add_moments
from trdstats.kernels.random_effects.part_sums import PlacedModel, sum_part
from trdstats.kernels.random_effects.predictions import predict_effects
from trdstats.kernels.random_effects.search import minimise


def halves(columns: Any) -> Any:
    """Return the sums of all rows, and those of two parts merged."""
    cut = len(columns) // 3
    parts = [sum_columns(columns[:cut])[0], sum_columns(columns[cut:])[0]]
    return sum_columns(columns)[0], merge_columns(parts)


def test_sums_by_hand() -> None:
    """1, 2, 6 have mean 3, squares 41, and 14 about their mean; 5, 5, 5 is constant."""
    whole, merged = halves(np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]]))
    for sums in (whole, merged):
        assert sums.n == 3
        np.testing.assert_allclose(sums.mean, [3, 5], rtol=1e-15)
        np.testing.assert_allclose(sums.mean_squares(np.arange(2)) * 3, [41, 75], rtol=1e-14)
        about = sums.rows(np.array([0]), np.array([3.0]))
        np.testing.assert_allclose((about**2).sum(), 14, rtol=1e-14)
        assert sums.constant(np.arange(2)) == 1
        assert sums.constant(np.array([0])) is None
        assert not sums.rows(np.array([1]), np.array([5.0])).any()  # exactly 0


def test_columns_far_from_zero_keep_their_digits() -> None:
    """Numbers round 1e8 with deviations of 20: squares are 1e16, of which 400 is asked for."""
    rng = np.random.default_rng(3)
    near = np.rint(rng.normal(0, 20, (900, 2)))
    whole, merged = halves(near + 1e8)
    exact = near - near.mean(axis=0)
    for sums in (whole, merged):
        rows = sums.rows(np.arange(2), sums.mean)
        # Means are known to 1e-8, the last digit of 1e8: the share of 20 that this is, squared.
        np.testing.assert_allclose(rows.T @ rows, exact.T @ exact, rtol=1e-12)


def test_ranks_and_coordinates_are_those_of_rows() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(100, 3, 200), rng.integers(0, 2, 200)
    X = np.column_stack((np.ones(200), a, b, 1 - b, 3 * a - 2, np.zeros(200), a**2))
    expected = judge_rows(centre(X)[0]).of_design(X)
    made = uncorrelated(X[:, expected.kept])
    assert expected.left_out.tolist() == [3, 4, 5]
    assert made is not None
    for sums in halves(X):
        judged = sums.judge(np.arange(7))
        assert judged.kept.tolist() == expected.kept.tolist()
        np.testing.assert_allclose(judged.null, expected.null, rtol=1e-9, atol=1e-9)
        placed = sums.uncorrelated(judged.kept)
        assert placed is not None
        new = placed.of(X[:, judged.kept])
        # a and its square agree to the third digit: so many of 16 are lost where columns are made
        # of a combination instead of rows.
        np.testing.assert_allclose(new.T @ new / 200, np.eye(4), atol=1e-11)
        matrix = sums.coordinates(placed).matrix
        np.testing.assert_allclose(X[:, judged.kept] @ matrix, new, atol=1e-8)
        assert sums.uncorrelated(np.arange(7)) is None


def some_parts(r: int, seed: int = 5) -> tuple[Any, list[Any]]:
    """Return the sums of all subjects, and of three parts of them."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(30), rng.integers(1, 7, 30))
    t = rng.uniform(0, 5, len(group))
    Z = np.column_stack((np.ones(len(t)), t))[:, :r]
    X = np.column_stack((np.ones(len(t)), t, rng.normal(0, 1, 30)[group]))
    b = rng.normal(0, (2, 0.7), (30, 2))[:, :r]
    y = 10 + X[:, 1] + (Z * b[group]).sum(axis=1) + rng.normal(0, 1, len(t))
    whole = sum_part([group], (Z, X), y)
    parts = []
    for k in range(3):
        rows = group % 3 == k
        code = np.unique(group[rows], return_inverse=True)[1]
        parts.append(sum_part([code], (Z[rows], X[rows]), y[rows]))
    return whole, parts


def placed_model(sums: Any, r: int, *, reml: bool) -> PlacedModel:
    fixed, effects = sums.uncorrelated(r + np.arange(3)), sums.uncorrelated(np.arange(r))
    assert fixed is not None
    assert effects is not None
    rows = sums.rows(fixed.columns, fixed.shift) @ fixed.inner
    y = sums.rows(np.array([r + 3]), np.array([sums.point[-1]]))[:, 0]
    origin = np.linalg.lstsq(rows, y, rcond=None)[0]
    factors = (Effects(r, True),)
    return PlacedModel((effects,), fixed, float(sums.point[-1]), origin, factors, reml)


def divided_model(model: Any, of_parts: Any) -> DividedModel:
    """Return the model of parts whose subjects lie in no larger groups."""
    chain = Chain((model.chain.widths[-1],), (), ())
    return DividedModel(
        model.factors, model.groups, model.n_obs, model.reml, chain, ((),) * 3, of_parts
    )


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("r", [1, 2])
def test_the_likelihood_of_parts_is_that_of_all(r: int, reml: bool) -> None:
    whole, parts = some_parts(r)
    placed = placed_model(whole.columns, r, reml=reml)
    model, of_parts = placed.model(whole), [placed.model(part) for part in parts]
    divided = divided_model(
        model, lambda theta, order: [moments_of_part(m, theta, order) for m in of_parts]
    )
    assert divided.sizes == model.sizes
    assert [divided.ids(k) for k in (0, 1)] == [model.ids(k) for k in (0, 1)]
    theta = np.array([1.3, 0.9] if r == 1 else [1.3, 0.2, 0.5, 0.9])
    one, other = evaluate(model, theta), evaluate(divided, theta)
    assert one is not None
    assert other is not None
    assert other.deviance == pytest.approx(one.deviance, rel=1e-13)
    a, b = slopes(model, one), slopes(divided, other)
    for name in ("gradient", "average", "observed", "expected", "P", "Q"):
        expected = getattr(a, name)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(getattr(b, name), expected, rtol=1e-11, atol=1e-12 * scale)
    found = minimise(divided, theta), minimise(model, theta)
    assert found[0] is not None
    assert found[1] is not None
    np.testing.assert_allclose(found[0].state.theta, found[1].state.theta, rtol=1e-10)
    effects = predict_effects(model, found[1].state)[0][0]
    by_part = [predict_effects(m, found[0].state)[0][0] for m in of_parts]
    order = np.argsort(np.concatenate([np.arange(k, 30, 3) for k in range(3)]))
    np.testing.assert_allclose(np.concatenate(by_part)[order], effects, rtol=1e-9, atol=1e-11)


def test_a_part_without_a_value_leaves_the_whole_without() -> None:
    whole, parts = some_parts(1)
    placed = placed_model(whole.columns, 1, reml=True)
    models = [placed.model(part) for part in parts]
    theta = np.array([1.0, -1.0])
    assert [moments_of_part(m, theta, 0) for m in models] == [None] * 3
    known = moments_of_part(models[0], np.ones(2), 2)
    assert known is not None
    divided = divided_model(models[0], lambda *_: [known, None])
    assert divided.moments(np.ones(2), 2) is None
    assert evaluate(divided, np.ones(2)) is None


def test_moments_add_by_parameter() -> None:
    whole, _ = some_parts(1)
    model = placed_model(whole.columns, 1, reml=True).model(whole)
    one = model.moments(np.array([1.0, 2.0]), 2)
    assert one is not None
    twice = add_moments([one, one])
    assert twice.log_det == 2 * one.log_det
    np.testing.assert_array_equal(twice.value[0], 2 * one.value[0])
    of_twice, of_one = twice.derivatives, one.derivatives
    assert of_twice is not None
    assert of_one is not None
    assert of_twice.ids.tolist() == of_one.ids.tolist() == [0, 1]
    assert np.transpose(of_twice.pairs).tolist() == [[0, 0], [0, 1], [1, 1]]
    for name in ("first", "second"):
        np.testing.assert_array_equal(getattr(of_twice, name)[0], 2 * getattr(of_one, name)[0])
        log = getattr(of_one, f"log_{name}")
        np.testing.assert_array_equal(getattr(of_twice, f"log_{name}"), 2 * log)


@pytest.mark.parametrize("r", [1, 2])
def test_pieces_of_many_subjects_give_the_same(r: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty subjects at once, and seven at a time: equal to the rounding of sums."""
    whole, _ = some_parts(r)
    placed = placed_model(whole.columns, r, reml=True)
    at_once = placed.model(whole)
    theta = np.array([1.3, 0.9] if r == 1 else [1.3, 0.2, 0.5, 0.9])
    one = evaluate(at_once, theta)
    monkeypatch.setattr(pieces, "_SUBJECTS", 7)
    in_pieces = placed.model(whole)
    other = evaluate(in_pieces, theta)
    assert one is not None
    assert other is not None
    assert other.deviance == pytest.approx(one.deviance, rel=1e-13)
    (taken,), (expected,) = in_pieces.pivots(theta), at_once.pivots(theta)
    np.testing.assert_allclose(taken.F, expected.F, rtol=1e-13)
    np.testing.assert_allclose(taken.Z_U, expected.Z_U, rtol=1e-13)
    a, b = slopes(at_once, one), slopes(in_pieces, other)
    for name in ("gradient", "average", "observed", "expected", "P", "Q"):
        expected = getattr(a, name)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(getattr(b, name), expected, rtol=1e-11, atol=1e-12 * scale)
    assert evaluate(in_pieces, -theta) is None
