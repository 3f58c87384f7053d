"""Rates: R's counts and intervals, the handling of missing visits, denominators, refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from trdstats import EarlyImprovement, Relapse, Remission, Response, Study, compare_counts, rates
from trdstats.errors import EstimateWarning, SpecError, UnknownNameError
from trdstats.kernels.proportions.two_proportions import risk_difference

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
R_RATES = json.loads((REFERENCE / "rates" / "values.json").read_text("utf-8"))["rates"]


def arm(frame: pd.DataFrame, name: str) -> Any:
    return frame[(frame["measure"] == "rate") & (frame["treatment"] == name)].iloc[0]


def contrast(frame: pd.DataFrame, measure: str, name: str) -> Any:
    return frame[(frame["measure"] == measure) & (frame["treatment"] == name)].iloc[0]


@pytest.mark.parametrize(
    ("definition", "key"), [(Response(), "responders"), (Remission(), "remitters")]
)
def test_counts_of_r(trial: Study, definition: Any, key: str) -> None:
    frame = rates(trial, definition, day=28).tidy()
    for row in R_RATES["counts"]:
        got = arm(frame, row["arm"])
        assert (got["events"], got["n"], got["n_randomised"]) == (row[key], row["n"], 80)


def test_intervals_of_r(trial: Study) -> None:
    frame = rates(trial, Response(), day=28, reference="TMS").tidy()
    for measure, key in (("difference", "RD"), ("ratio", "RR")):
        expected = R_RATES["miettinen_nurminen"][key]
        got = contrast(frame, measure, "ketamine")
        # ratesci halves its interval down to about 1e-7.
        assert [got["conf_low"], got["estimate"], got["conf_high"]] == pytest.approx(
            [expected["lower"], expected["est"], expected["upper"]], rel=1e-6
        )
    gart = contrast(
        rates(trial, Response(), day=28, difference="gart").tidy(), "odds ratio", "ketamine"
    )
    expected = R_RATES["miettinen_nurminen"]["OR"]
    assert [gart["conf_low"], gart["estimate"], gart["conf_high"]] == pytest.approx(
        [expected["lower"], expected["est"], expected["upper"]], rel=1e-6
    )
    newcombe = contrast(
        rates(trial, Response(), day=28, difference="newcombe").tidy(), "difference", "ketamine"
    )
    expected = R_RATES["newcombe"]
    assert [newcombe["conf_low"], newcombe["conf_high"]] == pytest.approx(
        [expected["lower"], expected["upper"]], abs=1e-10
    )


def small_study(**options: Any) -> Study:
    """Four under each treatment; at day 28 two of TMS and one of ECT were not rated.

    ECT: E1 responds, E2 does not, E3 responds, E4 missed day 28 after a response at 14.
    TMS: T1 responds, T2 does not, T3 missed after no response at 14, T4 was never rated.
    """
    scores: dict[str, dict[int, int]] = {
        "E1": {0: 30, 14: 20, 28: 10}, "E2": {0: 30, 14: 25, 28: 20}, "E3": {0: 30, 28: 15},
        "E4": {0: 30, 14: 12}, "T1": {0: 30, 14: 14, 28: 12}, "T2": {0: 30, 28: 29},
        "T3": {0: 30, 14: 25}, "T4": {0: 30},
    }  # fmt: skip
    rows = [(s, d, v) for s, by in scores.items() for d, v in by.items()]
    visits = pd.DataFrame(rows, columns=["subject", "day", "score"])
    subjects = pd.DataFrame(
        {
            "subject": list(scores),
            "treatment": ["ECT"] * 4 + ["TMS"] * 4,
            "treated": [1, 1, 1, 1, 1, 1, 1, 0],
        }
    )
    return Study(visits, subjects, scale="MADRS", **options)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
@pytest.mark.parametrize(
    ("missing", "ect", "tms"),
    [
        ("nonresponse", (2, 4), (1, 4)),
        ("observed", (2, 3), (1, 2)),
        ("locf", (3, 4), (1, 3)),  # E4 keeps its response; T4, never rated, is left out
        ("worst", (3, 4), (1, 4)),  # ECT is the reference: its missing one counts as met
    ],
)
def test_missing_visits(missing: Any, ect: tuple[int, int], tms: tuple[int, int]) -> None:
    frame = rates(small_study(), Response(), day=28, missing=missing).tidy()
    for name, expected, analysed, treated in (("ECT", ect, 3, 4), ("TMS", tms, 2, 3)):
        row = arm(frame, name)
        assert (row["events"], row["n"]) == expected
        assert (row["n_randomised"], row["n_treated"], row["n_analysed"]) == (4, treated, analysed)


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_worst_case_turns_with_the_reference() -> None:
    frame = rates(small_study(), Response(), day=28, missing="worst", reference="TMS").tidy()
    assert arm(frame, "ECT")["events"] == 2
    assert arm(frame, "TMS")["events"] == 3


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_outcomes_say_why() -> None:
    outcomes = rates(small_study(), Response(), day=28, missing="observed").outcomes
    assert outcomes["reason"].tolist()[3] == "not assessed"
    assert outcomes["met"].isna().sum() == 3


@pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
def test_early_improvement_counts_any_visit_up_to_the_day() -> None:
    # By day 14: E1, E4 and T1 fell by 20 %; E3 and T2 were first rated later.
    frame = rates(small_study(), EarlyImprovement(), day=14).tidy()
    assert arm(frame, "ECT")["events"] == 2
    assert arm(frame, "TMS")["events"] == 1


def test_a_treatment_without_the_visit_has_no_rate() -> None:
    visits = pd.DataFrame(
        {
            "subject": list("AABBCC"), "treatment": ["ECT"] * 4 + ["VNS"] * 2,
            "day": [0, 28, 0, 28, 0, 90], "score": [30, 10, 30, 28, 30, 10],
        }
    )  # fmt: skip
    study = Study(visits, scale="MADRS")
    with pytest.warns(EstimateWarning, match="No subject was assessed at day 28 under VNS"):
        result = rates(study, Response(), day=28)
    row = arm(result.tidy(), "VNS")
    assert math.isnan(row["estimate"])
    assert (row["n"], row["n_randomised"], row["n_analysed"]) == (0, 1, 0)
    assert math.isnan(contrast(result.tidy(), "difference", "VNS")["conf_low"])


def test_windows_decide_which_visit_counts() -> None:
    visits = pd.DataFrame(
        {"subject": list("AAABB"), "treatment": ["ECT"] * 3 + ["TMS"] * 2,
         "day": [0, 26, 29, 0, 40], "score": [30, 20, 10, 30, 10]}
    )  # fmt: skip
    study = Study(visits, scale="MADRS", windows={28: 3, 42: 3})
    with pytest.warns(EstimateWarning, match="under TMS"):
        frame = rates(study, Response(), day=28).tidy()
    assert arm(frame, "ECT")["events"] == 1


def test_influence_gives_the_variance(trial: Study) -> None:
    result = rates(trial, Response(), day=28)
    influence = result.influence().filter(regex="^rate ").to_numpy()
    of_arm = result.tidy().query("measure == 'rate'")
    assert np.allclose(influence.sum(axis=0), 0, atol=1e-12)
    # The cross-product is p (1 - p) / n: the same sum in another order.
    assert np.sqrt((influence**2).sum(axis=0)) == pytest.approx(of_arm["std_error"], rel=1e-12)


def test_tidy_columns(trial: Study) -> None:
    result = rates(trial, Response(), day=28)
    assert list(result.tidy().columns) == [
        "measure", "treatment", "reference", "events", "n", "n_randomised", "n_treated",
        "n_rated", "n_analysed", "method", "estimate", "std_error", "scale", "df", "statistic",
        "p_value", "conf_low", "conf_high", "conf_level", "reason",
    ]  # fmt: skip
    assert len(result.tidy()) == 3 + 3 * 2
    assert result.glance().iloc[0].to_dict() == {
        "n": 240, "n_rated": 197, "n_analysed": 197,
        "events": 119, "day": 28.0, "missing": "nonresponse",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"day": 27}, UnknownNameError, r"No visit is scheduled at day 27\. Nearest: 14, 21, 28"),
        ({"day": 28, "missing": "LOCF"}, SpecError, r"missing must be one of.*Did you mean 'locf'"),
        ({"day": 28, "method": "wald"}, SpecError, "method must be one of 'wilson'"),
        ({"day": 28, "difference": "mn"}, SpecError, "difference must be one of"),
        ({"day": 28, "conf_level": 95}, SpecError, "conf_level must lie between 0 and 1"),
        ({"day": 28, "reference": "tms"}, UnknownNameError, "treatment 'tms'. Did you mean 'TMS'"),
    ],
)
def test_unusable_arguments(
    trial: Study, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        rates(trial, Response(), **options)


def test_events_have_no_rate(trial: Study) -> None:
    with pytest.raises(SpecError, match="is an event, not a state at a visit: use time_to"):
        rates(trial, Relapse(20, 2), day=28)


def test_face(trial: Study) -> None:
    stored = (REFERENCE / "displays" / "rates.txt").read_text("utf-8")
    assert repr(rates(trial, Response(), day=28)) + "\n" == stored


def test_unrandomised_rates_are_labelled(tiny: pd.DataFrame) -> None:
    result = rates(Study(tiny, scale="MADRS"), Response(), day=14)
    assert "Unadjusted: treatments were not randomised" in repr(result)
    assert "Unadjusted: treatments were not randomised" in result._repr_html_()


def test_counts_alone() -> None:
    result = compare_counts(10, 31, 2, 25)
    assert result.tests()["p_value"].round(3).tolist() == [0.028, 0.061, 0.047]
    assert result.tidy()["measure"].tolist() == ["difference", "ratio", "odds ratio"]
    assert "10/31 against 2/25" in repr(result)
    wald = compare_counts(70, 101, 52, 100, method="wald").tidy().iloc[0]
    # TRANSFORM-2 printed 17.3 (4.01 to 30.60) points.
    assert [wald["conf_low"], wald["conf_high"]] == pytest.approx([0.0401, 0.3060], abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((11, 10, 1, 5), "Events must lie between 0 and the number of subjects; got 11/10"),
        ((1, 0, 1, 5), "got 1/0"),
        ((1.5, 10, 1, 5), "events must be a whole number"),
    ],
)
def test_unusable_counts(counts: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        compare_counts(*counts)


def test_limits_of_another_level_and_the_test_of_the_score(trial: Study) -> None:
    found = rates(trial, Response(), day=28)
    pair = compare_counts(10, 31, 2, 25)
    gap = pair.tidy(conf_level=0.9).iloc[0]
    own = risk_difference(10, 31, 2, 25, method="miettinen-nurminen", conf_level=0.9)
    assert (gap["conf_low"], gap["conf_high"]) == (own.low, own.high)
    assert (gap["statistic"], gap["p_value"]) == (own.statistic, own.p_value)
    table = found.tidy(conf_level=0.9)
    assert (table["conf_level"] == 0.9).all()
    assert (table["conf_low"] > found.tidy()["conf_low"]).all()


def test_rates_are_combined_and_judged_together(trial: Study) -> None:
    found = rates(trial, Response(), day=28)
    gaps = found.estimates().only(measure="difference")
    by_hand = found.estimates().contrast([[-1, 1, 0], [-1, 0, 1]] @ np.eye(3, len(found.tidy())))
    assert gaps.std_error == pytest.approx(by_hand.std_error, rel=1e-12)
    # With p within each and one reference the correlation is that of what they share.
    V = gaps.covariance
    assert V[0, 1] == pytest.approx(found.estimates().covariance[0, 0], rel=1e-9)
    both = gaps.adjust("dunnett").tidy()["p_value"]
    alone = 2 * norm.sf(np.abs(gaps.statistic))
    assert (both >= alone).all()
    assert (both <= 2 * alone).all()


@pytest.mark.filterwarnings("ignore::trdstats.errors.EstimateWarning")
def test_a_rate_that_is_not_there_says_why() -> None:
    visits = pd.DataFrame(
        {
            "subject": list("AABBCC"), "treatment": ["ECT"] * 4 + ["VNS"] * 2,
            "day": [0, 28, 0, 28, 0, 90], "score": [30, 10, 30, 28, 30, 10],
        }
    )  # fmt: skip
    table = rates(Study(visits, scale="MADRS"), Response(), day=28).tidy()
    lost = table[table["estimate"].isna()]
    assert len(lost) == 4
    assert (lost["reason"] == "no subject was assessed at day 28").all()
