"""Exports into plain tables and roles: files, dates to days, wide to long, codes to labels."""

from trdstats.intake.export import tables_of
from trdstats.intake.files import FileTable, read_file, read_table, register_reader
from trdstats.intake.mapping import ExportMapping
from trdstats.intake.redcap import RedcapLayout
from trdstats.intake.tables import ExportTables

__all__ = [
    "ExportMapping",
    "ExportTables",
    "FileTable",
    "RedcapLayout",
    "read_file",
    "read_table",
    "register_reader",
    "tables_of",
]
