"""Balance of several groups at once against its formulas, and a likelihood in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import ks_2samp

from trdstats.arrays import FloatArray, IntArray
from trdstats.kernels.weighting import multinomial
from trdstats.kernels.weighting.covariate_balance import CompareGroups, balance
from trdstats.kernels.weighting.distribution_gap import CutColumn


def test_several_groups_are_compared_as_two_at_a_time() -> None:
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(size=9_000), rng.integers(0, 2, 9_000), np.full(9_000, 0.1),
                         np.round(rng.normal(size=9_000), 1)])  # fmt: skip
    group, w = rng.integers(0, 3, 9_000), rng.uniform(0.5, 2, 9_000)
    groups = CompareGroups(X, group, 3)
    for a, b in ((0, 1), (2, 0), (1, 2)):
        one, other = group == a, group == b
        got = groups.compare(a, b, w)
        means = [np.average(X[g], axis=0, weights=w[g]) for g in (one, other)]
        spread = np.sqrt((X[one].var(axis=0, ddof=1) + X[other].var(axis=0, ddof=1)) / 2)
        expected = (means[0] - means[1]) / np.where(spread > 1e-9, spread, np.inf)
        # Sums of thousands of terms in another order: 1e-12 is rounding.
        assert got.standardised == pytest.approx(expected, rel=1e-10, abs=1e-12)
        assert got.standardised[2] == 0.0  # equal values, exactly
        part = [w[g] / w[g].sum() for g in (one, other)]
        variances = [
            p @ (X[g] - m) ** 2 / (1 - p @ p)
            for g, m, p in zip((one, other), means, part, strict=True)
        ]
        ratio = variances[0] / variances[1]
        assert got.variance_ratio[[0, 3]] == pytest.approx(ratio[[0, 3]], rel=1e-10)
        assert np.isnan(got.variance_ratio[1])
        plain = groups.compare(a, b, np.ones(9_000))
        for k in (0, 1, 3):
            ks = ks_2samp(X[one, k], X[other, k]).statistic
            assert plain.distance[k] == pytest.approx(ks, rel=1e-12)
        alone = balance(X[one], X[other], w[one], w[other])
        assert alone.distance == pytest.approx(got.distance, rel=1e-12)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])  # without effects, and where exp(x) is infinite
def test_the_likelihood_in_blocks_is_that_of_all_rows(
    monkeypatch: pytest.MonkeyPatch, k: int, size: float
) -> None:
    rng, n = np.random.default_rng(4), 1_000
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    treatment, counts = rng.integers(0, k, n), rng.integers(0, 3, n).astype(float)
    theta = size * rng.normal(size=(k - 1) * 4)
    monkeypatch.setattr(multinomial, "_ROWS", 64)
    search = multinomial.LikelihoodSearch(np.ascontiguousarray(X.T), treatment, k, counts)
    got = search(theta)
    eta = np.column_stack([np.zeros(n), X @ theta.reshape(k - 1, -1).T])
    log_p = log_softmax(eta, axis=1)
    p, Z = np.exp(log_p), np.eye(k)[treatment]
    assert got.loglik == pytest.approx(float(counts @ log_p[np.arange(n), treatment]), rel=1e-12)
    score = np.einsum("n,na,nq->aq", counts, (Z - p)[:, 1:], X).ravel()
    assert got.score == pytest.approx(score, rel=1e-10)
    inner = np.eye(k)[None] * p[:, :, None] - p[:, :, None] * p[:, None, :]
    H = np.einsum("n,nab,nq,nr->aqbr", counts, inner[:, 1:, 1:], X, X).reshape(len(theta), -1)
    # Far out nearly all curvature is rounding of 1 - p in these formulas.
    assert got.information == pytest.approx(H, rel=1e-10, abs=1e-12)
    assert pytest.approx(p, rel=1e-12) == got.probability.T
    again = search(theta + 1e-6)
    assert again.information is got.information
    assert search(theta + 1.0).information is not got.information


def gap_by_a_sort(x: FloatArray, group: IntArray, w: FloatArray) -> float:
    """Return the largest gap between two distribution functions, step by step in order."""
    steps = np.where(group == 0, w / w[group == 0].sum(), -w / w[group == 1].sum())
    values, place = np.unique(x, return_inverse=True)
    return float(np.abs(np.cumsum(np.bincount(place, steps, len(values)))).max())


@pytest.mark.parametrize("n", [2, 4096, 4097, 20_000])
def test_cells_hold_the_largest_gap_whatever_the_values(n: int) -> None:
    rng = np.random.default_rng(n)
    group, w = np.arange(n) % 2, rng.uniform(0.1, 3, n)
    order, rows = np.argsort(group, kind="stable"), (slice(0, (n + 1) // 2), slice((n + 1) // 2, n))
    steps = tuple(w[order][r] / w[order][r].sum() for r in rows)
    normal = rng.normal(size=n)
    columns = {
        "shifted": normal + 0.2 * group, "one value": np.full(n, 2.5),
        "0 and 1": rng.integers(0, 2, n).astype(float), "ties": np.round(normal, 2),
        "most in one cell": np.exp(9 * normal), "tiny": 1e-310 * normal,
        "largest numbers": rng.choice([-1.7e308, 0.0, 1.7e308], n), "apart": 5.0 * group,
        "alternating": 1e9 + np.arange(n),
    }  # fmt: skip
    for name, x in columns.items():
        column = CutColumn.of(x[order])
        sums = tuple(column.sums(r, step) for r, step in zip(rows, steps, strict=True))
        got = column.largest_gap(rows, steps, sums)
        assert got == pytest.approx(gap_by_a_sort(x, group, w), abs=1e-12), name
