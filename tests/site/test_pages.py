"""What the built site holds: reference with right defaults, equations, notebooks, parity table."""

from __future__ import annotations

import html
import inspect
import re
from pathlib import Path

import pytest
from public_names import page_of
from signatures import signature_of

import trdstats as trd

SIMPLE = bool | int | float | str | None


def text_of(path: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", path.read_text("utf-8")))


@pytest.mark.parametrize("name", sorted(trd.__all__))
def test_a_public_name_has_its_page_and_its_defaults(site: Path, name: str) -> None:
    page = site / "reference" / "names" / f"{page_of(name)}.html"
    assert page.is_file(), f"{name} is not in the reference"
    thing = getattr(trd, name)
    if inspect.ismodule(thing):
        return
    head = re.search(
        rf'<dt class="sig[^>]*id="trdstats\.{name}">(.*?)</dt>', page.read_text("utf-8"), re.DOTALL
    )
    assert head is not None, f"{name} is not described on its page"
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return
    printed = re.sub(r"\s+", "", html.unescape(re.sub(r"<[^>]+>", "", head[1])))
    if inspect.signature(thing).parameters:
        assert re.sub(r"\s+", "", signature_of(thing)) in printed
    for parameter in inspect.signature(thing).parameters.values():
        if isinstance(parameter.default, SIMPLE):
            default = re.sub(r"\s+", "", repr(parameter.default))
            assert f"{parameter.name}={default}" in printed, f"{name}({parameter.name})"


def test_every_page_stands_in_the_contents(site: Path) -> None:
    home = (site / "index.html").read_text("utf-8")
    for part in ("start/index", "howto/index", "understand/index", "reference/index", "gallery"):
        assert f"{part}.html" in home
    tasks = [p for p in (site / "howto").glob("*.html") if p.name != "index.html"]
    assert len(tasks) >= 20


def test_notebooks_show_their_output(site: Path) -> None:
    books = sorted((site / "notebooks").glob("*.html"))
    assert len(books) >= 7
    for book in books:
        text = book.read_text("utf-8")
        assert "cell_output" in text, book.name
        assert "<img" in text, book.name


def test_equations_are_typeset(site: Path) -> None:
    text = (site / "understand" / "vocabulary.html").read_text("utf-8")
    assert text.count("<math") > 30
    assert "<merror" not in text


def test_the_parity_table_is_computed(site: Path) -> None:
    text = " ".join(text_of(site / "understand" / "parity.html").split())
    figures = trd.selfcheck().figures
    for case in {figure.case for figure in figures if figure.case.isascii()}:
        assert case in text
    assert "SAS" in text
    assert "R 4.2.2" in text


def test_nothing_is_left_unprocessed(site: Path) -> None:
    for page in site.rglob("*.html"):
        if "_static" in page.parts or "_modules" in page.parts:
            continue
        text = text_of(page)
        for mark in ("{#", "```", "<!-- parity", "$$"):
            assert mark not in text, f"{page.name}: {mark}"
