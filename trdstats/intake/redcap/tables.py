"""An export of REDCap as a table of visits and a table of subjects, with a mapping of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.errors import DataError, Problem, SpecError, count_of, unknown_name
from trdstats.frames import to_pandas
from trdstats.intake.files import FileTable, read_file
from trdstats.intake.mapping import ExportMapping
from trdstats.intake.mapping.units import match_columns
from trdstats.intake.redcap.dictionary import as_codes, read_dictionary
from trdstats.intake.redcap.event_days import event_days
from trdstats.intake.redcap.layout import RedcapLayout

EVENT, INSTRUMENT, INSTANCE = (
    "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance",
)  # fmt: skip
_AS_LABELS = {
    "Event Name": EVENT, "Repeat Instrument": INSTRUMENT, "Repeat Instance": INSTANCE,
    "Data Access Group": "redcap_data_access_group",
}  # fmt: skip
_STATUS = {"0", "1", "2", "Incomplete", "Unverified", "Complete"}
_TIMES = ("day", "date", "visit")


def redcap_tables(
    export: Any, layout: RedcapLayout, fields: Mapping[str, Any]
) -> tuple[FileTable, FileTable, ExportMapping]:
    """Return visits, subjects and the mapping of an export of REDCap.

    Parameters
    ----------
    export : str, Path or DataFrame
        One row a record, or a record and event, or an instance of a repeating instrument; codes or
        labels.
    layout : RedcapLayout
    fields : mapping of str to object
        Fields of the mapping; subject and the days of events come from the layout.

    Raises
    ------
    DataError
        When events have no day, entries are no choices, or a subject has two treatments.
    UnknownNameError, SpecError
        When a field or an instrument does not exist, or the mapping cannot be used.
    """
    table = _read(export)
    frame = table.frame.rename(columns=_AS_LABELS)
    labels: dict[str, dict[str, str]] = {}
    if layout.dictionary is not None:
        choices, names = read_dictionary(layout.dictionary)
        taken = set(frame.columns)
        frame = frame.rename(columns={k: v for k, v in names.items() if v not in taken})
        frame, labels = as_codes(frame, choices)
    record = layout.record or str(frame.columns[0])
    if record not in frame:
        raise unknown_name("field of the export", record, frame.columns)
    _check_records(frame[record])
    fields = {**fields, "subject": record}
    if not any(fields.get(t) for t in _TIMES):
        fields |= {"visit": EVENT, "visit_days": {"-": 0}}
    mapping = ExportMapping(**fields)
    frame = frame.drop(columns=_statuses(frame))
    rated, notices = _rows_of_visits(frame, mapping, layout)
    notices += _unrated(frame, rated)
    if mapping.visit == EVENT and mapping.visit_days == {"-": 0}:
        if EVENT not in frame:
            raise SpecError(
                "The export has no events: name the field with the date (date, start) or the day "
                "of a rating."
            )
        events = frame.loc[rated, EVENT].dropna().astype(str).unique()
        days = event_days(events, layout)
        mapping = ExportMapping(**{**fields, "visit_days": days})
        notices += (_note_of_days(days),)
    of_subject = _fields_of_subjects(frame, mapping)
    subjects = _spread(frame, record, of_subject)
    visits = frame[rated].drop(columns=[c for c in of_subject if c != record])
    unused = [c for c in (EVENT, INSTRUMENT, INSTANCE) if c in visits and c != mapping.visit]
    return (
        FileTable(
            visits.drop(columns=unused).reset_index(drop=True),
            {**table.labels, **labels},
            (*table.notices, *notices),
        ),
        FileTable(subjects, {**table.labels, **labels}),
        mapping,
    )


def _read(export: Any) -> FileTable:
    if isinstance(export, str | Path):
        table = read_file(export, text="all")
        return FileTable(table.frame.astype(object), table.labels, table.notices)
    frame = to_pandas(export, what="export")
    # Records that the API sends have empty texts where nothing was entered.
    texts = [c for c in frame.columns if frame[c].dtype.kind in "OT"]
    blank = {c: frame[c].map(lambda v: isinstance(v, str) and not v.strip()) for c in texts}
    return FileTable(frame.assign(**{c: frame[c].mask(b) for c, b in blank.items() if b.any()}))


def _statuses(frame: pd.DataFrame) -> list[str]:
    """Return the status fields of instruments: incomplete, unverified, complete."""
    return [
        c
        for c in frame.columns
        if c.endswith("_complete") and set(frame[c].dropna().astype(str)) <= _STATUS
    ]


def _score_fields(frame: pd.DataFrame, mapping: ExportMapping) -> list[str]:
    lines: list[str] = []
    for where in (*mapping.scores.values(), *mapping.forms.values()):
        if isinstance(where, str):
            lines += [where] if where in frame else match_columns(where, frame.columns)
        else:
            lines += list(where)
    return [c for c in dict.fromkeys(lines) if c in frame]


def _rows_of_visits(
    frame: pd.DataFrame, mapping: ExportMapping, layout: RedcapLayout
) -> tuple[BoolArray, tuple[Problem, ...]]:
    """Return which rows are visits: those with a score, and instances of visit instruments."""
    scores = _score_fields(frame, mapping)
    rated = frame[scores].notna().any(axis=1).to_numpy() if scores else np.ones(len(frame), bool)
    if INSTRUMENT not in frame:
        return rated, ()
    of_instrument = frame[INSTRUMENT]
    known = list(of_instrument.dropna().unique())
    for name in layout.visit_instruments:
        if name not in known:
            raise unknown_name("repeating instrument", name, known)
    chosen = list(layout.visit_instruments) or [
        n for n in known if rated[(of_instrument == n).to_numpy()].any()
    ]
    rated = rated & (of_instrument.isna() | of_instrument.isin(chosen)).to_numpy()
    rated |= of_instrument.isin(chosen).to_numpy()
    others = of_instrument[of_instrument.notna() & ~of_instrument.isin(chosen)].value_counts()
    if not len(others):
        return rated, ()
    return rated, (
        Problem(
            "other_instruments",
            count_of(int(others.sum()), "instance", "instances")
            + " of other repeating instruments "
            + ("is no visit" if others.sum() == 1 else "are no visits")
            + ": left out.",
            tuple(f"{n!r}: {k:,}" for n, k in others.items()),
            "Name those that are: visit_instruments=[...].",
            level="note",
        ),
    )


def _check_records(record: pd.Series[Any]) -> None:
    missing = np.flatnonzero(record.isna())
    if len(missing):
        raise DataError(
            [
                Problem(
                    "missing_subject",
                    count_of(len(missing), "row names", "rows name")
                    + f" no record: {record.name!r} is empty.",
                    tuple(f"row {i}" for i in missing[:50]),
                    "Name the field of the record: record=..., or complete the rows.",
                )
            ]
        )


def _unrated(frame: pd.DataFrame, rated: BoolArray) -> tuple[Problem, ...]:
    """Return a note that counts the rows of events that are no visits."""
    rows = frame[~rated]
    if INSTRUMENT in frame:
        rows = rows[rows[INSTRUMENT].isna()]
    if not len(rows) or EVENT not in frame:
        return ()
    return (
        Problem(
            "unrated_events",
            count_of(len(rows), "row of an event holds", "rows of events hold")
            + " no score and "
            + ("is" if len(rows) == 1 else "are")
            + " no visit; what else they hold was kept.",
            tuple(f"{n!r}: {k:,}" for n, k in rows[EVENT].value_counts().items()),
            "Nothing has to be done, unless scores stand in another field.",
            level="note",
        ),
    )


def _note_of_days(days: Mapping[str, float]) -> Problem:
    return Problem(
        "event_days",
        "Visits are on the days of their events.",
        tuple(f"{name!r}: day {day:g}" for name, day in days.items()),
        "For the actual days name the fields with dates: date=..., start=...",
        level="note",
    )


def _fields_of_subjects(frame: pd.DataFrame, mapping: ExportMapping) -> list[str]:
    """Return fields that describe subjects: named ones, and those entered once a subject."""
    of_visit = {*_score_fields(frame, mapping), EVENT, INSTRUMENT, INSTANCE, mapping.subject}
    of_visit |= {c for c in (mapping.day, mapping.date, mapping.visit, mapping.instrument) if c}
    named = [mapping.treatment, mapping.start, *(mapping.covariates or ())]
    named += [c for c in mapping.baselines.values() if isinstance(c, str)]
    named += [*mapping.event_dates, *mapping.event_days]
    ids = frame[mapping.subject]
    most = {c: frame[c].groupby(ids).nunique().max() for c in frame.columns if c not in of_visit}
    once = [c for c, n in most.items() if n <= 1]
    return [c for c in frame.columns if c in named or c in once]


def _spread(frame: pd.DataFrame, record: str, fields: list[str]) -> pd.DataFrame:
    """Return one row a record with what was entered on any of its rows.

    Raises
    ------
    DataError
        When a field of subjects was entered twice, and differently.
    """
    problems, groups = [], frame.groupby(record, sort=False)
    for name in fields:
        counts = groups[name].nunique()
        several = counts.index[counts > 1]
        if len(several):
            values = frame[frame[record].isin(several[:50])].groupby(record, sort=False)[name]
            problems.append(
                Problem(
                    "conflicting_entries",
                    count_of(len(several), "record has", "records have")
                    + f" more than one entry of {name!r}, which describes subjects.",
                    tuple(f"{r}: {', '.join(map(repr, v.dropna().unique()))}" for r, v in values),
                    "Correct the entries, or do not name it as one of subjects.",
                )
            )
    if problems:
        raise DataError(problems)
    kept = [c for c in fields if c != record]
    return groups[kept].first().reset_index() if kept else frame[[record]].drop_duplicates()
