"""Independent errors, nuggets, and several scales at a visit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import trdstats as trd
from trdstats import MMRM
from trdstats.errors import SpecError
from trdstats.longitudinal import STRUCTURES, get_covariance
from trdstats.testing import check_covariance


def two_scales(n: int = 80, T: int = 4, *, seed: int = 5) -> pd.DataFrame:
    """Two scales of n subjects at T visits with A (x) AR(1), a tenth of the ratings missing."""
    rng = np.random.default_rng(seed)
    A = np.array([[25.0, 8.0], [8.0, 4.0]])
    C = 0.6 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    noise = rng.normal(size=(n, 2 * T)) @ np.linalg.cholesky(np.kron(A, C)).T
    frame = pd.DataFrame(
        {
            "subject": np.repeat(np.arange(n), 2 * T),
            "instrument": np.tile(np.repeat(["MADRS", "CGI"], T), n),
            "visit": np.tile(7 * np.arange(1, T + 1), 2 * n),
            "arm": np.repeat(np.where(np.arange(n) % 2, "A", "B"), 2 * T),
            "y": 20 + noise.ravel(),
        }
    )
    return frame[rng.random(len(frame)) < 0.9].reset_index(drop=True)


def dense_deviance(fit: Any, frame: pd.DataFrame, X: Any, covariance_at: Any) -> float:
    y, q = frame["y"].to_numpy(), X.shape[1]
    information, moment, square, log_det = np.zeros((q, q)), np.zeros(q), 0.0, 0.0
    for rows in frame.groupby("subject").indices.values():
        V = covariance_at(frame.iloc[rows])
        WX = np.linalg.solve(V, X[rows])
        information += X[rows].T @ WX
        moment += WX.T @ y[rows]
        square += y[rows] @ np.linalg.solve(V, y[rows])
        log_det += np.linalg.slogdet(V)[1]
    beta = np.linalg.solve(information, moment)
    rss = square - moment @ beta
    return (
        log_det + rss + np.linalg.slogdet(information)[1] + (len(y) - q) * np.log(2 * np.pi)
    )  # fmt: skip


@pytest.mark.parametrize("key", ["ind", "indh", "sp_exp+nugget", "sp_pow+nugget", "ar1+nugget"])
def test_derivatives(key: str) -> None:
    check_covariance(STRUCTURES[key], np.array([3.0, 7.0, 14.0, 28.0]))


@pytest.mark.parametrize("key", ["us", "cs", "ar1", "toep", "ad"])
def test_derivatives_of_scales(key: str) -> None:
    structure = get_covariance(f"us@{key}").at(np.tile([0.0, 1.0, 3.0], 2))
    days, rng = np.arange(6.0), np.random.default_rng(1)
    root = rng.normal(size=(6, 12))
    theta = structure.start(root @ root.T, days)
    shape, e = structure.shape(theta, days), 1e-5 * np.eye(len(theta))
    assert len(theta) == structure.size(6) == len(structure.names([f"s, {k}" for k in range(6)]))
    for h, step in enumerate(e):
        up, down = structure.shape(theta + step, days), structure.shape(theta - step, days)
        assert shape.first[h] == pytest.approx((up.value - down.value) / 2e-5, abs=1e-6)
        assert shape.second is not None
        assert shape.second[h] == pytest.approx((up.first - down.first) / 2e-5, abs=1e-6)


def test_independent_errors_are_least_squares() -> None:
    frame = two_scales().query("instrument == 'MADRS'").reset_index(drop=True)
    found = MMRM("y ~ arm * visit", covariance="ind", ddf="residual").fit(frame)
    theirs = sm.OLS.from_formula("y ~ C(arm) * C(visit)", frame).fit()
    assert found.tidy()["std_error"].to_numpy() == pytest.approx(theirs.bse.to_numpy(), rel=1e-8)
    assert found.covariance_parameters()["estimate"].item() == pytest.approx(theirs.scale)
    by_visit = MMRM("y ~ visit", covariance="indh", ddf="satterthwaite").fit(frame)
    variances = frame.groupby("visit")["y"].var()
    assert np.diag(by_visit.covariance) == pytest.approx(variances.to_numpy(), rel=1e-6)
    assert by_visit.tidy()["df"].iloc[0] == pytest.approx((frame["visit"] == 7).sum() - 1)


def test_a_nugget_by_the_dense_covariance() -> None:
    frame = two_scales(seed=8).query("instrument == 'MADRS'").reset_index(drop=True)
    frame["y"] += np.random.default_rng(2).normal(0, 3, len(frame))
    found = MMRM("y ~ arm", covariance="sp_exp+nugget").fit(frame)
    v, range_, nugget = found.covariance_parameters()["estimate"]
    X = np.c_[np.ones(len(frame)), frame["arm"] == "B"].astype(float)

    def covariance_at(rows: pd.DataFrame) -> Any:
        day = rows["visit"].to_numpy(dtype=float)
        gap = np.abs(day[:, None] - day)
        return v * np.exp(-gap / range_) + nugget * np.eye(len(rows))

    assert found.deviance == pytest.approx(dense_deviance(found, frame, X, covariance_at), abs=1e-8)
    without = MMRM("y ~ arm", covariance="sp_exp").fit(frame)
    assert found.deviance < without.deviance
    assert "with nugget" in repr(found)


@pytest.mark.parametrize("key", ["ar1", "cs", "us"])
def test_two_scales_by_the_dense_covariance(key: str) -> None:
    frame = two_scales()
    found = MMRM("y ~ instrument * visit", covariance=f"us@{key}", scale="instrument").fit(frame)
    theta = found.covariance_parameters().set_index("term")["estimate"]
    A = np.array(
        [[theta["cov(CGI, CGI)"], theta["cov(MADRS, CGI)"]],
         [theta["cov(MADRS, CGI)"], theta["cov(MADRS, MADRS)"]]]
    )  # fmt: skip
    if key == "us":
        C = np.eye(4)
        rows, columns = np.tril_indices(4)
        C[rows[1:], columns[1:]] = C[columns[1:], rows[1:]] = theta.iloc[3:]
    else:
        gap = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
        C = theta["correlation"] ** (gap if key == "ar1" else gap > 0)
    whole = np.kron(A, C)
    at = (frame["instrument"] == "MADRS") * 4 + frame["visit"] // 7 - 1
    X = pd.get_dummies(at).to_numpy(dtype=float)

    def covariance_at(rows: pd.DataFrame) -> Any:
        places = at.loc[rows.index]
        return whole[np.ix_(places, places)]

    value = dense_deviance(found, frame, X, covariance_at)
    # The columns of a cell mean are those of the model up to a constant of REML.
    basis = np.unique(
        np.column_stack([at, found.design.X[found.design.occasion, :, found.design.person]]), axis=0
    )[:, 1:]
    constant = 2 * np.linalg.slogdet(basis)[1]
    assert found.deviance == pytest.approx(value + constant, abs=1e-7)
    assert list(found.covariance.index)[:2] == ["CGI, 7", "CGI, 14"]
    margins = found.margins("instrument", by="visit").tidy()
    assert len(margins) == 8
    new, mean = found.predict(interval="new subject"), found.predict()
    added = new["std_error"] ** 2 - mean["std_error"] ** 2
    assert added.to_numpy() == pytest.approx(np.diag(whole)[at.to_numpy()], rel=1e-6)


def test_scales_that_do_not_correlate_are_two_models() -> None:
    """Of one visit, unstructured: the covariance of two scales, whose means are the plain ones."""
    frame = two_scales(40).query("visit == 7")
    whole = frame[frame.groupby("subject")["instrument"].transform("size") == 2]
    found = MMRM(
        "y ~ instrument", covariance="us@ar1", scale="instrument", ddf="satterthwaite"
    ).fit(whole)
    wide = whole.set_index(["subject", "instrument"])["y"].unstack()  # noqa: PD010
    assert found.covariance.to_numpy() == pytest.approx(wide.cov().to_numpy(), rel=1e-6)
    # The difference of the scales is the paired t-test.
    difference = wide["MADRS"] - wide["CGI"]
    row = found.tidy().iloc[1]
    assert row["std_error"] == pytest.approx(difference.std() / np.sqrt(len(wide)), rel=1e-7)
    assert row["df"] == pytest.approx(len(wide) - 1, rel=1e-5)


def test_words() -> None:
    with pytest.raises(SpecError, match="Several scales at a visit need both"):
        MMRM("y ~ visit", covariance="us@ar1")
    with pytest.raises(SpecError, match="Several scales at a visit need both"):
        MMRM("y ~ visit", covariance="us", scale="instrument")
    with pytest.raises(SpecError, match="leave scale= out"):
        MMRM("y ~ visit", covariance="us@cs", scale="instrument", constrained=True)
    model = MMRM("y ~ visit", covariance="us@cs", scale="instrument")
    with pytest.raises(SpecError, match="scale and constraint"):
        model.summarise(two_scales())
    with pytest.raises(trd.errors.DataError, match="repeats a subject and visit"):
        model.fit(pd.concat([two_scales(), two_scales().head(1)], ignore_index=True))


def test_what_several_instruments_do_not_have() -> None:
    """A subject has both instruments: no one value, no distances in visits, no one scale."""
    frame = two_scales()
    fit = MMRM("y ~ instrument * visit * arm", covariance="us@ar1", scale="instrument").fit(frame)
    with pytest.raises(SpecError, match=r"'instrument' changes within a subject.*'fixed'"):
        fit.margins("arm", by="visit", covariates="observed")
    each = fit.margins("arm", at={"instrument": "CGI"}, covariates="observed").tidy()
    fixed = fit.margins("arm", at={"instrument": "CGI"}).tidy()
    assert each["estimate"].tolist() == pytest.approx(fixed["estimate"].tolist())
    with pytest.raises(SpecError, match="several instruments"):
        fit.residual_autocorrelation()
    for ask in (fit.probability, fit.onset_curve):
        with pytest.raises(SpecError, match="several instruments"):
            ask(trd.Remission(), scale="MADRS", treatment="arm", outcome="score")
