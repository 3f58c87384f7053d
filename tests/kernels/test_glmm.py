"""Marginal likelihoods with random effects: against brute force, differences and closed forms."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import expit, gammaln
from scipy.stats import logistic, norm, poisson

from trdstats.arrays import FloatArray
from trdstats.kernels.glmm.deviations import deviations_of, entries_of
from trdstats.kernels.glmm.fit import MixedFit, fit_marginal
from trdstats.kernels.glmm.ordered import OrderedDesign, ordered_rows
from trdstats.kernels.glmm.population import population_mean, spread_of
from trdstats.kernels.glmm.profile import Profile
from trdstats.kernels.glmm.quadrature import Marginal, hermite_grid, marginal
from trdstats.kernels.glmm.rows import Rows
from trdstats.kernels.glmm.scaled import scale_rows
from trdstats.kernels.glmm.separation import looks_separated, recession, separated_rows
from trdstats.kernels.numerics.newton_loglik import influence_of

NONE = np.zeros(0, dtype=np.intp)


def made(link: str, r: int, n: int = 6, T: int = 4, seed: int = 1, spread: float = 1.0) -> Rows:
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), T)
    week = np.tile(np.arange(T) / T, n)
    X = np.column_stack([np.ones(n * T), rng.normal(size=n * T)])
    Z = np.column_stack([np.ones(n * T), week])[:, :r]
    eta = X @ [0.2, 0.5] + (Z * (spread * rng.normal(size=(n, r)))[subject]).sum(axis=1)
    if link == "log":
        y = rng.poisson(np.exp(eta)).astype(float)
    else:
        y = (rng.random(n * T) < expit(eta)).astype(float)
    return Rows(link, subject, X, Z, y, np.ones(n), NONE, np.zeros((0, 2)))  # type: ignore[arg-type]


def theta_for(rows: Rows) -> FloatArray:
    more = {1: [1.3], 3: [1.1, -0.4, 0.7], 2: [1.1, 0.7]}[len(rows.entries[0])]
    return np.array([0.1, 0.4, *more])


def at(rows: Rows, theta: FloatArray, points: int, *, curved: bool = False) -> Marginal:
    r = rows.Z.shape[1]
    found = marginal(rows, theta, hermite_grid(points, r), np.zeros((rows.n, r)), curved=curved)
    assert found is not None
    return found


def log_density(link: str, y: FloatArray, eta: FloatArray) -> FloatArray:
    if link == "log":
        return np.asarray(poisson.logpmf(y, np.exp(eta)))
    sign = np.where(y == 1, 1.0, -1.0)
    return np.asarray(logistic.logcdf(sign * eta) if link == "logit" else norm.logcdf(sign * eta))


LINKS = ["logit", "probit", "log"]


def density(rows: Rows, theta: FloatArray, subject: int, *v: float) -> float:
    """Return the joint density of one subject's outcomes and standardised effects."""
    own = rows.subject == subject
    u = rows.factor(theta) @ np.array(v)
    eta = rows.X[own] @ theta[: rows.n_fixed] + rows.Z[own] @ u
    return float(np.exp(log_density(rows.link, rows.y[own], eta).sum()) * norm.pdf(v).prod())


@pytest.mark.parametrize("link", LINKS)
def test_likelihood_against_brute_force(link: str) -> None:
    """Adaptive quadrature with 30 points against scipy.integrate, one effect and two."""
    for r in (1, 2):
        rows = made(link, r, n=2)
        theta = theta_for(rows)
        for i, value in enumerate(at(rows, theta, 30).each):
            of_subject = partial(density, rows, theta, i)
            if r == 1:
                exact = quad(of_subject, -8, 8, epsabs=1e-13)[0]
            else:  # equally spaced points, for which smooth densities are summed exactly
                line = np.linspace(-7, 7, 57)
                exact = sum(of_subject(a, b) for a in line for b in line) / 16
            assert value == pytest.approx(np.log(exact), abs=1e-6)


