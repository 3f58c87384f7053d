"""The packaged trial: confirmatory results, missing data, tipping points; sentences and numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import UnknownNameError
from trdstats.plan import Run, all_steps, verify_run


@pytest.fixture
def run(packaged_trial: Run) -> Run:
    return packaged_trial


def table(run: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(run.folder / "tables" / f"{name}.csv")


def text(run: Run) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", run.report.read_text("utf-8")))


def test_nothing_failed_and_both_packaged_plans_ask_every_step(run: Run) -> None:
    assert run.failed == ()
    asked = {s.kind for name in ("modalities", "trial") for s in trd.sample_plan(name).steps}
    assert asked == {s.key for s in all_steps()}
    assert {s.kind for s in trd.sample_plan().steps} == asked  # the default plan alone does


def test_confirmatory_sentences_are_those_of_the_tables(run: Run) -> None:
    shown = text(run)
    change = table(run, "change_model")
    for treatment, part in (("ECT", "Primary"), ("IV ketamine", "Key secondary")):
        row = change[(change["measure"] == "difference") & (change["visit"] == 28)
                     & (change["treatment"] == treatment)].iloc[0]  # fmt: skip
        assert (
            f"{part}. Change at day 28, {treatment} v TMS: {row['estimate']:.3f} "
            f"(95 % CI {row['conf_low']:.3f} to {row['conf_high']:.3f})"
        ) in shown
    rates = table(run, "rates")
    margin = rates[(rates["measure"] == "non-inferiority") & (rates["treatment"] == "IV ketamine")]
    sentence = shown[shown.index("not worse than TMS by 10 points") :][:200]
    assert f"{margin['estimate'].iloc[0]:.3f}" in sentence
    assert "(one-sided)" in sentence
    # A fixed sequence stops at the first result that is not shown.
    after = re.findall(r"adjusted ([<0-9.]+): (shown|not shown) at 0.05", shown)
    verdicts = [v for _, v in after]
    first = verdicts.index("not shown")
    assert set(verdicts[first:]) == {"not shown"}


def test_the_model_is_that_of_the_library(run: Run) -> None:
    study = trd.load_sample("trial")
    fit = trd.MMRM("change ~ baseline * visit + treatment * visit + site", covariance="us",
                   ddf="kenward-roger").fit(study.longitudinal([3, 7, 14, 21, 28]))  # fmt: skip
    own = fit.margins("treatment", by="visit").contrasts(reference="TMS").tidy()
    own = own[(own["treatment"] == "ECT") & (own["visit"].astype(float) == 28)]
    found = table(run, "change_model")
    found = found[(found["measure"] == "difference") & (found["treatment"] == "ECT")
                  & (found["visit"] == 28)]  # fmt: skip
    for column in ("estimate", "std_error", "df", "p_value", "conf_low", "conf_high"):
        assert found[column].iloc[0] == pytest.approx(float(own[column].iloc[0]), rel=1e-9)


def test_effect_sizes_are_those_of_the_model(run: Run) -> None:
    study = trd.load_sample("trial")
    fit = trd.MMRM("change ~ baseline * visit + treatment * visit + site").fit(
        study.longitudinal([3, 7, 14, 21, 28])
    )
    own = fit.margins("treatment", by="visit").contrasts(reference="TMS").effect_sizes()
    found = table(run, "change_model")
    found = found[found["measure"] == "standardised difference"]
    assert found["estimate"].to_numpy() == pytest.approx(own["estimate"].to_numpy(), rel=1e-9)
    assert "Effect sizes" in text(run)


def test_missing_data_under_every_assumption_and_the_tipping_points(run: Run) -> None:
    found = table(run, "missing")
    assert set(found["assumption"]) == {
        "complete case", "locf", "bocf", "missing at random", "copy increments",
        "copy reference", "jump to reference",
    }  # fmt: skip
    ect = found[found["treatment"] == "ECT"].set_index("assumption")["estimate"]
    # Taking the reference's course for those who left can only bring ECT nearer to it.
    assert abs(ect["jump to reference"]) < abs(ect["missing at random"])
    assert set(table(run, "tipping")["arm"]) == {"ECT", "IV ketamine"}
    assert set(table(run, "tipping_responses")["arm"]) == {"ECT", "IV ketamine"}
    first = found[(found["assumption"] == "missing at random") & (found["treatment"] == "ECT")]
    assert f"ECT less TMS: {first['estimate'].iloc[0]:.1f} points" in text(run)


def test_leads_say_what_the_tables_hold(run: Run) -> None:
    shown = text(run)
    flow = table(run, "participant_flow").fillna("")
    seen = flow[(flow["stage"] == "assessed at the day") & (flow["reason"] == "")]["n"].sum()
    assert f"{seen} were assessed at day 28 of the acute course" in shown
    rates = table(run, "rates")
    gap = rates[(rates["measure"] == "difference") & (rates["outcome"] == "response")
                & (rates["treatment"] == "ECT")].iloc[0]  # fmt: skip
    assert f"ECT less TMS: {100 * gap['estimate']:.1f} percentage points" in shown
    days = table(run, "in_response_days")
    best = days[(days["measure"] == "mean days") & (days["state"] == "in response")
                & (days["treatment"] == "ECT")].iloc[0]  # fmt: skip
    assert f"{best['estimate']:.1f} days in response" in shown
    tests = table(run, "onset_test").iloc[0]
    assert f"chi-squared {tests['statistic']:.2f} on {tests['df']:g} df" in shown


def test_a_randomised_trial_is_not_called_unadjusted(run: Run) -> None:
    assert "treatments were not randomised" not in text(run)
    assert trd.sample_plan("trial").registration in text(run)


def test_a_second_run_on_two_processes_writes_the_same_bytes(run: Run, tmp_path: Path) -> None:
    again = trd.run_plan(trd.sample_plan("trial"), tmp_path / "again", n_jobs=2)
    for path in (run.report, run.manifest, run.results, *run.tables, *run.figures):
        twin = again.folder / path.relative_to(run.folder)
        assert twin.read_bytes() == path.read_bytes(), path.name


def test_it_repeats_itself(run: Run) -> None:
    found = verify_run(trd.sample_plan("trial"), run.folder, tolerance=0.0)
    assert found.agrees, repr(found)


def test_an_unknown_packaged_plan_is_refused() -> None:
    with pytest.raises(
        UnknownNameError, match=r"Unknown packaged plan 'trail'\. Did you mean 'trial'"
    ):
        trd.sample_plan("trail")
