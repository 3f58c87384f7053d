"""Refits of many resamples at once are refits one by one, and posterior draws are the posterior."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trials import small_trial

from trdstats import MMRM
from trdstats.kernels.gaussian.batched_fits import (
    fitted_covariances,
    is_linear,
    refit,
    refit_one_by_one,
)
from trdstats.kernels.gaussian.bootstrap_batches import resample
from trdstats.kernels.gaussian.gibbs_checks import bulk_size, split_rhat
from trdstats.kernels.gaussian.repeated_gibbs import inverse_wishart, sample_chains

FORMULA = "change ~ baseline * visit + treatment * visit"
# Searches end within 1e-5 standard errors of the covariance parameters.
SAME = 1e-5


def fitted(group: str | None = None, *, reml: bool = True, covariance: str = "us") -> Any:
    spec = MMRM(FORMULA, covariance=covariance, group=group, reml=reml, ddf="residual")
    return spec.fit(small_trial(per_arm=30))


@pytest.mark.parametrize("group", [None, "treatment"])
@pytest.mark.parametrize("reml", [True, False])
def test_batches_are_refits_one_by_one(group: str | None, reml: bool) -> None:
    fit = fitted(group, reml=reml)
    n = len(fit._rows.distinct)
    rng = np.random.default_rng(3)
    counts = np.ones((12, n))
    counts[np.arange(6), np.arange(6) * 7] = 0
    counts[6:] = [np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(6)]
    data = resample(fit._model.products, fit._rows, counts)
    state = fit._optimum.state
    assert is_linear(state)
    batch, single = refit(fit._model, state, data), refit_one_by_one(fit._model, state, data)
    assert batch.converged.all()
    assert batch.beta == pytest.approx(single.beta, rel=SAME, abs=SAME)
    assert batch.sigma == pytest.approx(single.sigma, rel=SAME, abs=SAME)


def test_leaving_one_out_is_a_fit_to_the_others() -> None:
    fit, frame = fitted(), small_trial(per_arm=30)
    k = 17
    gone = fit.design.subjects[fit._rows.order[k]]
    counts = np.ones((1, len(fit._rows.distinct)))
    counts[0, k] = 0
    found = refit(fit._model, fit._optimum.state, resample(fit._model.products, fit._rows, counts))
    other = MMRM(FORMULA, ddf="residual").fit(frame[frame["subject"] != gone])
    beta = found.beta[0] + fit._origin  # the outcome is counted from its mean
    assert beta == pytest.approx(other.tidy()["estimate"].to_numpy(), rel=SAME)
    assert found.sigma[0, 0] == pytest.approx(other.covariance.to_numpy(), rel=SAME)
    assert found.n_steps[0] <= 3


def test_a_resample_that_lacks_an_arm_has_no_estimate() -> None:
    fit = fitted()
    treatment = small_trial(per_arm=30).drop_duplicates("subject").set_index("subject")["treatment"]
    mine = treatment.reindex(fit.design.subjects[fit._rows.order]).to_numpy() == "TMS"
    counts = np.stack([mine.astype(float), np.ones(len(mine))])
    found = refit(fit._model, fit._optimum.state, resample(fit._model.products, fit._rows, counts))
    assert found.converged.tolist() == [False, True]
    assert np.isnan(found.beta[0]).all()
    assert found.n_steps[1] == 0


def test_inverse_wishart_has_its_mean() -> None:
    scale = np.array([[3.0, 1.0], [1.0, 2.0]])
    drawn = inverse_wishart(np.tile(scale, (40_000, 1, 1)), 12.0, np.random.default_rng(2))
    expected = scale / (12 - 2 - 1)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - expected) < 4 * error).all()


def test_posterior_of_complete_data_is_known() -> None:
    """Means of visits only: Sigma given Y is inverse Wishart (n - 1, S), beta round the means."""
    rng = np.random.default_rng(5)
    y = rng.standard_normal((40, 2)) @ np.array([[2.0, 0.0], [1.0, 1.5]]).T
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(40), 2), "visit": np.tile([1, 2], 40), "y": y.ravel()}
    )
    fit = MMRM("y ~ 0 + visit", ddf="residual").fit(frame)
    start = np.tile(fitted_covariances(fit._optimum.state), (4, 1, 1, 1))
    chains = sample_chains(
        fit._model.products, fit._rows, start, turns=3000, rng=np.random.default_rng(6)
    )
    S = np.cov(y.T) * 39
    rows, columns = np.tril_indices(2)
    sigma = chains.sigma[100:, :, 0, rows, columns]
    ess = bulk_size(sigma)
    error = sigma.reshape(-1, 3).std(axis=0) / np.sqrt(ess)
    expected = (S / (40 - 1 - 2 - 1))[rows, columns]
    assert (np.abs(sigma.reshape(-1, 3).mean(axis=0) - expected) < 4 * error).all()
    beta = chains.beta[100:].reshape(-1, 2) + fit._origin
    spread = np.sqrt(np.diag(S) / (40 - 1 - 2 - 1) / 40)
    assert (np.abs(beta.mean(axis=0) - y.mean(axis=0)) < 4 * spread / np.sqrt(8000)).all()
    # A standard deviation of some 10,000 nearly independent draws is known to 1 %.
    assert beta.std(axis=0) == pytest.approx(spread, rel=0.04)


def test_checks_of_chains() -> None:
    rng = np.random.default_rng(8)
    free = rng.standard_normal((1000, 4, 1))
    assert split_rhat(free)[0] == pytest.approx(1.0, abs=0.01)
    assert bulk_size(free)[0] == pytest.approx(4000, rel=0.15)
    apart = free + np.arange(4)[None, :, None]
    assert split_rhat(apart)[0] > 1.3
    slow = np.empty_like(free)
    slow[0] = free[0]
    for t in range(1, 1000):
        slow[t] = 0.8 * slow[t - 1] + 0.6 * free[t]
    # An autoregression of 0.8 is worth (1 - 0.8) / (1 + 0.8) of its length.
    assert bulk_size(slow)[0] == pytest.approx(4000 / 9, rel=0.25)
    spread = free * np.array([1, 1, 1, 3.0])[None, :, None]
    assert split_rhat(spread)[0] > 1.1
    assert np.isnan(split_rhat(free[:2])).all()
    assert np.isnan(bulk_size(free[:4])).all()


def test_a_search_that_fails_begins_again_elsewhere() -> None:
    fit = fitted(covariance="ar1")
    state = fit._optimum.state
    assert not is_linear(state)
    lost = replace(state, theta=np.array([1.0, 2.0]))  # a correlation of 2 has no likelihood
    data = resample(fit._model.products, fit._rows, np.ones((1, len(fit._rows.distinct))))
    assert not refit_one_by_one(fit._model, lost, data).converged[0]
    assert not refit_one_by_one(fit._model, lost, data, lambda model: None).converged[0]
    found = refit_one_by_one(fit._model, lost, data, lambda model: np.array([20.0, 0.3]))
    assert found.converged[0]
    assert found.theta[0] == pytest.approx(state.theta, rel=SAME)
