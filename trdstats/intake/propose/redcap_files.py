"""The data dictionary and the event table of a REDCap project, where they lie beside its export."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trdstats.errors import TrdstatsError
from trdstats.intake.files import read_file

_EVENT = "redcap_event_name"
_FIELD = ("Variable / Field Name", "field_name")
_CHOICES = ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations")
_LARGEST = 20_000_000  # bytes: dictionaries are small, and other exports need not be read


def find_redcap_files(export: Path, frame: pd.DataFrame) -> dict[str, str]:
    """Return the names of the files of a REDCap project beside its export.

    Parameters
    ----------
    export : Path
    frame : pandas.DataFrame
        Its table.

    Returns
    -------
    dict of str to str
        ``dictionary`` and ``event_table``, where one file each fits: it names at least half of the
        fields of the export, or every event.
    """
    if not any(str(c).startswith("redcap_") for c in frame.columns):
        return {}
    dictionaries, tables = [], []
    for path in sorted(export.parent.glob("*.csv")):
        if path.name == export.name or path.stat().st_size > _LARGEST:
            continue
        try:
            other = read_file(path, text="all").frame
        except TrdstatsError:
            continue  # whatever it is, it is no file of the project
        if _is_dictionary(other, frame):
            dictionaries.append(path.name)
        elif _has_events(other, frame):
            tables.append(path.name)
    candidates = {"dictionary": dictionaries, "event_table": tables}
    return {key: names[0] for key, names in candidates.items() if len(names) == 1}


def _is_dictionary(other: pd.DataFrame, frame: pd.DataFrame) -> bool:
    named = [c for c in _FIELD if c in other]
    if not named or not any(c in other for c in _CHOICES):
        return False
    fields = set(other[named[0]].dropna().astype(str))
    group = {c.split("___")[0] for c in map(str, frame.columns) if not c.startswith("redcap_")}
    group = {c for c in group if not c.endswith("_complete")}
    return 2 * len(group & fields) >= len(group)


def _has_events(other: pd.DataFrame, frame: pd.DataFrame) -> bool:
    if _EVENT not in frame or not {"unique_event_name", "day_offset"} <= set(other.columns):
        return False
    events = set(frame[_EVENT].dropna().astype(str))
    return events <= set(other["unique_event_name"].dropna().astype(str))
