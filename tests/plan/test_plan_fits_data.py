"""What a plan names must be in the data: said with its line before anything runs, exit status 2."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from clinic import WINDOWS, clinic

from trdstats import Study, load_sample, read_plan
from trdstats.cli import main
from trdstats.errors import DataWarning, PlanError
from trdstats.plan import Section, Step, Task, register_step, run_plan, unregister_step
from trdstats.plan.carrying_out.analysis import prepare
from trdstats.study import study_from_mapping

PLAN = """[study]
visits = "v.csv"
subjects = "s.csv"
scale = "MADRS"
windows = { 7 = 2, 14 = 3, 28 = [-3, 3], 56 = 7, 84 = 7 }
[definitions]
relapse = { at_least = 22 }
[analysis]
acute_end = 28
rate_days = [28]
horizon = 28
adjust = "age + bmi"
"""


def written(folder: Path, old: str = "", new: str = "") -> Path:
    visits, subjects = clinic()
    visits.to_csv(folder / "v.csv", index=False)
    subjects.to_csv(folder / "s.csv", index=False)
    assert old in PLAN
    path = folder / "plan.toml"
    path.write_text(PLAN.replace(old, new), "utf-8")
    return path


def refused(folder: Path, path: Path) -> str:
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(folder / "out")])
    assert result.exit_code == 2, result.output
    assert not (folder / "out").exists()
    return " ".join(result.output.split())


def test_a_misspelt_covariate(tmp_path: Path) -> None:
    said = refused(tmp_path, written(tmp_path, '"age + bmi"', '"aeg + log(bim)"'))
    assert "adjust: Unknown column of the subjects 'aeg'. Did you mean 'age'? (line 12)" in said
    assert "adjust: Unknown column of the subjects 'bim'. Did you mean 'bmi'? (line 12)" in said


def test_a_covariate_with_decimal_commas(tmp_path: Path) -> None:
    # Files are read with their decimal commas as numbers; frames come as they are.
    visits, subjects = clinic()
    text = subjects["bmi"].map(lambda v: f"{v:.1f}".replace(".", ","))
    with pytest.warns(DataWarning, match="text that spells numbers"):
        study = Study(visits, subjects.assign(bmi=text), scale="MADRS", windows=WINDOWS)
    with pytest.raises(PlanError) as refusal:
        prepare(read_plan(written(tmp_path)), study)
    said = str(refusal.value)
    assert "adjust: `subjects` column 'bmi' is text that spells numbers (decimal commas" in said
    assert "(line 12)." in said


def test_a_misspelt_kind_of_event(tmp_path: Path) -> None:
    path = written(tmp_path, "horizon = 28\n", 'horizon = 28\ncompeting = ["wihdrawal"]\n')
    said = refused(tmp_path, path)
    assert "competing: Unknown kind of event 'wihdrawal'. Did you mean 'withdrawal'" in said
    assert "(line 12)" in said


def test_a_step_of_ones_own_is_asked_too(tmp_path: Path) -> None:
    ran = []

    def run(task: Task) -> Section:
        ran.append(task)
        return Section("own", "Own", "Own.")

    def check(task: Task) -> list[str | tuple[str, str]]:
        return [("horizon", "is not for this study."), "No line is known of this."]

    register_step(Step("own", "own", run, check=check))
    try:
        with pytest.raises(PlanError) as refusal:
            run_plan(read_plan(written(tmp_path)), tmp_path / "out")
    finally:
        unregister_step("own")
    said = str(refusal.value)
    assert "[analysis] horizon: is not for this study (line 11)." in said
    assert "[own] No line is known of this." in said
    assert not ran


def test_the_packaged_plan_fits() -> None:
    plan = read_plan()
    assert len(prepare(plan, load_sample("modalities"))) == len(plan.steps)


def test_a_day_that_few_reach_is_in_the_report_and_on_the_terminal(tmp_path: Path) -> None:
    line = "windows = { 7 = 2, 14 = 3, 28 = [-3, 3], 56 = 7, 84 = 7 }\n"
    path = written(tmp_path, line, "")
    text = path.read_text("utf-8").replace('adjust = "age + bmi"\n', "")
    text = 'steps = ["rates", "acute"]\n' + text
    path.write_text(text, "utf-8")
    said = refused(tmp_path, path)
    assert "Nearest: 26, 27, 29. Without visit windows every day is a separate visit" in said
    own = "acute_end = { ECT = 28, Ketamine = 27, TMS = 28 }"
    path.write_text(text.replace("acute_end = 28", own), "utf-8")
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    said = "60 were assessed between day 25 and 31, 6 on day 28"
    assert said in " ".join(result.output.split())
    assert said in (tmp_path / "out" / "report.html").read_text("utf-8")


HOW = 'separator = ";"\nencoding = "utf-16"\naveraged_over = 2\n'


def _in_half_points(folder: Path) -> None:
    """Write the tables with semicolons in UTF-16, each total half a point lower."""
    visits, subjects = clinic()
    visits["score"] = (visits["score"] - 0.5).clip(lower=0)
    for name, frame in (("v", visits), ("s", subjects)):
        frame.to_csv(folder / f"{name}.csv", index=False, sep=";", encoding="utf-16")


def test_a_plan_says_how_files_are_read_and_that_totals_are_means(tmp_path: Path) -> None:
    path = written(tmp_path, 'scale = "MADRS"\n', f'scale = "MADRS"\n{HOW}')
    _in_half_points(tmp_path)
    study = study_from_mapping(read_plan(path).study, tmp_path)
    assert study.scale.step == 0.5
    assert not (2 * study.visits["score"].dropna() % 1).any()
    checked = [
        "check", str(tmp_path / "v.csv"), "--subjects", str(tmp_path / "s.csv"), "--scale",
        "MADRS", "--averaged-over", "2", "--separator", ";", "--encoding", "utf-16",
    ]  # fmt: skip
    result = CliRunner().invoke(main, checked)
    assert result.exit_code == 0, result.output
    without = CliRunner().invoke(main, [c for c in checked if c not in ("--averaged-over", "2")])
    assert without.exit_code == 2
    assert "averaged_over = 2" in " ".join(without.output.split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('seperator = ";"', "unknown key 'seperator'; did you mean 'separator'?"),
        ("average_over = 2", "unknown key 'average_over'; did you mean 'averaged_over'?"),
        ('sheet = { visit = "A" }', "which is no table of this study; did you mean 'visits'?"),
        ("averaged_over = 1", "raters must be a whole number from 2 to 10; got 1"),
    ],
)
def test_a_wrong_key_has_its_line(tmp_path: Path, line: str, words: str) -> None:
    path = written(tmp_path, 'scale = "MADRS"\n', f'scale = "MADRS"\n{line}\n')
    said = refused(tmp_path, path)
    assert words in said
    assert "line 5" in said


def test_a_plan_and_a_check_name_the_sheets_of_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    visits, subjects = clinic()
    with pd.ExcelWriter(tmp_path / "all.xlsx") as book:
        visits.to_excel(book, sheet_name="Ratings", index=False)
        subjects.to_excel(book, sheet_name="Patients", index=False)
    path = written(
        tmp_path,
        'visits = "v.csv"\nsubjects = "s.csv"\n',
        'visits = "all.xlsx"\nsubjects = "all.xlsx"\n'
        'sheet = { visits = "Ratings", subjects = "Patients" }\n',
    )
    assert len(study_from_mapping(read_plan(path).study, tmp_path).subjects) == len(subjects)
    book_path = str(tmp_path / "all.xlsx")
    checked = ["check", book_path, "--subjects", book_path, "--scale", "MADRS"]
    sheets = ["--sheet", "visits=Ratings", "--sheet", "subjects=Patients"]
    assert CliRunner().invoke(main, [*checked, *sheets]).exit_code == 0
    for wrong, words in (
        (["--sheet", "Ratings", "--sheet", "Patients"], "a sheet reads TABLE=SHEET"),
        (["--sheet", "visit=Ratings"], "Did you mean 'visits'?"),
        (["--sheet", "visits=Rating", "--sheet", "subjects=Patients"], "Ratings"),
    ):
        result = CliRunner().invoke(main, [*checked, *wrong])
        assert result.exit_code == 2
        assert words in " ".join(result.output.split())


def test_a_check_of_tabs(tmp_path: Path) -> None:
    visits, subjects = clinic()
    visits.to_csv(tmp_path / "v.csv", index=False, sep="\t")
    subjects.to_csv(tmp_path / "s.csv", index=False, sep="\t")
    for tab in ("tab", "\t", r"\t"):
        checked = ["check", str(tmp_path / "v.csv"), "--subjects", str(tmp_path / "s.csv"),
                   "--scale", "MADRS", "--separator", tab]  # fmt: skip
        result = CliRunner().invoke(main, checked)
        assert result.exit_code == 0, result.output
