from .export import tables_of
from .files import FileTable, read_file, read_table, register_reader
from .mapping import ExportMapping
from .redcap import RedcapLayout
from .tables import ExportTables

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
