"""Sphinx: the colours, lines and markers of treatments, as a table that shows them."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import trdstats as trd


class Palette(SphinxDirective):
    """``{palette}``: one row for each of the eight styles."""

    def run(self) -> list[nodes.Node]:
        """Write the table."""
        cells = []
        styles = trd.plots.treatment_styles(map(str, range(1, 9))).values()
        for place, style in enumerate(styles, 1):
            dashes = "solid" if style.linestyle == "-" else " ".join(map(str, style.linestyle[1]))
            swatch = f'<span class="swatch" style="background:{style.color}"></span>'
            row = (
                place,
                swatch,
                f"<code>{style.color}</code>",
                dashes,
                f"<code>{style.marker}</code>",
            )
            cells.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
        names = ("place", "colour", "code", "dashes and gaps", "marker")
        head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
        table = (
            f'<div class="pst-scrollable-table-container"><table class="table">'
            f"<thead>{head}</thead><tbody>{''.join(cells)}</tbody></table></div>"
        )
        return [nodes.raw("", table, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register."""
    app.add_directive("palette", Palette)
    return {"version": "1", "parallel_read_safe": True}
