"""A summary as a Word document, and documents written so that their bytes repeat."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trdstats.tables.constant_files import without_clock
from trdstats.tables.docx_parts import (
    add_caption,
    add_small,
    add_table,
    add_text,
    new_document,
    place_on_page,
)
from trdstats.tables.latex import caption_of
from trdstats.tables.widths import fit_table

if TYPE_CHECKING:
    from trdstats.tables.summary import Summary


def summary_to_docx(summary: Summary) -> Any:
    """Return a summary as a Word document with numbered tables.

    Raises
    ------
    MissingDependencyError
        When python-docx is not installed.
    """
    document = new_document(summary.title)
    add_text(document, summary.title, "Heading 1")
    add_small(document, (f"{label}: {value}" for label, value in summary.header))
    for number, table in enumerate(summary.tables, start=1):
        place_on_page(document, fit_table(table))
        add_caption(document, "Table", number, caption_of(summary, table))
        add_table(document, table)
        add_text(document, "")
    add_small(document, summary.notes)
    return document


def write_docx(document: Any, path: str | Path) -> None:
    """Write a Word document; the same content gives the same bytes."""
    content = io.BytesIO()
    document.save(content)
    Path(path).write_bytes(without_clock(content.getvalue()))
