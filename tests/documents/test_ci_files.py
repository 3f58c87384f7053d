"""The files for the CI of an analysis: the script they call is run, and they call it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trial_plan

from trdstats import read_plan, run_plan

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "ci"
needs_shell = pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh on the PATH")


@needs_shell
def test_the_script_finds_what_differs(tmp_path: Path) -> None:
    """Exit 0 where all agrees, 1 where a number was changed, 2 where there is nothing."""
    plan = trial_plan.write_trial(tmp_path)
    run_plan(read_plan(plan), tmp_path / "report")
    program = tmp_path / "bin" / "trdstats"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m trdstats.cli "$@"\n', "utf-8")
    program.chmod(0o755)
    shown = tmp_path / "shown.md"
    env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
           "GITHUB_STEP_SUMMARY": str(shown)}  # fmt: skip

    def verify(report: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(FOLDER / "verify.sh"), "plan.toml", report],
            cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    good = verify("report")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "Every number agrees" in good.stdout
    results = tmp_path / "report" / "results.json"
    data = json.loads(results.read_text("utf-8"))
    data["results"][0]["value"] += 1
    results.write_text(json.dumps(data), "utf-8")
    bad = verify("report")
    assert bad.returncode == 1
    assert data["results"][0]["result_id"] in bad.stdout
    assert data["results"][0]["result_id"] in shown.read_text("utf-8")
    assert verify("nowhere").returncode == 2


@pytest.mark.parametrize("name", ["verify.yml", "pre-commit-config.yaml"])
def test_the_files_call_the_script(name: str) -> None:
    assert "sh ci/verify.sh plan.toml trdstats-report" in (FOLDER / name).read_text("utf-8")
