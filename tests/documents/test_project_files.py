"""Files of the project say one version, name commands that exist, and hold no path of a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import trdstats

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    "CITATION.cff", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/project.md",
    ".github/workflows/tests.yml", ".github/ISSUE_TEMPLATE/wrong_number.yml", "paper/paper.md",
    "conda-recipe/meta.yaml",
    ".github/ISSUE_TEMPLATE/scale_or_definition.yml",
]  # fmt: skip


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited.group(1) == project["version"] == trdstats.__version__
    assert project["license"] in (ROOT / "CITATION.cff").read_text("utf-8")


@pytest.mark.parametrize("name", FILES)
def test_no_path_of_a_machine(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"/home/|/work/|/root/|/tmp/", text)


def test_the_workflow_runs_what_contributors_run() -> None:
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for command in ("pytest -n auto --dist loadscope", "ruff check .", "mypy"):
        assert command in workflow
        assert command in contributing
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert '"3.11"' in workflow
    assert project["requires-python"] == ">=3.11"
