"""The numbers of a run as data: read back, repeated, compared, explained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from trial_plan import OWN_TRIAL, write_trial

from trdstats import diff_runs, explain_result, read_plan, read_results, run_plan, verify_run
from trdstats.cli import main
from trdstats.errors import TrdstatsError, UnknownNameError
from trdstats.plan import Run


def copy_of(run: Run, folder: Path) -> Path:
    shutil.copytree(run.folder.parent, folder, dirs_exist_ok=True)
    return folder


def test_every_number_of_a_table_of_results_is_there(trial_run: Run) -> None:
    rows = read_results(trial_run.folder)
    table = pd.read_csv(trial_run.folder / "tables" / "rates.csv")
    wanted = rows[(rows["analysis_id"] == "rates") & (rows["stat_name"] == "estimate")]
    assert len(wanted) == len(table)
    assert wanted["value"].to_numpy() == pytest.approx(
        table["estimate"].to_numpy(), rel=1e-9, nan_ok=True
    )  # tables keep ten digits
    assert wanted["result_id"].is_unique
    assert set(wanted["variable"]) == {"response", "remission"}
    first = wanted.iloc[0]
    assert first["group"]["treatment"] in {"TMS", "ECT", "Esketamine", "IV ketamine"}
    assert first["group"]["day"] == "28"


def test_identifiers_do_not_depend_on_the_order_of_rows_or_of_steps(
    trial_run: Run, tmp_path: Path
) -> None:
    turned = OWN_TRIAL.replace('["change", "rates"]', '["rates"]')
    path = write_trial(tmp_path, turned)
    other = read_results(run_plan(read_plan(path), tmp_path / "out").folder)
    mine = read_results(trial_run.folder)
    mine = mine[mine["analysis_id"] == "rates"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, other)


def test_a_run_repeats_itself(trial_run: Run) -> None:
    plan = read_plan(trial_run.folder.parent / "plan.toml")
    found = verify_run(plan, trial_run.folder)
    assert found.agrees
    assert found.compared == len(read_results(trial_run.folder)) > 100
    assert repr(found).startswith("Every number agrees")


def test_one_changed_score_moves_its_numbers_and_no_others(trial_run: Run, tmp_path: Path) -> None:
    copy_of(trial_run, tmp_path)
    visits = pd.read_csv(tmp_path / "visits.csv", dtype=str)
    subjects = pd.read_csv(tmp_path / "subjects.csv", dtype=str)
    ect = subjects.loc[subjects["treatment"] == "ECT", "subject"]
    at_28 = visits["day"].astype(float).eq(28) & visits["madrs"].notna()
    row = visits.index[visits["subject"].isin(ect) & at_28][0]
    visits.loc[row, "madrs"] = str((int(float(visits.loc[row, "madrs"])) + 25) % 60)
    visits.to_csv(tmp_path / "visits.csv", index=False)
    plan = read_plan(tmp_path / "plan.toml")
    found = verify_run(plan, tmp_path / "out", tolerance=0.0)
    assert not found.agrees
    assert found.reasons == ("The data differ: visits.csv.",)
    # By brute force: the same plan run anew, every number held against the stored one.
    again = read_results(run_plan(plan, tmp_path / "again").folder).set_index(
        ["result_id", "stat_name"]
    )["value"]
    stored = read_results(tmp_path / "out").set_index(["result_id", "stat_name"])["value"]
    moved = [
        k
        for k in stored.index
        if not np.isclose(stored[k], again[k], rtol=0, atol=0, equal_nan=True)
    ]
    assert moved
    named = list(zip(found.changed["result_id"], found.changed["stat_name"], strict=True))
    assert sorted(named) == sorted(moved)
    rates = found.changed[found.changed["analysis_id"] == "rates"]
    assert {g["treatment"] for g in rates["group"]} == {"ECT"}  # other arms keep their rates


def test_a_stored_number_changed_by_hand_is_found(trial_run: Run, tmp_path: Path) -> None:
    out = copy_of(trial_run, tmp_path) / "out"
    data = json.loads((out / "results.json").read_text("utf-8"))
    data["results"][5]["value"] += 0.25
    (out / "results.json").write_text(json.dumps(data), "utf-8")
    found = verify_run(read_plan(tmp_path / "plan.toml"), out)
    assert len(found.changed) == 1
    assert found.changed["result_id"].item() == data["results"][5]["result_id"]
    assert "results.json" in found.reasons[0]
    # Who asks where the number comes from is told as well.
    told = repr(explain_result(out, data["results"][5]["result_id"]))
    assert "Changed after it was written: results.json" in told
    assert not explain_result(trial_run.folder, data["results"][5]["result_id"]).altered
    table = out / "tables" / "rates.csv"
    table.write_text(table.read_text("utf-8").replace("0.", "0.1", 1), "utf-8")
    assert any(
        "tables/rates.csv" in r for r in verify_run(read_plan(tmp_path / "plan.toml"), out).reasons
    )


def test_what_differs_between_two_runs(trial_run: Run, tmp_path: Path) -> None:
    path = write_trial(tmp_path, OWN_TRIAL.replace("at_most = 12", "at_most = 10"))
    other = run_plan(read_plan(path), tmp_path / "out")
    found = diff_runs(trial_run.folder, other.folder)
    assert set(found.changed["variable"]) == {"remission"}
    assert set(found.changed["change"]) <= {"changed"}
    assert found.reasons == (
        "The plan differs: - remission = { at_most = 12 }; + remission = { at_most = 10 }.",
    )


def test_command_line(trial_run: Run, tmp_path: Path) -> None:
    plan = trial_run.folder.parent / "plan.toml"
    good = CliRunner().invoke(main, ["verify", str(plan), "-r", str(trial_run.folder)])
    assert good.exit_code == 0, good.output
    out = copy_of(trial_run, tmp_path) / "out"
    data = json.loads((out / "results.json").read_text("utf-8"))
    data["results"][0]["value"] += 1
    (out / "results.json").write_text(json.dumps(data), "utf-8")
    bad = CliRunner().invoke(main, ["diff", str(trial_run.folder), str(out)])
    assert bad.exit_code == 1
    assert data["results"][0]["result_id"] in bad.output
    missing = CliRunner().invoke(main, ["verify", str(plan), "-r", str(tmp_path / "nowhere")])
    assert missing.exit_code == 2
    assert "There are no results" in missing.output


def test_where_a_number_comes_from(trial_run: Run) -> None:
    rows = read_results(trial_run.folder)
    wanted = rows[(rows["variable"] == "response") & (rows["stat_name"] == "estimate")].iloc[0]
    found = explain_result(trial_run.folder, wanted["result_id"])
    assert "50 %" in found.rule
    group = wanted["group"]
    own = rows[rows["result_id"] == wanted["result_id"]].set_index("stat_name")["value"]
    subjects = pd.read_csv(trial_run.folder.parent / "subjects.csv")
    assert set(found.members["subject"]) == set(
        subjects.loc[subjects["treatment"] == group["treatment"], "subject"]
    )
    status = found.members["status"]
    assert status.str.startswith("in the numerator").sum() == own["events"]
    assert status.str.startswith("in the").sum() == own["n"]
    assert (status == "in the denominator, not assessed").sum() == own["n"] - own["n_rated"]
    assert "in the numerator" in repr(found)
    gap = rows[(rows["variable"] == "response") & rows["group"].map(lambda g: "reference" in g)]
    both = explain_result(trial_run.folder, gap["result_id"].iloc[0]).members["treatment"]
    assert both.nunique() == 2  # a difference rests on the subjects of both
    mean = rows[rows["analysis_id"] == "change"]["result_id"].iloc[0]
    assert set(explain_result(trial_run.folder, mean).members["status"]) <= {
        "in the model",
        "left out: no outcome with its covariates",
    }
    assert found.made_with["Plan"] == read_plan(trial_run.folder.parent / "plan.toml").registration
    with pytest.raises(UnknownNameError, match="Unknown result"):
        explain_result(trial_run.folder, "rates.00000000")
    with pytest.raises(TrdstatsError, match="There are no results"):
        explain_result(trial_run.folder / "tables", "x")


def test_every_printed_table_is_in_the_file_of_results(sample_run: Run) -> None:
    """Numbers of each table that is no list of subjects stand in the file, with its name or not."""
    values = np.sort(read_results(sample_run.folder)["value"].dropna().to_numpy())
    wanted = {"estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"}
    for path in (sample_run.folder / "tables").glob("*.csv"):
        table = pd.read_csv(path)
        if "subject" in table or path.stem == "second_opinion":
            continue
        for column in wanted & set(table.select_dtypes("number")):
            own = table[column].dropna().to_numpy(dtype=float)
            at = np.searchsorted(values, own - 1e-9 * np.abs(own))  # tables keep ten digits
            nearest = values[np.minimum(at, len(values) - 1)]
            np.testing.assert_allclose(own, nearest, rtol=3e-9, err_msg=f"{path.stem} {column}")


def test_verdicts_of_the_confirmatory_results_are_verified(tmp_path: Path) -> None:
    one = 'step = "rates", measure = "difference", treatment = "ECT", outcome'
    confirmatory = (
        '[confirmatory]\nrule = "RULE"\n'
        f'primary = {{ name = "A", {one} = "response" }}\n'
        f'key_secondary = {{ name = "B", {one} = "remission" }}\n'
    )
    text = OWN_TRIAL.replace('["change", "rates"]', '["rates"]') + confirmatory
    path = write_trial(tmp_path, text.replace("RULE", "fixed sequence"))
    run = run_plan(read_plan(path), tmp_path / "out")
    rows = read_results(run.folder)
    assert set(rows[rows["analysis_id"] == "confirmatory"]["stat_name"]) >= {
        "estimate", "p_value", "p_adjusted", "is_shown"
    }  # fmt: skip
    path.write_text(text.replace("RULE", "bonferroni"), "utf-8")
    found = verify_run(read_plan(path), run.folder)
    assert set(found.changed["analysis_id"]) == {"confirmatory"}
    assert "p_adjusted" in set(found.changed["stat_name"])


def test_who_had_an_event_stands_behind_its_proportion(sample_run: Run) -> None:
    rows = read_results(sample_run.folder)
    is_rescue = rows["group"].map(
        lambda g: g.get("event") == "rescue" and g.get("treatment") == "ECT"
                  and g.get("measure") == "proportion with event"
    )  # fmt: skip
    found = explain_result(sample_run.folder, rows[is_rescue]["result_id"].iloc[0])
    assert (found.members["status"] == "with the event").sum() == 45  # of 200, as the table says
    assert len(found.members) == 200