def test_one_point_is_laplace() -> None:
    """Mode and curvature of each subject found by a library's search."""
    rows = made("logit", 1)
    theta = theta_for(rows)
    for i, value in enumerate(at(rows, theta, 1).each):
        own = rows.subject == i
        fixed, y = rows.X[own] @ theta[:2], rows.y[own]

        def minus_h(v: float, fixed: FloatArray = fixed, y: FloatArray = y) -> float:
            return float(v**2 / 2 - log_density("logit", y, fixed + theta[2] * v).sum())

        v = minimize_scalar(minus_h, bounds=(-6, 6), method="bounded", options={"xatol": 1e-9}).x
        p = expit(fixed + theta[2] * v)
        H = 1 + theta[2] ** 2 * (p * (1 - p)).sum()
        assert value == pytest.approx(-minus_h(v) - np.log(H) / 2, abs=1e-7)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("points", [1, 4, 9])
@pytest.mark.parametrize("r", [1, 2])
def test_scores_are_exact_derivatives(link: str, points: int, r: int) -> None:
    """Of the quadrature itself, however few its points."""
    for correlated in {True, r == 1}:
        rows = replace(made(link, r), correlated=correlated)
        theta = theta_for(rows)
        numeric = np.empty((rows.n, len(theta)))
        for j in range(len(theta)):
            step = np.zeros(len(theta))
            step[j] = 1e-5
            above, below = at(rows, theta + step, points), at(rows, theta - step, points)
            numeric[:, j] = (above.each - below.each) / 2e-5
        assert at(rows, theta, points).scores == pytest.approx(numeric, abs=2e-9)


@pytest.mark.parametrize("link", LINKS)
def test_louis_information_is_the_curvature_of_many_points(link: str) -> None:
    rows = made(link, 2)
    theta = theta_for(rows)
    numeric = np.empty((len(theta), len(theta)))
    for j in range(len(theta)):
        step = np.zeros(len(theta))
        step[j] = 1e-5
        above, below = at(rows, theta + step, 25), at(rows, theta - step, 25)
        numeric[j] = (below.scores - above.scores).sum(axis=0) / 2e-5
    curvature = at(rows, theta, 25, curved=True).curvature
    assert curvature == pytest.approx(numeric, abs=1e-6 * np.abs(numeric).max())


def ordinal(n: int = 40, T: int = 3) -> tuple[OrderedDesign, FloatArray, FloatArray, Rows]:
    rng = np.random.default_rng(5)
    subject = np.repeat(np.arange(n), T)
    X = rng.normal(size=(n * T, 2))
    latent = X @ [0.8, -0.5] + 1.2 * rng.normal(size=n)[subject] + rng.logistic(size=n * T)
    y = np.digitize(latent, [-1.5, 0.0, 1.5])
    design = OrderedDesign(X, 3)
    rows = ordered_rows(design, y, subject.astype(np.intp), np.ones((n * T, 1)), np.ones(n))
    return design, X, y, rows


def test_ordinal_ratings_as_binary_rows() -> None:
    """The product of two binary rows and their pair is the cumulative probability."""
    _, X, y, rows = ordinal()
    theta = np.array([-1.4, 0.1, 1.6, 0.7, -0.4, 1.1])
    edges = np.concatenate(([-np.inf], theta[:3], [np.inf]))
    eta = X @ theta[3:5]
    value = at(rows, theta, 25).each
    for i in range(5):
        own = np.arange(3 * i, 3 * i + 3)

        def product(v: float, own: FloatArray = own) -> float:
            x = eta[own] + theta[5] * v
            p = expit(edges[y[own] + 1] - x) - expit(edges[y[own]] - x)
            return float(p.prod() * norm.pdf(v))

        assert value[i] == pytest.approx(np.log(quad(product, -8, 8)[0]), abs=1e-8)
    scores = at(rows, theta, 5).scores
    for j in range(6):
        step = np.zeros(6)
        step[j] = 1e-5
        numeric = (at(rows, theta + step, 5).each - at(rows, theta - step, 5).each) / 2e-5
        assert scores[:, j] == pytest.approx(numeric, abs=2e-9)
    assert marginal(rows, theta[[1, 0, 2, 3, 4, 5]], hermite_grid(5, 1), np.zeros((40, 1)),
                    curved=False) is None  # fmt: skip


def test_columns_by_threshold_nest_the_common_model() -> None:
    design, X, y, rows = ordinal()
    both = OrderedDesign(X, 3, by_threshold=(1,))
    more = ordered_rows(both, y, np.repeat(np.arange(40), 3), np.ones((120, 1)), np.ones(40))
    theta = np.array([-1.4, 0.1, 1.6, 0.7, -0.4, 1.1])
    wide = np.insert(theta, 5, [0.0, 0.0])
    assert at(more, wide, 9).each == pytest.approx(at(rows, theta, 9).each, abs=1e-12)
    common, own = fit_marginal(rows, 9, design.start(y)), fit_marginal(more, 9, both.start(y))
    assert common is not None
    assert own is not None
    assert own.loglik > common.loglik


