"""Tails of the largest statistic of a family, far out: where counts of draws stop at 1 / draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from trdstats import MMRM, Remission, load_sample, multiverse
from trdstats.estimates import adjust_single_step
from trdstats.kernels.numerics.joint_tails import common_factor, drawn_tails, factor_tails
from trdstats.kernels.numerics.tails import many_t_isf

ANY_DF = st.sampled_from([1.0, 2.5, 8.0, 40.0, 250.0, np.inf])


def sf(level: float, df: float) -> float:
    return float(norm.sf(level) if np.isinf(df) else t.sf(level, df))


def test_dunnett_of_the_reference_trial() -> None:
    """Two treatments against TMS at day 14: the counts of 400,000 draws stopped at 2.5e-6.

    5.83e-10 and 4.39e-6 are the integral over the common factor of two contrasts.
    """
    rows = load_sample("trial").longitudinal(days=[7, 14, 21, 28])
    spec = MMRM("change ~ baseline * visit + treatment * visit", ddf="kenward-roger")
    margins = spec.fit(rows).margins("treatment", by="visit")
    found = margins.contrasts(reference="TMS", adjust="dunnett").tidy()
    own = found[found["visit"] == 14]
    assert own["statistic"].to_numpy() == pytest.approx([-6.563, -4.844], abs=5e-4)
    assert own["p_value"].to_numpy() == pytest.approx([5.83e-10, 4.39e-6], rel=2e-3)
    alone = margins.contrasts(reference="TMS").tidy()["p_value"]
    assert (found["p_value"] > alone).all()
    # One df a family, the mean of those of its contrasts: hence not below twice p exactly.
    assert (found["p_value"] < 2.01 * alone).all()


def test_one_factor_against_brute_force() -> None:
    """By scipy 1.17.1, dblquad of Dunnett's integrand over factor and scale, epsrel=1e-8."""
    p = factor_tails(np.array([0.8, -0.4, 0.6]), np.array([5.0]), df=7.0)[0][0]
    assert p == pytest.approx(0.004170957235487289, rel=1e-8)


def test_moderate_tails_of_r() -> None:
    """R 4.2.2, mvtnorm 1.1.3: 1 - pmvt(-2.5, 2.5, df, corr, GenzBretz(maxpts=5e6, abseps=1e-9))."""
    equal = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    found = adjust_single_step(np.array([2.5, 0, 0]), equal, df=20, conf_level=0.95)
    assert found.p_value[0] == pytest.approx(0.0543076, abs=5e-7)  # its own error is 4e-7
    # scipy 1.17.1 quad over the scale, epsrel=1e-12.
    assert found.p_value[0] == pytest.approx(0.0543078058958, rel=1e-8)
    assert found.critical == pytest.approx(2.5403467, abs=1e-5)  # qmvt(.95, "both", df = 20)
    # No one factor: drawn, with an error that is known.
    other = np.array([1, 0.5, -0.5, 0.2, 0.5, 1, 0.5, 0.3, -0.5, 0.5, 1, 0.1, 0.2, 0.3, 0.1, 1])
    other = other.reshape(4, 4)
    assert common_factor(other) is None
    found = adjust_single_step(np.array([2.5, 6.0, 0, 0]), other, df=12, conf_level=0.95)
    assert 0 < found.relative_error < 3e-3
    for p, of_r in zip(found.p_value, (0.08897066714, 2.28140436e-4), strict=False):
        assert p == pytest.approx(of_r, rel=4 * found.relative_error)


