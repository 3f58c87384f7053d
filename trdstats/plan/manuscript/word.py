"""The paper as a Word document."""

from __future__ import annotations

from typing import Any

from trdstats.plan.manuscript.content import Manuscript, PaperTable, Part
from trdstats.tables.docx_parts import (
    add_caption,
    add_figure,
    add_small,
    add_table,
    add_text,
    new_document,
    place_on_page,
)
from trdstats.tables.widths import fit_table

_WIDTH, _HEIGHT = 453.5, 560.0  # points: 16 cm, and what leaves room for a caption


def build_document(paper: Manuscript) -> Any:
    """Return the paper as a Word document: methods, results with tables and figures, references.

    Raises
    ------
    MissingDependencyError
        When python-docx is not installed.
    """
    document = new_document(paper.title)
    add_text(document, paper.title, "Title")
    _add_texts(document, paper.warnings)
    add_text(document, "Methods", "Heading 1")
    _add_texts(document, paper.methods)
    add_text(document, "Results", "Heading 1")
    add_text(document, paper.patients)
    if paper.confirmatory:
        add_text(document, paper.confirmatory_title, "Heading 2")
        _add_texts(document, paper.confirmatory)
    _add_table(document, paper.findings)
    for part in paper.parts:
        _add_part(document, part)
    place_on_page(document, None)
    if any(part.further for part in paper.parts):
        add_text(document, "Further notes", "Heading 1")
        for part in (p for p in paper.parts if p.further):
            add_text(document, part.title, "Heading 2")
            add_small(document, part.further)
    for title, texts in (("References", paper.references), ("To be checked", paper.to_check)):
        if texts:
            add_text(document, title, "Heading 1")
            _add_texts(document, texts)
    return document


def _add_texts(document: Any, texts: tuple[str, ...]) -> None:
    for text in texts:
        add_text(document, text)


def _add_part(document: Any, part: Part) -> None:
    place_on_page(document, None)
    add_text(document, part.title, "Heading 2")
    _add_texts(document, (part.lead, *part.notes))
    for table in part.tables:
        _add_table(document, table)
    if part.figures:
        place_on_page(document, None)
    for figure in part.figures:
        add_figure(document, str(figure.png), figure.alt, width=_WIDTH, height=_HEIGHT)
        add_caption(document, "Figure", figure.number, figure.caption)


def _add_table(document: Any, shown: PaperTable) -> None:
    place_on_page(document, fit_table(shown.table))
    add_caption(document, "Table", shown.number, shown.caption)
    add_table(document, shown.table)
    add_small(document, [" ".join(shown.notes)])
