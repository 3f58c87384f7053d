"""`trdstats new`: from a file to a plan that runs, and what it says of what it assumed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import PlanError
from trdstats.plan import read_plan, write_new_plan
from trdstats.plan.manifest import fingerprint_data
from trdstats.study import study_from_mapping

pytestmark = pytest.mark.filterwarnings("ignore::trdstats.errors.DataWarning")

EXPORTS = trd.sample_exports()
GERMAN = {"EKT": "ECT", "Ketamin i.v.": "IV ketamine", "TMS": "TMS"}


def new(*arguments: str | Path) -> Result:
    """Run the command as a script would: without a terminal."""
    return CliRunner().invoke(main, ["new", *map(str, arguments)])


def copied(folder: Path, *names: str) -> Path:
    for name in names:
        shutil.copy(EXPORTS[name], folder / name)
    return folder / names[0]


def written(frame: pd.DataFrame, folder: Path, name: str = "export.csv") -> Path:
    path = folder / name
    frame.to_csv(path, index=False)
    return path


def clinic(n: int = 12, days: tuple[int, ...] = (0, 7, 14, 28)) -> pd.DataFrame:
    """Return ratings of two treatments on the day, falling by a fifth a visit."""
    rows = [(f"P{i:02}", ("TMS", "ECT")[i % 2], d, 30 + i % 5 - 6 * k)
            for i in range(n) for k, d in enumerate(days)]  # fmt: skip
    return pd.DataFrame(rows, columns=["patient", "arm", "day", "madrs"])


PROJECT = ("redcap_dictionary.csv", "redcap_events.csv")


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("klinik.csv",), ()),
        (("wide.xlsx",), ()),
        (("visits.sav",), ()),
        (("visits.dta",), ()),
        (("visits.csv.gz",), ("--scale", "MADRS")),
        (("visits.ods",), ("--scale", "madrs")),
        (("redcap_classic.csv", *PROJECT), ()),
        (("redcap_repeating.csv", *PROJECT), ()),
    ],
    ids=lambda value: value[0] if value else "",
)
def test_every_packaged_export_gives_a_plan_with_the_right_rates(
    names: tuple[str, ...], options: tuple[str, ...], tmp_path: Path
) -> None:
    export, out = copied(tmp_path, *names), tmp_path / "plan.toml"
    result = new(export, "--out", out, *options)
    assert result.exit_code == 0, result.output
    plan = read_plan(out)
    study = study_from_mapping(plan.study, plan.folder)
    table = trd.rates(study, plan.response, day=28).tidy()
    table = table[table["measure"] == "rate"]
    table.index = pd.Index([GERMAN.get(t, t) for t in table["treatment"]])
    right = pd.read_csv(EXPORTS["rates.csv"]).set_index("treatment")
    assert sorted(table.index) == sorted(right.index)
    table = table.loc[right.index]
    assert table["events"].tolist() == right["responders"].tolist()
    assert table["n"].tolist() == right["subjects"].tolist()
    assert table["n_rated"].tolist() == right["rated"].tolist()
    assert 28.0 in plan.rate_days
    name = next(c for c in study.subjects if c.lower() == "bmi")
    assert study.subjects[name].dtype == float
    # What the report will call its data: every file that decides a number.
    used = {n for n in names if n != "redcap_events.csv"}  # the actual dates were taken
    assert set(fingerprint_data(plan)) == used


def test_the_plan_runs_to_its_report(tmp_path: Path) -> None:
    export, out = copied(tmp_path, "klinik.csv"), tmp_path / "plan.toml"
    assert new(export, "--out", out).exit_code == 0
    text = out.read_text("utf-8")
    steps = next(line for line in text.splitlines() if line.startswith("steps"))
    out.write_text(text.replace(steps, 'steps = ["rates"]'), "utf-8")
    result = CliRunner().invoke(main, ["run", str(out), "--out", str(tmp_path / "report")])
    assert result.exit_code == 0, result.output
    rates = pd.read_csv(tmp_path / "report" / "tables" / "rates.csv")
    rates = rates[(rates["measure"] == "rate") & (rates["outcome"] == "response")]
    assert rates.set_index("treatment")["events"].to_dict() == {
        "EKT": 9, "Ketamin i.v.": 5, "TMS": 7
    }  # fmt: skip


def test_it_prints_what_it_assumed_and_which_lines_to_edit(tmp_path: Path) -> None:
    export, out = copied(tmp_path, "klinik.csv"), tmp_path / "plan.toml"
    result = new(export, "--out", out)
    assert "Windows-1252 with fields separated by semicolons" in result.output
    assert "start: date of first treatment, day 0" in result.output
    lines = out.read_text("utf-8").splitlines()
    said = [w for w in result.output.splitlines() if "To decide, line" in w]
    assert len(said) == 3
    for words, key in zip(said, ("relapse", "acute_end", "reference"), strict=True):
        number = int(words.split("line ")[1].split(":")[0])
        assert lines[number - 1].startswith(f"{key} = ")
        assert lines[number - 2].startswith("# To decide: ")


def test_the_export_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "plans").mkdir()
    export = written(clinic(), tmp_path / "data")
    write_new_plan(export, tmp_path / "plans" / "plan.toml")
    plan = read_plan(tmp_path / "plans" / "plan.toml")
    assert plan.study["export"]["file"] == "../data/export.csv"
    assert len(study_from_mapping(plan.study, plan.folder).subjects) == 12


def test_an_existing_plan_is_kept(tmp_path: Path) -> None:
    export, out = written(clinic(), tmp_path), tmp_path / "plan.toml"
    out.write_text("mine", "utf-8")
    result = new(export, "--out", out)
    assert result.exit_code == 2
    assert "exists and is kept. Name another with --out, or --force." in " ".join(
        result.output.split()
    )
    assert out.read_text("utf-8") == "mine"
    assert new(export, "--out", out, "--force").exit_code == 0
    assert out.read_text("utf-8").startswith("# A plan for export.csv")


def test_an_ambiguous_file_says_what_was_taken(tmp_path: Path) -> None:
    frame = clinic().assign(therapy=lambda f: f["arm"], madrs_total=lambda f: f["madrs"] + 1)
    frame.loc[5, "madrs"] = 999
    out = tmp_path / "plan.toml"
    result = new(written(frame, tmp_path), "--out", out)
    assert result.exit_code == 0, result.output
    text = " ".join(result.output.split())
    assert "'arm' was taken as the treatment, not 'therapy'" in text
    assert "'madrs' was taken for MADRS, not 'madrs_total'" in text
    assert "999 among the scores was read as missing" in text
    study = study_from_mapping(read_plan(out).study, tmp_path)
    assert study.visits["score"].max() < 60
    assert study.visits["score"].isna().sum() == 1


def test_codes_of_treatments_are_to_be_named(tmp_path: Path) -> None:
    frame = clinic().assign(arm=lambda f: f["arm"].map({"TMS": 1, "ECT": 2}))
    out = tmp_path / "plan.toml"
    result = new(written(frame, tmp_path), "--out", out)
    assert result.exit_code == 0, result.output
    assert "treatments are codes (1, 2): write what each is called" in result.output
    assert 'labels = { arm = { 1 = "arm 1", 2 = "arm 2" } }' in out.read_text("utf-8")


def test_dates_that_read_two_ways_are_asked_for(tmp_path: Path) -> None:
    # Every number of these dates is at most 12, so that nothing tells day from month.
    rows = [(f"P{i}", "AB"[i % 2], "01/02/2024", f"{d:02}/{m:02}/2024", 30 - 5 * k)
            for i in range(6) for k, (d, m) in enumerate([(1, 2), (8, 2), (1, 3)])]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["id", "arm", "start", "date", "madrs"])
    export, out = written(frame, tmp_path), tmp_path / "plan.toml"
    result = new(export, "--out", out)
    assert result.exit_code == 2
    assert "nothing in them tells which" in " ".join(result.output.split())
    assert '--date-order "day first"' in " ".join(result.output.split())
    assert not out.exists()
    assert new(export, "--out", out, "--date-order", "day first").exit_code == 0
    study = study_from_mapping(read_plan(out).study, tmp_path)
    assert sorted(study.visits["day"].unique()) == [0, 7, 29]


def test_on_a_terminal_only_what_is_missing_is_asked(tmp_path: Path) -> None:
    export = written(clinic().rename(columns={"madrs": "score"}), tmp_path)
    asked = []

    def answer(key: str, words: str) -> str:
        asked.append((key, words))
        return "MADRS"

    found = write_new_plan(export, tmp_path / "plan.toml", ask=answer)
    assert [key for key, _ in asked] == ["scale"]
    assert "'score' holds scores, and nothing says of which" in asked[0][1]
    assert found.study.scale.label == "MADRS"


def test_without_a_terminal_the_missing_scale_is_named(tmp_path: Path) -> None:
    export = written(clinic().rename(columns={"madrs": "score"}), tmp_path)
    result = new(export, "--out", tmp_path / "plan.toml")
    assert result.exit_code == 2
    assert "Name it: --scale MADRS" in " ".join(result.output.split())
    assert not (tmp_path / "plan.toml").exists()


def test_of_a_hopeless_file_everything_missing_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"patient": ["a", "b"], "colour": ["red", "blue"]})
    with pytest.raises(PlanError, match="No plan can be written") as caught:
        write_new_plan(written(frame, tmp_path), tmp_path / "plan.toml")
    text = str(caught.value)
    assert "The column of the treatment: no column is called treatment" in text
    assert "Scores: no column of numbers is called by an instrument" in text
    assert "When visits were: no column is called day, week or date" in text
    assert not (tmp_path / "plan.toml").exists()


@pytest.mark.parametrize("name", ["adsl.xpt", "adqs.xpt"])
def test_adam_is_sent_to_its_own_reader(name: str, tmp_path: Path) -> None:
    result = new(EXPORTS[name], "--out", tmp_path / "plan.toml")
    assert result.exit_code == 2
    assert "Study.from_adam(adsl, adqs, adtte)" in " ".join(result.output.split())


def test_a_scale_on_which_high_is_good(tmp_path: Path) -> None:
    frame = clinic().rename(columns={"madrs": "who5"})
    frame["who5"] = (35 - frame["who5"]).clip(1, 25)
    found = write_new_plan(written(frame, tmp_path), tmp_path / "plan.toml")
    assert 'response = { of = "distance" }' in found.text
    assert "remission = { at_least = 13 }" in found.text
    assert "relapse = { at_most = 12, consecutive = 2 }" in found.text
