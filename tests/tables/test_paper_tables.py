"""Summaries as LaTeX, as Word documents and as great-tables, and how tables fit a page."""

from __future__ import annotations

import io
import re
import time
import zipfile
from html import unescape
from pathlib import Path
from typing import Any

import docx
import pytest

import trdstats as trd
from trdstats import extras
from trdstats.errors import MissingDependencyError
from trdstats.tables import Summary, Table, number_style
from trdstats.tables.constant_files import without_clock
from trdstats.tables.docx_parts import add_caption, add_table, new_document, place_on_page
from trdstats.tables.latex import latex_text
from trdstats.tables.widths import ACROSS, UPRIGHT, fit_table

SHOWN = Summary(
    "Rates & ratios",
    (("Rule", "fall ≥ 50 %"),),
    (
        Table(("Arm", "n", "% (95% CI)"), (("A_1", "12", "37.8 (28.5 to 48.1)"),
                                           ("[B]", "1,234", "-2.3 (-4.0 to 1.0)"))),
        Table(("Arm", "p"), (("A_1", "<0.001"),), title="Tests"),
    ),
    ("A note with {braces} and #.",),
)  # fmt: skip


def texts_of(table: Any) -> list[list[str]]:
    return [[cell.text.replace("\u00a0", " ") for cell in row.cells] for row in table.rows]


# ---------------------------------------------------------------------------------------- LaTeX


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50 % & more", r"50 \% \& more"),
        (r"a_b^c~d\e", r"a\_b\textasciicircum{}c\textasciitilde{}d\textbackslash{}e"),
        ("{x} #1 $2", r"\{x\} \#1 \$2"),
        ("<0.001", "$<$0.001"),
        ("-0.5 to -0.1", "$-$0.5 to $-$0.1"),
        ("2.0-3.0", "2.0-3.0"),  # limits with a hyphen between them, not a minus
        ("Kenward-Roger", "Kenward-Roger"),
        ("−0·5 to 2·0", r"$-$0{$\cdot$}5 to 2{$\cdot$}0"),
        ("0·45–0·85", r"0{$\cdot$}45--0{$\cdot$}85"),
        ("12\u2009345", r"12\,345"),
        ("[3.9, 24.2]", "{[}3.9, 24.2]"),
        ("≥ 22 × 2, ∞", r"$\geq$ 22 $\times$ 2, $\infty$"),
        ('say "yes"\nnow', "say ''yes'' now"),
    ],
)
def test_texts_for_latex(text: str, expected: str) -> None:
    assert latex_text(text.replace("\n", " ")) == expected


def test_a_summary_as_latex() -> None:
    assert SHOWN.to_latex() == (
        "\\begin{table}[htbp]\n\\centering\n\\caption{Rates \\& ratios}\n"
        "\\begin{tabular}{lrr}\n\\toprule\nArm & n & \\% (95\\% CI) \\\\\n\\midrule\n"
        "A\\_1 & 12 & 37.8 (28.5 to 48.1) \\\\\n"
        "{[}B] & 1,234 & $-$2.3 ($-$4.0 to 1.0) \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n\n"
        "\\begin{table}[htbp]\n\\centering\n\\caption{Rates \\& ratios: Tests}\n"
        "\\begin{tabular}{lr}\n\\toprule\nArm & p \\\\\n\\midrule\nA\\_1 & $<$0.001 \\\\\n"
        "\\bottomrule\n\\end{tabular}\n"
        "\\par\\smallskip{\\footnotesize Rule: fall $\\geq$ 50 \\%. "
        "A note with \\{braces\\} and \\#.\\par}\n\\end{table}\n"
    )


def test_braces_and_tables_of_latex_are_balanced() -> None:
    study = trd.load_sample("trial")
    onset = trd.time_to(study, trd.Response())
    for style in ("plain", "jama", "nejm", "lancet", "apa"):
        with number_style(style):
            text = trd.Turnbull().fit(onset).summary().to_latex()
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
        assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
        assert text.count(r"\begin{") == text.count(r"\end{")
        assert text.isascii(), sorted({c for c in text if ord(c) > 127})


