"""Exports into plain tables: files, dates, codes, REDCap, ADaM."""

from trdstats.intake.files import FileTable, read_file, read_table, register_reader

__all__ = ["FileTable", "read_file", "read_table", "register_reader"]
