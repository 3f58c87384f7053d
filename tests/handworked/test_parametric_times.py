"""Parametric models of tiny trials, worked by hand.

Exponential times, exact and censored. Days 2 and 4 with the event, 6 and 8 without: with mean
m = exp(eta) the log-likelihood is -2 eta - 20 / m, highest at m = 20 / 2 = 10, where it is
-2 log 10 - 2. Its second derivative in eta is -20 / m = -2, so the standard error is 1 / sqrt(2).
Delayed entry on day 1 of the last subject: 20 - 1 = 19 days at risk, m = 19 / 2.

Exponential times seen at one visit. Of four subjects three had the event in (0, 1], one had not
by day 1: exp(-1 / m) = 1/4, so 1 / m = log 4 and eta = -log log 4. Log-likelihood
3 log(3/4) + log(1/4). With S = 1/4, dS / d eta = S log 4, and the information of four such
trials is 4 (dS / d eta)^2 / (S (1 - S)) = 4 (log 4)^2 / 16 / (3/16) = 4/3 (log 4)^2.

Two arms. The second has one event in (0, 1] among two: 1 / m = log 2. Time ratio of the second
to the first: log 4 / log 2 = 2, hazard ratio 1/2.

Mixture cure. 20 subjects seen on days 1, 2 and 4: 8 events in (0, 1], 4 in (1, 2], 3 in (2, 4],
5 never. Three parameters fit the four shares exactly. With Weibull shape 1 and x = exp(-1 / b):
p (1 - x) = 8/20, p (1 - x^2) = 12/20, p (1 - x^4) = 15/20. x = 1/2 and p = 4/5 solve them:
4/5 1/2 = 2/5; 4/5 3/4 = 3/5; 4/5 15/16 = 3/4. So the logit of p is log 4, eta = log b =
-log log 2, log scale 0; half of those who will respond have by day 1, since S(1) = 1/2.
Log-likelihood 8 log(2/5) + 4 log(1/5) + 3 log(3/20) + 5 log(1/4).
Covariance: that of the three shares F = (2/5, 3/5, 3/4), F_i (1 - F_j) / 20 for i <= j, through
the inverse of the Jacobian J of F in (logit p, eta, log scale). With F = p (1 - x^t) where
u = t log 2 is -log S(t): dF / d logit = F (1 - p) = F / 5; dF / d eta = -p u exp(-u);
dF / d log scale = -p u exp(-u) log u' with u' = u because log u = (log t - eta) / sigma.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats import AFT, EventTimes, MixtureCure


def times_of(rows: list[tuple[str, float, float]], **columns: object) -> EventTimes:
    arm, left, right = zip(*rows, strict=True)
    status = np.isfinite(right).astype(int)
    frame = pd.DataFrame(
        {"subject": range(len(rows)), "treatment": arm, "left": left, "right": right,
         "time": np.where(status == 1, right, left), "status": status, **columns}
    )  # fmt: skip
    return EventTimes(frame)


INF = np.inf


def test_exact_and_censored_exponential() -> None:
    rows = [("a", 2.0, 2.0), ("a", 4.0, 4.0), ("a", 6.0, INF), ("a", 8.0, INF)]
    fit = AFT("1", distribution="exponential").fit(times_of(rows))
    row = fit.tidy().iloc[0]
    assert row["estimate"] == pytest.approx(np.log(10), rel=1e-12)
    assert row["std_error"] == pytest.approx(np.sqrt(0.5), rel=1e-12)
    assert fit.glance()["loglik"].item() == pytest.approx(-2 * np.log(10) - 2, rel=1e-12)
    # Scores are t / m - event: (2 - 10, 4 - 10, 6, 8) / 10; each moves eta by half of it.
    assert fit.influence()["Intercept"].tolist() == pytest.approx([-0.4, -0.3, 0.3, 0.4])
    late = AFT("1", distribution="exponential").fit(times_of(rows, entry=[0, 0, 0, 1]))
    assert late.tidy()["estimate"].item() == pytest.approx(np.log(9.5), rel=1e-12)


def test_one_visit() -> None:
    rows = [("a", 0.0, 1.0)] * 3 + [("a", 1.0, INF)]
    fit = AFT("1", distribution="exponential").fit(times_of(rows))
    row = fit.tidy().iloc[0]
    assert row["estimate"] == pytest.approx(-np.log(np.log(4)), rel=1e-12)
    assert row["std_error"] ** -2 == pytest.approx(4 / 3 * np.log(4) ** 2, rel=1e-12)
    expected = 3 * np.log(3 / 4) + np.log(1 / 4)
    assert fit.glance()["loglik"].item() == pytest.approx(expected, rel=1e-12)


def test_two_arms() -> None:
    rows = [("a", 0.0, 1.0)] * 3 + [("a", 1.0, INF), ("b", 0.0, 1.0), ("b", 1.0, INF)]
    fit = AFT("treatment", distribution="exponential").fit(times_of(rows))
    assert fit.tidy()["time_ratio"].iloc[1] == pytest.approx(2, rel=1e-12)
    assert fit.hazard_ratios()["hazard_ratio"].item() == pytest.approx(0.5, rel=1e-12)
    survival = fit.marginal(days=[1.0], tau=1.0).tidy()
    assert survival["estimate"].tolist() == pytest.approx(
        # Median log 2 m; S(1); restricted mean m (1 - S(1)).
        [0.5, 0.25, 0.75 / np.log(4), 1.0, 0.5, 0.5 / np.log(2)], rel=1e-11
    )  # fmt: skip


def test_mixture_cure() -> None:
    rows = [("a", 0.0, 1.0)] * 8 + [("a", 1.0, 2.0)] * 4 + [("a", 2.0, 4.0)] * 3
    fit = MixtureCure("1", "1").fit(times_of(rows + [("a", 4.0, INF)] * 5))
    frame = fit.tidy()
    assert frame["estimate"].to_numpy() == pytest.approx(
        [np.log(4), -np.log(np.log(2)), 0.0], abs=1e-10
    )
    expected = 8 * np.log(2 / 5) + 4 * np.log(1 / 5) + 3 * np.log(3 / 20) + 5 * np.log(1 / 4)
    assert fit.glance()["loglik"].item() == pytest.approx(expected, rel=1e-13)
    F, u = np.array([2 / 5, 3 / 5, 3 / 4]), np.array([1, 2, 4]) * np.log(2)
    on_eta = -4 / 5 * u * np.exp(-u)
    J = np.column_stack([F / 5, on_eta, on_eta * np.log(u)])
    shares = np.minimum.outer(F, F) * (1 - np.maximum.outer(F, F)) / 20
    covariance = np.linalg.solve(J, np.linalg.solve(J, shares).T)
    assert fit.covariance.to_numpy() == pytest.approx(covariance, rel=1e-8)
