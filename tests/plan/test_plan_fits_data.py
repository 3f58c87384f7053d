"""What a plan names must be in the data: said with its line before anything runs, exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from clinic import WINDOWS, clinic

from trdstats import Study, load_sample, read_plan
from trdstats.cli import main
from trdstats.errors import DataWarning, PlanError
from trdstats.plan import Section, Step, Task, register_step, run_plan, unregister_step
from trdstats.plan.analysis import prepare

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
    assert "Nearest: 26, 27, 29. Without visit windows every day is a visit of its own" in said
    own = "acute_end = { ECT = 28, Ketamine = 27, TMS = 28 }"
    path.write_text(text.replace("acute_end = 28", own), "utf-8")
    result = CliRunner().invoke(main, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    said = "60 were assessed between day 25 and 31, 6 on day 28"
    assert said in " ".join(result.output.split())
    assert said in (tmp_path / "out" / "report.html").read_text("utf-8")
