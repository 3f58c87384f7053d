"""The export that a plan describes: a mapping, and for REDCap a layout, into a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from trdstats.errors import SpecError, TrdstatsError, nearest
from trdstats.intake import ExportMapping, RedcapLayout, tables_of
from trdstats.intake.mapping.toml_text import check_keys, unknown_keys
from trdstats.intake.redcap import redcap_tables
from trdstats.study.readers import study_of, warn_of_export
from trdstats.study.study import Study

_FILES = ("file", "subjects", "events")
_OF_REDCAP = ("event_table", "dictionary")  # files of a layout
_NOT_REDCAP = (
    "subject", "subjects", "events", "sheet", "subjects_sheet", "events_sheet", "separator",
    "encoding",
)  # fmt: skip


def check_described_export(export: Any) -> list[tuple[tuple[str, ...], str]]:
    """Return what is wrong with the ``[study.export]`` table of a plan: the key, and the words.

    Parameters
    ----------
    export : object
        The fields of `ExportMapping`, of which ``file`` is needed; and, for an export of REDCap,
        ``redcap``, the fields of `RedcapLayout`.
    """
    if not isinstance(export, Mapping):
        words = (
            'export must be a table, [study.export], with file = "export.csv" and the other '
            f"fields of a mapping; got {export!r}"
        )
        return [(("export",), words)]
    problems: list[tuple[tuple[str, ...], str]] = []
    if not _is_text(export.get("file")):
        problems.append((("export", "file"), 'export names no file: file = "export.csv"'))
    known = [f.name for f in fields(ExportMapping)]
    given = {k: v for k, v in export.items() if k != "redcap"}
    unknown = unknown_keys(given, known)
    problems += [(("export", k), f"export: {w.rstrip('.')}") for k, w in unknown.items()]
    try:
        if "redcap" in export:
            problems += _wrong_layout(export)
        mapping = {k: v for k, v in given.items() if k not in unknown}
        if "redcap" in export and not any(k in mapping for k in ("day", "date", "visit")):
            mapping |= {"visit": "-", "visit_days": {"-": 0}}  # days of events, known on reading
        _mapping(mapping)
    except TrdstatsError as error:
        lines = str(error).splitlines()
        of_mapping = [w.strip().rstrip(".") for w in lines[len(lines) > 1 :]]
        problems += [(("export",), f"export: {words}") for words in of_mapping]
    return problems


def study_of_described_export(export: Mapping[str, Any], folder: Path) -> Study:
    """Return the study of a ``[study.export]`` table that was checked.

    Parameters
    ----------
    export : mapping
    folder : Path
        Where its files are looked for.

    Raises
    ------
    TrdstatsError
        As `read_export` and `read_redcap` do.
    """
    given = dict(export)
    layout = given.pop("redcap", None)
    if layout is None:
        study = study_of(tables_of(mapping=_mapping(given), folder=folder))
    else:
        files = {k: folder / layout[k] for k in _OF_REDCAP if k in layout}
        export_file = folder / given.pop("file")
        visits, subjects, mapping = redcap_tables(
            export_file, RedcapLayout(**{**layout, **files}), given
        )
        study = study_of(tables_of(visits, subjects=subjects, mapping=mapping))
    warn_of_export(study)
    return study


def export_files(export: Mapping[str, Any]) -> list[str]:
    """Return the files that an export is read from, as the plan names them."""
    layout = export.get("redcap", {})
    named = [export[k] for k in _FILES if k in export]
    return [*named, *(layout[k] for k in _OF_REDCAP if k in layout)]


def _mapping(given: Mapping[str, Any]) -> ExportMapping:
    check_keys(given, [f.name for f in fields(ExportMapping)])
    return ExportMapping(**given)


def _wrong_layout(export: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    layout, place = export["redcap"], ("export", "redcap")
    if not isinstance(layout, Mapping):
        words = f"redcap must be a table, such as {{ days_in_names = true }}; got {layout!r}"
        return [(place, words)]
    known = [f.name for f in fields(RedcapLayout)]
    lines: list[tuple[tuple[str, ...], str]] = [
        (
            ("export", key),
            f"{key!r} does not go with redcap, whose records are read from one text file",
        )
        for key in _NOT_REDCAP
        if key in export
    ]
    for key in layout:
        if key not in known:
            close = nearest(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
            lines.append(((*place, key), f"redcap has an unknown key {key!r}; {hint}"))
    for key in _OF_REDCAP:
        if key in layout and not _is_text(layout[key]):
            words = f"{key} of redcap must be the path of a file; got {layout[key]!r}"
            lines.append(((*place, key), words))
    if not lines:
        try:
            RedcapLayout(**layout)
        except SpecError as error:
            lines.append((place, str(error).rstrip(".")))
    return lines


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
