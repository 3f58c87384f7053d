"""Random effects beside residuals with a covariance of their own.

A random intercept plus AR(1) residuals is also a covariance of the visits, J g + AR(1): `MMRM` with
that structure takes another way to the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import LMM, MMRM
from trdstats.errors import DataError, SpecError
from trdstats.longitudinal import Covariance, get_covariance


@dataclass(frozen=True)
class InterceptAnd(Covariance):
    """One covariance for all pairs more than another structure has."""

    inner: str

    @property
    def label(self) -> str:
        return f"intercept and {self.inner}"

    def _bound(self) -> Covariance:
        return get_covariance(self.inner)

    def size(self, T: int) -> int:
        return 1 + self._bound().size(T)

    def start(self, S: Any, days: Any) -> Any:
        half = S / 2 + np.diag(np.diag(S)) / 2
        return np.concatenate([[0.3 * np.diag(S).mean()], self._bound().start(half, days)])

    def matrix(self, theta: Any, days: Any) -> Any:
        return theta[0] + self._bound().matrix(theta[1:], days)


def drawn(n: int = 120, T: int = 6, *, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(0.6 ** np.abs(np.subtract.outer(np.arange(T), np.arange(T))))
    noise = 2 * rng.normal(size=(n, T)) @ root.T * (1 + 0.2 * np.arange(T))
    y = 30 - np.arange(T) + 3 * rng.normal(size=(n, 1)) + noise
    keep = rng.random((n, T)) < 0.9
    subject, week = np.nonzero(keep)
    return pd.DataFrame(
        {"subject": subject, "visit": 7 * (week + 1), "arm": np.where(subject % 2, "A", "B"),
         "day": 7.0 * (week + 1) + rng.integers(-2, 3, len(week)), "y": y[keep]}
    )  # fmt: skip


@pytest.mark.parametrize("inner", ["ar1", "ar1h", "sp_exp", "indh"])
def test_an_intercept_beside_a_structure_is_a_structure(inner: str) -> None:
    frame = drawn()
    ddf = "satterthwaite"
    mixed = LMM("y ~ day * arm", residual=inner, ddf=ddf).fit(frame)
    visits = MMRM("y ~ day * arm", covariance=InterceptAnd(inner), ddf=ddf).fit(frame)
    assert mixed.loglik == pytest.approx(visits.loglik, abs=1e-6)
    assert mixed.loglik >= visits.loglik - 1e-8
    columns = ["estimate", "std_error"]
    pd.testing.assert_frame_equal(mixed.tidy()[columns], visits.tidy()[columns], rtol=1e-5)
    # MMRM has its derivatives of this structure by differences.
    assert mixed.tidy()["df"].to_numpy() == pytest.approx(visits.tidy()["df"].to_numpy(), rel=1e-3)
    assert mixed.covariance_parameters()["estimate"].to_numpy() == pytest.approx(
        visits.covariance_parameters()["estimate"].to_numpy(), rel=2e-3
    )
    influence = mixed.influence().set_index("subject").to_numpy()
    assert influence == pytest.approx(
        visits.influence().set_index("subject").to_numpy(), rel=1e-3, abs=1e-6
    )


def test_kenward_roger_with_curved_residuals() -> None:
    frame = drawn(30)
    ddf = "kenward-roger"
    mixed = LMM("y ~ day * arm", residual="ar1", ddf=ddf).fit(frame).tidy()
    visits = MMRM("y ~ day * arm", covariance=InterceptAnd("ar1"), ddf=ddf).fit(frame)
    # MMRM takes the observed and LMM the expected information: the first order agrees.
    assert mixed["std_error"].to_numpy() == pytest.approx(
        visits.tidy()["std_error"].to_numpy(), rel=0.02
    )


def test_days_of_their_own() -> None:
    frame = drawn(60)
    found = LMM("y ~ day", residual="sp_exp", time="day").fit(frame)
    theta = found.covariance_parameters().set_index("term")["estimate"]
    total = 0.0
    X = np.c_[np.ones(len(frame)), frame["day"]]
    beta = found.tidy()["estimate"].to_numpy()
    information = np.zeros((2, 2))
    for _, rows in frame.groupby("subject"):
        day = rows["day"].to_numpy()
        V = theta["var(Intercept)"] + theta["residual variance"] * np.exp(
            -np.abs(day[:, None] - day) / theta["residual range"]
        )
        r = rows["y"].to_numpy() - X[rows.index] @ beta
        total += np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r)
        information += X[rows.index].T @ np.linalg.solve(V, X[rows.index])
    total += np.linalg.slogdet(information)[1] + (len(frame) - 2) * np.log(2 * np.pi)
    assert found.deviance == pytest.approx(total, abs=1e-8)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert found.tidy()["std_error"].to_numpy() == pytest.approx(errors, rel=1e-8)
    white = found.residuals("normalised")["residual"]
    assert white.var() == pytest.approx(1, abs=0.1)
    assert found.simulate(2, seed=1).shape == (len(frame), 4)
    assert found.residual_covariance.shape == (6, 6)


def test_words() -> None:
    frame = drawn(20)
    with pytest.raises(SpecError, match="time='day' is not used by AR"):
        LMM("y ~ day", residual="ar1", time="day")
    with pytest.raises(SpecError, match="residuals need days"):
        LMM("y ~ day", residual="sp_exp").fit(
            frame.assign(visit="visit " + frame["visit"].astype(str))
        )
    with pytest.raises(DataError, match="repeats a subject and visit"):
        LMM("y ~ day", residual="ar1").fit(pd.concat([frame, frame.head(1)], ignore_index=True))
    with pytest.raises(SpecError, match="Residuals are independent"):
        _ = LMM("y ~ day").fit(frame).residual_covariance
    found = LMM("y ~ day", residual="ar1").fit(frame)
    assert "AR(1) residuals" in repr(found)
    assert list(found.residual_covariance.index) == [7, 14, 21, 28, 35, 42]
