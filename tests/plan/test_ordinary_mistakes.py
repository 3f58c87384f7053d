"""What ordinary users write, and what a reader of their report could misread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import PlanError, SpecError
from trdstats.plan.carrying_out import analyse
from trdstats.plan.definition_table import definition_frame
from trdstats.plan.reading.text import plan_from_text
from trdstats.plan.report.fine_print import methods_text
from trdstats.plan.report.first_screen import confirmatory_sentences, headline_table
from trdstats.plan.results.rows import result_rows
from trdstats.study import study_from_mapping

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")
PLAN = """
title = "Three scales"
steps = [{steps}]
[study.export]
file = "visits.csv"
scale = ["MADRS", "HAMD17"]
subject = "patient"
treatment = "arm"
score = {{ MADRS = "MADRS", HAMD17 = "HAMD17" }}
day = "day"
windows = {{ 7 = 0, 28 = 0, 56 = 0 }}
[definitions]
response = {{ reduction = 0.5 }}
remission = {{}}
relapse = {{ at_least = 22, consecutive = 1 }}
[analysis]
acute_end = 28
rate_days = [28]
reference = "B"
horizon = 56
durability_days = [28, 84]
{more}
"""


MANIFEST = {"packages": {}, "trdstats": "0.1", "python": "3"}


def visits(arms: str = "ABC") -> pd.DataFrame:
    rng = np.random.default_rng(11)
    rows = []
    for i in range(30 * len(arms)):
        start = int(rng.integers(26, 40))
        for day in (0, 7, 28, 56):
            fall = rng.normal(8 + 4 * (i % len(arms)), 8) if day else 0.0
            score = int(np.clip(start - fall, 0, 60))
            rows.append((f"P{i:02d}", arms[i % len(arms)], day, score, int(0.6 * score)))
    return pd.DataFrame(rows, columns=["patient", "arm", "day", "MADRS", "HAMD17"])


def write(folder: Path, steps: str, more: str = "", arms: str = "ABC", **change: str) -> Path:
    visits(arms).to_csv(folder / "visits.csv", index=False)
    listed = ", ".join(f'"{s}"' for s in steps.split())
    text = PLAN.format(steps=listed, more=more)
    for old, new in change.items():
        line = next(x for x in text.splitlines() if x.startswith(f"{old} ="))
        text = text.replace(line, f"{old} = {new}")
    path = folder / "my plan.toml"
    path.write_text(text, "utf-8")
    return path


def carried_out(path: Path) -> tuple[Any, trd.Study, list[Any]]:
    """Return the plan, its study and the sections."""
    plan = trd.read_plan(path)
    study = study_from_mapping(plan.study, plan.folder)
    return plan, study, list(analyse(plan, study, lambda words: None))


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object) -> tuple[int, str]:
        env = {"COLUMNS": "300"}
        result: Result = CliRunner().invoke(main, [str(a) for a in arguments], env=env)
        return result.exit_code, " ".join(result.output.split())

    return invoke


def test_what_is_called_a_hazard_ratio_is_one(tmp_path: Path) -> None:
    where = 'measure = "hazard ratio", treatment = "C"'
    more = f'[confirmatory]\nprimary = {{ name = "Sooner", step = "onset", {where} }}'
    plan, study, sections = carried_out(write(tmp_path, "onset", more))
    fit = trd.IntervalPH("treatment").fit(
        trd.time_to(study, trd.Response(), after_switch="ignore").with_reference("B")
    )
    expected = fit.tidy().set_index("term").loc["treatment[T.C]"]
    (sentence,) = confirmatory_sentences(plan, sections)
    low, high = expected["hazard_ratio_low"], expected["hazard_ratio_high"]
    ratio = expected["hazard_ratio"]
    assert f"Sooner: {ratio:.3f} (95 % CI {low:.3f} to {high:.3f})" in sentence
    rows = result_rows(sections)
    group = rows["group"].map(lambda g: g.get("measure") == "hazard ratio")
    shown = rows[group & (rows["stat_name"] == "estimate")]
    assert [g["treatment"] for g in shown["group"]] == ["A", "C"]
    assert {g["reference"] for g in shown["group"]} == {"B"}
    assert shown["value"].to_numpy() == pytest.approx(fit.tidy()["hazard_ratio"].to_numpy())
    log_ratio = rows["group"].map(lambda g: g.get("table") == "onset_hazards")
    own = rows[log_ratio & (rows["stat_name"] == "estimate")]["value"]
    assert own.to_numpy() == pytest.approx(fit.tidy()["estimate"].to_numpy())


def test_a_step_on_another_scale_names_it_wherever_it_is_read(tmp_path: Path) -> None:
    more = (
        '[onset_again]\nstep = "onset"\nscale = "HAMD17"\noutcome = "remission"\n'
        '[rates_again]\nstep = "rates"\nscale = "HAMD17"\noutcomes = ["remission"]\n'
        '[onset]\noutcome = "remission"\nhazards = false\n'
    )
    plan, study, sections = carried_out(write(tmp_path, "onset onset_again rates_again", more))
    header = headline_table(study, sections).header
    assert header[1:] == (
        "Median days to remission, between visits",
        "Median days to remission, between visits (HAMD17)",
    )
    rules = definition_frame(plan, study).set_index("outcome")["rule"]
    assert list(rules.index) == ["response", "remission", "relapse", "remission (HAMD17)"]
    assert rules["remission (HAMD17)"] == "HAMD17 total at most 7"
    methods = methods_text(plan, study, sections, MANIFEST)
    assert "Outcomes were defined on the HAMD17: remission (HAMD17), HAMD17 total at" in methods[0]


def test_one_treatment_is_not_compared_in_the_methods(tmp_path: Path) -> None:
    path = write(tmp_path, "participants rates onset durability", arms="A", reference='"A"')
    plan, study, sections = carried_out(path)
    text = " ".join(
        methods_text(plan, study, sections, {"packages": {}, "trdstats": "", "python": ""})
    )
    assert "wilson confidence intervals" in text
    for word in ("Differences", "standardised differences", "compared"):
        assert word not in text
    assert "under 1 treatment;" in sections[0].lead
    assert all("differs between treatments" not in s.about for s in sections)


def test_methods_say_nothing_of_rates_that_were_not_taken(tmp_path: Path) -> None:
    plan, study, sections = carried_out(write(tmp_path, "onset"))
    methods = methods_text(plan, study, sections, MANIFEST)
    assert "In rates" not in " ".join(methods)


def test_what_competes_with_relapse_is_what_the_plan_says(tmp_path: Path) -> None:
    _, _, (alone,) = carried_out(
        write(tmp_path, "durability", durability_days="[28]\ncompeting = []")
    )
    assert "competes" not in " ".join(p.caption for p in alone.pictures)
    assert "without a competing event" in " ".join(alone.methods)
    _, _, (usual,) = carried_out(write(tmp_path, "durability"))
    assert "leaving follow-up competes with it" in " ".join(p.caption for p in usual.pictures)
    assert "with left follow-up as competing event" in " ".join(usual.methods)


def test_an_empty_cell_of_durability_says_why(tmp_path: Path) -> None:
    _, _, (section,) = carried_out(write(tmp_path, "durability"))
    table = section.results
    reasons = set(table.loc[table["time"] == 84, "reason"]) - {""}
    assert reasons
    notes = " ".join(n for s in section.tables for n in s.notes)
    assert all(reason in notes for reason in reasons)
    assert "A on day 84" in notes


MISTAKES = [
    ("rate_days", "[28, 28.0]", r"rate_days names 28.0 twice \(line 18\)"),
    ("durability_days", "[28, 28]", r"durability_days names 28 twice \(line 21\)"),
    ("acute_end", "{ A = 28, B = 28 }",
     r"\[analysis\] acute_end: No day was given for 'C' \(line 17\)"),
    ("acute_end", "30", r"acute_end: The acute course of A: No visit is scheduled at day 30.*17\)"),
    ("reference", '"b"', r"\[analysis\] reference: Unknown treatment 'b'.*'B'\? \(line 19\)"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "words"), MISTAKES)
def test_days_and_reference(tmp_path: Path, key: str, value: str, words: str) -> None:
    with pytest.raises(PlanError, match=words):
        carried_out(write(tmp_path, "rates", **{key: value}))


def test_both_mistakes_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"acute_end: .*\n.*reference: "):
        carried_out(write(tmp_path, "rates", acute_end="30", reference='"b"'))


def test_a_text_where_a_list_belongs(tmp_path: Path) -> None:
    words = r"outcomes must be a list, for example \['response'\]; got 'response'"
    with pytest.raises(PlanError, match=words):
        trd.read_plan(write(tmp_path, "rates", '[rates]\noutcomes = "response"'))


def test_a_primary_result_that_cannot_be_read_is_one_problem(tmp_path: Path) -> None:
    more = '[confirmatory]\nprimary = { name = "P", step = "ratess", measure = "difference" }'
    with pytest.raises(PlanError, match="did you mean 'rates'") as caught:
        trd.read_plan(write(tmp_path, "rates", more))
    assert "at least one primary" not in str(caught.value)


@pytest.mark.parametrize("tolerance", [-1.0, 1.0, 5.0])
def test_a_tolerance_under_which_all_agree_is_refused(tmp_path: Path, tolerance: float) -> None:
    path = write(tmp_path, "rates")
    trd.run_plan(trd.read_plan(path), tmp_path / "out")
    words = "tolerance is a part of the larger value"
    with pytest.raises(SpecError, match=words):
        trd.verify_run(trd.read_plan(path), tmp_path / "out", tolerance=tolerance)
    with pytest.raises(SpecError, match=words):
        trd.diff_runs(tmp_path / "out", tmp_path / "out", tolerance=tolerance)


def test_the_command_line_checks_the_study_of_a_plan(tmp_path: Path, call: Any) -> None:
    path = write(tmp_path, "rates")
    code, said = call("check", path)
    assert code == 0
    assert "MADRS, 0 to 60" in said
    assert "The study can be analysed." in said
    path.write_text(path.read_text("utf-8").replace('"arm"', '"arms"'), "utf-8")
    code, said = call("check", path)
    assert code == 2
    assert "'arms'" in said


def test_windows_of_one_day_twice(tmp_path: Path, call: Any) -> None:
    visits().to_csv(tmp_path / "visits.csv", index=False)
    code, said = call(
        "check", "visits.csv", "--scale", "MADRS", "--window", "7=3", "--window", "7=2"
    )
    assert (code, "--window names day 7 twice" in said) == (2, True)


def test_a_run_without_a_plan_beside_a_plan_is_not_the_sample(tmp_path: Path, call: Any) -> None:
    write(tmp_path, "rates").rename(tmp_path / "plan.toml")
    code, said = call("run")
    assert (code, "trdstats run plan.toml" in said) == (2, True)
    assert not (tmp_path / "trdstats-report").exists()


def test_new_names_the_sheets_it_did_not_take(tmp_path: Path, call: Any) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        visits().to_excel(book, sheet_name="Ratings", index=False)
        pd.DataFrame({"patient": ["P00"], "age": [40]}).to_excel(
            book, sheet_name="Patients", index=False
        )
    code, said = call("new", "a.xlsx", "-o", "my plan.toml")
    assert code == 0
    assert "sheets not used: 'Patients'" in said
    assert 'trdstats run "my plan.toml"' in said


def test_new_says_why_the_sheet_of_ratings_cannot_be_read(tmp_path: Path, call: Any) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame({"Register": ["2026"]}).to_excel(book, sheet_name="About", index=False)
        visits().to_excel(book, sheet_name="Ratings", index=False, startrow=1)
        book.sheets["Ratings"]["A1"] = "Depression register"
    code, said = call("new", "a.xlsx")
    assert code == 2
    assert "No plan can be written for 'a.xlsx', sheet 'About'" in said
    assert "Sheet 'Ratings' of 'a.xlsx': row 1 should be the header" in said
    assert "Row 2 looks like the header" in said


def test_new_in_a_folder_that_is_not_there(tmp_path: Path, call: Any) -> None:
    visits().to_csv(tmp_path / "visits.csv", index=False)
    code, said = call("new", "visits.csv", "-o", "none/plan.toml")
    assert (code, "There is no folder 'none' for the plan" in said) == (2, True)
    (tmp_path / "data").mkdir()
    code, said = call("new", "data")
    assert (code, "'data' is a folder: name a file in it" in said) == (2, True)


def test_the_tenth_question_of_the_phq9(tmp_path: Path, call: Any) -> None:
    items = {f"phq9_{k}": [1, 2, 1, 0] for k in range(1, 11)}
    table = pd.DataFrame({"id": [1, 1, 2, 2], "arm": ["A", "A", "B", "B"], "week": [0, 4, 0, 4]})
    table.assign(**items).to_csv(tmp_path / "phq.csv", index=False)
    code, said = call("new", "phq.csv")
    assert code == 2
    assert "If they are items, 'phq9_10' does not count in PHQ9" in said


def test_the_package_is_a_module_to_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trdstats", "--version"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.startswith("trdstats, version ")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("reduction = 0,5", "Numbers have a decimal point: 0.5"),
        ("reference = “TMS”", "Quotation marks must be straight"),
        ('visits = "C:\\data\\visits.csv"', "Write folders with /"),
        ("randomised = yes", "Write true or false"),
        ("reference = TMS", "Texts stand in quotation marks"),
        ("scale = 'MADRS'\nscale = 'HAMD17'", "This key or table stands above already"),
    ],
)
def test_slips_of_hands_that_write_no_toml(line: str, words: str) -> None:
    with pytest.raises(PlanError, match="The plan is not valid TOML") as caught:
        plan_from_text(f"title = 'A'\n{line}\n", Path())
    assert f"\n  {line.splitlines()[-1]}\n  {words}" in str(caught.value)


def test_an_argument_that_a_definition_does_not_have() -> None:
    text = trd.sample_plan("trial").text
    wrong = text.replace("remission = { at_most = 10 }\n", "remission = { below = 10 }\n", 1)
    with pytest.raises(
        PlanError, match="definition 'remission': it has no 'below'; it has at_most"
    ):
        plan_from_text(wrong, Path())