def test_long_texts_are_broken_into_lines() -> None:
    table = Table(("Outcome", "Rule"), (("response", "fall of at least half " * 4),), 2)
    assert r"\begin{tabular}{lp{0.83\linewidth}}" in Summary("Rules", (), (table,)).to_latex()


def test_long_headers_are_broken_into_lines_and_wide_tables_have_small_letters() -> None:
    def latex(columns: int) -> str:
        header = ("Arm", *["Mean days in response (of 28)"] * columns)
        rows = (("ECT", *["16.5 (14.4 to 18.5)"] * columns),)
        return Summary("Days", (), (Table(header, rows),)).to_latex()

    # No wider than the numbers below it.
    head = r"\begin{tabular}[b]{@{}r@{}}Mean days in \\ response (of 28)\end{tabular}"
    assert head in latex(1)
    sizes = [r"\small", r"\footnotesize", r"\scriptsize\setlength{\tabcolsep}{3pt}"]
    for letters, size in ((60, None), (61, sizes[0]), (69, sizes[1]), (79, sizes[2])):
        text = Summary("Days", (), (Table(("Arm", "n"), (("A" * 10, "9" * (letters - 10)),)),))
        assert [s for s in sizes if f"\n{s}\n" in text.to_latex()] == ([size] if size else [])


def test_a_summary_without_tables_as_latex() -> None:
    assert Summary("A study", (("Arms", "2"),)).to_latex() == "\\paragraph{A study}\n\nArms: 2.\n"


# ----------------------------------------------------------------------------------------- Word


def test_a_summary_as_a_word_document(tmp_path: Path) -> None:
    path = tmp_path / "rates.docx"
    SHOWN.to_docx(path)
    document = docx.Document(str(path))
    assert [p.text for p in document.paragraphs if p.text] == [
        "Rates & ratios", "Rule: fall ≥ 50 %", "Table 1. Rates & ratios",
        "Table 2. Rates & ratios: Tests", "A note with {braces} and #.",
    ]  # fmt: skip
    first, second = document.tables
    assert texts_of(first) == [list(first_row) for first_row in
                               (SHOWN.tables[0].header, *SHOWN.tables[0].rows)]  # fmt: skip
    assert texts_of(second) == [["Arm", "p"], ["A_1", "<0.001"]]
    head = first.rows[0]
    assert all(cell.paragraphs[0].runs[0].bold for cell in head.cells)
    assert head._tr.xpath("./w:trPr/w:tblHeader")  # repeated on every page
    assert head._tr.xpath(".//w:tcBorders/w:top")
    assert head._tr.xpath(".//w:tcBorders/w:bottom")
    assert not first.rows[1]._tr.xpath(".//w:tcBorders")


def test_word_counts_captions_itself() -> None:
    document = new_document()
    caption = add_caption(document, "Figure", 3, "What is seen")
    assert caption.text == "Figure 3. What is seen"
    assert caption.style.name == "Caption"
    code = caption._p.xpath(".//w:instrText")[0].text
    assert code == r" SEQ Figure \* ARABIC "


def test_numbers_are_not_broken_inside_an_interval() -> None:
    document = new_document()
    grid = add_table(document, Table(("Arm", "Mean"), (("IV ketamine", "2.3 (1.0 to 4.0)"),)))
    assert grid.cell(1, 1).text == "2.3\u00a0(1.0\u00a0to\u00a04.0)"
    assert grid.cell(1, 0).text == "IV ketamine"
    wide = add_table(document, numbers(6))
    assert wide.cell(1, 1).text == "-12.3\n(-14.5\u00a0to\u00a0-10.1)"
    assert len(wide.cell(1, 1)._tc.xpath(".//w:noBreakHyphen")) == 3


def test_control_characters_are_written_out() -> None:
    odd = Summary("A\x00title", (), (Table(("Arm",), (("A\x1b[31m",),)),))
    assert texts_of(odd.to_docx().tables[0]) == [["Arm"], ["A\\x1b[31m"]]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    SHOWN.to_docx(tmp_path / "one.docx")
    time.sleep(2.1)  # zip archives count in two seconds
    SHOWN.to_docx(tmp_path / "two.docx")
    assert (tmp_path / "one.docx").read_bytes() == (tmp_path / "two.docx").read_bytes()


