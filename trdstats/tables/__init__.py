"""Tidy results as readable tables: number formats, and one builder for all that shows them."""

from trdstats.tables.format import (
    NOT_ESTIMABLE,
    add_unit,
    format_ci,
    format_count,
    format_estimate,
    format_interval,
    format_level,
    format_number,
    format_p,
    format_p_equation,
    format_percent,
    format_significant,
    format_time,
)
from trdstats.tables.number_style import NumberStyle, number_style
from trdstats.tables.rows import each_row
from trdstats.tables.summary import (
    FrameResult,
    Label,
    Summary,
    SummaryMixin,
    Table,
    as_label,
    caveat_notes,
)

__all__ = [
    "NOT_ESTIMABLE",
    "FrameResult",
    "Label",
    "NumberStyle",
    "Summary",
    "SummaryMixin",
    "Table",
    "add_unit",
    "as_label",
    "caveat_notes",
    "each_row",
    "format_ci",
    "format_count",
    "format_estimate",
    "format_interval",
    "format_level",
    "format_number",
    "format_p",
    "format_p_equation",
    "format_percent",
    "format_significant",
    "format_time",
    "number_style",
]
