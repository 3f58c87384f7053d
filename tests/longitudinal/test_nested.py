"""Random effects of sites and of subjects within them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag

from trdstats import LMM
from trdstats.errors import EstimateWarning, SpecError, UnknownNameError

NESTED = {"site": "1", "subject": "1"}


def drawn(sites: int, each: int, ratings: int, *, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = sites * each
    site = np.repeat(np.arange(sites), each * ratings)
    subject = np.repeat(np.arange(n), ratings)
    week = np.tile(np.arange(ratings), n)
    y = 20 - week + 3 * rng.normal(size=sites)[site] + 2 * rng.normal(size=n)[subject]
    y = y + rng.normal(size=len(y))
    frame = {"site": [f"S{s}" for s in site], "subject": subject, "week": week, "y": y}
    return pd.DataFrame(frame)


def test_a_balanced_trial_by_its_mean_squares() -> None:
    """Balanced nested designs have REML in closed form.

    With a sites, b subjects a site and c ratings a subject the variances are MSE,
    (MS(subject) - MSE) / c and (MS(site) - MS(subject)) / (b c); the mean has the variance
    MS(site) / (a b c) and a - 1 degrees of freedom.
    """
    a, b, c = 7, 5, 4
    frame = drawn(a, b, c)
    y = frame["y"].to_numpy().reshape(a, b, c)
    site, subject, whole = y.mean(axis=(1, 2)), y.mean(axis=2), y.mean()
    ms_site = b * c * ((site - whole) ** 2).sum() / (a - 1)
    ms_subject = c * ((subject - site[:, None]) ** 2).sum() / (a * (b - 1))
    mse = ((y - subject[:, :, None]) ** 2).sum() / (a * b * (c - 1))
    found = LMM("y ~ 1", random=NESTED).fit(frame)
    assert found.covariance_parameters()["estimate"].tolist() == pytest.approx(
        [(ms_site - ms_subject) / (b * c), (ms_subject - mse) / c, mse], rel=1e-7
    )
    row = found.tidy().iloc[0]
    assert row["std_error"] == pytest.approx(np.sqrt(ms_site / (a * b * c)), rel=1e-8)
    assert row["df"] == pytest.approx(a - 1, rel=1e-5)
    rogers = LMM("y ~ 1", random=NESTED, ddf="kenward-roger").fit(frame).tidy().iloc[0]
    assert rogers["df"] == pytest.approx(a - 1, rel=1e-6)


def test_predictions_by_the_dense_formula() -> None:
    frame = drawn(5, 4, 3).sample(frac=0.8, random_state=2).reset_index(drop=True)
    found = LMM("y ~ week", random={"site": "1", "subject": "1"}).fit(frame)
    g_site, g_subject, s2 = found.covariance_parameters()["estimate"]
    beta = found.tidy()["estimate"].to_numpy()
    residual = frame["y"].to_numpy() - beta[0] - beta[1] * frame["week"].to_numpy()
    Z = {c: pd.get_dummies(frame[c]).to_numpy(dtype=float) for c in ("site", "subject")}
    V = g_site * Z["site"] @ Z["site"].T + g_subject * Z["subject"] @ Z["subject"].T
    V = V + s2 * np.eye(len(frame))
    for column, g in (("site", g_site), ("subject", g_subject)):
        blup = g * Z[column].T @ np.linalg.solve(V, residual)
        error = g - g * np.diag(Z[column].T @ np.linalg.solve(V, Z[column])) * g
        own = found.random_effects(column)
        assert own["Intercept"].to_numpy() == pytest.approx(blup, abs=1e-10)
        assert own["std_error Intercept"].to_numpy() == pytest.approx(np.sqrt(error))
    lines = residual - found.residuals("conditional")["residual"].to_numpy()
    shared = V - s2 * np.eye(len(frame))
    assert lines == pytest.approx(shared @ np.linalg.solve(V, residual), abs=1e-9)
    sign, logdet = np.linalg.slogdet(V)
    X = np.c_[np.ones(len(frame)), frame["week"]]
    XVX = X.T @ np.linalg.solve(V, X)
    deviance = logdet + np.linalg.slogdet(XVX)[1] + residual @ np.linalg.solve(V, residual)
    deviance += (len(frame) - 2) * np.log(2 * np.pi)
    assert found.deviance == pytest.approx(deviance, abs=1e-8)
    assert sign > 0


def test_effects_of_both_levels_and_what_they_are_called() -> None:
    frame = drawn(12, 8, 5, seed=4)
    slope = 0.8 * np.random.default_rng(9).normal(size=96)[frame["subject"]]
    frame["y"] += slope * frame["week"]
    found = LMM("y ~ week", random={"site": "1", "subject": "1 + week"}).fit(frame)
    assert found.effects == ("site: Intercept", "subject: Intercept", "subject: week")
    assert found.covariance.loc["site: Intercept", "subject: week"] == 0
    assert found.covariance_parameters()["term"].tolist()[:2] == [
        "var(site: Intercept)", "var(subject: Intercept)",
    ]  # fmt: skip
    assert "96 in 12 of site" in repr(found)
    assert list(found.influence().columns[:1]) == ["site"]
    assert found.residuals()["subject"].nunique() == 96
    assert len(found.simulate(2, seed=1)) == len(frame)
    simpler = LMM("y ~ week", random=NESTED).fit(frame)
    assert found.likelihood_ratio(simpler)["df"].item() == "1:2"
    shuffled = LMM("y ~ week", random={"site": "1", "subject": "1 + week"}).fit(
        frame.sample(frac=1, random_state=0)
    )
    assert shuffled.loglik == pytest.approx(found.loglik, abs=1e-8)
    assert block_diag(*found._matrices()).shape == (3, 3)
    with pytest.raises(UnknownNameError, match="Unknown level of grouping 'sites'"):
        found.random_effects("sites")


def test_words() -> None:
    frame = drawn(4, 3, 3)
    moved = frame.assign(site=np.where(frame.index == 1, "S3", frame["site"]))
    with pytest.raises(SpecError, match="'subject' is not nested within 'site': 0 is in S0, S3"):
        LMM("y ~ 1", random=NESTED).fit(moved)
    with pytest.raises(SpecError, match="names no level of grouping"):
        LMM("y ~ 1", random={})
    rng = np.random.default_rng(0)
    alike = frame.assign(y=np.tile(rng.normal(size=9), 4) + 0.1 * rng.normal(size=36))
    with pytest.warns(EstimateWarning, match="Intercept of site is estimated at zero"):
        found = LMM("y ~ 1", random=NESTED).fit(alike)
    with pytest.warns(EstimateWarning, match="covariance='cs'"):
        subjects = LMM("y ~ 1").fit(alike)
    assert found.deviance == pytest.approx(subjects.deviance, abs=1e-6)
