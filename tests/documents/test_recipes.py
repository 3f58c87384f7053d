"""Every recipe of the page on extending works in a package of its own, outside the tree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
RECIPES = dict(re.findall(r"```python recipe=(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
LONGEST = 30  # lines a template may have


def test_every_kind_of_addition_has_a_recipe() -> None:
    assert set(RECIPES) == {
        "instrument", "definition", "covariance", "estimator", "step", "plot", "reader",
    }  # fmt: skip


COSTS = re.findall(
    r"^\| [^|`]+ \| `([\w/]+\.py)` \| (\d+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("file", "lines"), COSTS)
def test_an_estimator_costs_what_the_page_says(file: str, lines: str) -> None:
    path = PAGE.parents[1] / "trdstats" / file
    count = len(path.read_text("utf-8").splitlines())
    assert count == pytest.approx(int(lines), abs=15)
    assert 150 <= count <= 275


def test_costs_are_read() -> None:
    assert len(COSTS) >= 4


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_short(name: str) -> None:
    assert len([line for line in RECIPES[name].splitlines() if line.strip()]) <= LONGEST


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_works_outside_the_tree(name: str, tmp_path: Path) -> None:
    package = tmp_path / "additions"
    package.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / f"{name}.py").write_text(RECIPES[name], "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import additions.{name}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
