"""A summary as tables of the package great-tables."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from trdstats.errors import visible
from trdstats.extras import extra_module

if TYPE_CHECKING:
    from trdstats.tables.summary import Summary


def summary_to_great_tables(summary: Summary) -> tuple[Any, ...]:
    """Return one ``great_tables.GT`` a table of a summary, header and notes below the last.

    Raises
    ------
    MissingDependencyError
        When great-tables is not installed.
    """
    great_tables = extra_module("great_tables", "paper")

    def clear(text: str) -> Any:
        return great_tables.html(escape(visible(text)))

    below = (*(f"{label}: {value}" for label, value in summary.header), *summary.notes)
    made = []
    for k, table in enumerate(summary.tables):
        # Names of columns must differ; what is shown need not.
        names = [f"column_{j}" for j in range(len(table.header))]
        cells = [tuple(map(visible, row)) for row in table.rows]
        shown = (
            great_tables.GT(pd.DataFrame(cells, columns=names), id=f"table-{k + 1}")
            .tab_header(clear(summary.title), clear(table.title) if table.title else None)
            .cols_label({n: clear(h) for n, h in zip(names, table.header, strict=True)})
            .cols_align("right", names[table.text_columns :])
            .cols_align("left", names[: table.text_columns])
        )
        for note in below if k == len(summary.tables) - 1 else ():
            shown = shown.tab_source_note(clear(note))
        made.append(shown)
    return tuple(made)
