"""An arm without a variance has no error and says why; the others keep theirs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning
from trdstats.kernels.gaussian.mixed_tests import FixedDegrees

NUMBERS = ["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]


def _trial(arms: str, falls: np.ndarray) -> trd.Study:
    """Return subjects with a baseline of 30 and more, who fall by so much on days 7 to 28."""
    n = len(arms)
    names = [f"S{i:02d}" for i in range(n)]
    start = 30.0 + np.arange(n) % 7
    days = {0: 0.0, 7: 0.3, 14: 0.7, 28: 1.0}
    rows = [
        (s, d, round(float(start[i] - f * falls[i])))
        for i, s in enumerate(names)
        for d, f in days.items()
    ]
    return trd.Study(
        pd.DataFrame(rows, columns=["subject", "day", "score"]),
        pd.DataFrame({"subject": names, "treatment": list(arms)}),
        scale="MADRS", windows={7: 2, 14: 2, 28: 2}, randomised=True,
    )  # fmt: skip


def test_an_arm_of_one_subject_changes_nothing_for_the_others() -> None:
    falls = np.random.default_rng(2).uniform(5, 30, 25)
    arms = "AB" * 12 + "C"
    spec = trd.TimeShare(trd.Response(), start=7, end=28)
    whole = spec.fit(_trial(arms, falls)).tidy()
    two = spec.fit(_trial(arms[:-1], falls[:-1])).tidy()
    pair = whole[whole["treatment"] != "C"]
    np.testing.assert_allclose(pair[NUMBERS], two[NUMBERS], rtol=1e-12)
    alone = whole[whole["treatment"] == "C"]
    assert alone["std_error"].isna().all()
    assert alone["reason"].tolist() == ["one subject"] * 2


@pytest.mark.parametrize("fall", [0.0, 28.0])
def test_changes_without_a_residual_have_no_error_and_say_why(fall: float) -> None:
    study = _trial("AB" * 8, np.full(16, fall))
    table = trd.single_imputation_analyses(study, day=28).tidy()
    assert np.allclose(table["estimate"], np.where(table["measure"] == "difference", 0, -fall))
    silent = table["std_error"].isna() & (table["reason"] == "")
    assert not silent.any()


def test_empirical_errors_of_the_others_keep_their_degrees_of_freedom() -> None:
    """One arm of one subject: its variance is 0, and rounding made that less than 0 and all NaN."""
    falls = np.random.default_rng(2).uniform(5, 30, 25)
    arms = "A" + "BC" * 12
    spec = trd.MMRM("change ~ baseline + treatment * visit", vcov="empirical", ddf="residual")
    table = spec.fit(_trial(arms, falls)).tidy()
    known = table["std_error"].notna()
    assert table.loc[known, "term"].tolist() == ["baseline"]
    assert table.loc[known, ["df", "p_value", "conf_low"]].notna().all(axis=None)
    assert (table.loc[~known, "reason"] != "").all()
    rounded = FixedDegrees(np.ones(2), np.diag([-1e-20, 1.0]), np.array([20.0, 30.0]))
    np.testing.assert_array_equal(rounded.degrees(np.eye(2)), [np.nan, 30.0])


def test_mean_scores_of_subjects_who_are_all_alike_have_no_limits() -> None:
    """Six scores of 25 had a standard error of 0, and limits of 25 to 25."""
    table = trd.mean_scores(_trial("AB" * 6, np.array([5.0, 20.0] * 6)))
    start = table[table["day"] == 0]
    assert (start["std_error"] > 0).all()
    alike = _trial("AB" * 6, np.full(12, 5.0))
    visits = alike.visits.assign(score=25.0)[["subject", "day", "score"]]
    same = trd.mean_scores(
        trd.Study(visits, alike.subjects[["subject", "treatment"]], scale="MADRS")
    )
    assert (same["estimate"] == 25).all()
    assert same[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)


def test_differences_of_what_varies_as_one_have_no_error_and_say_why() -> None:
    """Three arms and a covariate fit four subjects: an error of 4e-8 was what rounding left."""
    frame = pd.DataFrame(
        {"subject": range(4), "treatment": list("BBAC"), "x": [2.7, -0.1, 0.1, -0.5],
         "y": [21.0, 7.0, 14.0, 0.0]}
    )  # fmt: skip
    table = trd.Standardisation("treatment + x", outcome="y").fit(frame).tidy()
    gaps = table[table["measure"] == "difference"]
    assert gaps[["std_error", "p_value", "conf_low"]].isna().all(axis=None)
    assert gaps["reason"].str.startswith("nothing varies between subjects").all()
    trials = [trd.Effect("odds ratio", "A", "B", 1.5, std_error=1.0, trial=t) for t in "abc"]
    with pytest.warns(EstimateWarning, match="less than by chance"):
        same = trd.meta_analysis(trials, hartung_knapp=True).tidy().set_index("row")
    assert same.loc["pooled", "reason"].startswith("nothing varies")


def test_mean_numbers_of_events_that_all_have_alike() -> None:
    """Means of 1 and 2 of a subject alone had limits of 1 to 1 and 2 to 2."""
    rows = pd.DataFrame(
        {"subject": [1, 1, 2, 2, 3, 3], "treatment": list("AABBBB"), "start": [0, 5, 0, 4, 0, 6],
         "stop": [5, 9, 4, 9, 6, 9], "status": [1, 1, 1, 0, 1, 0]}
    )  # fmt: skip
    table = trd.MeanCumulative().fit(trd.Episodes(rows)).tidy()
    still = table[table["estimate"].isin([1, 2])]
    assert still["treatment"].tolist() == ["A", "A", "B", "B"]
    assert still[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert (table.loc[table["estimate"] == 0.5, "std_error"] > 0).all()
