"""Exports into plain tables and roles: dates to days, wide to long, codes to labels."""

from trdstats.intake.export import tables_of
from trdstats.intake.mapping import ExportMapping
from trdstats.intake.tables import ExportTables

__all__ = ["ExportMapping", "ExportTables", "tables_of"]
