"""Files into tables: text of any encoding, workbooks, parquet, SAS, SPSS, Stata, compressed."""

from trdstats.intake.files.decimal_commas import read_decimal_commas
from trdstats.intake.files.file_table import FileTable
from trdstats.intake.files.read import READERS, read_file, read_table, register_reader
from trdstats.intake.files.sheets import sheet_names

__all__ = [
    "READERS",
    "FileTable",
    "read_decimal_commas",
    "read_file",
    "read_table",
    "register_reader",
    "sheet_names",
]