def fitted(rows: Rows, points: int = 15) -> MixedFit:
    fit = fit_marginal(rows, points, np.zeros(rows.n_fixed))
    assert fit is not None
    assert fit.converged
    return fit


@pytest.mark.parametrize("link", LINKS)
def test_the_fit_is_a_maximum(link: str) -> None:
    rows = made(link, 1, n=60)
    fit = fitted(rows)
    assert fit.scores.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)
    assert np.linalg.eigvalsh(fit.information)[0] > 0
    influence = influence_of(fit.information, fit.scores)
    assert influence.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)


def test_units_of_covariates_do_not_matter() -> None:
    rows = made("logit", 2, n=80)
    fit = fitted(rows, 7)
    size, days = np.array([1.0, 1e-4]), np.array([1.0, 28.0])
    other = fitted(replace(rows, X=rows.X * size, Z=rows.Z * days), 7)
    assert other.loglik == pytest.approx(fit.loglik, abs=1e-8)
    assert other.theta[:2] * size == pytest.approx(fit.theta[:2], rel=1e-6, abs=1e-7)
    factor, scaled = rows.factor(fit.theta), rows.factor(other.theta)
    assert days[:, None] * scaled == pytest.approx(factor, rel=1e-5, abs=1e-6)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made("logit", 1, n=30)
    whole = at(rows, theta_for(rows), 9, curved=True)
    monkeypatch.setattr("trdstats.kernels.glmm.rows._BLOCK", 40)
    parts = at(rows, theta_for(rows), 9, curved=True)
    assert parts.each == pytest.approx(whole.each, abs=1e-13)
    assert parts.scores == pytest.approx(whole.scores, abs=1e-13)
    assert parts.curvature == pytest.approx(whole.curvature, rel=1e-12)


def test_a_variance_of_0_is_found_at_0() -> None:
    """Subjects who agree less than chance: every one has as many events as the others."""
    y = np.tile([1.0, 0.0, 1.0, 0.0], 30)
    rows = Rows("logit", np.repeat(np.arange(30), 4), np.ones((120, 1)), np.ones((120, 1)), y,
                np.ones(30), NONE, np.zeros((0, 1)))  # fmt: skip
    fit = fitted(rows)
    assert fit.at_zero.tolist() == [False, True]
    assert fit.theta == pytest.approx([0.0, 0.0], abs=1e-12)
    assert fit.loglik == pytest.approx(120 * np.log(0.5), abs=1e-10)


def test_constant_weights() -> None:
    rows = made("logit", 1, n=60)
    fit, other = fitted(rows), fitted(replace(rows, weight=np.full(60, 578.0)))
    assert other.theta == pytest.approx(fit.theta, abs=1e-8)
    assert other.information / 578 == pytest.approx(fit.information, rel=1e-6)
    repeated = fitted(replace(rows, weight=np.where(np.arange(60) == 0, 2.0, 1.0)))
    first = rows.subject == 0
    copied = Rows("logit", np.concatenate((rows.subject, np.full(first.sum(), 60))),
                  np.vstack((rows.X, rows.X[first])), np.vstack((rows.Z, rows.Z[first])),
                  np.concatenate((rows.y, rows.y[first])), np.ones(61), NONE,
                  np.zeros((0, 2)))  # fmt: skip
    assert fitted(copied).theta == pytest.approx(repeated.theta, abs=1e-8)


def test_separation() -> None:
    rows = made("logit", 1, n=60)
    assert not recession(rows).any()
    assert not looks_separated(rows, fitted(rows).theta[:2])
    assert looks_separated(rows, None)
    group = (rows.subject < 20).astype(float)
    X = np.column_stack([rows.X, group])
    all_events = replace(rows, X=X, y=np.where(group == 1, 1.0, rows.y), pair=np.zeros((0, 3)))
    direction = recession(all_events)
    assert (direction != 0).tolist() == [False, False, True]
    assert (separated_rows(all_events, direction) == (group == 1)).all()
    counts = made("log", 1, n=60)
    none = replace(counts, X=X, y=np.where(group == 1, 0.0, counts.y), pair=np.zeros((0, 3)))
    assert (recession(none) != 0).tolist() == [False, False, True]
    assert looks_separated(none, np.array([0.0, 0.0, -30.0]))
    nothing = replace(counts, y=np.zeros_like(counts.y))
    assert recession(nothing)[0] < 0


