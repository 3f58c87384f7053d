"""Subjects who are alike are one row of a likelihood: the same numbers as a row each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trdstats.arrays import FloatArray
from trdstats.kernels.numerics.distinct import equal_rows
from trdstats.kernels.parametric import aft, kinds_of_subject
from trdstats.kernels.parametric.aft import fit_aft
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kernels.parametric.mixture_cure import fit_cure
from trdstats.kernels.parametric.piecewise_hazards import fit_piecewise


@given(st.lists(st.tuples(st.sampled_from([-np.inf, 0.0, 0.5]), st.integers(0, 3)), max_size=40))
def test_rows_alike_are_those_equal_in_all_columns(rows: list[tuple[float, int]]) -> None:
    columns = [np.array([r[j] for r in rows], dtype=float) for j in range(2)]
    kinds = equal_rows(columns, len(rows))
    if kinds is None:
        assert 2 * len(set(rows)) > len(rows)
        return
    first, place = kinds
    assert len(first) == len(set(rows)) or not rows
    assert [rows[i] for i in first[place]] == rows
    assert all(rows.index(rows[i]) == i for i in first)  # the first of its kind


def test_many_kinds_are_no_kinds() -> None:
    days = np.arange(1000.0)
    assert equal_rows([np.ones(1000), days], 1000) is None
    # Few values in each of two columns, and half as many pairs as rows or more.
    assert equal_rows([days // 40, days % 40], 1000) is None


def _trial(n: int = 600) -> tuple[CensoredTimes, FloatArray, FloatArray]:
    rng = np.random.default_rng(6)
    time, visits = 30 * rng.weibull(1.3, n), np.array([0, 7, 14, 28, 56, 84, np.inf])
    time[rng.random(n) < 0.4] = np.inf  # never respond
    at = np.searchsorted(visits, time)
    treated = (np.arange(n) % 2).astype(float)
    entry = np.where(np.arange(n) % 5 == 0, 3.0, 0.0)
    left = np.maximum(visits[at - 1], entry)
    times = CensoredTimes.of(left, np.where(at == 6, np.inf, visits[at]), entry)
    return times, np.column_stack([np.ones(n), treated]), rng.choice([0.5, 1.0, 2.5], n)


@pytest.fixture
def each_alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(kinds_of_subject, "equal_rows", lambda columns, n: None)
    return monkeypatch


@pytest.mark.parametrize("model", ["weibull", "generalised gamma", "cure", "piecewise"])
def test_fits_are_those_of_a_row_each(model: str, each_alone: pytest.MonkeyPatch) -> None:
    times, X, weight = _trial()

    def fit() -> aft.ParametricFit:
        if model == "cure":
            return fit_cure(times, X, X, weight, "weibull")
        if model == "piecewise":
            top = fit_piecewise(times, X[:, 1:], weight, np.array([14.0, 28.0]))
            assert top is not None
            return top
        return fit_aft(times, X, weight, "weibull" if model == "weibull" else "generalised gamma")

    alone = fit()
    each_alone.undo()
    together = fit()
    # Sums in another order, and where the search stops: rounding of a quadratic search.
    assert together.loglik == pytest.approx(alone.loglik, rel=1e-13)
    assert together.theta == pytest.approx(alone.theta, rel=1e-8, abs=1e-8)
    assert together.scores == pytest.approx(alone.scores, rel=1e-7, abs=1e-7)
    assert together.covariance() == pytest.approx(alone.covariance(), rel=1e-7, abs=1e-9)
    assert together.converged == alone.converged
