"""The conda recipe follows pyproject, the paper its list; it runs without an installation."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import trdstats as trd

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RECIPE = (ROOT / "conda-recipe" / "meta.yaml").read_text("utf-8")
PAPER = (ROOT / "paper" / "paper.md").read_text("utf-8")
# Packages that conda-forge builds without their heavy parts under another name.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}


def requirements(section: str) -> set[str]:
    """Return the requirements of a section of the recipe, as name and version."""
    lines = re.search(rf"^  {section}:\n((?:    - .*\n)+)", RECIPE, re.MULTILINE)
    assert lines is not None
    return {line[6:].strip() for line in lines[1].splitlines()}


def test_the_conda_recipe_follows_pyproject() -> None:
    project = PROJECT["project"]
    wanted = {f"python {project['requires-python']}"}
    for requirement in project["dependencies"]:
        name, minimum = requirement.split(">=")
        wanted.add(f"{CONDA_NAMES.get(name, name)} >={minimum}")
    assert requirements("run") == wanted
    build = {r.replace(">=", " >=") for r in PROJECT["build-system"]["requires"]}
    assert build | {"pip", f"python {project['requires-python']}"} == requirements("host")
    assert f'version: "{trd.__version__}"' in RECIPE
    script, target = next(iter(project["scripts"].items()))
    assert f"{script} = {target}" in RECIPE


def test_the_paper_cites_what_it_lists() -> None:
    listed = (ROOT / "paper" / "paper.bib").read_text("utf-8")
    keys = set(re.findall(r"^@\w+\{(\w+),", listed, re.MULTILINE))
    assert set(re.findall(r"@(\w+)", PAPER)) == keys
    assert listed.count("doi = {10.") == len(keys)
    for section in ("Summary", "Statement of need", "State of the field", "References"):
        assert f"# {section}\n" in PAPER


def test_the_paper_counts_right() -> None:
    found = re.search(r"holds (\d+) instruments and (\d+) definitions", PAPER)
    assert found is not None
    assert int(found[1]) == len(trd.scale_names())
    assert int(found[2]) == len(list(trd.definitions))


@pytest.mark.parametrize(
    "command",
    [["uvx", "--from", ".", "trdstats"], ["pipx", "run", "--spec", ".", "trdstats"]],
    ids=["uvx", "pipx"],
)
def test_it_runs_without_an_installation(command: list[str], tmp_path: Path) -> None:
    """The commands of docs/start/install.md; a report takes longer, the version will do."""
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"there is no {command[0]} on the PATH")
    page = (ROOT / "docs" / "start" / "install.md").read_text("utf-8")
    assert " ".join(command) + " run" in page
    source = tmp_path / "source"
    keep = shutil.ignore_patterns(".*", "tests", "docs", "notebooks", "benchmarks", "__pycache__")
    shutil.copytree(ROOT, source, ignore=keep)
    done = subprocess.run(
        [program, *command[1:], "--version"],
        cwd=source, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode and re.search("network|connect|resolve host|Temporary failure", done.stderr):
        pytest.skip(f"{command[0]} cannot reach a package index")
    assert done.returncode == 0, done.stderr
    assert f"trdstats, version {trd.__version__}" in done.stdout
