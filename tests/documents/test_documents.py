"""What is written for readers is true: examples run, links lead somewhere, commands exist."""

from __future__ import annotations

import doctest
import importlib
import linecache
import pkgutil
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

import trdstats

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60  # seconds of one core that a notebook may take
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def modules() -> list[str]:
    found = pkgutil.walk_packages(trdstats.__path__, "trdstats.")
    return [m.name for m in found if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_docstring_examples(name: str) -> None:
    linecache.clearcache()  # doctest looks anew at every file of it before each docstring
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("code", blocks("python"), ids=lambda c: c.splitlines()[-1][:40])
def test_readme_python(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out
    plt.close("all")


def test_readme_ten_lines() -> None:
    lines = [line for line in blocks("python")[0].splitlines() if line.strip()]
    assert len(lines) <= 10


def test_readme_shows_question_figure_and_code_first() -> None:
    figure = README.index("![")
    assert README.index("Who got better") < figure < README.index("```python") < 3000
    target = re.search(r"!\[.*?\]\((.*?)\)", README)
    assert target is not None
    assert (ROOT / target.group(1)).stat().st_size > 10_000


def test_readme_commands_are_known() -> None:
    """Installing runs in continuous integration; the rest is run below."""
    commands = [line for block in blocks("sh") for line in block.strip().splitlines()]
    assert commands == [
        "pip install . && trdstats run",
        'pip install -e ".[test]" && pytest -n auto --dist loadscope',
    ]
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "command_of 'pip install . && trdstats run'" in script
    assert "command_of 'pip install -e \".[test]\" && pytest'" in script


def test_the_readme_is_one_screen() -> None:
    assert len(README.splitlines()) <= 60
    assert len(README) < 4000


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_public_names_are_documented() -> None:
    for name in trdstats.__all__:
        thing = getattr(trdstats, name)
        assert (thing.__doc__ or "").strip(), name


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
# The kernel is a process of its own: what its server announces about ports is not ours.
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:RuntimeWarning")
def test_notebooks_run_from_a_clean_kernel(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    clock = nbformat.v4.new_code_cell("import time\n\nprint(time.process_time())")
    book.cells.append(clock)
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    assert float(clock.outputs[0]["text"]) < LONGEST
    for cell in book.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", output["text"]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_begin_with_a_question_and_end_with_the_paper(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    assert re.search(r"^\*\*[^*]+\?\*\*", book.cells[0].source, re.MULTILINE)
    last = [c.source for c in book.cells if c.cell_type == "markdown" and "## " in c.source][-1]
    assert "## What to write in the paper" in last
    code = "\n".join(c.source for c in book.cells if c.cell_type == "code")
    for plot in ("KaplanMeier().fit", "plot_in_response", "Turnbull().fit"):
        if f"{plot}(" in code and ".plot" in code:
            assert "styles=STYLES" in code
    for cell in book.cells:
        assert cell.cell_type != "code" or cell.outputs or "plt.show" not in cell.source
