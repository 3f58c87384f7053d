"""Blanks nobody sees, labels written in two ways, one number for two patients: mended or said."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, DataWarning

DAYS = (0, 7, 14, 28)
MODELS: dict[str, Any] = {
    "MMRM": trd.MMRM("change ~ baseline + treatment * visit"),
    "LMM": trd.LMM("change ~ baseline + treatment * day", random="1"),
    "GEE": trd.GEE("change ~ baseline + treatment * visit", family="gaussian"),
    "GLMM": trd.GLMM("better ~ baseline + treatment", points=5),
}


def visits(n: int = 60) -> pd.DataFrame:
    rng, rows = np.random.default_rng(5), []
    for i in range(n):
        start = int(rng.integers(24, 40))
        falls = np.cumsum([0, *rng.integers(-2, 9, 3)]) + (i % 2) * np.arange(4)
        rows += [
            (f"S{i:03}", ("TMS", "ECT")[i % 2], d, int(np.clip(start - f, 0, 60)))
            for d, f in zip(DAYS, falls, strict=True)
        ]
    return pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])


def long_table() -> pd.DataFrame:
    frame = trd.Study(visits(), scale="MADRS", randomised=True).longitudinal()
    text = {c: frame[c].astype(str) for c in ("subject", "treatment")}
    return frame.assign(**text, better=(frame["change"] < -8).astype(int))


def some_of(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(np.arange(len(frame)) % 3 == 0, index=frame.index)


# ------------------------------------------------------------------- models of repeated measures


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("column", ["treatment", "subject"])
@pytest.mark.parametrize("kind", [object, "category", "string"])
def test_blanks_around_a_label_make_no_other_label(name: str, column: str, kind: Any) -> None:
    """They made arms and subjects of their own."""
    plain = long_table()
    mixed = plain[column].where(~some_of(plain), plain[column] + "\u00a0 ").astype(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = MODELS[name].fit(plain.assign(**{column: mixed}))
    pd.testing.assert_frame_equal(fit.tidy(), MODELS[name].fit(plain).tidy())


@pytest.mark.parametrize("name", MODELS)
def test_a_label_of_blanks_is_missing(name: str) -> None:
    plain = long_table()
    holes = plain.assign(treatment=plain["treatment"].where(~some_of(plain), " "))
    fit, other = MODELS[name].fit(holes), MODELS[name].fit(plain[~some_of(plain)])
    pd.testing.assert_frame_equal(fit.tidy(), other.tidy())
    assert fit.design.left_out == {"a covariate is missing": int(some_of(plain).sum())}


@pytest.mark.parametrize("name", MODELS)
def test_labels_that_differ_in_case_are_named(name: str) -> None:
    plain = long_table()
    whole = plain["subject"] < "S020"  # subjects keep one label each
    mixed = plain["treatment"].where(~whole, plain["treatment"].str.lower())
    words = r"2 groups of levels of 'treatment' differ only in case.*\n.*'ECT' and 'ect'"
    with pytest.warns(DataWarning, match=words):
        MODELS[name].fit(plain.assign(treatment=mixed))


@pytest.mark.parametrize("name", MODELS)
def test_a_treatment_or_baseline_that_changes_within_a_subject_is_named(name: str) -> None:
    plain = long_table()
    last = ~plain["subject"].duplicated(keep="last") & plain["subject"].isin(["S001", "S003"])
    other = plain["treatment"].where(~last, "TMS")
    with pytest.warns(
        DataWarning, match=r"'treatment' changes between the rows of 2 subjects \(S001"
    ):
        MODELS[name].fit(plain.assign(treatment=other))
    with pytest.warns(DataWarning, match=r"'baseline' changes between the rows of 2 subjects"):
        MODELS[name].fit(plain.assign(baseline=plain["baseline"] + 9 * last))


def test_two_scales_have_two_baselines() -> None:
    plain = long_table()
    both = pd.concat([
        plain.assign(scale="MADRS"),
        plain.assign(scale="HAMD17", baseline=plain["baseline"] / 2, change=plain["change"] / 2
                     + np.random.default_rng(1).normal(size=len(plain))),
    ])  # fmt: skip
    spec = trd.MMRM("change ~ scale * (baseline + treatment * visit)", covariance="us@ar1",
                    scale="scale")  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec.fit(both)


# ------------------------------------------------------------------------ one row a subject


def subjects() -> pd.DataFrame:
    last = long_table().drop_duplicates("subject", keep="last")
    return last[["subject", "treatment", "baseline", "better"]].reset_index(drop=True)


REGRESSIONS: dict[str, Any] = {
    "Standardisation": trd.Standardisation("treatment + baseline", outcome="better"),
    "AIPW": trd.AIPW("treatment + baseline", "baseline", outcome="better"),
    "Logistic": trd.Logistic("better ~ treatment + baseline"),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_labels_of_subjects(name: str) -> None:
    plain = subjects()
    blanks = plain.assign(
        treatment=plain["treatment"].where(~some_of(plain), plain["treatment"] + " ")
    )
    expected = REGRESSIONS[name].fit(plain).tidy()
    pd.testing.assert_frame_equal(REGRESSIONS[name].fit(blanks).tidy(), expected)
    cases = plain.assign(treatment=plain["treatment"].where(plain.index > 20, "ect"))
    with pytest.warns(DataWarning, match="differs only in case"):
        REGRESSIONS[name].fit(cases)


@pytest.mark.parametrize("name", ["Standardisation", "AIPW"])
@pytest.mark.parametrize("codes", [(1, 2), (0, 100)])
def test_an_outcome_of_two_other_numbers_is_named(name: str, codes: tuple[int, int]) -> None:
    """As R and SPSS code yes and no: its mean is no rate."""
    data = subjects().assign(better=lambda d: d["better"].map(dict(enumerate(codes))))
    words = f"two values, {codes[0]} and {codes[1]}, and is analysed as an amount"
    with pytest.warns(DataWarning, match=words):
        REGRESSIONS[name].fit(data)


def test_times_of_treatments_written_in_two_ways() -> None:
    times = trd.time_to(trd.Study(visits(), scale="MADRS", randomised=True), trd.Response()).frame
    plain = times.assign(treatment=times["treatment"].astype(str))
    expected = trd.KaplanMeier().fit(plain).at([14, 28])
    for kind in (object, "category"):
        mixed = plain["treatment"].where(~some_of(plain), plain["treatment"] + " ").astype(kind)
        found = trd.KaplanMeier().fit(plain.assign(treatment=mixed)).at([14, 28])
        pd.testing.assert_frame_equal(found, expected)
    cases = plain["treatment"].where(plain.index > 20, plain["treatment"].str.lower())
    with pytest.warns(DataWarning, match="2 groups of treatments differ only in case"):
        trd.KaplanMeier().fit(plain.assign(treatment=cases))


def test_a_weight_that_is_a_text_is_named() -> None:
    """It was an error of Python."""
    study = trd.Study(visits(), scale="MADRS", randomised=True)
    weights = pd.Series(1.0, index=study.subjects["subject"].astype(str)).astype(object)
    weights.iloc[3] = "one"
    with pytest.raises(DataError, match=r"1 subject has a weight that is missing.*\n\s+S003"):
        trd.rates(study, trd.Response(), day=28, weights=weights)


# ------------------------------------------------------------------------------------ studies


def test_numbers_that_start_again_at_each_site_are_named() -> None:
    """Two patients were one, with the visits of both."""
    north = visits(20).assign(site="North")
    south = visits(20).assign(site="South", day=lambda d: d["day"] + (d["day"] > 0))
    south = south[south["day"] > 0]
    words = r"20 subjects have visits with more than one entry of 'site'.*\n.*\n\s+Where numbers"
    with pytest.warns(DataWarning, match=words):
        trd.Study(pd.concat([north, south]), scale="MADRS", randomised=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trd.Study(north, scale="MADRS", randomised=True)


def test_a_column_of_baselines_that_are_others_is_named() -> None:
    data = visits().assign(before=10)
    with pytest.warns(DataWarning, match=r"60 subjects have a MADRS baseline far from the last"):
        trd.Study(data, scale="MADRS", baseline="before", randomised=True)
    near = visits().assign(before=lambda d: d.groupby("subject")["score"].transform("first") + 1)
    study = trd.Study(near, scale="MADRS", baseline="before", randomised=True)
    assert not [p for p in study.notices if p.kind == "other_baseline"]
    # A few may be typing errors: they are noted.
    near.loc[near["subject"] == "S004", "before"] -= 12
    study = trd.Study(near, scale="MADRS", baseline="before", randomised=True)
    (noted,) = (p for p in study.notices if p.kind == "other_baseline")
    assert noted.level == "note"
    assert str(noted.summary).startswith("1 subject has")


def test_totals_that_end_below_the_middle_of_the_scale_are_noted() -> None:
    """PHQ-9 totals, 0 to 27, in a study of the MADRS, 0 to 60."""
    short = visits().assign(score=lambda d: d["score"] * 27 // 60)
    study = trd.Study(short, scale="MADRS", randomised=True)
    assert re_said(study, "No MADRS total lies above 18, and the scale goes up to 60.")
    assert not re_said(trd.Study(visits(), scale="MADRS", randomised=True), "No MADRS total")
    assert not re_said(trd.Study(visits(6).assign(score=9), scale="MADRS"), "No MADRS total")


def re_said(study: trd.Study, words: str) -> bool:
    return words in " ".join(str(study).split())


def test_two_places_are_seen_where_some_subjects_have_no_visit() -> None:
    """Rows of two patients in turn, in a study that has others whose visits are not there yet."""
    subjects = pd.DataFrame({"subject": [f"S{k}" for k in range(12)], "treatment": ["A", "B"] * 6})
    rows = pd.DataFrame(
        {
            "subject": ["S0", "S1", "S0", "S1"],
            "day": [0, 0, 7, 7],
            "score": [30, 30, 20, 22],
            "site": ["north", "south", "south", "south"],
        }
    )
    for order in ([0, 1, 2, 3], [0, 2, 1, 3]):
        with pytest.warns(DataWarning, match=r"1 subject has visits with more than one entry of"):
            trd.Study(rows.iloc[order], subjects=subjects, scale="MADRS", randomised=True)
