"""Firth's Cox regression: by hand, by brute force, and where an arm has no event."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

import trdstats as trd
from trdstats.errors import NotEstimableError, SpecError


def penalised(frame: pd.DataFrame, columns: list[str], ties: str) -> Callable[[np.ndarray], float]:
    """Return the penalised likelihood by loops over events and subjects."""
    X = frame[columns].to_numpy(dtype=float)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()

    def value(beta: np.ndarray) -> float:
        risk, loglik = np.exp(X @ beta), 0.0
        information = np.zeros((len(beta), len(beta)))
        for t in np.unique(time[status == 1]):
            tied = np.flatnonzero((time == t) & (status == 1))
            for k in range(len(tied)):
                weight = np.where(time >= t, risk, 0.0)
                if ties == "efron":
                    weight[tied] *= 1 - k / len(tied)
                mean = weight @ X / weight.sum()
                information += (X - mean).T @ ((X - mean) * weight[:, None]) / weight.sum()
                loglik += X[tied[k]] @ beta - np.log(weight.sum())
        return float(loglik + np.linalg.slogdet(information)[1] / 2)

    return value


def trial(n: int = 40, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    event = (rng.random(n) < 0.6) & (arm == 0)  # nobody in the second arm has the event
    return pd.DataFrame(
        {"subject": np.arange(n), "treatment": np.where(arm, "ECT", "TMS"), "x": rng.normal(size=n),
         "time": np.ceil(rng.exponential(10, n)), "status": event.astype(int), "arm": arm}
    )  # fmt: skip


def test_by_hand() -> None:
    # One event, five at risk without x and three with it: p = P(x) at the event solves
    # -p + (1 - 2 p) / 2 = 0, so p = 1/4 and the hazard ratio is 5 / (3 * 3).
    frame = pd.DataFrame(
        {"subject": range(8), "treatment": "ECT", "x": [1.0] * 3 + [0.0] * 5,
         "time": [9.0] * 3 + [1.0] + [9.0] * 4, "status": [0] * 3 + [1] + [0] * 4}
    )  # fmt: skip
    fit = trd.CoxPH("x", firth=True).fit(frame)
    assert fit.tidy()["hazard_ratio"].item() == pytest.approx(5 / 9, rel=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_estimates_and_limits_by_brute_force(ties: str) -> None:
    frame = trial()
    value = penalised(frame, ["arm", "x"], ties)
    arms = frame.assign(treatment=pd.Categorical(frame["treatment"], categories=["TMS", "ECT"]))
    fit = trd.CoxPH("treatment + x", ties=ties, firth=True).fit(arms)  # type: ignore[arg-type]
    table, options = fit.tidy(), {"xatol": 1e-10, "fatol": 1e-13}
    best = minimize(lambda b: -value(b), [0.0, 0.0], method="Nelder-Mead", options=options)
    assert table["estimate"].tolist() == pytest.approx(best.x.tolist(), abs=1e-6)
    assert fit.glance()["loglik"].item() == pytest.approx(-best.fun, rel=1e-9)
    for j, row in table.iterrows():
        for end in (row["conf_low"], row["conf_high"]):
            held = minimize(
                lambda c, j=j, end=end: -value(np.insert(c, j, end)), [0.0],
                method="Nelder-Mead", options=options,
            )  # fmt: skip
            assert 2 * (held.fun - best.fun) == pytest.approx(chi2.isf(0.05, 1), rel=1e-6)
        none = minimize(
            lambda c, j=j: -value(np.insert(c, j, 0.0)), [0.0], method="Nelder-Mead",
            options=options,
        )  # fmt: skip
        assert row["p_value"] == pytest.approx(chi2.sf(2 * (none.fun - best.fun), 1), rel=1e-5)
        assert chi2.sf(row["statistic"] ** 2, 1) == pytest.approx(row["p_value"])


def test_an_arm_without_an_event() -> None:
    frame = trial()
    with pytest.raises(NotEstimableError, match=r"take CoxPH\(firth=True\)"):
        trd.CoxPH("treatment").fit(frame)
    fit = trd.CoxPH("treatment", firth=True).fit(frame)
    row = fit.tidy().iloc[0]
    assert np.isfinite(row[["estimate", "std_error", "conf_low", "conf_high"]].tolist()).all()
    assert "penalised (Firth)" in repr(fit)


def test_with_many_events_it_is_near_the_plain_likelihood() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    plain, firth = (trd.CoxPH("treatment + age", firth=f).fit(onset).tidy() for f in (False, True))
    gap = (plain["estimate"] - firth["estimate"]).abs() / plain["std_error"]
    assert 0 < gap.max() < 0.1


def test_what_is_refused() -> None:
    frame = trial().assign(w=1.0)
    with pytest.raises(SpecError, match="leave robust and cluster out"):
        trd.CoxPH("treatment", firth=True, robust=True)
    with pytest.raises(NotEstimableError, match="there is none"):
        trd.CoxPH("treatment", firth=True).fit(frame, weights="w")
    fit = trd.CoxPH("treatment", firth=True).fit(frame)
    with pytest.raises(NotEstimableError, match="fit without firth=True"):
        fit.marginal()
    with pytest.raises(NotEstimableError, match="fit without firth=True"):
        fit.proportional_hazards()
    with pytest.raises(NotEstimableError, match="not a sum over subjects"):
        fit.estimates().influence()
