"""Exports as files: three lines to the first rates, the command line, progress, errors."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from clinic_export import clinic, frame_of, rates_by_loops

import trdstats as trd
from trdstats.cli import main
from trdstats.errors import DataError, SpecError
from trdstats.intake import progress

MAPPING = """
scale = "MADRS"
file = "export.csv"
subject = "pat"
treatment = "arm"
score = "madrs"
date = "visit_date"
start = "first"
[labels]
arm = { 1 = "ECT", 2 = "ketamine", 3 = "TMS" }
[windows]
7 = 2
14 = 3
28 = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame = frame_of(clinic(18, 2), date=lambda d: f"{d:%d.%m.%Y}")
    frame.to_csv(tmp_path / "export.csv", sep=";", index=False)
    (tmp_path / "export.toml").write_text(MAPPING, "utf-8")
    return tmp_path


def test_three_lines_from_file_to_rates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    lines = """import trdstats as trd
study = trd.read_export(mapping="export.toml")
table = trd.rates(study, trd.Response(), day=28).tidy()"""
    assert len(lines.splitlines()) <= 3
    names: dict[str, object] = {}
    exec(lines, names)
    table = names["table"]
    table = table[table["measure"] == "rate"]  # type: ignore[index]
    found = dict(zip(table["treatment"], table["estimate"], strict=True))
    assert found == pytest.approx(rates_by_loops(clinic(18, 2)))


def test_the_command_line_checks_an_export(folder: Path) -> None:
    done = CliRunner().invoke(main, ["check", str(folder / "export.toml")])
    assert done.exit_code == 0, done.output
    assert "The study can be analysed." in done.output
    assert "Dates are read day first" in done.output


def test_the_command_line_refuses_options_beside_a_mapping(folder: Path) -> None:
    path = str(folder / "export.toml")
    done = CliRunner().invoke(main, ["check", path, "--scale", "MADRS", "--window", "7=2"])
    assert done.exit_code == 2
    assert "leave --scale, --window out" in done.output.replace("\n", " ")
    done = CliRunner().invoke(main, ["check", str(folder / "export.csv")])
    assert done.exit_code == 2
    assert "--scale MADRS" in done.output


def test_the_command_line_names_what_is_wrong(folder: Path) -> None:
    text = (folder / "export.csv").read_text("utf-8").splitlines()
    fields = text[1].split(";")
    fields[3] = "31.02.2025"
    (folder / "export.csv").write_text("\n".join([text[0], ";".join(fields), *text[2:]]), "utf-8")
    done = CliRunner().invoke(main, ["check", str(folder / "export.toml")])
    assert done.exit_code == 2
    assert "does not exist" in done.output


def test_progress_is_told_step_by_step(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    trd.read_export(
        mapping=folder / "export.toml", progress=lambda words, n, of: told.append((words, n, of))
    )
    assert [n for _, n, _ in told] == [0, 1, 2, 3]
    assert {of for *_, of in told} == {4}
    assert told[0][0] == "reading the file"


def test_nothing_is_shown_without_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trd.read_export(mapping=folder / "export.toml")
    assert capsys.readouterr() == ("", "")


CODE = """
import time
from trdstats.intake import progress
progress.PATIENCE = {patience}
with progress.shown_progress() as tell:
    tell("reading dates", 1, 4)
    time.sleep(0.5)
"""


@pytest.mark.parametrize(("patience", "shown"), [(0.05, True), (60, False)])
def test_a_terminal_shows_a_line_after_a_while(patience: float, shown: bool) -> None:
    control, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(patience=patience)],
        stderr=terminal, check=True, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(terminal)
    try:
        text = os.read(control, 65536).decode()
    except OSError:  # nothing was written before the other end closed
        text = ""
    os.close(control)
    assert done.returncode == 0
    assert ("reading dates" in text) is shown


def test_patience_is_two_seconds() -> None:
    assert progress.PATIENCE == 2
    started = time.perf_counter()
    with progress.shown_progress():
        pass
    assert time.perf_counter() - started < 1


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(SpecError, match="mapping must be an ExportMapping or the path"):
        trd.read_export(frame_of(clinic(3)), mapping={"scale": "MADRS"})
    with pytest.raises(SpecError, match="Nothing says where the export is"):
        trd.read_export(mapping=trd.ExportMapping(scale="MADRS", day="day"))


def test_an_empty_export_is_refused() -> None:
    mapping = trd.ExportMapping(scale="MADRS", day="day")
    with pytest.raises(DataError, match="`visits` has no rows"):
        trd.read_export(frame_of(clinic(3)).iloc[:0], mapping=mapping)
