"""The folder of a run is whole or absent, whatever stops the run."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from trdstats import read_plan, run_plan
from trdstats.cli import main
from trdstats.errors import PlanError
from trdstats.plan import run as run_module
from trdstats.plan.folder import new_folder

PLAN = """
[study]
visits = "a/visits.csv"
subjects = "b/visits.csv"
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


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Write a trial of twelve subjects; its two files share their base name."""
    rows = [
        (f"S{i}", d, 30 if d == 0 else (12 + i if (i + d) % 3 else 26))
        for i in range(12)
        for d in (0, 7, 14, 28, 56)
    ]
    arms = pd.DataFrame({"subject": [f"S{i}" for i in range(12)], "treatment": ["A", "B"] * 6})
    for folder, table in (
        ("a", pd.DataFrame(rows, columns=["subject", "day", "score"])),
        ("b", arms),
    ):
        (tmp_path / folder).mkdir()
        table.to_csv(tmp_path / folder / "visits.csv", index=False)
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, "utf-8")
    return path


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def report(folder: Path) -> Path:
    """Write what looks like an earlier report."""
    with new_folder(folder) as place:
        (place / "report.html").write_text("old", "utf-8")
        (place / "tables" / "rates.csv").write_text("1", "utf-8")
        (place / "manifest.json").write_text('{"trdstats": "0", "results": {}}', "utf-8")
    return folder


def stop(out: Path, error: BaseException) -> None:
    with new_folder(out) as place:
        (place / "report.html").write_text("half", "utf-8")
        raise error


def raising(error: BaseException) -> Callable[..., Any]:
    def act(*args: Any, **kwargs: Any) -> None:
        raise error

    return act


def test_one_run(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_plan(read_plan(plan), out)
    manifest = json.loads(first.manifest.read_text("utf-8"))
    assert set(manifest["data"]) == {"a/visits.csv", "b/visits.csv"}
    assert len(set(manifest["data"].values())) == 2
    assert "formulaic" not in manifest["packages"]  # nothing was adjusted
    assert set(manifest["results"]) == set(bytes_of(out)) - {"manifest.json"}
    before = bytes_of(out)
    (out / "tables" / "gone.csv").write_text("of an earlier run", "utf-8")
    (out / "notes.txt").write_text("mine", "utf-8")
    (out / "letters").mkdir()
    (out / "letters" / "one.txt").write_text("mine", "utf-8")
    run_plan(read_plan(plan), out)
    assert bytes_of(out) == {**before, "notes.txt": b"mine", "letters/one.txt": b"mine"}
    assert not [p.name for p in tmp_path.iterdir() if "trdstats-" in p.name]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), MemoryError(), OSError(errno.ENOSPC, "No space left on device")]
)
@pytest.mark.parametrize("there", [True, False])
def test_whatever_stops_a_run(tmp_path: Path, there: bool, error: BaseException) -> None:
    out = tmp_path / "out"
    before = bytes_of(report(out)) if there else {}
    with pytest.raises(PlanError if isinstance(error, OSError) else type(error)):
        stop(out, error)
    assert (bytes_of(out) if there else out.exists()) == (before or False)
    assert [p.name for p in tmp_path.iterdir()] == (["out"] if there else [])
    assert (report(out) / "report.html").read_text("utf-8") == "old"  # the next run works


def test_a_full_disk_names_the_file(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "rates.csv"))
    monkeypatch.setattr(run_module, "finish_steps", raising(full))
    result = CliRunner().invoke(main, ["run", str(plan), "--out", str(tmp_path / "out")])
    said = " ".join(result.output.split())
    assert result.exit_code == 2
    assert "PlanError" in said
    assert "No space left on device" in said
    assert "rates.csv" in said.replace(" ", "")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = bytes_of(report(out))
    code = (
        "import os, signal, pathlib\n"
        "from trdstats.plan.folder import new_folder\n"
        f"with new_folder(pathlib.Path({str(out)!r})) as place:\n"
        "    (place / 'report.html').write_text('half', 'utf-8')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert bytes_of(out) == before
    assert (tmp_path / ".out.trdstats-new").exists()
    report(out)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_killed_between_the_two_moves(tmp_path: Path) -> None:
    out = report(tmp_path / "out")
    before = bytes_of(out)
    out.rename(tmp_path / ".out.trdstats-old")
    with pytest.raises(KeyboardInterrupt), new_folder(out):
        raise KeyboardInterrupt
    assert bytes_of(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_two_runs_to_one_folder(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with new_folder(out) as place:
        with pytest.raises(PlanError, match=r"Another run is writing to .*name another folder"):
            run_plan(read_plan(plan), out)
        with new_folder(tmp_path / "other"):
            pass
        (place / "manifest.json").write_text("{}", "utf-8")
    assert (out / "manifest.json").is_file()


def never(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("the analysis has begun")


@pytest.mark.parametrize("name", ["file.txt", "file.txt/out", "x" * 300, "a\0b", "deep/file.txt/b"])
def test_a_folder_that_cannot_be_written_is_refused_first(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "file.txt").write_text("mine", "utf-8")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.txt").write_text("mine", "utf-8")
    monkeypatch.setattr(run_module, "finish_steps", never)
    with pytest.raises(PlanError, match=r"cannot be written|is a file") as caught:
        run_plan(read_plan(plan), tmp_path / name)
    assert name.split("/")[0][:20].replace("\0", "\\x00") in str(caught.value)


def test_permission(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = report(tmp_path / "out")
    monkeypatch.setattr(os, "access", lambda *a, **k: False)
    with pytest.raises(PlanError, match="cannot be written: Permission denied"):
        run_plan(read_plan(plan), out)


def test_the_working_folder_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match="holds the working folder"), new_folder(Path()):
        pass


def test_a_web_page_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "manifest.json").write_text('{"name": "my page"}', "utf-8")
    with (
        pytest.raises(PlanError, match="holds files that are no report"),
        new_folder(tmp_path / "site"),
    ):
        pass
