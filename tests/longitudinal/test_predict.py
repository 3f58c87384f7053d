"""Fitted values, residuals, missed visits, new rows, draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from repeated_measures import MODEL, simulated

from trdstats import LMM, MMRM
from trdstats.errors import NotEstimableError, SpecError


def test_residuals_and_fitted_values_add_up() -> None:
    frame = simulated()
    table = MMRM(MODEL, ddf="residual").fit(frame).residuals()
    assert (table["fitted"] + table["residual"]).to_numpy() == pytest.approx(frame["y"].to_numpy())
    assert table["subject"].tolist() == frame["subject"].tolist()


def test_normalised_residuals_are_white() -> None:
    fit = MMRM(MODEL, ddf="residual").fit(simulated(n=400, gone=0))
    table = fit.residuals("normalised")
    wide = table.pivot_table(index="subject", columns="visit", values="residual")
    assert np.cov(wide.T) == pytest.approx(np.eye(4), abs=0.03)


def test_conditional_residuals_take_the_subjects_line_away() -> None:
    frame = simulated(n=80)
    fit = LMM("y ~ base + arm").fit(frame)
    marginal, conditional = fit.residuals(), fit.residuals("conditional")
    blups = fit.random_effects().set_index("subject")["Intercept"]
    gap = conditional["fitted"] - marginal["fitted"]
    assert gap.to_numpy() == pytest.approx(blups[marginal["subject"]].to_numpy())
    assert conditional["residual"].var() < marginal["residual"].var()
    with pytest.raises(SpecError, match="an MMRM has none"):
        MMRM(MODEL, ddf="residual").fit(frame).residuals("conditional")


def test_a_missed_visit_by_hand() -> None:
    """Two visits, one missed: mean + cov / var (residual of the other)."""
    frame = simulated(T=2, gone=0)
    frame = frame[~((frame["subject"] == 5) & (frame["visit"] == 14))]
    fit = MMRM("y ~ visit", ddf="residual").fit(frame)
    table = fit.predict_missing()
    assert table[["subject", "visit"]].to_numpy().tolist() == [[5, 14]]
    V = fit.covariance.to_numpy()  # type: ignore[union-attr]
    b0, b1 = fit.tidy()["estimate"]
    seen = frame.loc[frame["subject"] == 5, "y"].iloc[0]
    slope = V[1, 0] / V[0, 0]
    assert table["estimate"].iloc[0] == pytest.approx(b0 + b1 + slope * (seen - b0))
    phi = fit.inference.covariance
    lever = np.array([1 - slope, 1])
    variance = V[1, 1] - slope * V[1, 0] + lever @ phi @ lever
    assert table["std_error"].iloc[0] == pytest.approx(np.sqrt(variance))
    assert MMRM("y ~ visit", ddf="residual").fit(simulated(gone=0)).predict_missing().empty


def test_missed_visits_need_covariates_that_stay() -> None:
    frame = simulated().assign(mood=lambda d: np.arange(len(d)) % 3)
    with pytest.raises(NotEstimableError, match="mood change between visits"):
        MMRM("y ~ mood + visit", ddf="residual").fit(frame).predict_missing()


def test_new_rows_are_the_margins() -> None:
    frame = simulated()
    fit = MMRM(MODEL).fit(frame)
    new = pd.DataFrame({"arm": ["A", "B"], "visit": [7, 28], "base": [frame["base"].mean()] * 2})
    table = fit.predict(new)
    margins = fit.margins("arm", by="visit").tidy()
    own = margins[
        ((margins["arm"] == "A") & (margins["visit"] == 7))
        | ((margins["arm"] == "B") & (margins["visit"] == 28))
    ]
    for column in ("estimate", "std_error", "df", "conf_low"):
        assert table[column].tolist() == pytest.approx(own[column].tolist())
    with pytest.raises(SpecError, match="holds 'C', to which the model was not fitted"):
        fit.predict(new.assign(arm="C"))
    with pytest.raises(SpecError, match="needs the columns 'base'"):
        fit.predict(new.drop(columns="base"))
    with pytest.raises(SpecError, match="without missing values"):
        fit.predict(new.assign(base=np.nan))


def test_draws_have_the_fitted_mean_and_covariance() -> None:
    fit = MMRM(MODEL, ddf="residual").fit(simulated(n=40, gone=0))
    draws = fit.simulate(2000, seed=1)
    assert draws.equals(fit.simulate(2000, seed=1))
    first = draws[draws["subject"] == 0].drop(columns=["subject", "visit"]).to_numpy()
    fitted = fit.residuals().query("subject == 0")["fitted"].to_numpy()
    V = fit.covariance.to_numpy()  # type: ignore[union-attr]
    # Four Monte Carlo errors of a mean and of a covariance.
    assert first.mean(axis=1) == pytest.approx(fitted, abs=4 * np.sqrt(V.max() / 2000))
    assert np.cov(first) == pytest.approx(V, abs=4 * V.max() * np.sqrt(2 / 2000))
