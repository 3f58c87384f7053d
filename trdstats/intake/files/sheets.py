"""The names of the sheets of a workbook."""

from __future__ import annotations

from pathlib import Path

from trdstats.errors import TrdstatsError, why_unreadable
from trdstats.intake.files.opendocument import ods_sheets
from trdstats.intake.files.workbooks import xlsx_sheets

_READERS = {".xlsx": xlsx_sheets, ".ods": ods_sheets}


def sheet_names(path: Path) -> list[str]:
    """Return the sheets of a workbook in their order; none where a file is no workbook.

    Raises
    ------
    TrdstatsError
        When the workbook cannot be read.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None or not path.is_file():
        return []
    try:
        return read(path)
    except TrdstatsError:
        raise
    except Exception as error:  # each reader has errors of its own; the file is what they share
        raise TrdstatsError(f"{str(path)!r} cannot be read: {why_unreadable(error)}") from error
