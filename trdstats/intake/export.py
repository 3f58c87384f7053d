"""An export becomes plain tables and roles, step by step; every step says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_columns
from trdstats.errors import DataError, Problem
from trdstats.intake.assembled import (
    baseline_columns,
    is_a_visit,
    subject_columns,
    treatment_of,
    visit_columns,
)
from trdstats.intake.happened import read_events
from trdstats.intake.identifiers import Identifiers, check_named, check_one_row, identify
from trdstats.intake.mapping.spec import ExportMapping
from trdstats.intake.measured import Measured, find_columns, measure
from trdstats.intake.reading import Reading, start_reading
from trdstats.intake.sources import SourceTable, read_sources
from trdstats.intake.tables import ExportTables
from trdstats.intake.timing import Calendar, read_calendar, visit_days
from trdstats.intake.totals import score_forms
from trdstats.scales import averaged_scales

Tell = Callable[[str, int, int], None]
STEPS = ("reading the file", "reading dates", "reading scores", "building tables")


def tables_of(
    visits: Any = None,
    *,
    mapping: ExportMapping,
    subjects: Any = None,
    events: Any = None,
    folder: Path | None = None,
    tell: Tell | None = None,
) -> ExportTables:
    """Return the tables of an export and the roles of their columns.

    Parameters
    ----------
    visits, subjects, events : path or DataFrame (pandas, polars or pyarrow), optional
        Default: the files that the mapping names.
    mapping : ExportMapping
    folder : Path, optional
        Where the files of the mapping are looked for. Default: the working folder.
    tell : callable, optional
        Called with words, steps done and steps in all before each step.

    Raises
    ------
    DataError
        With every problem of the first stage that has any.
    SpecError, TrdstatsError
        When no table is given, or a file cannot be read.
    """
    problems: list[Problem] = []
    say = tell or _silent
    say(STEPS[0], 0, len(STEPS))
    given = {"visits": visits, "subjects": subjects, "events": events}
    tables = read_sources(given, mapping, folder or Path(), problems)
    reading = start_reading(mapping, tables, problems)
    problems += _check_roles(mapping, tables)
    _, _, wide_dates = find_columns(mapping, tables["visits"].columns, problems)
    _raise_if_fatal(problems)

    say(STEPS[1], 1, len(STEPS))
    identifiers = identify(t.columns[mapping.subject] for t in tables.values())
    subject = {name: identifiers.code(t.columns[mapping.subject]) for name, t in tables.items()}
    _check_subjects(mapping, tables, subject, problems)
    _raise_if_fatal(problems)
    calendar = read_calendar(reading, identifiers, subject, wide_dates)
    say(STEPS[2], 2, len(STEPS))
    columns = tables["visits"].columns
    measured = measure(mapping, columns, tables["visits"].n_rows, reading.number, problems)
    day = visit_days(reading, identifiers, subject["visits"], measured, calendar)
    _raise_if_fatal(problems)
    say(STEPS[3], 3, len(STEPS))
    return _assemble(reading, identifiers, subject, measured, day, calendar)


def _silent(words: str, done: int, total: int) -> None:
    """Say nothing."""


def _check_roles(mapping: ExportMapping, tables: Mapping[str, SourceTable]) -> list[Problem]:
    """Check that every column the mapping names is in one of the tables."""
    problems: list[Problem] = []
    frames = {n: pd.DataFrame(columns=list(t.columns)) for n, t in tables.items()}
    for name, frame in frames.items():
        problems += check_columns(frame, [("subject", mapping.subject)], name)
    of_visits = [(r, getattr(mapping, r)) for r in ("day", "visit", "instrument")]
    if mapping.date is not None and "{" not in mapping.date:
        of_visits.append(("date", mapping.date))
    problems += check_columns(frames["visits"], [(r, c) for r, c in of_visits if c], "visits")
    somewhere = [("treatment", mapping.treatment), ("start", mapping.start)]
    baselines = mapping.baselines.items()
    somewhere += [(f"baseline of {s}", c) for s, c in baselines if isinstance(c, str)]
    somewhere += [("covariates", c) for c in mapping.covariates or ()]
    somewhere += [("labels", c) for c in mapping.labels if "{" not in c]
    somewhere += [(n, c) for n in ("event_dates", "event_days") for c in getattr(mapping, n)]
    if isinstance(mapping.missing, Mapping):
        somewhere += [("missing", c) for c in mapping.missing]
    known = {c for t in tables.values() for c in t.columns}
    everywhere = pd.DataFrame(columns=list(known))
    lacking = [(r, c) for r, c in somewhere if isinstance(c, str) and c not in known]
    problems += check_columns(everywhere, lacking, " or ".join(tables))
    return problems


def _check_subjects(
    mapping: ExportMapping,
    tables: Mapping[str, SourceTable],
    subject: Mapping[str, IntArray],
    problems: list[Problem],
) -> None:
    for name, table in tables.items():
        check_named(table.columns[mapping.subject], problems)
        if name == "subjects":
            check_one_row(table.columns[mapping.subject], subject[name],
                          "which has one row each", problems)  # fmt: skip
    if mapping.is_wide:
        check_one_row(
            tables["visits"].columns[mapping.subject],
            subject["visits"],
            "where columns hold the visits",
            problems,
        )


def _assemble(
    reading: Reading,
    identifiers: Identifiers,
    subject: Mapping[str, IntArray],
    measured: Measured,
    day: FloatArray,
    calendar: Calendar | None,
) -> ExportTables:
    mapping, problems = reading.mapping, reading.problems
    attended = is_a_visit(measured, day, problems)
    used = measured.used | {mapping.subject, mapping.treatment} | set(mapping.event_dates)
    used |= set(mapping.event_days)
    used |= {c for c in (mapping.day, mapping.date, mapping.start, mapping.visit,
                         mapping.instrument) if c is not None}  # fmt: skip
    used |= {c for c in mapping.baselines.values() if isinstance(c, str)}
    baselines, baseline_names = baseline_columns(reading, identifiers, subject)
    treatment = treatment_of(reading, identifiers, subject)
    early = _early(measured, day, subject["visits"], len(identifiers.names))
    covariates, of_visits = subject_columns(reading, identifiers, subject, early, frozenset(used))
    rows = np.flatnonzero(attended)
    frame, scores = _visits(reading, identifiers, subject["visits"], measured, day, rows)
    _raise_if_fatal(problems)
    frame |= visit_columns(reading, of_visits, measured.row[rows], frame)
    columns = {"subject": identifiers.names, "treatment": treatment, **baselines}
    columns |= {(f"{c}_given" if c in columns else c): v for c, v in covariates.items()}
    kept = _in_study(reading, subject, len(identifiers.names))
    events = read_events(reading, identifiers, subject, calendar)
    _raise_if_fatal(problems)
    # Names stay names where nothing was said: roles are shown and compared.
    averaged = mapping.averaged_over
    scales = averaged_scales(mapping.scale, averaged) if averaged else list(mapping.scale)
    roles: dict[str, Any] = {
        "scale": scales, "subject": "subject", "treatment": "treatment",
        "day": "day", "score": scores, "randomised": mapping.randomised,
    }  # fmt: skip
    optional = {"baseline": baseline_names or None, "windows": mapping.windows,
                "duplicates": mapping.duplicates}  # fmt: skip
    roles |= {k: v for k, v in optional.items() if v is not None}
    if mapping.instrument is not None:
        roles["instrument"] = "instrument"
    return ExportTables(
        visits=pd.DataFrame(frame),
        subjects=pd.DataFrame(columns)[kept].reset_index(drop=True),
        events=events,
        roles=roles,
        notices=tuple(dict.fromkeys(problems)),
    )


def _visits(
    reading: Reading,
    identifiers: Identifiers,
    subject: IntArray,
    measured: Measured,
    day: FloatArray,
    rows: IntArray,
) -> tuple[dict[str, Any], Any]:
    """Return the canonical columns of the visits, and the columns of scores by scale."""
    mapping = reading.mapping
    frame: dict[str, Any] = {
        "subject": identifiers.names[subject[measured.row[rows]]],
        "day": day[rows],
    }
    if mapping.instrument is not None:
        column = reading.label(reading.tables["visits"].columns[mapping.instrument])
        texts = np.append(column.distinct.astype(object), [None])
        frame["instrument"] = texts[column.code][rows]
        return frame | {"score": next(iter(measured.scores.values()))[rows]}, "score"
    one = len(mapping.scale) == 1
    names = {s: "score" if one else s for s in mapping.scale}
    for scale, values in measured.scores.items():
        frame[names[scale]] = values[rows]
    for scale, items in measured.items.items():
        frame |= score_forms(reading, scale, items[:, rows], frame, names[scale])
    return frame, names if not one else "score"


def _early(measured: Measured, day: FloatArray, subject: IntArray, n: int) -> BoolArray:
    """Return rows of the export without a day, and those of each subject's first day."""
    if measured.day is not None:
        return np.ones(len(subject), dtype=bool)
    first = np.full(n, np.inf)
    known = ~np.isnan(day) & (subject >= 0)
    np.minimum.at(first, subject[known], day[known])
    result: BoolArray = ~known | (day == np.append(first, np.nan)[subject])
    return result


def _in_study(reading: Reading, subject: Mapping[str, IntArray], n: int) -> BoolArray:
    """Return who belongs to the table of subjects: those of its file, else of the visits."""
    table = "subjects" if "subjects" in reading.tables else "visits"
    kept = np.zeros(n, dtype=bool)
    kept[subject[table][subject[table] >= 0]] = True
    return kept


def _raise_if_fatal(problems: list[Problem]) -> None:
    if any(p.level == "error" for p in problems):
        unique = list(dict.fromkeys(problems))
        raise DataError(sorted(unique, key=lambda p: p.level != "error"))
