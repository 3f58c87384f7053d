"""Random effects and categories drawn given ratings, against numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, log_ndtr

from trdstats.kernels.glmm.category_draws import categories_at, rated_rows
from trdstats.kernels.glmm.effect_draws import draw_effects

N = 20_000  # draws; a mean of them has an error of about 0.005 standard deviations


def posterior(log_likelihood: object, width: float = 9.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a fine grid and the distribution function of exp(l(v) - v^2 / 2)."""
    v = np.linspace(-width, width, 20_001)
    h = log_likelihood(v) - 0.5 * v**2  # type: ignore[operator]
    density = np.exp(h - h.max())
    return v, np.cumsum(density) / density.sum()


@pytest.mark.parametrize(
    ("link", "category", "deviation"),
    [("logit", [1, 1, 0], 1.5), ("logit", [1, 1, 1, 1], 4.0), ("probit", [0, 1, 0], 2.0),
     ("logit", [0], 0.0)],
)  # fmt: skip
def test_drawn_effects_have_their_distribution_given_the_ratings(
    link: str, category: list[int], deviation: float
) -> None:
    """Kolmogorov-Smirnov against the integrated posterior; every subject has the same ratings."""
    y = np.array(category)
    eta = np.linspace(-0.7, 0.9, len(y))
    subject = np.repeat(np.arange(N), len(y))
    rows, fixed, rating = rated_rows(
        link, subject, np.tile(y, N), np.tile(eta, N), np.zeros(1)  # type: ignore[arg-type]
    )  # fmt: skip
    W = np.full((len(rating), 1), deviation)
    drawn = draw_effects(rows, fixed, W, np.random.default_rng(3))
    assert drawn is not None
    sign = 2 * y - 1
    log_f = {"logit": lambda x: np.log(expit(x)), "probit": log_ndtr}[link]

    def log_likelihood(v: np.ndarray) -> np.ndarray:
        total: np.ndarray = log_f(sign * (eta + deviation * v[:, None])).sum(axis=1)
        return total

    grid, below = posterior(log_likelihood)
    test = stats.kstest(drawn[:, 0], lambda x: np.interp(x, grid, below))
    assert test.pvalue > 0.001  # fixed seed; a wrong law has p below 1e-10 at this size


def test_effects_given_an_ordinal_rating() -> None:
    """A rating between two thresholds: P(k) = F(eta - t1) - F(eta - t2)."""
    thresholds, eta, deviation = np.array([-1.0, 0.5, 2.0]), 0.3, 2.0
    rows, fixed, rating = rated_rows(
        "logit", np.arange(N), np.full(N, 2), np.full(N, eta), thresholds
    )
    assert len(rating) == 2 * N
    drawn = draw_effects(
        rows, fixed, np.full((len(rating), 1), deviation), np.random.default_rng(8)
    )
    assert drawn is not None

    def log_likelihood(v: np.ndarray) -> np.ndarray:
        x = eta + deviation * v
        return np.log(expit(x - thresholds[1]) - expit(x - thresholds[2]))

    grid, below = posterior(log_likelihood)
    assert stats.kstest(drawn[:, 0], lambda x: np.interp(x, grid, below)).pvalue > 0.001


def test_two_effects_have_the_mean_and_covariance_of_their_posterior() -> None:
    y, t = np.array([0, 1, 1]), np.array([0.0, 1.0, 2.0])
    factor = np.array([[1.2, 0.0], [-0.4, 0.8]])
    W = np.column_stack([np.ones(3), t]) @ factor
    rows, fixed, _ = rated_rows(
        "logit", np.repeat(np.arange(N), 3), np.tile(y, N), np.zeros(3 * N), np.zeros(1)
    )
    drawn = draw_effects(rows, fixed, np.tile(W, (N, 1)), np.random.default_rng(5))
    assert drawn is not None
    a = np.linspace(-7, 7, 401)
    v = np.stack(np.meshgrid(a, a, indexing="ij"), axis=-1).reshape(-1, 2)
    log_p = np.log(expit((2 * y - 1) * (v @ W.T))).sum(axis=1) - 0.5 * (v**2).sum(axis=1)
    weight = np.exp(log_p - log_p.max())
    weight /= weight.sum()
    mean = weight @ v
    covariance = (v - mean).T @ ((v - mean) * weight[:, None])
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.03)  # four standard errors
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=0.04)


def test_a_subject_has_the_same_draw_whatever_the_others_are() -> None:
    def of(category: list[int]) -> np.ndarray:
        rows, fixed, _ = rated_rows(
            "logit", np.arange(3), np.array(category), np.zeros(3), np.zeros(1)
        )
        drawn = draw_effects(rows, fixed, np.full((3, 1), 3.0), np.random.default_rng(1))
        assert drawn is not None
        return drawn

    assert of([1, 0, 1])[0] == of([1, 1, 0])[0]


def test_categories_by_hand() -> None:
    """P(above) at eta 0 is 1/2 with one threshold at 0; 0.7311 and 0.2689 with -1 and 1."""
    chance = np.array([[0.2, 0.6, 0.9]])
    zero = np.zeros((1, 3))
    assert categories_at("logit", zero, np.zeros((1, 1)), chance).tolist() == [[1, 0, 0]]
    two = np.array([[-1.0, 1.0]])
    assert categories_at("logit", zero, two, chance).tolist() == [[2, 1, 0]]
