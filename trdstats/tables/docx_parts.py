"""The parts of a Word document: its looks, tables with rules, captions with numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trdstats.errors import visible
from trdstats.extras import extra_module
from trdstats.tables.constant_files import EPOCH
from trdstats.tables.widths import Fit, fit_table, lines_of

if TYPE_CHECKING:
    from trdstats.tables.summary import Table

_FONT = "Times New Roman"
_SMALL = 9.0
_A4 = (595.3, 841.9)  # points
_MARGIN = 70.9  # 2.5 cm
_RULE, _FINE_RULE = 8, 4  # eighths of a point


def new_document(title: str = "") -> Any:
    """Return an empty Word document of A4 pages.

    Raises
    ------
    MissingDependencyError
        When python-docx is not installed.
    """
    document = extra_module("docx", "paper").Document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = visible(title)[:255], "", ""
    properties.created = properties.modified = EPOCH
    _set_looks(document)
    turn_page(document.sections[0], across=False)
    footer = document.sections[0].footer.paragraphs[0]
    footer.alignment = extra_module("docx.enum.text", "paper").WD_ALIGN_PARAGRAPH.CENTER
    _add_field(footer, "PAGE", "1")
    return document


def turn_page(section: Any, *, across: bool) -> None:
    """Set the pages of a section upright or across."""
    point, orient = _points(), extra_module("docx.enum.section", "paper").WD_ORIENT
    width, height = reversed(_A4) if across else _A4
    section.orientation = orient.LANDSCAPE if across else orient.PORTRAIT
    section.page_width, section.page_height = point(width), point(height)
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", point(_MARGIN))


def place_on_page(document: Any, fit: Fit | None) -> None:
    """Begin a new section where what follows needs the page turned, or turned back."""
    orient = extra_module("docx.enum.section", "paper").WD_ORIENT
    is_across = document.sections[-1].orientation == orient.LANDSCAPE
    across = fit is not None and fit.is_across
    if across != is_across:
        turn_page(document.add_section(), across=across)


def add_text(document: Any, text: str, style: str = "Normal", *, size: float | None = None) -> Any:
    """Add a paragraph."""
    paragraph = document.add_paragraph(style=style)
    run = paragraph.add_run(visible(text))
    if size is not None:
        run.font.size = _points()(size)
    return paragraph


def add_small(document: Any, texts: Iterable[str]) -> None:
    """Add paragraphs in small letters, as they stand below a table."""
    for text in texts:
        paragraph = add_text(document, text, size=_SMALL)
        paragraph.paragraph_format.space_before = _points()(2)
        paragraph.paragraph_format.space_after = _points()(2)


def add_caption(document: Any, kind: str, number: int, text: str) -> Any:
    """Add a caption with a number that Word counts: ``Table 1. Text``.

    Cross-references and lists of tables find it, and numbers follow when parts are moved.
    """
    paragraph = document.add_paragraph(style="Caption")
    paragraph.paragraph_format.keep_with_next = kind == "Table"
    paragraph.paragraph_format.space_before = _points()(10 if kind == "Table" else 2)
    paragraph.add_run(f"{kind} ").bold = True
    _add_field(paragraph, f"SEQ {kind} \\* ARABIC", str(number), bold=True)
    paragraph.add_run(". ").bold = True
    paragraph.add_run(visible(text))
    return paragraph


def add_table(document: Any, table: Table) -> Any:
    """Add a table with rules above, below and under its header, which every page repeats."""
    fit = fit_table(table)
    point = _points()
    grid = document.add_table(rows=1 + len(table.rows), cols=len(table.header))
    grid.autofit = False
    for column, width in zip(grid.columns, fit.widths, strict=True):
        column.width = point(width)
    sides = extra_module("docx.enum.text", "paper").WD_ALIGN_PARAGRAPH
    align = [sides.LEFT if a == "left" else sides.RIGHT for a in table.alignment()]
    rows = list(grid.rows)
    for k, (row, texts) in enumerate(zip(rows, (table.header, *table.rows), strict=True)):
        _mark(row._tr.get_or_add_trPr(), "cantSplit")
        for j, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
            cell.width = point(fit.widths[j])
            run = cell.paragraphs[0].add_run()
            run.font.size, run.bold = point(fit.size), True if k == 0 else None
            if k == 0 or align[j] == sides.LEFT:
                run.add_text(visible(text))
            else:
                _add_numbers(run, visible(text), is_stacked=fit.is_stacked)
            _set_cell(cell.paragraphs[0], align[j])
            # A short table stays together, and with its caption.
            cell.paragraphs[0].paragraph_format.keep_with_next = k < min(len(rows) - 1, 15)
    _mark(rows[0]._tr.get_or_add_trPr(), "tblHeader")
    _rule(rows[0], top=_RULE, bottom=_FINE_RULE)
    _rule(rows[-1], bottom=_RULE)
    return grid


def add_figure(document: Any, png: str, alt: str, *, width: float, height: float) -> None:
    """Add an image within a width and a height in points, with its words for who cannot see it."""
    point = _points()
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(png, width=point(width))
    if shape.height > point(height):
        shape.width = int(shape.width * point(height) / shape.height)
        shape.height = point(height)
    shape._inline.docPr.set("descr", visible(alt))


def _points() -> Any:
    return extra_module("docx.shared", "paper").Pt


def _set_looks(document: Any) -> None:
    qn = extra_module("docx.oxml.ns", "paper").qn
    black, point = extra_module("docx.shared", "paper").RGBColor(0, 0, 0), _points()
    looks = {"Normal": (11.0, 6.0), "Title": (18.0, 12.0), "Heading 1": (14.0, 6.0),
             "Heading 2": (12.0, 4.0), "Caption": (10.0, 4.0)}  # fmt: skip
    for name, (size, after) in looks.items():
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = _FONT, point(size), black
        # The themes of the template name other fonts, and these would win.
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("ascii", "hAnsi", "eastAsia", "cs"):
            fonts.set(qn(f"w:{kind}"), _FONT)
            for theme in (f"w:{kind}Theme", f"w:{kind}theme"):
                fonts.attrib.pop(qn(theme), None)
        style.paragraph_format.space_after = point(after)
    document.styles["Caption"].font.bold = False
    document.styles["Title"].element.get_or_add_pPr().remove_all("w:pBdr")


def _set_cell(paragraph: Any, side: Any) -> None:
    paragraph.alignment = side
    paragraph.paragraph_format.space_after = _points()(1)
    paragraph.paragraph_format.space_before = _points()(1)


def _add_numbers(run: Any, text: str, *, is_stacked: bool) -> None:
    """Add numbers that Word does not break into lines but between an estimate and its interval."""
    for k, line in enumerate(lines_of(text) if is_stacked else [text]):
        if k:
            run.add_break()
        first, *others = line.replace(" ", "\u00a0").split("-")
        run.add_text(first)
        for part in others:
            run._r.append(_element("noBreakHyphen"))
            run.add_text(part)


def _add_field(paragraph: Any, code: str, shown: str, *, bold: bool = False) -> None:
    """Add a field that Word computes, with what it shows until then."""
    for what in ("begin", "code", "separate", "shown", "end"):
        run = paragraph.add_run(shown if what == "shown" else "")
        run.bold = bold or None
        if what == "code":
            run._r.append(_element("instrText", text=f" {code} "))
        elif what != "shown":
            run._r.append(_element("fldChar", fldCharType=what))


def _element(name: str, text: str = "", **attributes: str) -> Any:
    qn = extra_module("docx.oxml.ns", "paper").qn
    element = extra_module("docx.oxml", "paper").OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), value)
    if text:
        element.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        element.text = text
    return element


def _mark(properties: Any, name: str) -> None:
    properties.append(_element(name))


def _rule(row: Any, **sides: int) -> None:
    """Draw rules above or below the cells of a row."""
    for cell in row.cells:
        borders = _element("tcBorders")
        for side, width in sides.items():
            borders.append(_element(side, val="single", sz=str(width), space="0", color="000000"))
        cell._tc.get_or_add_tcPr().append(borders)
