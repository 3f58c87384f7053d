"""Tidy results as readable tables: number formats, and one builder for text and HTML."""

from trdstats.tables.format import (
    NOT_ESTIMABLE,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_p,
    format_percent,
    format_significant,
    format_time,
)
from trdstats.tables.rows import each_row
from trdstats.tables.summary import FrameResult, Summary, SummaryMixin, Table

__all__ = [
    "NOT_ESTIMABLE",
    "FrameResult",
    "Summary",
    "SummaryMixin",
    "Table",
    "each_row",
    "format_count",
    "format_estimate",
    "format_interval",
    "format_number",
    "format_p",
    "format_percent",
    "format_significant",
    "format_time",
]
