"""Figures of papers as people type them, and patients set against them: right, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import (
    DataError,
    DataWarning,
    EstimateWarning,
    NotEstimableError,
    SpecError,
)

ROWS = pd.DataFrame({
    "trial": list("ABCD"), "measure": "odds ratio", "treatment": "ECT", "reference": "TMS",
    "estimate": [1.5, 2.0, 1.2, 1.8], "conf_low": [0.9, 1.1, 0.7, 1.0],
    "conf_high": [2.5, 3.6, 2.1, 3.2],
})  # fmt: skip
COUNTS = pd.DataFrame({
    "trial": ["A", "B"], "events": [24, 30], "n": [50, 61], "reference_events": [14, 22],
    "reference_n": [48, 60],
})  # fmt: skip


def patients(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    ect = rng.random(n) < 0.5
    return pd.DataFrame({
        "subject": [f"P{i:03}" for i in range(n)], "treatment": np.where(ect, "ECT", "TMS"),
        "age": rng.normal(42 + 8 * ect, 10), "responded": (rng.random(n) < 0.5).astype(int),
        "change": rng.normal(-10, 7, n).round(),
    })  # fmt: skip


def paper(age: float = 47.0, **arm: Any) -> trd.PublishedTrial:
    given = arm or {"events": 40}
    return trd.PublishedTrial("paper", {"age": age}, arms=(trd.PublishedArm("VNS", 100, **given),))


def compared(rows: pd.DataFrame, trial: trd.PublishedTrial, **given: Any) -> Any:
    sides = {"treatment": "ECT", "comparator": "VNS", "anchor": None, "outcome": "responded"}
    return trd.MAIC(paper()).fit(rows).compare(trial, **{**sides, **given})


# ----------------------------------------------------------------------------- effects of papers


def test_a_frame_of_effects_is_pooled_as_its_rows_are() -> None:
    """It was told that it has no column 'events'."""
    found = trd.meta_analysis(ROWS).tidy()
    pd.testing.assert_frame_equal(found, trd.meta_analysis(ROWS.to_dict("records")).tidy())


def test_a_trial_twice_is_named() -> None:
    """Two outcomes of one trial are no two trials."""
    twice = ROWS.assign(trial=["A", "A", "B", "C"])
    with pytest.warns(EstimateWarning, match="^A is there more than once: effects of the same"):
        pooled = trd.meta_analysis(twice)
    assert "A is there more than once" in repr(pooled)
    with pytest.warns(EstimateWarning, match="A is there more than once"):
        trd.meta_analysis(COUNTS.assign(trial="A"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"estimate": "1,5"}, "estimate must be a number, or empty; the row has '1,5'. It has a d"),
        ({"conf_low": "NR"}, "conf_low must be a number, or empty; the row has 'NR'"),
        ({"treatment": "TMS"}, "compares a treatment with itself"),
        # That of the ratio, 1.5 * 0.26, in the place of its logarithm; and a variance.
        ({"std_error": 0.40}, r"limits \(95 %\) that stand for a standard error of 0.261"),
        ({"std_error": 0.068}, "Of a ratio it is that of the logarithm"),
    ],
)
def test_a_row_that_says_two_things_is_refused(changes: dict[str, Any], words: str) -> None:
    """Texts ended in an error of Python, two errors in silence."""
    with pytest.raises(SpecError, match=words):
        trd.read_effect({**ROWS.iloc[0].to_dict(), **changes})


def test_an_error_that_agrees_with_rounded_limits_is_taken() -> None:
    # log(2.5 / 0.9) / (2 * 1.96), rounded.
    effect = trd.read_effect({**ROWS.iloc[0].to_dict(), "std_error": 0.26})
    assert effect.error == 0.26


def test_points_of_per_cent_are_no_risk_difference() -> None:
    with pytest.raises(SpecError, match=r"that of a v b is 15\. Give it as a proportion"):
        trd.Effect("risk difference", "a", "b", 15, 5, 25)


def test_limits_of_a_ratio_that_lie_unevenly_imply_no_error() -> None:
    """1.11 (1.10 to 10.6) had a standard error of 0.58, and 1.11 in its middle."""
    for low, high in ((1.10, 10.6), (0.1, 2.12)):
        effect = trd.Effect("hazard ratio", "a", "b", 1.11, low, high)
        with pytest.raises(NotEstimableError, match="unevenly about the estimate on the log scale"):
            _ = effect.error
    # Symmetric about log 2, rounded to one digit.
    assert trd.Effect("odds ratio", "a", "b", 2.0, 1.1, 3.6).error == pytest.approx(
        0.3025, abs=1e-3
    )


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("events", 48.2, "events and subjects are whole numbers; got 48.2/50 and 14/48. Rates"),
        ("events", "24,", "events must be a number, or empty; the row has '24,'"),
    ],
)
def test_rates_are_no_counts(column: str, value: Any, words: str) -> None:
    counts = COUNTS.astype({column: object})
    counts.loc[0, column] = value
    with pytest.raises(SpecError, match=words):
        trd.meta_analysis(counts)


def test_counts_of_a_published_arm_are_not_cut_to_whole_numbers() -> None:
    """55.4 per cent of 195 became 55 events."""
    row = {"treatment": "ketamine", "n": 195, "events": 55.4}
    with pytest.raises(SpecError, match=r"events must be a whole number; got 55\.4"):
        trd.PublishedArm.from_row(row)
    assert trd.PublishedArm.from_row({**row, "events": 108.0}).events == 108


# --------------------------------------------------------------- patients against published arms


def test_weights_of_all_treatments_do_not_match_one_of_them() -> None:
    """Older patients under ECT, younger under TMS: their mean was met, that of ECT was not."""
    both = patients()
    with pytest.raises(SpecError, match=r"200 patients, of whom \d+ have ECT: these alone have a"):
        compared(both, paper())
    alone = both[both["treatment"] == "ECT"]
    found = compared(alone, paper(), measure="risk difference").tidy()
    w = trd.MAIC(paper()).fit(alone).frame["weight"].to_numpy()
    by_hand = np.average(alone["responded"], weights=w) - 0.40
    assert np.average(alone["age"], weights=w) == pytest.approx(47.0, rel=1e-10)
    assert found["estimate"].iloc[-1] == pytest.approx(by_hand, rel=1e-12)


def test_weights_to_one_paper_are_not_set_against_another() -> None:
    rows = patients().query("treatment == 'ECT'")
    with pytest.raises(SpecError, match=r"another population than that of paper: age 47 and 30\."):
        compared(rows, paper(30.0))


@pytest.mark.parametrize("written", [str, int, float])
def test_outcomes_by_subject_however_it_is_written(written: Any) -> None:
    rows = patients().query("treatment == 'ECT'").assign(subject=lambda t: range(len(t)))
    outcome = pd.Series(rows["responded"].to_numpy(), index=[written(i) for i in range(len(rows))])
    found = compared(rows, paper(), outcome=outcome).tidy()
    pd.testing.assert_frame_equal(found, compared(rows, paper()).tidy())


def test_outcomes_that_cannot_be_read() -> None:
    """Texts were said to be missing; a subject twice ended in an error of pandas."""
    rows = patients().query("treatment == 'ECT'")
    outcome = rows.set_index("subject")["responded"]
    words = outcome.map({0: "no", 1: "yes"})
    with pytest.raises(DataError, match="entries of the outcome 'responded' are not numbers"):
        compared(rows, paper(), outcome=words)
    with pytest.raises(DataError, match="entries of the outcome 'responded' are not numbers"):
        trd.STC("responded").fit(
            rows.assign(responded=words.to_numpy()), paper(), treatment="ECT", comparator="VNS",
            anchor=None,
        )  # fmt: skip
    with pytest.raises(DataError, match="2 subjects have two outcomes"):
        compared(rows, paper(), outcome=pd.concat([outcome, outcome[:2]]))
    with pytest.raises(SpecError, match="An odds ratio needs an outcome of 0 and 1"):
        compared(rows, paper(), outcome=outcome + 1)
    gaps = outcome.astype(object)
    gaps.iloc[:2] = None
    with pytest.raises(DataError, match="2 subjects have no outcome"):
        compared(rows, paper(), outcome=gaps.map({0: False, 1: True, None: None}))


def test_a_standard_error_in_the_place_of_a_standard_deviation_is_named() -> None:
    """The published mean then has ten times too small an error."""
    rows = patients().query("treatment == 'ECT'")
    given = {"outcome": "change", "measure": "mean difference"}
    with pytest.warns(DataWarning, match="deviation of the outcome under VNS is 0.8, that of the"):
        compared(rows, paper(mean=-12, sd=0.8), **given)
    with pytest.warns(DataWarning, match="standard deviation of age is 1.1, that of the"):
        trd.MAIC({"age": 47.0}, {"age": 1.1}).fit(rows)
    compared(rows, paper(mean=-12, sd=8), **given)


@pytest.mark.parametrize("measure", ["risk difference", "mean difference"])
def test_a_difference_that_is_not_standardised_has_no_e_value(measure: str) -> None:
    """The hint led to 'difference in means': 0.2 of a rate became 0.2 standard deviations."""
    words = f"A {measure} does not stand for a risk ratio"
    with pytest.raises(SpecError, match=words):
        trd.e_value(0.2, 0.1, 0.3, measure=measure)
    effect = trd.Effect(measure, "a", "b", 0.2, 0.1, 0.3)
    with pytest.raises(SpecError, match="is no standardised mean difference"):
        trd.e_value(effect, measure="difference in means")
    row = {"measure": measure, "estimate": 0.2, "conf_low": 0.1, "conf_high": 0.3}
    with pytest.raises(SpecError, match=f"holds a {measure}, no standardised mean difference"):
        trd.e_value(row, measure="difference in means")


@pytest.mark.parametrize(
    ("stated", "named"), [("odds ratio", "risk ratio"), ("hazard ratio", "odds ratio")]
)
def test_what_a_row_says_of_itself_is_not_renamed(stated: str, named: str) -> None:
    """An odds ratio of 4 became a risk ratio of 4."""
    row = {"measure": stated, "estimate": 4.0, "conf_low": 2.0, "conf_high": 8.0}
    for source in (row, trd.Effect(stated, "a", "b", 4.0, 2.0, 8.0)):
        with pytest.raises(SpecError, match=f"no {named}"):
            trd.read_effect(source, measure=named)
    loose = trd.read_effect({**row, "measure": "ratio"}, measure=named)
    assert loose.measure == named


def test_printed_p_values_are_no_numbers() -> None:
    """'<0.001' was a missing p: the others were adjusted for two tests of the three."""
    printed = pd.DataFrame({"p_value": ["0.01", "<0.001", "0.2"]})
    with pytest.raises(DataError, match=r"1 entry of the column 'p_value' is not a number\.\n.*<0"):
        trd.adjust_p_values(printed)
    exact = printed.replace("<0.001", "0.0002")
    found = trd.adjust_p_values(exact, method="bonferroni")["p_adjusted"]
    assert found.tolist() == pytest.approx([0.03, 0.0006, 0.6], rel=1e-12)


def test_counts_of_strata_as_texts() -> None:
    """'24.0' ended in an error of Python."""
    strata = COUNTS.rename(columns={"trial": "stratum"})
    columns = [c for c in strata if c != "stratum"]
    texts = strata.astype(dict.fromkeys(columns, float)).astype(str)
    found = trd.compare_strata(texts).tidy()
    pd.testing.assert_frame_equal(found, trd.compare_strata(strata).tidy())
