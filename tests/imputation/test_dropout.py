"""Dropout and plain analyses: six patients by hand.

MADRS, baseline 30, visits on days 7, 14 and 21; x rated, . not

A1  20 16 12   xxx complete      B1  28  .  .   x.. left after 7
A2  22  . 14   x.x a gap         B2  24 20  .   xx. left after 14
A3  26 24  .   xx. left          B3  18 15 12   xxx complete

Changes at day 21: complete cases A -18, -16 (mean -17), B -18. Last observation carried forward
adds A3 -6, B1 -2 and B2 -10: A -40/3, B -10. Baseline carried forward makes them 0: A -34/3, B -6.
Without covariates ANCOVA is the comparison of means.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import NotEstimableError, UnknownNameError

SCORES = {"A1": [20, 16, 12], "A2": [22, np.nan, 14], "A3": [26, 24, np.nan],
          "B1": [28, np.nan, np.nan], "B2": [24, 20, np.nan], "B3": [18, 15, 12]}  # fmt: skip


def six() -> trd.Study:
    rows = [
        {"subject": s, "treatment": s[0], "day": 7 * k, "score": v}
        for s, values in SCORES.items() for k, v in enumerate([30, *values]) if not np.isnan(v)
    ]  # fmt: skip
    events = pd.DataFrame({"subject": ["A3", "B1"], "day": [16, 9],
                           "event": ["rescue", "withdrawal"]})  # fmt: skip
    return trd.Study(pd.DataFrame(rows), events=events, scale="MADRS")


def test_who_leaves() -> None:
    found = trd.describe_dropout(six())
    table = found.tidy().set_index(["treatment", "visit"])
    assert table.loc[("A", 14.0), ["assessed", "left", "gaps"]].tolist() == [2, 0, 1]
    assert table.loc[("B", 14.0), ["assessed", "left", "gaps"]].tolist() == [2, 1, 0]
    assert table.loc[("B", 21.0), "proportion_left"] == pytest.approx(2 / 3)
    patterns = found.patterns().set_index(["treatment", "pattern"])
    assert set(patterns["n"]) == {1}
    assert set(patterns.index) == {("A", "x.x"), ("A", "xx."), ("A", "xxx"),
                                   ("B", "x.."), ("B", "xx."), ("B", "xxx")}  # fmt: skip
    assert patterns.loc[("A", "x.x"), "kind"] == "gaps"
    assert patterns.loc[("B", "x.."), "kind"] == "left"
    summary = found.glance().set_index("treatment")
    assert summary.loc["A"].to_dict() == {"n": 3, "completed": 2, "left": 1, "with_gaps": 1}
    assert found.reasons().to_dict("records") == [
        {"treatment": "A", "event": "rescue", "n": 1},
        {"treatment": "B", "event": "withdrawal", "n": 1},
    ]
    # Of B one of three leaves after day 7, one of two after day 14.
    curve = found.curves().at([7.0, 14.0]).set_index(["treatment", "time"])["estimate"]
    assert curve["B", 7.0] == pytest.approx(2 / 3)
    assert curve["B", 14.0] == pytest.approx(1 / 3)
    early = trd.describe_dropout(six(), until=14)
    assert early.glance().set_index("treatment")["left"].to_dict() == {"A": 0, "B": 1}
    assert early.reasons()["event"].tolist() == ["withdrawal"]
    with pytest.raises(
        NotEstimableError, match="No subject was assessed at a scheduled visit by then"
    ):
        trd.describe_dropout(six(), until=3)


def test_what_goes_before_leaving() -> None:
    # In the simulation the odds of leaving rise by exp(0.3) a point of the last score.
    rng = np.random.default_rng(5)
    rows = []
    for i in range(800):
        score = float(rng.integers(20, 40))
        rows.append((i, 0, score))
        for k in range(1, 5):
            score = float(np.clip(np.rint(score + rng.normal(0, 3)), 0, 60))
            rows.append((i, 7 * k, score))
            if rng.random() < 1 / (1 + np.exp(-(0.3 * (score - 36)))):
                break
    frame = pd.DataFrame(rows, columns=["subject", "day", "score"])
    frame["treatment"] = np.where(frame["subject"] % 2, "A", "B")
    table = trd.describe_dropout(trd.Study(frame, scale="MADRS")).predictors().set_index("term")
    last = table.loc["last score"]
    assert last["conf_low"] < 0.3 < last["conf_high"]
    assert table.loc["treatment[T.B]", "p_value"] > 0.01
    with pytest.raises(NotEstimableError, match="No subject leaves between scheduled visits"):
        trd.describe_dropout(six().keep(["A1", "B3"])).predictors()


def test_plain_analyses_by_hand() -> None:
    found = trd.single_imputation_analyses(six(), day=21, covariates=None)
    table = found.tidy().set_index(["method", "measure", "treatment"])
    means = {"complete case": (-17, -18), "locf": (-40 / 3, -10), "bocf": (-34 / 3, -6)}
    for method, (a, b) in means.items():
        assert table.loc[(method, "mean change", "A"), "estimate"] == pytest.approx(a)
        assert table.loc[(method, "mean change", "B"), "estimate"] == pytest.approx(b)
        assert table.loc[(method, "difference", "B"), "estimate"] == pytest.approx(b - a)
    assert found.glance().set_index("method")["n_imputed"].to_dict() == {
        "complete case": 0, "locf": 3, "bocf": 3}  # fmt: skip
    # The handlings share subjects: how far their differences go together is not known.
    between = found.contrast(np.eye(9)[2] - np.eye(9)[5]).tidy().iloc[0]
    assert between["estimate"] == pytest.approx(-1 - 10 / 3)
    assert np.isnan(between["std_error"])
    assert "covariance" in between["reason"]
    # The error of a difference of two means with one variance: locf A -18 -16 -6, B -2 -10 -18.
    spread = (np.var([-18, -16, -6], ddof=1) + np.var([-2, -10, -18], ddof=1)) / 2
    error = table.loc[("locf", "difference", "B"), "std_error"]
    assert error == pytest.approx(np.sqrt(spread * 2 / 3))


def test_words_and_figures() -> None:
    found = trd.single_imputation_analyses(six(), day=21, covariates=None)
    assert "locf: assumes that no subject changes after the last attended visit." in str(found)
    assert "Difference of changes at day 21" in found.plot().get_xlabel()
    left = trd.describe_dropout(six())
    assert "Most frequent patterns, x assessed, . not" in str(left)
    assert left.plot().get_ylabel().startswith("Left the study")
    with pytest.raises(UnknownNameError, match="'mean'"):
        trd.single_imputation_analyses(six(), day=21, methods=("mean",))
    with pytest.raises(UnknownNameError, match="'Z'"):
        trd.single_imputation_analyses(six(), day=21, reference="Z")
    with pytest.raises(NotEstimableError, match="No subject under B has a score to analyse"):
        trd.single_imputation_analyses(
            six().keep(["A1", "A2", "B1", "B2"]), day=21, covariates=None,
            methods=("complete case",),
        )  # fmt: skip
