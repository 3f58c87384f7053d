"""Tables as LaTeX that needs no package but booktabs."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from trdstats.errors import visible

if TYPE_CHECKING:
    from trdstats.tables.summary import Summary, Table

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    # After the end of a row, and after rules, these would be read as an argument.
    "[": "{[}",
    "*": "{*}",
    '"': "''",
    "‑": "-",
    "\n": " ",
    # Signs that pdflatex does not know without further packages.
    "−": "$-$",
    "–": "--",
    "—": "---",
    "·": "$\\cdot$",
    "∞": r"$\infty$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "²": "$^2$",
    "³": "$^3$",
    "½": "$1/2$",
    "…": r"\ldots{}",
    "\u00a0": "~",
    "\u2009": r"\,",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "δ": r"$\delta$",
    "Δ": r"$\Delta$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "χ": r"$\chi$",
}
_MINUS = re.compile(r"(?<![\w.)\]-])-(?=[\d.∞])")
_WIDEST = 40  # characters of a column of text that is not broken into lines
_SHORTEST = 0.15  # of the width of the line
_HEAD = 12  # letters of a header that is not broken into lines
# Letters in a row up to which a table fits a page of the usual width in this size.
_SIZES = ((60, ""), (68, r"\small"), (78, r"\footnotesize"))
_SMALLEST = r"\scriptsize\setlength{\tabcolsep}{3pt}"


def latex_text(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    clear = _MINUS.sub("−", visible(text))
    # The mid dot of decimals belongs to the number: without braces LaTeX sets it as a product.
    clear = re.sub(r"(?<=\d)·(?=\d)", "\0", clear)
    return "".join("{$\\cdot$}" if c == "\0" else _SIGNS.get(c, c) for c in clear)


def table_to_latex(table: Table, caption: str, label: str = "", notes: tuple[str, ...] = ()) -> str:
    """Return a floating table with its caption above and its notes below.

    Parameters
    ----------
    table : Table
    caption : str
    label : str
        Name by which the text refers to it, of plain letters; none when empty.
    notes : tuple of str
        Sentences below the table.
    """
    letters = _letters(table)
    size = next((s for most, s in _SIZES if sum(letters) <= most), _SMALLEST)
    body = [_row(row) for row in table.rows]
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        rf"\caption{{{latex_text(caption)}}}",
        *([rf"\label{{{label}}}"] if label else []),
        *([size] if size else []),
        rf"\begin{{tabular}}{{{_columns(table, letters)}}}",
        r"\toprule",
        " & ".join(map(_head, table.header, letters, table.alignment())) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *([rf"\par\smallskip{{\footnotesize {latex_text(' '.join(notes))}\par}}"] if notes else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def summary_to_latex(summary: Summary) -> str:
    """Return the tables of a summary as floating tables, its header and notes below the last."""
    header = tuple(f"{k}: {v}." for k, v in summary.header)
    below = (*header, *summary.notes)
    if not summary.tables:
        lines = (rf"\paragraph{{{latex_text(summary.title)}}}", *map(latex_text, below))
        return "\n\n".join(lines) + "\n"
    last = len(summary.tables) - 1
    return "\n".join(
        table_to_latex(t, caption_of(summary, t), notes=below if k == last else ())
        for k, t in enumerate(summary.tables)
    )


def caption_of(summary: Summary, table: Table) -> str:
    """Return what a table shows: the title of its summary and its own."""
    return ": ".join(t for t in (summary.title, table.title) if t)


def _row(cells: tuple[str, ...]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"


def _head(text: str, letters: int, side: str) -> str:
    """Return a header in as many lines as its column asks for."""
    lines = textwrap.wrap(text, letters, break_long_words=False)
    if len(lines) < 2:
        return latex_text(text)
    stacked = r" \\ ".join(map(latex_text, lines))
    return rf"\begin{{tabular}}[b]{{@{{}}{side[0]}@{{}}}}{stacked}\end{{tabular}}"


def _letters(table: Table) -> list[int]:
    """Return how many letters each column takes in a row, once headers are broken into lines."""
    return [
        max([min(len(h), _HEAD), *map(len, h.split()), *map(len, cells)])
        for h, *cells in zip(table.header, *table.rows, strict=True)
    ]


def _columns(table: Table, letters: list[int]) -> str:
    """Return the kinds of columns: long texts are broken into lines."""
    return "".join(
        side[0]
        if side == "right" or length <= _WIDEST
        else rf"p{{{max(_SHORTEST, 0.9 * length / sum(letters)):.2f}\linewidth}}"
        for length, side in zip(letters, table.alignment(), strict=True)
    )