@pytest.mark.parametrize("df", [1.0, 2.5, 8.0, 40.0, 1e5, np.inf])
def test_points_of_many_draws_are_those_of_scipy(df: float) -> None:
    """They come from a spline between some thousand of them."""
    uniform = np.append(np.random.default_rng(3).uniform(size=20_000), [1e-9, 1 - 1e-9])
    for level in (0.0, 1.0, 4.0, 25.0):
        tail = sf(level, df)
        exact = norm.isf(tail * uniform) if np.isinf(df) else t.isf(tail * uniform, df)
        # Near 0 the points of scipy have their digits after the point.
        assert many_t_isf(tail * uniform, df) == pytest.approx(exact, rel=1e-10, abs=1e-10)
    # Where probabilities are no longer normal numbers, each point is found by itself.
    tiny = 1e-300 * uniform
    exact = norm.isf(tiny) if np.isinf(df) else t.isf(tiny, df)
    assert many_t_isf(tiny, df) == pytest.approx(exact, rel=1e-10)


@settings(max_examples=15, deadline=None)
@given(k=st.integers(1, 6), level=st.floats(0.1, 14), df=ANY_DF)
def test_independent_and_equal_estimates(k: int, level: float, df: float) -> None:
    copies = factor_tails(np.ones(k), np.array([level]), df=df)[0][0]
    assert copies == pytest.approx(2 * sf(level, df), rel=1e-7)
    if np.isinf(df):
        apart = factor_tails(np.zeros(k), np.array([level]), df=df)[0][0]
        assert apart == pytest.approx(-np.expm1(k * np.log1p(-2 * norm.sf(level))), rel=1e-9)


@settings(max_examples=6, deadline=None)
@given(
    loadings=st.lists(st.integers(-98, 98), min_size=2, max_size=5),
    level=st.floats(0.5, 9),
    df=ANY_DF,
)
def test_draws_and_integral_are_the_same(loadings: list[int], level: float, df: float) -> None:
    factor = np.array(loadings) / 100
    correlation = np.outer(factor, factor)
    np.fill_diagonal(correlation, 1.0)
    exact = factor_tails(factor, np.array([level]), df=df)[0][0]
    rng = np.random.default_rng(5)
    drawn, error = drawn_tails(correlation, np.array([level]), draws=10_000, rng=rng, df=df)
    assert drawn[0] == pytest.approx(exact, rel=max(6 * error[0], 1e-3))
    single = 2 * sf(level, df)
    assert single * (1 - 1e-6) <= exact <= min(len(factor) * single, 1.0) * (1 + 1e-6)
    again = common_factor(correlation)
    assert again is not None
    assert factor_tails(again, np.array([level]), df=df)[0][0] == pytest.approx(exact, rel=1e-6)


def test_what_is_not_estimable_takes_no_part() -> None:
    V = np.diag([4.0, 9.0, np.nan])
    V[2] = V[:, 2] = np.nan
    found = adjust_single_step(np.array([3.0, 1.0, np.nan]), V, df=np.inf, conf_level=0.95)
    two = adjust_single_step(np.array([3.0, 1.0]), V[:2, :2], df=np.inf, conf_level=0.95)
    assert np.isnan(found.p_value[2])
    assert found.p_value[:2].tolist() == two.p_value.tolist()
    assert found.critical == two.critical


def test_joint_p_of_a_multiverse_goes_below_the_number_of_draws() -> None:
    trial = load_sample("trial")
    cutoffs = [Remission(at_most=c) for c in (9, 10, 12, 14, 16)]
    options = {"primary": cutoffs[1], "day": 14, "contrast": ("ECT", "TMS")}
    few, many = (
        multiverse(trial, cutoffs, draws=n, **options).tidy()  # type: ignore[arg-type]
        for n in (2_000, 60_000)
    )
    p = many["p_joint"].to_numpy()
    assert p.min() < 1e-6
    assert few["p_joint"].to_numpy() == pytest.approx(p, rel=0.1)
    assert ((many["p_value"] <= p * 1.001) & (p <= 5 * many["p_value"] * 1.001)).all()
    order = many.sort_values("statistic", key=lambda s: -s.abs())["p_joint"]
    pd.testing.assert_series_equal(order, order.sort_values(), check_names=False)
