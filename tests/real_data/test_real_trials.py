"""Two real trials run unchanged. Their licences keep the files out of this repository."""

from __future__ import annotations

import pandas as pd
import pytest
from real_files import real_file

from trdstats import (
    KaplanMeier,
    LossOfResponse,
    Remission,
    Response,
    Study,
    assess,
    get_scale,
    rates,
    time_to,
)


def real(name: str) -> pd.DataFrame:
    path = real_file(name)
    return pd.read_csv(path)


@pytest.fixture
def beat_the_blues() -> Study:
    wide = real("btheb.csv")
    long = wide.melt(
        id_vars=["subject", "drug", "length", "treatment", "bdi_pre"],
        value_vars=["bdi_2m", "bdi_3m", "bdi_5m", "bdi_8m"],
        var_name="month",
        value_name="bdi",
    )
    long["day"] = long["month"].str.extract(r"(\d+)").astype(int)[0] * 30
    return Study(long, scale="BDI-II", score="bdi", baseline="bdi_pre", randomised=True)


def test_beat_the_blues(beat_the_blues: Study) -> None:
    study = beat_the_blues
    assert len(study.subjects) == 100
    assert "3 subjects have no BDI2 rating after day 0" in repr(study)
    # Seen at months 2, 3, 5, 8: published as 97, 73, 58, 52.
    seen = study.longitudinal().dropna(subset=["score"])["visit"].value_counts()
    assert [seen[30 * m] for m in (2, 3, 5, 8)] == [97, 73, 58, 52]
    frame = assess(study, Response())
    assert frame["met"].isna().sum() == 120
    scores = study.longitudinal([60]).dropna(subset=["score"])
    expected = (
        (2 * scores["score"] <= scores["baseline"]).groupby(scores["treatment"].astype(str)).sum()
    )
    got = rates(study, Response(), day=60).tidy().query("measure == 'rate'").set_index("treatment")
    assert got["n_randomised"].to_dict() == {"BtheB": 52, "TAU": 48}
    assert got["events"].to_dict() == expected.to_dict()
    onset = time_to(study, Response())
    # A loop over the wide table is the oracle.
    for row in real("btheb.csv").itertuples():
        seen_at = [(30 * m, getattr(row, f"bdi_{m}m")) for m in (2, 3, 5, 8)]
        seen_at = [(d, s) for d, s in seen_at if s == s]
        hit = next((d for d, s in seen_at if 2 * s <= row.bdi_pre), None)
        own = onset.frame[onset.frame["subject"] == row.subject].iloc[0]
        assert own["status"] == (hit is not None)
        assert own["time"] == (hit or (seen_at[-1][0] if seen_at else 0))
    assert KaplanMeier().fit(onset).glance()["n"].item() == 97


@pytest.fixture
def antidepressant() -> Study:
    table = real("antidepressant_hamd17.csv")
    # Weeks 1, 2, 4, 6; the files carries the actual day, and visit 6 ranges from 22 to 42.
    nominal = table["VISIT"].astype(int).map({4: 7, 5: 14, 6: 28, 7: 42})
    return Study(
        table.assign(nominal=nominal),
        scale="HAM-D17",
        subject="PATIENT",
        treatment="THERAPY",
        day="nominal",
        score="HAMDTL17",
        baseline="BASVAL",
        randomised=True,
    )


def test_antidepressant_trial(antidepressant: Study) -> None:
    study = antidepressant
    assert study.treatments == ("DRUG", "PLACEBO")
    frame = rates(study, Response(), day=42, missing="observed").tidy()
    of_arm = frame[frame["measure"] == "rate"].set_index("treatment")
    # Published numbers seen at week 6: 64 of 84 and 65 of 88.
    assert of_arm["n_randomised"].to_dict() == {"DRUG": 84, "PLACEBO": 88}
    assert of_arm["n"].to_dict() == {"DRUG": 64, "PLACEBO": 65}
    remission = rates(study, Remission(), day=42).tidy()
    assert get_scale("HAMD17").remission_cutoff().at_most == 7
    assert (remission[remission["measure"] == "rate"]["n"] == [84, 88]).all()
    onset = time_to(study, Response())
    assert len(onset.frame) == 172
    loss = time_to(study, LossOfResponse(), since=Response(), competing="left follow-up")
    assert set(loss.frame["status"]) <= {0, 1, 2}


def test_antidepressant_trial_on_actual_days() -> None:
    table = real("antidepressant_hamd17.csv")
    study = Study(
        table,
        scale="HAMD17",
        subject="PATIENT",
        treatment="THERAPY",
        day="RELDAYS",
        score="HAMDTL17",
        baseline="BASVAL",
        windows={7: 3, 14: 3, 28: 6, 42: 7},
        randomised=True,
    )
    scheduled = study.longitudinal()
    assert (abs(scheduled["day"] - scheduled["visit"]) <= 7).all()
    assert not scheduled.duplicated(["subject", "visit"]).any()
    assert len(time_to(study, Response()).frame) == 172