def test_profile_falls_by_the_critical_value() -> None:
    rows = made("logit", 2, n=80, spread=2.0)
    fit = fitted(rows, 7)
    profile = Profile.of(rows, fit, 7)
    assert profile.psi[2:] == pytest.approx(
        deviations_of(rows.factor(fit.theta), correlated=True), abs=1e-12
    )
    for j, least in ((1, -np.inf), (2, 0.0)):
        low = profile.limit(j, -1, 1.96, bound=least)
        high = profile.limit(j, 1, 1.96)
        assert low < profile.psi[j] < high
        for end in (low, high):
            if end > least:
                assert profile.ratio_at(j, end) == pytest.approx(1.96**2, abs=1e-3)
    assert profile.ratio_at(1, profile.psi[1]) == pytest.approx(0.0, abs=1e-8)


def test_profile_reaches_the_boundary() -> None:
    rows = made("logit", 1, n=60, spread=0.7, seed=4)
    profile = Profile.of(rows, fitted(rows), 15)
    assert profile.ratio_at(2, 1e-6) < 1.96**2
    assert profile.limit(2, -1, 1.96, bound=0.0) == 0.0


def test_deviations_and_their_derivatives() -> None:
    deviations = np.array([1.3, 0.7, -0.4])
    entries, jacobian = entries_of(deviations, correlated=True)
    factor = np.array([[entries[0], 0.0], [entries[1], entries[2]]])
    assert deviations_of(factor, correlated=True) == pytest.approx(deviations)
    for j in range(3):
        step = np.zeros(3)
        step[j] = 1e-6
        above, below = (entries_of(deviations + s * step, correlated=True)[0] for s in (1, -1))
        assert jacobian[:, j] == pytest.approx((above - below) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0, 8.0, 30.0])
def test_population_mean(spread: float) -> None:
    eta = np.array([-3.0, 0.4, 2.0])
    s = np.full(3, spread)
    mean, of_eta, of_spread = population_mean("logit", eta, s)
    for e, m in zip(eta, mean, strict=True):
        middle = [-e / spread] if spread > 0 and abs(e / spread) < 9 else None
        exact = quad(lambda v, e=e: expit(e + spread * v) * norm.pdf(v), -9, 9, points=middle,
                     epsabs=1e-13, limit=300)[0]  # fmt: skip
        assert m == pytest.approx(exact, abs=1e-10)
    for link in LINKS:
        if link == "log" and spread > 2:
            continue
        mean, of_eta, of_spread = population_mean(link, eta, s)  # type: ignore[arg-type]
        h = 1e-5
        up, down = (population_mean(link, eta + d, s)[0] for d in (h, -h))  # type: ignore[arg-type]
        assert of_eta == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9)
        if spread > 0:
            up, down = (population_mean(link, eta, s + d)[0] for d in (h, -h))  # type: ignore[arg-type]
            assert of_spread == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9)


def test_spread_and_its_derivatives() -> None:
    Z = np.array([[1.0, 0.0], [1.0, 3.0]])
    factor = np.array([[1.2, 0.0], [-0.3, 0.5]])
    spread, slope = spread_of(Z, factor)
    assert spread**2 == pytest.approx(np.diag(Z @ factor @ factor.T @ Z.T))
    for a, b in ((0, 0), (1, 0), (1, 1)):
        step = np.zeros((2, 2))
        step[a, b] = 1e-6
        numeric = (spread_of(Z, factor + step)[0] - spread_of(Z, factor - step)[0]) / 2e-6
        assert slope[:, a, b] == pytest.approx(numeric, abs=1e-8)


def test_counts_include_their_constant() -> None:
    rows = made("log", 1)
    theta = np.array([0.2, 0.1, 0.0])
    eta = rows.X @ theta[:2]
    expected = (rows.y * eta - np.exp(eta) - gammaln(rows.y + 1)).sum()
    assert at(rows, theta, 3).each.sum() == pytest.approx(expected)


def test_scaling_is_undone() -> None:
    scaled = scale_rows(made("logit", 2))
    assert scaled.to_given @ scaled.to_scaled == pytest.approx(np.eye(5), abs=1e-12)