def test_dates_of_office_files_are_fixed() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(
            "docProps/core.xml",
            '<a><dcterms:created xsi:type="dcterms:W3CDTF">2026-01-02T03:04:05Z</dcterms:created>'
            "<dcterms:modified>2026-01-02T03:04:05Z</dcterms:modified></a>",
        )
        archive.writestr("other.xml", "2026")
    with zipfile.ZipFile(io.BytesIO(without_clock(content.getvalue()))) as fixed:
        assert {i.date_time for i in fixed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2026" not in fixed.read("docProps/core.xml")
        assert fixed.read("docProps/core.xml").count(b"1980-01-01T00:00:00Z") == 2
        assert fixed.read("other.xml") == b"2026"


# --------------------------------------------------------------------------------- fit of tables


def numbers(columns: int, cell: str = "-12.3 (-14.5 to -10.1)") -> Table:
    header = ("Arm", *(f"Day {k}" for k in range(1, columns)))
    return Table(header, (("IV ketamine", *[cell] * (columns - 1)),))


def test_a_small_table_keeps_its_letters() -> None:
    fit = fit_table(numbers(3))
    assert (fit.size, fit.is_across) == (9.0, False)
    assert sum(fit.widths) <= UPRIGHT


def test_wider_tables_get_narrow_columns_then_small_letters_then_the_page_turned() -> None:
    fits = [fit_table(numbers(5, "9" * n)) for n in range(5, 60)]
    sizes = [f.size for f in fits if not f.is_across]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == {9.0, 8.0, 7.0}
    turned = [f.is_across for f in fits]
    assert turned == sorted(turned)
    assert turned[0] is False
    assert turned[-1] is True


@pytest.mark.parametrize("columns", [1, 2, 8, 12, 30])
def test_no_table_is_wider_than_its_page(columns: int) -> None:
    fit = fit_table(numbers(columns))
    assert len(fit.widths) == columns
    assert sum(fit.widths) <= (ACROSS if fit.is_across else UPRIGHT) + 1e-6


def test_a_table_without_rows_fits() -> None:
    assert sum(fit_table(Table(("Arm", "n"), ())).widths) < UPRIGHT


def test_a_page_is_turned_for_a_wide_table_and_back() -> None:
    document = new_document()
    for table in (numbers(2), numbers(12), numbers(12), numbers(2)):
        place_on_page(document, fit_table(table))
        add_table(document, table)
    shapes = [s.page_width > s.page_height for s in document.sections]
    assert shapes == [False, True, False]


# --------------------------------------------------------------------------------- great-tables


def test_a_summary_as_great_tables() -> None:
    first, second = SHOWN.to_great_tables()
    html = unescape(first.as_raw_html())
    for words in ("Rates & ratios", "A_1", "1,234", "-2.3 (-4.0 to 1.0)"):
        assert words in html
    later = unescape(second.as_raw_html())
    assert "Tests" in later
    assert "A note with {braces} and #." in later
    assert "Rule: fall ≥ 50 %" in later
    assert second.as_raw_html() == SHOWN.to_great_tables()[1].as_raw_html()


def test_names_are_no_markup_to_great_tables() -> None:
    odd = Summary("<i>", (), (Table(("<b>", "<b>"), (("<script>", "**1**"),), title="<u>"),),
                  ("<s> **bold**",))  # fmt: skip
    html = odd.to_great_tables()[0].as_raw_html()
    body = html[html.index("<table") :]
    assert not re.search(r"<(i|b|u|s|script|strong)>", body)
    assert "**1**" in body
    assert "**bold**" in body


# ------------------------------------------------------------------------------------ the extra


@pytest.mark.parametrize(
    ("face", "package"),
    [("to_docx", "python-docx"), ("to_great_tables", "great-tables")],
)
def test_missing_extra(face: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", refuse)
    match = rf'needs the package {package}, .*: pip install "trdstats\[paper\]"\.'
    with pytest.raises(MissingDependencyError, match=match):
        getattr(SHOWN, face)()
    assert SHOWN.to_latex()  # needs nothing
