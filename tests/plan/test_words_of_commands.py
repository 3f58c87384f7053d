"""What commands say: options by their names, each path once, lines of the key that is meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from trial_plan import OWN_TRIAL, write_trial

from trdstats import diff_runs, read_plan, read_study
from trdstats.cli import main
from trdstats.errors import DataError, PlanError
from trdstats.plan import Run
from trdstats.plan.carrying_out.analysis import prepare
from trdstats.plan.reading import plan_from_text
from trdstats.study import study_from_mapping

VISITS = "patient;day;arm;MADRS\nA;0;X;30\nA;0;X;20\nB;7;X;20\n"


def said(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


def test_check_names_its_options(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text(VISITS, "utf-8")
    words = said("check", str(file), "--scale", "MADRS")
    for option in ("--subject", "--score", "--treatment"):
        assert f"Name it with {option} ..." in words
    columns = ["--subject", "patient", "--treatment", "arm", "--score", "MADRS"]
    words = said("check", str(file), "--scale", "MADRS", *columns)
    assert "name a rule: --duplicates first," in words
    assert "--duplicates rater=R1" in words
    assert "=..." not in words
    with pytest.raises(DataError, match=r"Name it with subject=\.\.\."):
        read_study(file, scale="MADRS")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "nothing.toml"),
        ("combine", "nothing.json"),
        ("next", "nothing.json", "other.json"),
    ],
)
def test_a_file_that_is_not_there_is_named_once(arguments: tuple[str, ...], tmp_path: Path) -> None:
    words = said(*arguments)
    assert "Errno" not in words
    assert words.count("nothing.") == 1


EXPORT = """
[study.export]
file = "export.csv"
scale = "MADRS"
day = "day"
scor = "total"
[definitions]
relapse = { at_least = 22 }
[analysis]
acute_end = 28
rate_days = [28]
horizon = 28
durability_days = [14]
"""


def test_an_unknown_key_of_an_export_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"'scor' is no key of a mapping.*\(line 6\)"):
        plan_from_text(EXPORT, tmp_path)
    nested = EXPORT.replace('scor = "total"', 'redcap = { dictionry = "d.csv" }')
    with pytest.raises(PlanError, match=r"unknown key 'dictionry'.*\(line 6\)"):
        plan_from_text(nested, tmp_path)


def test_numbers_of_one_run_alone_are_no_difference(trial_run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(trial_run.folder, other)
    stored = json.loads((other / "results.json").read_text("utf-8"))
    whole = len(stored["results"])
    stored["results"] = stored["results"][: whole // 3]
    (other / "results.json").write_text(json.dumps(stored), "utf-8")
    for first, second, alone in ((trial_run.folder, other, "Only before"),
                                 (other, trial_run.folder, "Only after")):  # fmt: skip
        found = diff_runs(first, second)
        header = dict(found.summary().header)
        assert header["Differ"] == "0 numbers"
        assert header[alone] == f"{len(found.changed):,} numbers"
        assert found.compared < len(found.changed)
        assert not found.agrees


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ('step = "change", measure = "difference", treatment = "ECT", visit = 27',
         r"the step 'change' has no row with visit = 27\. It has .*28"),
        ('step = "rates", measure = "difference", treatment = "ECT", outcome = "remission", '
         "day = 21", r"the step 'rates' has no row with day = 21\. It has "),
    ],
)  # fmt: skip
def test_a_confirmatory_row_that_will_not_be_there_is_said_before_anything_runs(
    named: str, words: str, tmp_path: Path
) -> None:
    table = f'\n[confirmatory]\nprimary = {{ name = "First", {named} }}\n'
    plan = read_plan(write_trial(tmp_path, OWN_TRIAL + table))
    study = study_from_mapping(plan.study, plan.folder)
    with pytest.raises(PlanError, match=words):
        prepare(plan, study)


def test_methods_name_the_model_in_words(trial_run: Run) -> None:
    text = trial_run.report.read_text("utf-8")
    assert "an unstructured covariance and Kenward-Roger degrees of freedom" in text
    assert "kenward-roger;" not in text
