"""The summary of a result: one description, shown as text, HTML, LaTeX or a Word document.

A `Summary` holds what a result prints, in the order in which a reader needs it: title,
header, tables, notes. Text, HTML, LaTeX, Word documents and great-tables read the same fields, so
they cannot differ. No memory address, clock or locale enters any of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from trdstats.errors import visible
from trdstats.tables.docx import summary_to_docx, write_docx
from trdstats.tables.great_tables import summary_to_great_tables
from trdstats.tables.latex import summary_to_latex

Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Table:
    """Formatted cells with a header.

    Attributes
    ----------
    header : tuple of str
        One label a column.
    rows : tuple of tuple of str
        Cells as they are to be shown.
    text_columns : int
        How many leading columns hold text, aligned left; the others hold numbers, aligned right.
    title : str
        Caption, may be empty.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1
    title: str = ""

    def alignment(self) -> list[Align]:
        """Return the alignment of every column."""
        return ["left" if j < self.text_columns else "right" for j in range(len(self.header))]

    def to_text(self) -> str:
        """Return the table as aligned plain text."""
        cells = [tuple(map(_one_line, row)) for row in (self.header, *self.rows)]
        widths = [max(len(row[j]) for row in cells) for j in range(len(self.header))]
        lines = [
            "  ".join(
                cell.ljust(w) if a == "left" else cell.rjust(w)
                for cell, w, a in zip(row, widths, self.alignment(), strict=True)
            ).rstrip()
            for row in cells
        ]
        return "\n".join([visible(self.title), *lines] if self.title else lines)

    def to_html(self) -> str:
        """Return the table as HTML without inline style, inside a scrollable frame."""

        def row_html(row: tuple[str, ...], tag: str) -> str:
            cells = "".join(
                f'<{tag} class="{a}">{_html(c)}</{tag}>'
                for c, a in zip(row, self.alignment(), strict=True)
            )
            return f"<tr>{cells}</tr>"

        caption = f"<caption>{_html(self.title)}</caption>" if self.title else ""
        body = "".join(row_html(r, "td") for r in self.rows)
        return (
            f'<div class="table"><table>{caption}<thead>{row_html(self.header, "th")}</thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


class Label(str):
    """A note that stays beside its table wherever notes are folded: what a comparison must say."""

    __slots__ = ()


def as_label(text: str) -> str:
    """Return a note as one that stays beside its table."""
    return Label(text)


def caveat_notes(caveat: str) -> tuple[str, ...]:
    """Return what a comparison must say as notes that stay beside its table; none without one."""
    return (as_label(f"{caveat}."),) if caveat else ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What a result prints.

    Attributes
    ----------
    title : str
        What it is, in a few words.
    header : tuple of (str, str)
        Label and value, in the order of reading.
    tables : tuple of Table
        Tables, in order.
    notes : tuple of str
        Cautions and conventions, each a sentence.
    """

    title: str
    header: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_text(self) -> str:
        """Return the summary as plain text."""
        blocks = [self.title]
        if self.header:
            width = max(len(label) for label, _ in self.header)
            blocks[0] += "\n" + "\n".join(f"  {k.ljust(width)}  {v}" for k, v in self.header)
        blocks += [t.to_text() for t in self.tables]
        if self.notes:
            blocks.append("\n".join(f"Note: {n}" for n in self.notes))
        return visible("\n\n".join(blocks))

    def to_html(self) -> str:
        """Return the summary as an HTML fragment."""
        header = "".join(f"<dt>{_html(k)}</dt><dd>{_html(v)}</dd>" for k, v in self.header)
        parts = [
            f"<h4>{_html(self.title)}</h4>",
            f"<dl>{header}</dl>" if header else "",
            "".join(t.to_html() for t in self.tables),
            "".join(f'<p class="note">{_html(n)}</p>' for n in self.notes),
        ]
        return f'<div class="trdstats">{"".join(parts)}</div>'

    def to_latex(self) -> str:
        r"""Return the tables as LaTeX, to be put into a paper with ``\input``.

        The preamble needs ``\usepackage{booktabs}`` and nothing else.

        Examples
        --------
        >>> import trdstats as trd
        >>> shown = trd.load_sample("trial").summary().to_latex()
        >>> print(shown[:35])
        \begin{table}[htbp]
        \centering
        \cap
        """
        return summary_to_latex(self)

    def to_docx(self, path: str | Path | None = None) -> Any:
        """Return the summary as a Word document, and write it where a path is given.

        Parameters
        ----------
        path : str or Path, optional
            The file to write; the same content gives the same bytes.

        Returns
        -------
        docx.document.Document
            Of python-docx, with tables that Word numbers.

        Raises
        ------
        MissingDependencyError
            When python-docx, of the extra ``paper``, is not installed.
        """
        document = summary_to_docx(self)
        if path is not None:
            write_docx(document, path)
        return document

    def to_great_tables(self) -> tuple[Any, ...]:
        """Return one ``great_tables.GT`` a table; header and notes stand below the last.

        Raises
        ------
        MissingDependencyError
            When great-tables, of the extra ``paper``, is not installed.
        """
        return summary_to_great_tables(self)


def _one_line(cell: str) -> str:
    """Return a cell on one line: a name may hold a line break, a row of a table may not."""
    return visible(cell).replace("\n", "\\n").replace("\t", "\\t")


def _html(text: str) -> str:
    return escape(visible(text))


class SummaryMixin:
    """Mixin: an object that prints its summary."""

    __slots__ = ()

    def summary(self) -> Summary:
        """Return the summary of the object."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.summary().to_text()

    def _repr_html_(self) -> str:
        return self.summary().to_html()


class FrameResult(SummaryMixin):
    """A result whose table is kept as a frame; a subclass names the attribute that holds it."""

    _kept: ClassVar[str] = "frame"

    def tidy(self) -> pd.DataFrame:
        """Return a copy of the table; the class names its columns."""
        table: pd.DataFrame = getattr(self, self._kept)
        return table.copy()
