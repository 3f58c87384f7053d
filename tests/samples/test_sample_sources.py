"""The simulated cohorts come as close to their sources as is claimed.

The bands and their reasons stand in ``cohorts.toml``. The packaged seed was chosen among eighty
for being close, so the same bands, and for response a narrower one, are also asked of the average
over other seeds, where sampling error is less than a third as large.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trdstats.simulate import SampleStudy, simulate_modalities, simulate_trial
from trdstats.simulate.load import load_parameters
from trdstats.simulate.write import tabulate_achieved

SEEDS = range(12)


@pytest.fixture(scope="module")
def achieved(modalities: SampleStudy, trial: SampleStudy) -> pd.DataFrame:
    return tabulate_achieved(modalities, trial, load_parameters())


@pytest.fixture(scope="module")
def average() -> pd.DataFrame:
    """Achieved values averaged over seeds, none of which is the packaged one."""
    p = load_parameters()
    tables = [tabulate_achieved(simulate_modalities(s), simulate_trial(s), p) for s in SEEDS]
    mean = np.mean([t["achieved"].to_numpy() for t in tables], axis=0)
    return tables[0].assign(achieved=mean, difference=mean - tables[0]["source_value"])


def test_packaged_data_lie_within_their_bands(achieved: pd.DataFrame) -> None:
    outside = achieved[achieved["difference"].abs() > achieved["band"]]
    assert outside.empty, outside.to_string()


def test_other_samples_lie_within_the_bands_on_average(average: pd.DataFrame) -> None:
    outside = average[average["difference"].abs() > average["band"]]
    assert outside.empty, outside.to_string()


def test_response_has_no_bias_that_a_single_sample_would_hide(average: pd.DataFrame) -> None:
    """Rates averaged over seeds stay within 0.06 of their sources.

    0.06 = 2 SE of 12 averaged shares (0.035 / sqrt(12) each = 0.010), and up to 0.04 of dropout
    and rescue, which the mixtures were tuned without.
    """
    rates = average[average["quantity"] == "response"]
    assert (rates["difference"].abs() < 0.06).all(), rates.to_string()


def _rate(table: pd.DataFrame, treatment: str, day: float) -> float:
    chosen = table[
        (table["study"] == "modalities")
        & (table["treatment"] == treatment)
        & (table["quantity"] == "response")
        & (table["day"] == day)
    ]
    return float(chosen["achieved"].iloc[0])


def test_speed_is_ordered_as_in_the_field(average: pd.DataFrame) -> None:
    """Ketamine and psilocybin within days, ECT in a week, TMS in weeks, VNS in months."""
    assert _rate(average, "IV ketamine", 1) > 0.45
    assert _rate(average, "Psilocybin", 2) > 0.45
    assert _rate(average, "Esketamine", 2) < 0.25
    assert _rate(average, "ECT", 21) > _rate(average, "ECT", 7) > 0.45
    assert _rate(average, "TMS", 42) > _rate(average, "TMS", 14) + 0.15
    assert _rate(average, "VNS", 91) < _rate(average, "VNS", 182) < _rate(average, "VNS", 365)


def test_fast_onset_goes_with_fast_loss(average: pd.DataFrame) -> None:
    kept = average[average["quantity"] == "kept"].set_index(["treatment", "day"])["achieved"]
    assert kept["IV ketamine", 3] < kept["TMS", 3]
    assert kept["Psilocybin", 2] < kept["TMS", 3]
    assert kept["TMS", 9] < kept["TMS", 6] < kept["TMS", 3]


def test_spread_grows_after_baseline(modalities: SampleStudy) -> None:
    """SD 5-7 at baseline by the entry rule, 10 to 15 later: a mixture, not a shifted normal."""
    treatment = modalities.subjects.set_index("subject")["treatment"]
    visits = modalities.visits.dropna().astype({"madrs": float})
    group = visits["subject"].map(treatment)
    for name in ("IV ketamine", "Esketamine", "TMS", "ECT"):
        mine = visits[group == name]
        before = mine.loc[mine["day"] <= 0, "madrs"].std()
        after = mine.loc[mine["day"].between(25, 100), "madrs"].std()
        assert before < 7.5
        assert 9 < after < 15
        assert after > 1.3 * before


def test_covariates_confound() -> None:
    """What decides the treatment also decides the outcome.

    Over eight seeds, psychotic subjects of ECT respond more often (log odds of the non-response
    class -0.8), and those of TMS with many failed trials less often.
    """
    rows = []
    for seed in range(8):
        study = simulate_modalities(seed)
        visits = study.visits.dropna().astype({"madrs": float})
        base = visits[visits["day"] <= 0].set_index("subject")["madrs"]
        best = visits[visits["day"].between(14, 100)].groupby("subject")["madrs"].min()
        table = study.subjects.set_index("subject")
        rows.append(table.assign(met=2 * best.reindex(table.index) <= base).loc[best.index])
    people = pd.concat(rows)
    ect = people[people["treatment"] == "ECT"].groupby("psychotic")["met"].mean()
    assert ect[1] > ect[0]
    tms = people[people["treatment"] == "TMS"]
    assert (
        tms[tms["failed_trials"] >= 4]["met"].mean() < tms[tms["failed_trials"] <= 2]["met"].mean()
    )


def test_relapse_happens_and_curves_cross(trial: SampleStudy) -> None:
    """Ketamine leads in the first week and TMS at the end, so hazards are not proportional."""
    arm = trial.subjects.set_index("subject")["treatment"]
    visits = trial.visits.dropna().astype({"madrs": float})
    base = visits[visits["day"] <= 0].set_index("subject")["madrs"]
    visits = visits.assign(
        arm=visits["subject"].map(arm), met=2 * visits["madrs"] <= visits["subject"].map(base)
    )
    first = visits[visits["day"].between(6, 8)].groupby("arm")["met"].mean()
    last = visits[visits["day"] >= 155].groupby("arm")["met"].mean()
    assert first["IV ketamine"] > first["TMS"] + 0.3
    assert last["IV ketamine"] < last["TMS"]
