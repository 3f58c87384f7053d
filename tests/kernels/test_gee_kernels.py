"""Kernels of estimating equations: separation, working correlations, degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest

from trdstats.kernels.gee.batches import lay_out
from trdstats.kernels.gee.degrees import Kind, Rule, TermsInMemory
from trdstats.kernels.gee.fit import GEEFit, independent, solve
from trdstats.kernels.gee.means import CumulativeLogit, OneMean
from trdstats.kernels.gee.ratings import RatingRows, WhitenedRows
from trdstats.kernels.gee.sandwich import infer
from trdstats.kernels.gee.separation import separated_rows
from trdstats.kernels.gee.working import classify


def small_fit(structure: str = "exchangeable", n: int = 25) -> GEEFit:
    rng = np.random.default_rng(2)
    size = rng.integers(1, 5, n)
    person = np.repeat(np.arange(n), size)
    visit = np.concatenate([np.sort(rng.permutation(4)[:m]) for m in size]).astype(float)
    X = np.column_stack([np.ones(len(person)), rng.normal(size=len(person)), (person % 2) * 1.0])
    u = rng.normal(size=n)[person]
    y = (rng.random(len(person)) < 1 / (1 + np.exp(-0.5 * X[:, 1] - u))) * 1.0
    weight = np.ones(len(person))
    model = OneMean(X, y, weight, "logit", "binomial")
    start, settled = independent(RatingRows(model, weight))
    assert settled
    place = visit if structure in ("ar1", "unstructured") else np.zeros(len(person))
    pairs = classify(structure, lay_out(person, place), weight, 4)  # type: ignore[arg-type]
    return solve(RatingRows(model, weight, pairs), start)


def rows_of(fit: GEEFit) -> WhitenedRows:
    assert isinstance(fit.whitened, WhitenedRows)
    return fit.whitened


@pytest.mark.parametrize("structure", ["independence", "exchangeable", "ar1", "unstructured"])
def test_the_solution_is_a_zero_of_the_equations(structure: str) -> None:
    fit = small_fit(structure)
    assert fit.converged
    assert fit.whitened.scores().sum(axis=0) == pytest.approx(0, abs=1e-6)


def test_subjects_with_as_many_ratings_share_a_batch() -> None:
    batches = lay_out(np.array([0, 0, 1, 2, 2, 3, 3]), np.array([0, 2, 1, 0, 2, 1, 2.0]))
    assert [b.rows.shape for b in batches.parts] == [(1, 1), (3, 2)]
    assert batches.parts[1].places.tolist() == [[0, 2], [1, 2]]
    assert batches.parts[1].pattern.tolist() == [0, 0, 1]
    assert batches.parts[1].rows.tolist() == [[0, 1], [3, 4], [5, 6]]


def test_moments_of_a_hand_worked_trial() -> None:
    """Residuals 1, -1, 1 | 1, 1 | -1: phi = 1; pairs 1 with 2: -1, 1; 1 with 3: 1; 2 with 3: -1."""
    person = np.array([0, 0, 0, 1, 1, 2])
    visit = np.array([0, 1, 2, 0, 1, 2.0])
    e = np.array([1, -1, 1, 1, 1, -1.0])
    weight = np.ones(6)
    found = {}
    for structure in ("exchangeable", "unstructured", "ar1"):
        place = visit if structure != "exchangeable" else np.zeros(6)
        pairs = classify(structure, lay_out(person, place), weight, 3)  # type: ignore[arg-type]
        residual = [e[b.rows][:, :, None] for b in pairs.batches.parts]
        found[structure] = pairs.estimate(residual, 1.0)
    assert found["exchangeable"] == pytest.approx([0.0])
    assert found["unstructured"] == pytest.approx([0.0, 1.0, -1.0])
    # AR(1): three pairs a visit apart with mean -1/3, one two apart with 1. The least squares of
    # 3 (-1/3 - r)^2 + (1 - r^2)^2: -6 (-1/3 - r) - 4 r (1 - r^2) = 0, or 2 r^3 + r + 1 = 0.
    root = found["ar1"][0]
    assert 2 * root**3 + root + 1 == pytest.approx(0, abs=1e-9)
    assert root < 0


def test_negative_correlations_alternate() -> None:
    pairs = classify("ar1", lay_out(np.array([0, 0, 0]), np.array([0, 1, 2.0])), np.ones(3), 3)
    R = pairs.matrices(np.array([-0.5]))[0][0]
    assert R.tolist() == [[1, -0.5, 0.25], [-0.5, 1, -0.5], [0.25, -0.5, 1]]


def test_separated_rows() -> None:
    ones = np.ones(6)
    group = np.array([0, 0, 0, 1, 1, 1.0])
    X = np.column_stack([ones, group])
    none = separated_rows(X, np.array([1, -1, 1, -1, 1, 1.0]))
    assert not none.any()
    one = separated_rows(X, np.array([1, -1, 1, -1, -1, -1.0]))
    assert one.tolist() == [False] * 3 + [True] * 3
    # A threshold between outcomes, touched by one of each: all but those two (quasi-complete).
    line = np.column_stack([ones, [1, 2, 3, 3, 4, 5.0]])
    quasi = separated_rows(line, np.array([-1, -1, -1, 1, 1, 1.0]))
    assert quasi.tolist() == [True, True, False, False, True, True]
    # Under a log link events hold their mean; only ratings without one can vanish.
    log = separated_rows(X, np.array([0, -1, 0, -1, -1, -1.0]))
    assert log.tolist() == [False] * 3 + [True] * 3
    assert not separated_rows(X, np.array([0, -1, 0, 0, 0, 0.0])).any()


def test_cumulative_residuals_are_uncorrelated() -> None:
    """Over the distribution of one rating they have mean 0, variance 1 and no covariance."""
    theta, beta = np.array([-1.0, 0.3, 1.1]), np.array([0.4])
    x = np.full((4, 1), 0.7)
    model = CumulativeLogit(x, np.arange(4.0), np.ones(4), 3)
    at = model.at(np.concatenate([theta, beta]))
    assert at is not None
    share = np.diff(1 / (1 + np.exp(-(theta - 0.28))), prepend=0, append=1)
    e = at.residual
    assert share @ e == pytest.approx(0, abs=1e-12)
    assert e.T @ (share[:, None] * e) == pytest.approx(np.eye(3), abs=1e-12)
    # The score is that of the multinomial: sum of D' e is the derivative of the log-likelihood.
    score = np.einsum("ncq,nc->nq", at.design, e)
    step = 1e-6
    for j in range(4):
        values = []
        for sign in (1, -1):
            moved = np.concatenate([theta, beta])
            moved[j] += sign * step
            p = np.diff(1 / (1 + np.exp(-(moved[:3] - 0.7 * moved[3]))), prepend=0, append=1)
            values.append(np.log(p))
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(score[:, j], abs=1e-6)


@pytest.mark.parametrize("kind", ["robust", "mancl-derouen", "fay-graubard"])
def test_degrees_of_freedom_by_their_definition(kind: Kind) -> None:
    """tr(Psi M)^2 / tr(Psi M Psi M) with all matrices written out, (n q) x (n q)."""
    fit = small_fit()
    c = np.array([[0.0, 0.0, 1.0]])

    def found(rule: Rule) -> float:
        return float(infer(fit, kind, rule).degrees(c)[0])

    inference = infer(fit, kind, "residual")
    assert found("residual") == 25 - 3
    assert np.isinf(found("normal"))
    a, B = (c @ fit.bread)[0], fit.bread
    squares = (inference.terms.scores @ a) ** 2
    assert found("pan-wall") == pytest.approx(
        2 * squares.sum() ** 2 / (len(squares) * squares.var(ddof=1))
    )
    terms = inference.terms
    assert isinstance(terms, TermsInMemory)
    blocks = [Q for batch in rows_of(fit).designs for Q in batch]
    adjusted = [A for batch in terms.adjusted for A in batch]
    n, q = terms.scores.shape
    # Satterthwaite: V = sum_i (f_i' A_i (e - Q B sum_j Q_j' e_j))^2 with e of covariance I.
    sizes = np.concatenate([[0], np.cumsum([len(Q) for Q in blocks])])
    Q = np.concatenate(blocks)
    rest = np.eye(len(Q)) - Q @ B @ Q.T
    rows = np.zeros((n, len(Q)))
    for i in range(n):
        own = slice(sizes[i], sizes[i + 1])
        rows[i] = (adjusted[i] @ (terms.enlarged[i] * a)) @ rest[own]
    K = rows @ rows.T
    assert found("satterthwaite") == pytest.approx(np.trace(K) ** 2 / np.sum(K**2), rel=1e-8)
    # Fay and Graubard: Psi_i in proportion to what the variance gains without subject i.
    omega = np.array([block.T @ block for block in blocks])
    A = np.linalg.inv(B)
    gain = np.array([(c @ (np.linalg.inv(A - o) - B) @ c.T)[0, 0] for o in omega])
    meat = terms.scores.T @ terms.scores
    psi = gain[:, None, None] / gain.sum() * meat
    g = np.zeros((n, n, q))
    for i in range(n):
        f = terms.enlarged[i] * a
        g[i] -= B @ omega[i] @ f
        g[i, i] += f
    K = np.einsum("ikq,kqr,jkr->ij", g, psi, g)
    assert found("fay-graubard") == pytest.approx(np.trace(K) ** 2 / np.sum(K**2), rel=1e-8)


def test_fay_graubard_scores() -> None:
    fit = small_fit()
    plain, enlarged = infer(fit, "robust", "normal"), infer(fit, "fay-graubard", "normal")
    blocks = [Q for batch in rows_of(fit).designs for Q in batch]
    share = np.array([np.diag(Q.T @ Q @ fit.bread) for Q in blocks])
    factor = 1 / np.sqrt(1 - np.minimum(share, 0.75))
    assert enlarged.terms.scores == pytest.approx(plain.terms.scores * factor)


def test_over_days_a_correlation_is_not_negative() -> None:
    """Residuals that alternate: AR(1) by visits is negative, by days it is 0 at the least."""
    person, day = np.repeat([0, 1, 2], 3), np.tile([0, 1, 2.0], 3)
    e = np.tile([1, -1, 1.0], 3)
    for structure, sign in (("ar1", -1), ("ar1-days", 1)):
        pairs = classify(structure, lay_out(person, day), np.ones(9), 3)  # type: ignore[arg-type]
        rho = pairs.estimate([e[b.rows][:, :, None] for b in pairs.batches.parts], 1.0)[0]
        assert np.sign(rho) == sign
    assert rho == pytest.approx(0, abs=1e-5)
