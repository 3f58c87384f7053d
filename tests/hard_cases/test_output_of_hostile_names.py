"""Names from the data neither command a terminal nor compute in a spreadsheet nor stop a figure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import docx
import matplotlib as mpl
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

import trdstats as trd
from trdstats import cli
from trdstats.errors import DataError, DataWarning, SpecError, visible
from trdstats.plan import Run, read_plan, run_plan
from trdstats.plots import plot_estimates
from trdstats.plots.layout.save import save_figure
from trdstats.tables.spreadsheet import neutralise

ARMS = [r"$\frac{$ [/b]", "薬🙂\x1b[31m\x07", "=H(1)", "-a\tb\nc"]
NAMES = [*ARMS, "Dose $10 or $20", "抗うつ薬", "@sum", "[bold]x[/bold]", "_hidden"]
PLAN = """
title = "\\u001b[31m=1+1 <b>"
[study]
visits = "visits.csv"
scale = "MADRS"
randomised = true
[definitions]
relapse = { at_least = 22, consecutive = 1 }
[analysis]
acute_end = 28
rate_days = [28]
horizon = 28
durability_days = [28]
"""
HOSTILE = """
text.usetex: True
font.family: monospace
font.size: 30
axes.facecolor: red
axes.formatter.use_locale: True
savefig.dpi: 40
savefig.facecolor: black
svg.fonttype: none
lines.linewidth: 9
"""
CODE = """
import locale, sys
from pathlib import Path
locale.setlocale(locale.LC_ALL, sys.argv[1])
from trdstats import read_plan, run_plan
import warnings
warnings.simplefilter("ignore")
run_plan(read_plan("plan.toml"), Path(sys.argv[2]), paper=True)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        (f"S{i}", ARMS[i % len(ARMS)], d, 30 if d == 0 else (12 + i % 9 if (i + d) % 3 else 26))
        for i in range(4 * len(ARMS))
        for d in (0, 14, 28, 56)
    ]
    table = pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"])
    table.assign(**{"=note": "+1+1"}).to_csv(folder / "visits.csv", index=False)
    (folder / "plan.toml").write_text(PLAN, "utf-8")
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    return run_plan(read_plan(home / "plan.toml"), home / "a[/bold]b", paper=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_figures_are_whole_and_hold_no_control_character(run: Run) -> None:
    for path in run.figures:
        if path.suffix == ".svg":
            text = path.read_text("utf-8")
            ElementTree.fromstring(text)  # well formed
            assert visible(text) == text


def test_the_report_holds_no_control_character(run: Run) -> None:
    text = run.report.read_text("utf-8")
    assert visible(text) == text
    assert r"薬🙂\x1b[31m\x07" in text
    assert r"$\frac{$ [/b]" in text
    assert "are written as their Unicode number" in text


def test_files_for_a_paper_hold_names_as_they_are(run: Run) -> None:
    document, tex, book = run.paper
    opened = docx.Document(str(document))
    cells = {cell.text for t in opened.tables for row in t.rows for cell in row.cells}
    assert r"薬🙂\x1b[31m\x07" in cells
    assert "=H(1)" in cells  # Word computes nothing
    text = tex.read_text("utf-8")
    assert visible(text) == text
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    for sheet in openpyxl.load_workbook(book):
        assert all(c.data_type != "f" for row in sheet.iter_rows() for c in row)


def test_tables_compute_nothing(run: Run) -> None:
    cells = set()
    for path in run.tables:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        cells |= {*frame.columns, *frame.to_numpy(dtype=object).ravel()}
    bad = {c for c in cells if c[:1] in tuple("=+-@\t\r") and not is_number(c)}
    assert not bad
    assert {"'=H(1)", "'-a\tb\nc", "'=note", "'+1+1"} <= cells
    assert any(c.startswith("-") and is_number(c) for c in cells)  # changes are negative numbers


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_numbers_are_untouched() -> None:
    frame = pd.DataFrame({"a": [-1.5, 2], "b": ["-1.5", "-x"], "c": [None, "+"], "-d": [-1, -2]})
    safe = neutralise(frame)
    assert safe["a"].tolist() == [-1.5, 2]
    assert safe["b"].tolist() == ["-1.5", "'-x"]
    assert safe["c"].tolist() == [None, "'+"]
    assert safe["'-d"].tolist() == [-1, -2]
    assert list(frame) == ["a", "b", "c", "-d"]


def german(folder: Path) -> dict[str, str]:
    """Return what makes a process speak German, installing it beside when the system has not."""
    code = "import locale; locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')"
    for variables in ({}, {"LOCPATH": str(folder)}):
        if variables:
            made = shutil.which("localedef") and subprocess.run(
                ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")],
                check=False,
                capture_output=True,
            )
            if not made:
                break
        environment = {**os.environ, **variables}
        tried = subprocess.run(
            [sys.executable, "-c", code], env=environment, check=False, capture_output=True
        )
        if tried.returncode == 0:
            return {"LANGUAGE_OF_TEST": "de_DE.UTF-8", **variables}
    return {"LANGUAGE_OF_TEST": "C"}


def test_the_same_bytes_under_other_settings(run: Run, home: Path, tmp_path: Path) -> None:
    """Settings of matplotlib in the folder and in the home, and another language if there is."""
    (home / "matplotlibrc").write_text(HOSTILE, "utf-8")
    config = tmp_path / "settings"
    config.mkdir()
    for fonts in Path(mpl.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(fonts, config)  # to find them again takes long
    (config / "matplotlibrc").write_text(HOSTILE, "utf-8")
    speech = german(tmp_path)
    language = speech["LANGUAGE_OF_TEST"]
    out = tmp_path / "again"
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "TZ": "Asia/Tokyo",
        "FORCE_COLOR": "1",
        **speech,
    }
    subprocess.run(
        [sys.executable, "-c", CODE, language, str(out)], cwd=home, env=environment, check=True
    )
    assert contents(out) == contents(run.folder)
    if language == "C":
        pytest.skip("de_DE is not there and cannot be made: all but the language was changed")


def test_the_command_line_prints_names_as_they_are(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = str(home / "visits.csv")
    good = CliRunner().invoke(cli.main, ["check", path, "--scale", "MADRS"])
    assert good.exit_code == 0
    assert visible(good.output) == good.output
    assert r"\x1b[31m" in good.output
    bad = CliRunner().invoke(cli.main, ["check", path, "--scale", "\x1b[31m[/bold]"])
    assert bad.exit_code == 2
    assert visible(bad.output) == bad.output
    assert "Traceback" not in bad.output


def test_a_folder_that_looks_like_markup(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(plan: object, out: Path, **options: object) -> Run:
        return Run(out, out / "report.html", out / "manifest.json", out / "results.json", (), ())

    monkeypatch.setattr("trdstats.plan.run_plan", act)
    done = CliRunner().invoke(cli.main, ["run", "--out", "a[/bold]b\x1b[2J:smile:"])
    assert done.exit_code == 0, done.output
    assert r"a[/bold]b\x1b[2J:smile:/report.html" in done.output.replace("\n", "")


def test_errors_and_warnings_show_what_a_terminal_would_obey() -> None:
    error = DataError([trd.errors.Problem("kind", "bad \x1b[31m name\u202e", ("a\x07",), "Mend.")])
    assert str(error) == "bad \\x1b[31m name\\u202e\n  a\\x07\n  Mend."
    assert str(DataWarning("\x9b1m\ud800")) == r"\x9b1m\ud800"
    assert str(SpecError("two\nlines\tand a tab: ü 抗 🙂")) == "two\nlines\tand a tab: ü 抗 🙂"


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_drawn(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"treatment": [name, "x"], "label": [name, "x"], "estimate": [1.0, 2], "conf_low": [0.5, 1],
         "conf_high": [2.0, 3]}
    )  # fmt: skip
    axes = plot_estimates(frame, xlabel=name, title=name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font of the user may lack a character
        files = save_figure(axes.figure, tmp_path / "figure")
    ElementTree.fromstring(files[1].read_text("utf-8"))
    mpl.pyplot.close(axes.figure)
