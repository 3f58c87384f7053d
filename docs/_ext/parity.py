"""Sphinx: the table of agreement with R, SAS and publications, computed while building."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

import trdstats as trd

HEADINGS = {
    "handworked": "Worked by hand",
    "survival": "Time to event",
    "longitudinal": "Mixed models",
}


def program_of(provenance: str) -> str:
    """Return who computed a figure: R, SAS, a publication, or a hand."""
    if re.search(r"\bSAS\b", provenance):
        return "SAS"
    if re.search(r"\bR \d|\bR\b.*\d\.\d|ratesci|survival \d|mmrm|metafor|rbmi|lme4", provenance):
        return "R"
    return "published or worked by hand"


def rows() -> list[tuple[str, str, str, int, int, float, str]]:
    """Return one row a group of figures.

    Part, what, source, number of figures, how many are met, worst deviation, tolerance.
    """
    groups: dict[tuple[str, str, str, str], list[Any]] = {}
    for figure in trd.selfcheck().figures:
        key = (figure.room, figure.case, figure.provenance, figure.tolerance)
        groups.setdefault(key, []).append(figure)
    return [
        (
            room,
            title,
            source,
            len(own),
            sum(f.is_met for f in own),
            max(f.deviation for f in own),
            why,
        )
        for (room, title, source, why), own in groups.items()
    ]


def tables() -> str:
    """Return one Markdown table a part of the library."""
    lines: list[str] = []
    found = rows()
    for room in dict.fromkeys(row[0] for row in found):
        lines += [f"## {HEADINGS.get(room, room.capitalize())}", ""]
        lines += [
            "| what | by | source | met | worst deviation | tolerance |",
            "|---|---|---|---|---|---|",
        ]
        for _, title, source, n, met, worst, why in (r for r in found if r[0] == room):
            cells = [title, program_of(source), source, f"{met} of {n}", f"{worst:.1e}", why]
            lines.append("| " + " | ".join(map(plain, cells)) + " |")
        lines.append("")
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return a text with the signs of Markdown escaped."""
    return re.sub(r"([*`_|\\$<\[])", r"\\\1", " ".join(text.split()))


def put_tables(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the tables into the page that asks for them."""
    if docname == "understand/parity":
        source[0] = source[0].replace("<!-- parity -->", tables())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register."""
    app.connect("source-read", put_tables)
    return {"version": "1", "parallel_read_safe": True}
