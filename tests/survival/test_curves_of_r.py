"""Kaplan-Meier, log-rank, restricted means and cumulative incidence as R computes them.

Tolerances: R printed ten significant digits, which is what limits every comparison here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import (
    RMST,
    AalenJohansen,
    EventTimes,
    KaplanMeier,
    LogRank,
    Relapse,
    Response,
    Study,
    time_to,
)

PRINTED = 2e-9  # ten digits, half a unit of the last, on values between 0.01 and 100


@pytest.fixture(scope="module")
def onset(trial: Study) -> EventTimes:
    return time_to(trial, Response())


@pytest.fixture(scope="module")
def durability(trial: Study) -> EventTimes:
    # The R script left out the rows with time 0; tests/hard_cases/test_time_zero.py has them all.
    every = time_to(trial, Relapse(20, 2), since=Response(), competing="left follow-up")
    later = every.frame[every.frame["time"] > 0]
    return EventTimes(later, outcome=every.outcome, origin=every.origin, causes=every.causes)


def test_kaplan_meier(onset: EventTimes, r_times: dict[str, Any]) -> None:
    expected = pd.DataFrame(r_times["onset"]["km"])
    fit = KaplanMeier().fit(onset)
    assert fit.glance()["n"].item() == r_times["n"]
    got = fit.at([7, 14, 28, 84])
    assert got["treatment"].tolist() == [a.removeprefix("arm=") for a in expected["arm"]]
    for ours, theirs in [
        ("estimate", "surv"), ("std_error", "se"), ("conf_low", "lower"), ("conf_high", "upper"),
        ("n_risk", "n_risk"),
    ]:  # fmt: skip
        assert got[ours].tolist() == pytest.approx(expected[theirs].tolist(), rel=PRINTED), ours


def test_quantiles(onset: EventTimes, r_times: dict[str, Any]) -> None:
    got = KaplanMeier().fit(onset).quantiles()
    for ours, theirs in (("estimate", "q"), ("conf_low", "lower"), ("conf_high", "upper")):
        expected = [
            np.nan if v is None else v for row in r_times["onset"]["quantiles"][theirs] for v in row
        ]
        assert np.array_equal(got[ours], expected, equal_nan=True), ours


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        (LogRank(), "logrank"),
        (LogRank(rho=1), "peto_peto"),
        (LogRank(strata="sex"), "logrank_stratified_sex"),
    ],
)
def test_log_rank(onset: EventTimes, r_times: dict[str, Any], spec: LogRank, key: str) -> None:
    expected = r_times["onset"][key]
    got = spec.fit(onset).glance().iloc[0]
    assert got["statistic"] == pytest.approx(expected["chisq"], rel=PRINTED)
    assert got["df"] == expected["df"]
    if "p" in expected:
        assert got["p_value"] == pytest.approx(expected["p"], rel=PRINTED)


def test_restricted_means(onset: EventTimes, r_times: dict[str, Any]) -> None:
    for case in r_times["onset"]["rmst"]:
        frame = RMST(tau=case["tau"], reference=case["control"]).fit(onset).tidy()
        for name, key in ((case["control"], "arm0"), (case["treated"], "arm1")):
            row = frame[(frame["measure"] == "restricted mean") & (frame["treatment"] == name)]
            got = row[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy()[0]
            assert got.tolist() == pytest.approx(case[key], rel=PRINTED)
        own = frame[
            (frame["reference"] == case["control"]) & (frame["treatment"] == case["treated"])
        ]
        got = own[["estimate", "conf_low", "conf_high", "p_value"]].to_numpy()
        assert own["measure"].tolist() == ["difference", "ratio", "ratio of time lost"]
        # p values are tails of statistics known to ten digits: one or two digits are lost.
        assert got.ravel().tolist() == pytest.approx(np.ravel(case["contrasts"]).tolist(), rel=1e-8)


def test_aalen_johansen(durability: EventTimes, r_times: dict[str, Any]) -> None:
    fit = AalenJohansen().fit(durability)
    assert fit.glance()["n"].item() == r_times["durability"]["n"]
    got = fit.at([28, 84, 140])
    for cause, name in durability.causes.items():
        for what, column in (("est", "estimate"), ("var", "std_error")):
            for row in r_times["durability"]["aalen_johansen"][what]:
                arm, code = row["curve"].rsplit(" ", 1)
                if int(code) != cause:
                    continue
                own = got[(got["treatment"] == arm) & (got["cause"] == name)][column].to_numpy()
                values = own if what == "est" else own**2
                expected = [row[d] for d in ("28", "84", "140")]
                assert values.tolist() == pytest.approx(expected, rel=PRINTED, abs=1e-12)


def test_kaplan_meier_of_relapse(durability: EventTimes, r_times: dict[str, Any]) -> None:
    expected = pd.DataFrame(r_times["durability"]["km_relapse_free"])
    got = KaplanMeier().fit(durability).at([28, 84, 140])
    for ours, theirs in (("estimate", "surv"), ("std_error", "se"), ("conf_low", "lower")):
        assert got[ours].tolist() == pytest.approx(expected[theirs].tolist(), rel=PRINTED)
