"""Mean scores by scheduled day, and the change of each subject at one of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from trdstats import (
    EarlyImprovement,
    Response,
    Study,
    change_from_baseline,
    load_sample,
    mean_scores,
    rates,
)
from trdstats.errors import DataWarning, SpecError, UnknownNameError


def test_means_and_t_intervals(trial: Study) -> None:
    got = mean_scores(trial, days=[28])
    assert got["day"].unique().tolist() == [0, 28]
    scores = trial.longitudinal([28])
    own = scores.loc[scores["treatment"] == "ECT", "score"]
    row = got[(got["treatment"] == "ECT") & (got["day"] == 28)].iloc[0]
    expected = ttest_1samp(own, 0).confidence_interval(0.95)
    assert row["n"] == len(own)
    assert row["estimate"] == pytest.approx(own.mean(), rel=1e-12)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(tuple(expected), rel=1e-10)


def test_one_subject_has_a_mean_without_an_interval(tiny: pd.DataFrame) -> None:
    got = mean_scores(Study(tiny, scale="MADRS"))
    assert got["estimate"].tolist() == [30, 20, 15, 32, 17, 16]
    assert got["conf_low"].isna().all()


def test_changes(tiny: pd.DataFrame) -> None:
    study = Study(tiny, scale="MADRS")
    assert change_from_baseline(study, 14)["percent_change"].tolist() == [-50, -50]
    by_arm = change_from_baseline(study, {"ECT": 7, "TMS": 14})
    assert by_arm["visit"].tolist() == [7, 14]
    assert by_arm["change"].tolist() == [-10, -16]
    with pytest.raises(UnknownNameError, match="treatment 'VNS'"):
        change_from_baseline(study, {"VNS": 7, "ECT": 7, "TMS": 7})
    with pytest.raises(SpecError, match="No day was given for 'TMS'"):
        change_from_baseline(study, {"ECT": 7})


def test_changes_leave_out_what_has_no_percentage() -> None:
    visits = pd.DataFrame(
        {"subject": list("aabbc"), "treatment": "ECT", "day": [0, 7, 0, 7, 7],
         "score": [20, 10, 0, 5, 9]}
    )  # fmt: skip
    with pytest.warns(DataWarning, match="no MADRS baseline"):
        study = Study(visits, scale="MADRS")
    assert change_from_baseline(study, 7)["subject"].tolist() == ["a"]


@pytest.mark.parametrize("missing", ["locf", "nonresponse"])
def test_the_last_visit_by_a_day_ends_with_its_window(missing: str) -> None:
    # Day 16 lies in the window of day 14 (+- 3), day 18 outside every window.
    visits = pd.DataFrame(
        {"subject": list("aaabbb"), "treatment": ["ECT"] * 3 + ["TMS"] * 3,
         "day": [0, 7, 16, 0, 7, 18], "score": [30, 28, 12, 30, 28, 12]}
    )  # fmt: skip
    study = Study(visits, scale="MADRS", windows={7: 2, 14: 3})
    with pytest.warns(UserWarning, match="No subject was assessed at day 14 under TMS"):
        frame = rates(study, Response(), day=14, missing=missing).tidy()  # type: ignore[arg-type]
    assert frame["events"].iloc[0] == 1
    early = rates(study, EarlyImprovement(by_day=16), day=14).tidy()
    assert early["events"].iloc[:2].tolist() == [1, 0]


def test_samples_keep_their_order_of_treatments() -> None:
    assert load_sample("modalities").treatments[:3] == ("IV ketamine", "Esketamine", "TMS")
    with pytest.raises(UnknownNameError, match="sample study 'modality'"):
        load_sample("modality")
    assert np.isfinite(load_sample("trial").subjects["baseline"]).all()
