"""The truth beside the tables: against samples of the generator, and against what was set.

Tolerances are four standard errors: the Monte-Carlo error of the truth and that of the sample
together. A sample of another seed lies farther off once in 16,000 times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from trdstats import simulate
from trdstats.simulate import three_arms, truth
from trdstats.simulate.load import load_parameters
from trdstats.simulate.parameters import Parameters

WIDE = 4.0


@pytest.fixture(scope="module")
def of_trial() -> pd.DataFrame:
    return simulate.trial().truth


@pytest.fixture(scope="module")
def of_referral() -> pd.DataFrame:
    return simulate.referral(seed=1, n=20).truth


def pick(table: pd.DataFrame, **keys: Any) -> pd.Series[Any]:
    """Return the one line with these keys."""
    for column, key in keys.items():
        table = table[table[column] == key]
    assert len(table) == 1, keys
    return table.iloc[0]


def agrees(line: pd.Series[Any], sample: np.ndarray[Any, Any]) -> bool:
    error = np.hypot(line["std_error"], sample.std() / np.sqrt(len(sample)))
    return bool(abs(line["value"] - sample.mean()) < WIDE * error)


def large(parameters: Parameters, *, complete: bool) -> Parameters:
    """Return a trial of 3,000 an arm at a site each; complete: no subject leaves or is missed."""
    design = replace(parameters.trial, arm_size=3000, sites=9000,
                     untreated=dict.fromkeys(parameters.trial.arms, 0.0))  # fmt: skip
    if not complete:
        return replace(parameters, trial=design)
    quiet = {name: replace(r, acute=0.0, later=0.0, rescue=0.0, switch=0.0)
             for name, r in design.retention.items()}  # fmt: skip
    hazards = replace(parameters.hazards, death=0.0, missed=0.0, unscheduled=0.0, unrated=0.0)
    return replace(parameters, trial=replace(design, retention=quiet), hazards=hazards)


def sampled(
    monkeypatch: pytest.MonkeyPatch, *, complete: bool, seed: int = 77
) -> simulate.SampleStudy:
    parameters = large(load_parameters(), complete=complete)
    monkeypatch.setattr(three_arms, "load_parameters", lambda: parameters)
    return simulate.trial(seed=seed)


def first_day(study: simulate.SampleStudy, arm: str, kinds: list[str]) -> np.ndarray[Any, Any]:
    """Return the day of the first event of some kinds of every subject of an arm, NaN without."""
    of_kind = study.events[study.events["event"].isin(kinds)]
    subjects = study.subjects.loc[study.subjects["treatment"] == arm, "subject"]
    return of_kind.groupby("subject")["day"].min().reindex(subjects).to_numpy(dtype=float)


def test_a_complete_trial_shows_the_truth(
    of_trial: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = sampled(monkeypatch, complete=True)
    visits = study.visits.astype({"madrs": float})
    base = visits[visits["day"] <= 0].set_index("subject")["madrs"]
    later = visits[visits["day"] > 0]
    days = load_parameters().trial.schedule.days
    later = later.assign(visit=later.groupby("subject").cumcount().map(dict(enumerate(days))))
    later = later.merge(study.subjects[["subject", "treatment"]], on="subject")
    later["base"] = later["subject"].map(base)
    later["change"] = later["madrs"] - later["base"]
    later["response"] = -2 * later["change"] >= later["base"]
    later["first"] = later.groupby("subject")["response"].cummax()
    seen = []
    for (arm, day), rows in later.groupby(["treatment", "visit"]):
        for quantity, values in (
            ("mean change", rows["change"]),
            ("response", rows["response"]),
            ("remission", rows["madrs"] <= 10),
            ("first response by", rows["first"]),
        ):
            line = pick(
                of_trial, quantity=quantity, treatment=arm, strategy=truth.COMPLETE, day=day
            )
            seen.append(agrees(line, values.to_numpy(dtype=float)))
    assert len(seen) == 3 * len(days) * 4
    assert all(seen)


def test_a_trial_as_it_happens_loses_whom_the_truth_says(
    of_trial: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = [sampled(monkeypatch, complete=False, seed=seed) for seed in (77, 78, 79)]
    for quantity, kinds in (("withdrawn by", ["withdrawal"]),
                            ("rescue or switch by", ["rescue", "switch"])):  # fmt: skip
        for arm in load_parameters().trial.arms:
            first = np.concatenate([first_day(study, arm, kinds) for study in studies])
            for day in (7.0, 28.0, 84.0, 168.0):
                line = pick(of_trial, quantity=quantity, treatment=arm, day=day)
                came = (first <= day).astype(float)
                assert agrees(line, came), (quantity, arm, day)


def test_effects_are_differences_of_the_arms(of_trial: pd.DataFrame) -> None:
    for quantity in truth.MEANINGS:
        keys = {"strategy": truth.COMPLETE, "day": 28.0}
        effect = pick(of_trial, quantity=f"effect on {quantity}", treatment="ECT", **keys)
        one, other = (
            pick(of_trial, quantity=quantity, treatment=t, **keys) for t in ("ECT", "TMS")
        )
        assert effect["reference"] == "TMS"
        # The same subjects' values are subtracted: equal up to rounding of sums of 20,000.
        assert effect["value"] == pytest.approx(one["value"] - other["value"], abs=1e-9)


def test_an_average_by_hand() -> None:
    # Weights 1, 1, 2 over their mean 4/3: mean (0 + 3 + 2 * 6) / 4 = 15/4.
    found = truth.average(np.array([0.0, 3.0, 6.0]), np.array([1.0, 1.0, 2.0]))
    assert found.value == pytest.approx(15 / 4, rel=1e-12)
    # Influences 3/4 * (-15/4, -3/4) and 3/2 * 9/4; they sum to 0.
    np.testing.assert_allclose(found.influence, [-45 / 16, -9 / 16, 54 / 16], rtol=1e-12)
    plain = truth.average(np.array([0.0, 1.0, 1.0, 0.0]))
    assert plain.std_error == pytest.approx(np.sqrt(0.25 / 4), rel=1e-12)


def test_a_crude_comparison_of_the_referred_is_confounded(of_referral: pd.DataFrame) -> None:
    keys = {"strategy": truth.COMPLETE, "day": 28.0, "treatment": "IV ketamine"}
    causal = pick(of_referral, quantity="effect on response", population="all", **keys)
    crude = pick(of_referral, quantity="crude difference in response", **keys)
    error = np.hypot(causal["std_error"], crude["std_error"])
    assert crude["value"] < causal["value"] - WIDE * error  # the more severe go to ketamine


def test_the_crude_truth_is_what_large_samples_show(of_referral: pd.DataFrame) -> None:
    # Day 7: 6 of 100 are missing, by their last score: a mean of spread 9 hardly moves.
    study = simulate.referral(seed=5, n=6000)
    visits = study.visits.dropna().astype({"madrs": float})
    base = visits[visits["day"] <= 0].set_index("subject")["madrs"]
    first = visits[visits["day"].between(5, 9)].drop_duplicates("subject").set_index("subject")
    change = first["madrs"] - base.reindex(first.index)
    arm = study.subjects.set_index("subject")["treatment"].reindex(first.index)
    keys = {"quantity": "crude difference in mean change", "strategy": truth.COMPLETE, "day": 7.0}
    line = pick(of_referral, **keys)
    parts = [change[arm == t] for t in ("IV ketamine", "TMS")]
    error = np.sqrt(sum(p.var() / len(p) for p in parts) + line["std_error"] ** 2)
    assert abs(parts[0].mean() - parts[1].mean() - line["value"]) < WIDE * error


def test_at_random_nothing_is_confounded() -> None:
    table = simulate.referral(seed=1, n=20, randomised=True).truth
    keys = {"strategy": truth.COMPLETE, "day": 28.0}
    causal = pick(table, quantity="effect on response", population="all", **keys)
    crude = pick(table, quantity="crude difference in response", **keys)
    assert crude["value"] == pytest.approx(causal["value"], abs=1e-12)  # equal weights


def test_what_was_set_is_told_exactly(of_trial: pd.DataFrame) -> None:
    parameters = load_parameters()
    shares = of_trial[(of_trial["quantity"] == "class share") & (of_trial["treatment"] == "ECT")]
    assert tuple(shares["value"]) == parameters.cohorts["ECT"].weights
    known = of_trial["known"] == truth.SET
    assert (of_trial.loc[known, "std_error"] == 0).all()
    n = truth.SUBJECTS // 3 * 3
    assert set(of_trial["known"]) == {truth.SET, f"integrated over {n} simulated subjects"}


@pytest.mark.parametrize("name", ["trial", "modalities", "registry"])
def test_every_line_is_complete_and_named_once(name: str) -> None:
    table = getattr(simulate, name)().truth
    assert list(table.columns) == truth.COLUMNS
    assert np.isfinite(table[["value", "std_error"]]).all(axis=None)
    assert (table["definition"].str.len() > 5).all()
    keys = ["quantity", "treatment", "reference", "population", "strategy", "day", "definition"]
    assert not table.duplicated(keys).any()


def test_the_truth_does_not_depend_on_the_seed_and_cannot_be_spoilt(of_trial: pd.DataFrame) -> None:
    again = simulate.trial(seed=3).truth
    pd.testing.assert_frame_equal(again, of_trial)
    again["value"] = 0.0
    assert simulate.trial(seed=3).truth["value"].equals(of_trial["value"])


def test_forms_of_the_registry_follow_its_truth() -> None:
    sample = simulate.registry()
    line = pick(sample.truth, quantity="mean QIDS", treatment="TMS", day=0.0)
    listed = sample.defects[sample.defects["form"] == "qids"][["patient", "day"]]
    forms = sample.qids.merge(listed, on=["patient", "day"], how="left", indicator=True)
    forms = forms[(forms["_merge"] == "left_only") & (forms["day"] <= 0)]
    tms = sample.patients.loc[sample.patients["treatment"] == "TMS", "patient"]
    totals = forms.loc[forms["patient"].isin(tms), "total"].to_numpy(dtype=float)
    assert len(totals) > 40
    assert agrees(line, totals)
