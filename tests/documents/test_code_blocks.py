"""Every block of code in the docs runs; every figure of the library is in the gallery."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from run_blocks import BlockError, read_blocks, run_page

import trdstats as trd

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if "notebooks" not in p.relative_to(DOCS).parts)
WITH_CODE = [p for p in PAGES if read_blocks(p.read_text("utf-8")) and p.name != "gallery.md"]


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_every_block_runs(page: Path) -> None:
    outputs = run_page(page.read_text("utf-8"), name_of(page))
    for output in outputs:
        assert output.block.language in {"python", "sh", "toml"}, output.block
        if output.block.language == "toml":
            tomllib.loads(output.block.text)
        if output.block.language == "python":
            assert len(output.figures) <= 1, f"{page.name}, line {output.block.line}"


def test_a_block_without_a_language_is_no_code() -> None:
    """What has no language is not run, so no page hides Python in such a block."""
    for page in PAGES:
        inside = language = ""
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
            if line.startswith("```"):
                inside, language = ("", "") if inside else ("yes", line[3:].strip())
            elif inside and not language:
                assert "trd" not in line, f"{name_of(page)}, line {number}"
            elif not inside:
                assert not re.match(r"    \S.*\btrd\.", line), f"{name_of(page)}, line {number}"


def test_the_gallery_shows_every_figure() -> None:
    """Run the gallery, and note which functions and methods that plot were called."""
    wanted = set()
    for path in sorted((ROOT / "trdstats").rglob("*.py")):
        place = path.relative_to(ROOT / "trdstats").parts
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            plots = isinstance(node, ast.FunctionDef) and re.fullmatch(r"plot(_\w+)?", node.name)
            if plots and (place[0] != "plots" or node.name in trd.plots.__all__):
                wanted.add((path.name, node.name))
    called: set[tuple[str, str]] = set()

    def note(frame: Any, event: str, _: object) -> None:
        code: CodeType = frame.f_code
        if event == "call" and code.co_name.startswith("plot"):
            called.add((Path(code.co_filename).name, code.co_name))

    sys.setprofile(note)
    try:
        outputs = run_page((DOCS / "gallery.md").read_text("utf-8"), "gallery.md")
    finally:
        sys.setprofile(None)
    assert not wanted - called, f"not in docs/gallery.md: {sorted(wanted - called)}"
    assert all(len(o.figures) == 1 for o in outputs if "figure" in o.block.options)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("```python\n1 / 0\n```\n", r"page, line 2: ZeroDivisionError"),
        ("```python fails=DataError\nx = 1\n```\n", "no DataError was raised"),
        ("```sh\nrm -r x\n```\n", "'rm' is not a program that pages may use"),
        ("```sh\ntrdstats run nowhere.toml\n```\n", "exit 2"),
        ("```python\nimport matplotlib.pyplot as plt\nplt.figure()\n```\n", "without a text"),
        ("```python\nimport warnings\nwarnings.warn('old')\n```\n", "UserWarning: old"),
    ],
)
def test_what_is_wrong_in_a_page_is_named(page: str, words: str) -> None:
    with pytest.raises(BlockError, match=words):
        run_page(page, "page")


def test_blocks_share_names_and_files() -> None:
    page = "```toml file=a.toml\nb = 1\n```\n\n```python\nx = open('a.toml').read()\n```\n\n"
    page += "```python\nprint(x)\n```\n"
    assert run_page(page, "page")[-1].text.strip() == "b = 1"
