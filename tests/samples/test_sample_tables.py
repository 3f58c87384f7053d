"""The simulated tables are valid, and odd only where they are meant to be."""

from __future__ import annotations

import numpy as np
import pytest

from trdstats.simulate import SampleStudy, simulate_modalities, simulate_trial
from trdstats.simulate.load import load_parameters

LABELS = {
    "IV ketamine", "Esketamine", "TMS", "ECT", "Psilocybin", "VNS", "Digital", "Lifestyle",
}  # fmt: skip
EVENTS = {"rescue", "switch", "hospitalisation", "death", "withdrawal"}


def test_columns(modalities: SampleStudy, trial: SampleStudy) -> None:
    for study in (modalities, trial):
        assert list(study.visits) == ["subject", "day", "madrs"]
        assert list(study.events) == ["subject", "day", "event"]
    assert list(modalities.subjects) == [
        "subject", "treatment", "treated", "age", "sex", "failed_trials", "chronic",
        "anxious", "benzodiazepine", "psychotic", "inpatient", "prior_ect",
    ]  # fmt: skip
    assert list(trial.subjects) == [
        "subject", "treatment", "treated", "site", "sex", "age", "msm", "failed_trials",
    ]  # fmt: skip


def test_scores_are_whole_and_on_the_scale(study: SampleStudy) -> None:
    assert str(study.visits["madrs"].dtype) == "Int64"
    assert study.visits["madrs"].dropna().between(0, 60).all()
    unrated = study.visits["madrs"].isna()
    assert unrated.sum() <= 0.003 * len(study.visits)
    assert (study.visits.loc[unrated, "day"] > 0).all()


def test_keys_are_unique_sorted_and_known(study: SampleStudy) -> None:
    assert study.subjects["subject"].is_unique
    assert study.subjects["subject"].is_monotonic_increasing
    assert not study.visits.duplicated(["subject", "day"]).any()
    assert not study.events.duplicated(["subject", "event"]).any()
    known = set(study.subjects["subject"])
    assert set(study.visits["subject"]) == known
    assert set(study.events["subject"]) <= known
    keys = list(zip(study.visits["subject"], study.visits["day"], strict=True))
    assert keys == sorted(keys)


def test_every_subject_has_one_baseline_within_a_week(study: SampleStudy) -> None:
    base = study.visits[study.visits["day"] <= 0]
    assert base["subject"].is_unique
    assert len(base) == len(study.subjects)
    assert base["day"].between(-7, 0).all()
    assert 0.6 < (base["day"] == 0).mean() < 0.8


def test_nobody_is_seen_after_leaving(study: SampleStudy) -> None:
    assert set(study.events["event"]) <= EVENTS
    ends = study.events[study.events["event"].isin(["withdrawal", "death"])]
    assert ends["subject"].is_unique
    end = ends.set_index("subject")["day"]
    after_visit = study.visits["day"] > study.visits["subject"].map(end)
    after_event = study.events["day"] > study.events["subject"].map(end)
    assert not after_visit.any()
    assert not after_event.any()
    assert (study.events["day"] >= 1).all()


def test_the_untreated_have_a_baseline_and_leave(study: SampleStudy) -> None:
    names = set(study.subjects.loc[study.subjects["treated"] == 0, "subject"])
    assert names
    seen = study.visits[study.visits["subject"].isin(names)]
    assert (seen["day"] <= 0).all()
    gone = study.events[study.events["event"] == "withdrawal"]
    assert names <= set(gone["subject"])


def test_deaths_are_rare_and_rescue_is_not(modalities: SampleStudy) -> None:
    count = modalities.events["event"].value_counts()
    assert 1 <= count["death"] <= 8
    early = modalities.events[modalities.events["day"] <= 90]
    helped = early[early["event"].isin(["rescue", "switch"])]["subject"].nunique()
    assert 0.10 <= helped / len(modalities.subjects) <= 0.30  # 10-30 % in three months


def test_cohorts_are_labelled_and_sized(modalities: SampleStudy) -> None:
    size = modalities.subjects["treatment"].value_counts()
    assert set(size.index) == LABELS
    assert size.between(120, 260).all()
    assert size.sum() == 1500


def test_visits_keep_to_the_windows_of_their_cohort(modalities: SampleStudy) -> None:
    """All but the unscheduled visits, a few in a hundred, lie in a window."""
    treatment = modalities.subjects.set_index("subject")["treatment"]
    visits = modalities.visits[modalities.visits["day"] > 0]
    for name, cohort in load_parameters().cohorts.items():
        day = visits.loc[visits["subject"].map(treatment) == name, "day"].to_numpy()
        nominal, width = np.array(cohort.schedule.days), np.array(cohort.schedule.half_widths)
        inside = (np.abs(day[:, None] - nominal) <= width + 1e-9).any(axis=1)
        assert 0.90 < inside.mean() <= 1
        assert len(np.unique(day)) > len(nominal)  # actual days, not nominal ones


def test_positivity_is_broken_as_documented(modalities: SampleStudy) -> None:
    s = modalities.subjects
    psychotic = s.groupby("treatment")["psychotic"].mean()
    assert set(psychotic[psychotic > 0].index) == {"IV ketamine", "ECT"}
    assert s.loc[s["treatment"] == "VNS", "failed_trials"].min() == 4
    assert s.loc[s["treatment"] == "Psilocybin", "benzodiazepine"].sum() == 0
    assert s.loc[s["treatment"] == "ECT", "inpatient"].mean() > 0.5


@pytest.mark.parametrize(
    ("treatment", "median"),
    [("IV ketamine", 4), ("Esketamine", 3), ("TMS", 3), ("ECT", 3), ("Psilocybin", 2),
     ("VNS", 8), ("Digital", 2), ("Lifestyle", 2)],
)  # fmt: skip
def test_resistance_differs_by_cohort(
    modalities: SampleStudy, treatment: str, median: float
) -> None:
    """Within one trial of the published median: counts have wide neighbours."""
    s = modalities.subjects
    assert abs(s.loc[s["treatment"] == treatment, "failed_trials"].median() - median) <= 1


def test_arms_are_equal_and_alike(trial: SampleStudy) -> None:
    size = trial.subjects["treatment"].value_counts()
    assert size.to_dict() == {"TMS": 90, "ECT": 90, "IV ketamine": 90}
    assert trial.subjects["msm"].between(3, 15).all()
    # 3.5 SE of a difference of two means of 90: sqrt(2 / 90) = 0.149 SD each.
    for column in ("age", "msm", "failed_trials"):
        values = trial.subjects.groupby("treatment")[column].mean()
        spread = (values.max() - values.min()) / trial.subjects[column].std()
        assert spread < 3.5 * np.sqrt(2 / 90)
    assert trial.subjects["msm"].corr(trial.subjects["failed_trials"]) > 0.5
    # Blocks of six: after every sixth subject the arms are level.
    blocks = trial.subjects["treatment"].to_numpy().reshape(-1, 6)
    assert all((block == arm).sum() == 2 for block in blocks for arm in size.index)


def test_a_seed_moves_the_numbers_and_repeats_itself(
    modalities: SampleStudy, trial: SampleStudy
) -> None:
    again = simulate_modalities(load_parameters().seed)
    assert again.visits.equals(modalities.visits)
    assert not simulate_modalities(4).visits.equals(modalities.visits)
    assert not simulate_trial(4).visits.equals(trial.visits)
    assert simulate_trial(4).events.equals(simulate_trial(4).events)
