"""Random effects taken out level by level, against the dense multivariate normal.

Every number is that of the dense covariance matrix V of all ratings: log|V|, r'V^-1 r, and
differences of them for derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from trdstats.kernels.gaussian.covariance import Shape, power_correlation, scaled
from trdstats.kernels.random_effects.chain import Chain, sort_rows
from trdstats.kernels.random_effects.effects import Effects, split
from trdstats.kernels.random_effects.likelihood import RandomModel, State, evaluate, slopes
from trdstats.kernels.random_effects.predictions import predict_effects
from trdstats.kernels.random_effects.residuals import Residuals, Structured, independent
from trdstats.kernels.random_effects.search import minimise

T = 6


@dataclass(frozen=True)
class Rows:
    """Ratings in the order of the chain."""

    model: RandomModel
    z: Any
    Z: list[Any]
    site: Any
    subject: Any
    visit: Any
    rater: Any


def serial(theta: Any) -> Shape:
    gap = np.abs(np.subtract.outer(np.arange(T), np.arange(T))).astype(float)
    return scaled(theta[:1], power_correlation(theta[1:], gap))


def drawn(*, of_site: int, of_subject: int, raters: int, is_serial: bool, reml: bool) -> Rows:
    """Four sites of five subjects with up to six ratings, a tenth of them missing."""
    rng = np.random.default_rng(0)
    keep = rng.random(20 * T) < 0.9
    site, subject = np.repeat(np.arange(4), 5 * T)[keep], np.repeat(np.arange(20), T)[keep]
    visit, N = np.tile(np.arange(T), 20)[keep], int(keep.sum())
    rater = rng.integers(0, max(raters, 1), N)
    Z = [rng.normal(size=(N, r)) for r in (of_subject, of_site)]
    for design in Z:
        design[:, 0] = 1
    X = rng.normal(size=(N, 3))
    y = X.sum(axis=1) + rng.normal(size=4)[site] + rng.normal(size=20)[subject]
    y = y + rng.normal(size=N) + (rng.normal(size=raters)[rater] if raters else 0)
    mixed = rng.permutation(N)
    order, starts, codes = sort_rows([subject[mixed], site[mixed]])
    order = mixed[order]
    z, Z = np.c_[X, y][order], [design[order] for design in Z]
    site, subject, visit, rater = site[order], subject[order], visit[order], rater[order]
    factors = [Effects(of_site, True), Effects(of_subject, True)]
    widths, groups, columns = [of_subject, of_site], [4, 20], None
    if raters:
        columns = sparse.csr_matrix((np.ones(N), (np.arange(N), rater)))
        factors.append(Effects(1, True))
        widths.append(raters)
        groups.append(raters)
        starts, codes = [*starts, np.zeros(1, int)], [*codes, np.zeros(1, int)]
    chain = Chain((*widths, 4), tuple(starts), tuple(codes))
    residuals: Residuals = independent(chain, Z, columns, z)
    if is_serial:
        place = chain.above(0, 0)[np.searchsorted(starts[0], np.arange(N), side="right") - 1]
        U, rated = np.zeros((20, T, sum(widths) + 4)), np.zeros((20, T), dtype=bool)
        crossed = [] if columns is None else [columns.toarray()]
        U[place, visit] = np.concatenate([*Z, *crossed, z], axis=1)
        rated[place, visit] = True
        residuals = Structured(serial, 2, np.zeros(20, int), rated, U)
    model = RandomModel(
        chain, tuple(factors), int(raters > 0), tuple(groups), residuals, N, reml
    )  # fmt: skip
    return Rows(model, z, Z, site, subject, visit, rater)


def parameters(rows: Rows) -> Any:
    rng = np.random.default_rng(3)
    parts = []
    for factor in rows.model.factors:
        root = rng.normal(size=(factor.n_effects, factor.n_effects))
        parts.append((root @ root.T + np.eye(factor.n_effects))[factor.entries])
    is_serial = isinstance(rows.model.residuals, Structured)
    return np.concatenate([*parts, [1.3, 0.4] if is_serial else [1.3]])


def dense(rows: Rows, theta: Any) -> Any:
    factors = rows.model.factors
    of_site, of_subject, *of_rater = split(factors, theta)
    residual = theta[sum(f.size for f in factors) :]
    same_site, same = (code[:, None] == code for code in (rows.site, rows.subject))
    V = same_site * (rows.Z[1] @ factors[0].matrix(of_site) @ rows.Z[1].T)
    V = V + same * (rows.Z[0] @ factors[1].matrix(of_subject) @ rows.Z[0].T)
    if of_rater:
        V = V + of_rater[0] * (rows.rater[:, None] == rows.rater)
    if len(residual) == 2:
        return V + same * residual[0] * residual[1] ** np.abs(rows.visit[:, None] - rows.visit)
    return V + residual[0] * np.eye(len(V))


def deviance(rows: Rows, theta: Any) -> tuple[float, Any]:
    V, X, y = dense(rows, theta), rows.z[:, :-1], rows.z[:, -1]
    W = np.linalg.inv(V)
    information = X.T @ W @ X
    beta = np.linalg.solve(information, X.T @ W @ y)
    r, reml = y - X @ beta, rows.model.reml
    value = np.linalg.slogdet(V)[1] + r @ W @ r
    value += (len(y) - (3 if reml else 0)) * np.log(2 * np.pi)
    return value + (np.linalg.slogdet(information)[1] if reml else 0.0), beta


def at(rows: Rows, theta: Any) -> State:
    state = evaluate(rows.model, theta)
    assert state is not None
    return state


CASES = [
    {"of_site": 1, "of_subject": 2},
    {"of_site": 1, "of_subject": 1},
    {"of_site": 2, "of_subject": 3},
    {"of_site": 1, "of_subject": 2, "raters": 4},
    {"of_site": 1, "of_subject": 1, "raters": 3, "reml": False},
    {"of_site": 1, "of_subject": 2, "is_serial": True},
    {"of_site": 1, "of_subject": 1, "is_serial": True, "raters": 3},
    {"of_site": 1, "of_subject": 2, "is_serial": True, "reml": False},
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_likelihood_and_derivatives_are_those_of_the_dense_covariance(case: Any) -> None:
    rows = drawn(**{"raters": 0, "is_serial": False, "reml": True} | case)
    theta = parameters(rows)
    state = at(rows, theta)
    value, beta = deviance(rows, theta)
    assert state.deviance == pytest.approx(value, abs=1e-9)
    assert state.beta == pytest.approx(beta, abs=1e-11)
    found, steps = slopes(rows.model, state), 1e-5 * np.eye(len(theta))
    differences = [deviance(rows, theta + e)[0] - deviance(rows, theta - e)[0] for e in steps]
    assert found.gradient == pytest.approx(np.array(differences) / 2e-5, abs=1e-6)
    curves = [
        slopes(rows.model, at(rows, theta + e)).gradient
        - slopes(rows.model, at(rows, theta - e)).gradient
        for e in steps
    ]
    assert found.observed == pytest.approx(np.array(curves) / 2e-5, abs=1e-5)


@pytest.mark.parametrize("case", [CASES[0], CASES[3], CASES[5]], ids=str)
def test_what_inference_needs_is_that_of_the_dense_covariance(case: Any) -> None:
    rows = drawn(**{"raters": 0, "is_serial": False, "reml": True} | case)
    theta, X = parameters(rows), rows.z[:, :-1]
    found = slopes(rows.model, at(rows, theta))
    W = np.linalg.inv(dense(rows, theta))
    steps = 1e-4 * np.eye(len(theta))
    V = [(dense(rows, theta + e) - dense(rows, theta - e)) / 2e-4 for e in steps]
    WX = W @ X
    P = W - WX @ np.linalg.inv(X.T @ WX) @ WX.T
    for h, V_h in enumerate(V):
        assert found.P[h] == pytest.approx(WX.T @ V_h @ WX, abs=1e-5)
        for k, V_k in enumerate(V):
            assert found.expected[h, k] == pytest.approx(np.trace(P @ V_h @ P @ V_k), abs=1e-5)
            Q = WX.T @ V_h @ W @ V_k @ WX
            assert found.Q[h, k] == pytest.approx((Q + Q.T) / 2, abs=1e-5)
    if found.R is not None:
        bent = (
            dense(rows, theta + steps[-1]) + dense(rows, theta - steps[-1]) - 2 * dense(rows, theta)
        )
        assert found.R[-1, -1] == pytest.approx(WX.T @ bent @ WX / 1e-8, abs=1e-4)


@pytest.mark.parametrize("case", [CASES[2], CASES[3], CASES[6]], ids=str)
def test_predictions_are_those_of_the_dense_covariance(case: Any) -> None:
    """Effects are G Z'V^-1 r with the error G - G Z'V^-1 Z G."""
    rows = drawn(**{"raters": 0, "is_serial": False, "reml": True} | case)
    theta = parameters(rows)
    state, W = at(rows, theta), np.linalg.inv(dense(rows, theta))
    r = rows.z[:, -1] - rows.z[:, :-1] @ state.beta
    predicted = predict_effects(rows.model, state)
    thetas = split(rows.model.factors, theta)
    for level, code, factor in ((0, rows.subject, 1), (1, rows.site, 0)):
        G = rows.model.factors[factor].matrix(thetas[factor])
        effect, error = predicted[level]
        for k, group in enumerate(rows.model.chain.codes[level]):
            Z = np.where((code == group)[:, None], rows.Z[level], 0.0)
            assert effect[k] == pytest.approx(G @ Z.T @ W @ r, abs=1e-10)
            assert error[k] == pytest.approx(G - G @ Z.T @ W @ Z @ G, abs=1e-10)
    if rows.model.n_crossed:
        Z = np.eye(rows.model.groups[-1])[rows.rater]
        g, (effect, error) = thetas[2][0], predicted[2]
        assert effect[0] == pytest.approx(g * Z.T @ W @ r, abs=1e-10)
        eye = np.eye(len(Z[0]))
        assert error[0] == pytest.approx(g * eye - g**2 * Z.T @ W @ Z, abs=1e-10)


def test_a_variance_of_zero_is_reached() -> None:
    """Ratings that differ less between subjects than chance has it: variance 0, and least squares.

    REML is then that of independent ratings: RSS / (N - q).
    """
    rng = np.random.default_rng(1)
    subject, N = np.repeat(np.arange(30), 4), 120
    noise = rng.normal(size=(30, 4))
    y = (noise - 1.2 * noise.mean(axis=1, keepdims=True)).ravel()
    z = np.c_[np.ones(N), y]
    _, starts, codes = sort_rows([subject])
    chain = Chain((1, 2), tuple(starts), tuple(codes))
    residuals = independent(chain, [np.ones((N, 1))], None, z)
    model = RandomModel(chain, (Effects(1, True),), 0, (30,), residuals, N, True)
    found = minimise(model, np.array([0.5, 0.5]))
    assert found is not None
    assert found.is_minimum
    assert found.singular == (0,)
    assert found.state.theta == pytest.approx([0, y.var(ddof=1)], abs=1e-12)
    assert found.gradient[0] > 0
    assert found.observed[0, 0] == 0
    assert found.observed[1, 1] == pytest.approx(2 * y.var(ddof=1) ** 2 / (N - 1))
