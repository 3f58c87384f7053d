"""Which combinations are estimable, against the rank of the whole design."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from trdstats.kernels.gaussian.estimability import Estimability, judge_columns
from trdstats.kernels.gaussian.subject_blocks import SubjectBlocks

FloatArray = npt.NDArray[np.float64]


def judged(X: FloatArray, last: tuple[int, ...] = ()) -> Estimability:
    z = np.column_stack([X, np.zeros(len(X))])[:, None, :]
    n = len(X)
    return judge_columns(
        SubjectBlocks(z, np.ones((n, 1), dtype=bool), np.arange(n), np.ones(n)), last
    )


def indicator(code: FloatArray, n: int) -> FloatArray:
    return np.asarray(code[:, None] == np.arange(n), dtype=float)


def design(cells: list[tuple[int, int, int]], x: FloatArray) -> FloatArray:
    """Return intercept, a, b, site, a by b and a number: more columns than any rank."""
    a, b, site = (np.array(c) for c in zip(*cells, strict=True))
    A, B, S = indicator(a, 3), indicator(b, 3), indicator(site, 3)
    AB = np.einsum("ni,nj->nij", A, B).reshape(len(a), -1)
    return np.column_stack([np.ones(len(a)), A, B, S, AB, x, 2 * x + A[:, 0]])


ALL = list(product(range(3), range(3), range(3)))


@settings(max_examples=40, deadline=None)
@given(
    seen=st.lists(st.sampled_from(ALL), min_size=3, max_size=25),
    seed=st.integers(0, 10_000),
    units=st.integers(-9, 9),
)
# Columns kept first are nearly collinear here: rounding once passed for a fifth column of rank 4.
@example(seen=[(2, 1, 1), (1, 2, 2), (0, 1, 2), (1, 1, 1)], seed=560, units=1)
def test_estimable_is_what_does_not_raise_the_rank(
    seen: list[tuple[int, int, int]], seed: int, units: int
) -> None:
    rng = np.random.default_rng(seed)
    X = design(seen, rng.normal(5, 1, len(seen)))
    rows = design(ALL, np.full(len(ALL), 5.0))
    L = np.vstack([rows, rng.normal(size=(2, len(X))) @ X, rows[rng.integers(0, 27, 9)] - rows[:9]])
    rank = np.linalg.matrix_rank(X, tol=1e-8)
    # A number that hardly differs between the cells is a matter of rounding, for the rank too.
    assume(np.linalg.svd(X, compute_uv=False)[rank - 1] > 1e-2)
    expected = [np.linalg.matrix_rank(np.vstack([X, row]), tol=1e-8) == rank for row in L]
    # Neither units nor the order of the columns have a part in the answer.
    scale = 10.0 ** rng.integers(-abs(units), abs(units) + 1, X.shape[1])
    order = rng.permutation(X.shape[1])
    for one, by in ((X, L), (X * scale, L * scale), (X[:, order], L[:, order])):
        found = judged(one)
        assert found.is_estimable(by).tolist() == expected
        assert np.abs(one @ found.null).max(initial=0) < 1e-8 * np.abs(one).max() * max(
            np.abs(found.null).max(initial=0), 1
        )
        part, lost = found.estimable_part(by)
        # The null space of a few rows with a nearly constant number is known to about 1e-10.
        assert found.is_estimable(part, np.tile(np.abs(by).max(axis=0), (len(part), 1))).all()
        both = np.linalg.matrix_rank(L, tol=1e-8) + rank
        shared = both - np.linalg.matrix_rank(np.vstack([X, L]), tol=1e-8)
        if one is X:
            assert np.linalg.matrix_rank(part, tol=1e-7) == shared
            assert shared + lost == np.linalg.matrix_rank(L, tol=1e-8)


def test_an_estimate_does_not_depend_on_which_columns_are_left_out() -> None:
    rng = np.random.default_rng(2)
    seen = [ALL[k] for k in rng.integers(0, 27, 40) if ALL[k][:2] != (2, 0)]
    X = design(seen, rng.normal(5, 1, len(seen)))
    y, L = rng.normal(size=len(seen)), design(ALL, np.full(27, 5.0))
    found = []
    for last in ((), tuple(range(1, 10)), tuple(range(10, 19))):
        own = judged(X, last)
        assert len(own.kept) == np.linalg.matrix_rank(X)
        beta = np.linalg.lstsq(X[:, own.kept], y, rcond=None)[0]
        usable = own.is_estimable(L)
        found.append(np.where(usable, L[:, own.kept] @ beta, np.nan))
    assert np.isnan(found[0]).tolist() == [cell[:2] == (2, 0) for cell in ALL]
    np.testing.assert_allclose(found[1], found[0], atol=1e-9)
    np.testing.assert_allclose(found[2], found[0], atol=1e-9)


def test_columns_that_come_last_are_left_out() -> None:
    a = np.array([0.0, 0, 1, 1])
    X = np.column_stack([np.ones(4), a, a * [0, 0, 1, 0], a * [0, 0, 0, 1]])
    assert judged(X).left_out.tolist() == [3]
    found = judged(X, (1,))
    assert (found.kept.tolist(), found.left_out.tolist()) == ([0, 2, 3], [1])
    np.testing.assert_allclose(found.null[:, 0], [0, 1, -1, -1], atol=1e-12)
    # Without the column the others are effects by themselves.
    assert found.is_estimable(np.eye(4)).tolist() == [True, False, False, False]
    assert found.without((1,)).is_estimable(np.eye(4)[[0, 2, 3]]).all()
