"""Log-normal frailty: the likelihood written out, quadrature, a simulation, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.stats import norm

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError
from trdstats.testing import check_result


def cohort(sites: int, each: int, *, seed: int, theta: float = 0.5) -> pd.DataFrame:
    """Exponential times, log hazard ratio 0.6, log frailties of sites with variance theta."""
    rng = np.random.default_rng(seed)
    w = np.sqrt(theta) * rng.standard_normal(sites)
    site = np.repeat(np.arange(sites), each)
    x = rng.integers(0, 2, len(site))
    event = 100 * rng.exponential(np.exp(-(w[site] + 0.6 * x)))
    gone = rng.uniform(50, 300, len(site))
    return pd.DataFrame(
        {"subject": range(len(site)), "treatment": np.where(x == 1, "B", "A"),
         "time": np.minimum(event, gone), "status": (event <= gone).astype(int), "site": site}
    )  # fmt: skip


def log_partial(frame: pd.DataFrame, eta: Any) -> float:
    """Return the partial likelihood of distinct times, event by event."""
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()
    return sum(
        eta[i] - np.log(np.exp(eta[time >= time[i]]).sum()) for i in np.flatnonzero(status == 1)
    )


def fit(frame: pd.DataFrame, **options: Any) -> Any:
    spec = trd.SharedFrailty("treatment", by="site", distribution="log-normal", **options)
    return spec.fit(trd.EventTimes(frame))


def test_the_likelihood_written_out() -> None:
    """Nested searches of the penalised and of the integrated likelihood; as close as they stop."""
    frame = cohort(4, 12, seed=5, theta=1.5)
    x = (frame["treatment"] == "B").to_numpy(dtype=float)
    site = frame["site"].to_numpy()

    def minus(at: Any, theta: float) -> float:
        w = at[1:]
        return -log_partial(frame, at[0] * x + w[site]) + float(w @ w) / (2 * theta)

    def top(theta: float) -> Any:
        return minimize(minus, np.zeros(5), (theta,), method="BFGS", options={"gtol": 1e-8})

    def minus_integrated(log_theta: float) -> float:
        theta = float(np.exp(log_theta))
        at = top(theta).x
        step, bend = 1e-4, np.empty((4, 4))
        for i in range(4):
            for j in range(4):
                d = [np.zeros(5), np.zeros(5)]
                d[0][1 + i], d[1][1 + j] = step, step
                corners = [
                    s * t * minus(at + s * d[0] + t * d[1], theta) for s in (1, -1) for t in (1, -1)
                ]
                bend[i, j] = sum(corners) / (4 * step * step)
        return float(minus(at, theta) + 2 * np.log(theta) + np.linalg.slogdet(bend)[1] / 2)

    best = minimize_scalar(
        minus_integrated, bounds=(-3, 3), method="bounded", options={"xatol": 1e-4}
    )
    found = fit(frame)
    assert found.glance()["loglik"].item() == pytest.approx(-best.fun, abs=1e-4)
    assert np.log(found.theta) == pytest.approx(best.x, abs=0.01)
    at = top(found.theta).x
    assert found.estimates().value.item() == pytest.approx(at[0], abs=1e-4)
    assert found.frailties()["estimate"].to_numpy() == pytest.approx(np.exp(at[1:]), abs=1e-4)


def test_laplace_is_near_the_integral() -> None:
    """Two sites of 60: only the difference of the frailties counts, normal with twice the variance.

    A sum over its density stands for the integral; Laplace is within 0.05 of its logarithm.
    """
    frame = cohort(2, 60, seed=9, theta=2.0)
    found = fit(frame)
    assert found.theta > 0.05
    x = (frame["treatment"] == "B").to_numpy(dtype=float)
    site, beta = frame["site"].to_numpy(), found.estimates().value.item()
    sd = np.sqrt(2 * found.theta)
    gap, width = np.linspace(-8 * sd, 8 * sd, 1_601, retstep=True)
    logs = np.array([log_partial(frame, beta * x + g * site) for g in gap])
    integral = logs.max() + np.log((np.exp(logs - logs.max()) * norm.pdf(gap, 0, sd)).sum() * width)
    assert found.glance()["loglik"].item() == pytest.approx(integral, abs=0.05)


def test_a_simulation_is_found() -> None:
    """100 sites of 12: within three errors of a log hazard ratio of 0.6 and a variance of 0.5."""
    found = fit(cohort(100, 12, seed=3))
    check_result(found)
    row = found.tidy().iloc[0]
    assert abs(row["estimate"] - 0.6) < 3 * row["std_error"]
    g = found.glance().iloc[0]
    assert g["theta_low"] < 0.5 < g["theta_high"]
    assert np.isnan(g["kendall_tau"])
    assert "Variance of log frailty" in str(found)
    assert "log-normal, shared by site" in str(found)


def test_without_frailty_it_is_the_cox_model() -> None:
    frame = cohort(12, 10, seed=4, theta=0.0)
    # Sites in turn by time: they differ less than chance would have it.
    frame = frame.sort_values("time").reset_index(drop=True).assign(site=np.arange(120) % 12)
    found = fit(frame)
    assert found.theta == 0
    cox = trd.CoxPH("treatment").fit(trd.EventTimes(frame))
    assert found.estimates().value.item() == pytest.approx(cox.estimates().value.item(), abs=1e-8)


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="distribution"):
        trd.SharedFrailty("treatment", distribution="normal")  # type: ignore[arg-type]
    monkeypatch.setattr("trdstats.survival.regression.frailty_fit._MOST_GROUPS", 10)
    with pytest.raises(NotEstimableError, match="too many for a log-normal frailty"):
        fit(cohort(12, 5, seed=1))
