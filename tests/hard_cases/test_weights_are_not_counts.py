"""Tests and criteria under weights, and pairs under weights and delayed entry.

Reference values: R 4.2.2, survival 3.5-3, on the rows of `rows`:

    coxph(Surv(tied, status) ~ x + z, weights = w, robust = TRUE)
    coxph(Surv(entry, time, status) ~ x + z, cluster = subject)
    coxph(Surv(entry, time, status) ~ x + z, weights = w, cluster = subject)
    coxph(Surv(tied, status) ~ x + z, weights = w, cluster = cl)
    coxph(Surv(tied, status) ~ x + z + strata(cl %% 3), weights = w, robust = TRUE)

each read as f$concordance[c("concordance", "std")], f$rscore, f$wald.test.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import trdstats as trd
from trdstats.kernels.risk_sets.cox_leverage import information_parts

R = {
    "weights": (0.6788557643, 0.1479623188, 1.905543483, 2.015175884),
    "entry": (0.744047619, 0.132463327, 3.86590264, 1.476584153),
    "entry, weights": (0.7374391093, 0.1620134489, 2.501395583, 1.267162483),
    "weights, clusters": (0.6788557643, 0.1493885284, 2.405577483, 3.197546696),
    "weights, strata": (0.6761893378, 0.09487054352, 3.729276702, 5.360997608),
}


def rows(*, entry: bool) -> pd.DataFrame:
    i = np.arange(24)
    day, status = (35 * i) % 53 + 3, ((7 * i) % 5 < 3).astype(int)
    time = day if entry else day // 6 + 2
    frame = pd.DataFrame(
        {
            "subject": [f"S{k:02}" for k in i],
            "treatment": "A",
            "left": time,
            "right": np.where(status == 1, time, np.inf),
            "time": time,
            "status": status,
            "x": (11 * i) % 17 / 4,
            "z": (i % 2).astype(float),
            "w": np.array([0.5, 1.0, 1.7, 2.3])[i % 4],
            "cl": i // 2,
            "third": i // 2 % 3,
        }
    )
    return frame.assign(entry=np.where(i % 3 == 0, 2 * i % 9, 0)) if entry else frame


@pytest.mark.parametrize(
    ("case", "spec", "entry", "weights"),
    [
        ("weights", trd.CoxPH("x + z", correction="none"), False, "w"),
        ("entry", trd.CoxPH("x + z", correction="none", robust=True), True, None),
        ("entry, weights", trd.CoxPH("x + z", correction="none"), True, "w"),
        ("weights, clusters", trd.CoxPH("x + z", correction="none", cluster="cl"), False, "w"),
        ("weights, strata", trd.CoxPH("x + z", correction="none", strata="third"), False, "w"),
    ],
)
def test_cox_of_r(case: str, spec: trd.CoxPH, entry: bool, weights: str | None) -> None:
    summary = spec.fit(rows(entry=entry), weights=weights).glance().iloc[0]
    columns = ["concordance", "concordance_std_error", "score", "wald"]
    assert summary[columns].tolist() == pytest.approx(R[case], rel=1e-8)
    # A likelihood of weighted or dependent subjects is none; robust=True alone leaves it one.
    assert np.isnan(summary["likelihood_ratio"]) == (case != "entry")
    assert np.isnan(summary["likelihood_ratio_p"]) == (case != "entry")


def test_the_summary_shows_the_robust_wald_test() -> None:
    fit = trd.CoxPH("x + z", correction="none").fit(rows(entry=False), weights="w")
    assert re.search(r"Wald test +2.02 on 2 df, p 0.365", str(fit))
    assert "Likelihood ratio" not in str(fit)
    assert re.search(r"Variance +robust", str(fit.proportional_hazards()))
    plain = str(trd.CoxPH("x + z").fit(rows(entry=False)))
    assert "Likelihood ratio" in plain
    assert "Wald test" not in plain


def test_no_criterion_of_weighted_subjects() -> None:
    onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    ones = pd.Series(1.0, index=onset.frame["subject"])
    for spec in (trd.AFT("treatment"), trd.MixtureCure("treatment", "treatment", "log-logistic")):
        weighted, plain = spec.fit(onset, weights=ones), spec.fit(onset)
        assert weighted.glance()[["aic", "bic"]].isna().all(axis=None)
        assert plain.glance()[["aic", "bic"]].notna().all(axis=None)
        assert "AIC" not in str(weighted)
        assert "AIC" in str(plain)


def test_proportional_hazards_keep_their_level_under_weights() -> None:
    # 300 null studies of 100 with inverse probability weights: the test that took weights for
    # counts rejected 14 % of them. Binomial error of 5 % in 300: 1.3 %.
    rng = np.random.default_rng(11)
    p, wald = [], []
    for _ in range(300):
        x = rng.normal(size=100)
        chance = 1 / (1 + np.exp(-x))
        arm = rng.random(100) < chance
        time, end = rng.exponential(1.0, 100), rng.uniform(0.5, 3, 100)
        frame = pd.DataFrame(
            {
                "subject": np.arange(100),
                "treatment": np.where(arm, "B", "A"),
                "time": np.minimum(time, end),
                "status": (time <= end).astype(int),
                "w": np.where(arm, 1 / chance, 1 / (1 - chance)),
            }
        )
        frame["left"] = frame["time"]
        frame["right"] = frame["time"].where(frame["status"] == 1, np.inf)
        fit = trd.CoxPH("treatment").fit(frame, weights="w")
        p.append(fit.proportional_hazards("identity").tidy()["p_value"].iloc[-1])
        wald.append(fit.glance()["score_p"].item())
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.09
    assert 0.01 < np.mean(np.array(wald) < 0.05) < 0.10


def test_robust_score_of_proportional_hazards_by_hand() -> None:
    # Breslow's sums written out: U of x g(t) after projection on x, over its squares.
    frame = rows(entry=False)
    fit = trd.CoxPH("x", ties="breslow").fit(frame, weights="w")
    beta = fit.tidy()["estimate"].item()
    time, event = frame["time"].to_numpy(), frame["status"].to_numpy() == 1
    x, w = frame["x"].to_numpy(), frame["w"].to_numpy()
    risk = w * np.exp(beta * x)
    parts = np.zeros((24, 2))
    information = np.zeros(2)
    for t in np.unique(time[event]):
        there, now = time >= t, event & (time == t)
        mean = (risk * x)[there].sum() / risk[there].sum()
        hazard = w[now].sum() / risk[there].sum()
        step = now * (x - mean) - there * np.exp(beta * x) * (x - mean) * hazard
        spread = w[now].sum() * (risk * (x - mean) ** 2)[there].sum() / risk[there].sum()
        parts += w[:, None] * step[:, None] * np.array([1.0, t])
        information += spread * np.array([1.0, t])
    own = parts[:, 1] - parts[:, 0] * information[1] / information[0]
    statistic = own.sum() ** 2 / (own**2).sum()
    found = fit.proportional_hazards("identity").tidy().iloc[0]
    assert found["statistic"] == pytest.approx(statistic, rel=1e-8)
    assert found["p_value"] == pytest.approx(chi2.sf(statistic, 1), rel=1e-8)


@pytest.mark.parametrize("cluster", [None, "cl"])
def test_the_jackknife_is_near_that_of_refits(cluster: str | None) -> None:
    # One step of Newton, so that refits differ by terms of second order; the sandwich lacks one of
    # first order in 1 / n.
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "subject": np.arange(48),
            "treatment": np.tile(["A", "B"], 24),
            "cl": np.arange(48) // 2,
            "x": rng.uniform(-1, 1, 48),
            "time": rng.exponential(1, 48),
            "status": (rng.random(48) < 0.8).astype(int),
            "w": rng.uniform(0.5, 2, 48),
        }
    )
    frame["left"] = frame["time"]
    frame["right"] = frame["time"].where(frame["status"] == 1, np.inf)
    spec = trd.CoxPH("treatment + x", cluster=cluster)
    whole = spec.fit(frame, weights="w")
    moves = []
    for _, own in frame.groupby(cluster or "subject"):
        again = spec.fit(frame.drop(own.index), weights="w").tidy()["estimate"]
        moves.append(whole.tidy()["estimate"] - again)
    refitted = np.sqrt((np.array(moves) ** 2).sum(axis=0))
    plain = replace(spec, correction="none").fit(frame, weights="w").tidy()["std_error"]
    found = whole.tidy()["std_error"].to_numpy()
    assert found == pytest.approx(refitted, rel=0.08)
    assert (np.abs(found - refitted) < np.abs(plain - refitted)).all()
    assert "robust, jackknife" in str(whole)
    moved = whole.influence().merge(frame[["subject", "cl"]])
    sums = moved.groupby(cluster or "subject")[["treatment[T.B]", "x"]].sum()
    assert np.sqrt((sums**2).sum()).to_numpy() == pytest.approx(found, rel=1e-10)


def test_parts_of_the_information_sum_to_it() -> None:
    for ties in ("efron", "breslow"):
        for entry in (False, True):
            fit = trd.CoxPH("x + z", ties=ties).fit(rows(entry=entry), weights="w")  # type: ignore[arg-type]
            best = fit._best
            total = information_parts(best.data, best.fit).sum(axis=0)
            assert total == pytest.approx(best.fit.information, rel=1e-8)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ([1e50] + [1.0] * 23, r"The weight of S00 is more than 1e\+12 times all others together"),
        ([1e-200] * 24, r"The largest weight is 1\.0e-200"),
        ([1e200] * 24, r"The largest weight is 1\.0e\+200"),
    ],
)
def test_weights_that_cannot_be_summed_are_refused(weight: list[float], words: str) -> None:
    """Curves were NaN, and regressions ended in errors of NumPy."""
    frame = rows(entry=False).assign(w=weight)
    for call in (
        lambda: trd.KaplanMeier().fit(frame, weights="w"),
        lambda: trd.IntervalPH("x").fit(frame, weights="w"),
        lambda: trd.AFT("x").fit(frame, weights="w"),
    ):
        with pytest.raises(trd.errors.DataError, match=words):
            call()
