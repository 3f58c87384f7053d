"""Studies from files: tables as they are, and exports with a mapping."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from trdstats.aliases import TableLike
from trdstats.arguments import checked
from trdstats.errors import (
    DataError,
    DataWarning,
    Problem,
    SpecError,
    check_choice,
    describe_problems,
    unknown_name,
    warn,
)
from trdstats.intake import ExportMapping, ExportTables, tables_of
from trdstats.intake.files import FileTable, read_decimal_commas, read_file
from trdstats.intake.progress import shown_progress
from trdstats.intake.redcap import RedcapLayout, redcap_tables
from trdstats.study.divided import DividedStudy
from trdstats.study.divided.files import visits_of_files
from trdstats.study.study import Study

_TABLES = ("visits", "subjects", "events", "courses")


@checked
def read_study(
    visits_path: str | Path,
    subjects_path: str | Path | None = None,
    events_path: str | Path | None = None,
    courses_path: str | Path | None = None,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | Mapping[str, str] | None = None,
    engine: Literal["pandas", "dask"] = "pandas",
    **roles: Any,
) -> Study:
    """Read the tables of a study from files.

    Parameters
    ----------
    visits_path, subjects_path, events_path, courses_path : str or Path
        Files as in `read_file`. Identifiers of subjects in text files are text.
    separator, encoding : str, optional
        Of text files, as in `read_file`.
    sheet : str or mapping, optional
        Of workbooks, as in `read_file`; one for each table: ``{"visits": "Ratings"}``.
    engine : {"pandas", "dask"}
        "dask": visits stay in their files, one or several, named by a pattern such as
        ``"visits/*.parquet"``, and are read by partition at each analysis: a `DividedStudy`.
    **roles
        The keyword arguments of `Study`: scale, subject, treatment, day, score, baseline, ...

    Returns
    -------
    Study
        Its notices begin with how the files were read, where that had to be found out.

    Raises
    ------
    TrdstatsError
        When a file cannot be read, or as `Study` does.

    Examples
    --------
    >>> from trdstats.study import sample_folder
    >>> folder = sample_folder("trial")
    >>> study = read_study(folder / "visits.csv", folder / "subjects.csv", scale="MADRS",
    ...                    score="madrs", randomised=True)
    >>> len(study.subjects)
    270
    """
    paths = dict(zip(_TABLES, (visits_path, subjects_path, events_path, courses_path), strict=True))
    sheets = sheet if isinstance(sheet, Mapping) else dict.fromkeys(_TABLES, sheet)
    for name in sheets:
        if name not in _TABLES:
            raise unknown_name("table of a study", name, _TABLES)
    check_choice("engine", engine, ("pandas", "dask"))
    text = (roles.get("subject", "subject"),)
    if engine == "dask":
        if sheets.get("visits") is not None:
            raise SpecError("Workbooks of visits are read by engine='pandas': leave sheet out.")
        visits, of_visits = visits_of_files(visits_path, text, separator, encoding)
        del paths["visits"]
    files = {
        name: read_file(
            path,
            text=text,
            separator=separator,
            encoding=encoding,
            sheet=sheets.get(name),
        )
        for name, path in paths.items()
        if path is not None
    }
    if engine == "pandas":
        return study_of_files(files, **roles)
    return _divided(visits, of_visits, files, roles)


def _divided(
    visits: Any,
    of_visits: tuple[Problem, ...],
    files: Mapping[str, FileTable],
    roles: Mapping[str, Any],
) -> DividedStudy:
    """Build a divided study of visits and of the tables that are held in memory."""
    _warn(of_visits)
    files, notices = _in_numbers(files, roles)
    notices = (*of_visits, *notices)
    frames = {name: file.frame for name, file in files.items()}
    others = (frames.get("subjects"), frames.get("events"))
    study = DividedStudy(visits, *others, courses=frames.get("courses"), **roles)
    return study.noting(notices) if notices else study


def study_of_files(files: Mapping[str, FileTable], **roles: Any) -> Study:
    """Build a study from files that were read: visits, subjects, events, courses.

    What the files say of themselves comes first among its notices, and is warned of where it
    limits the analysis.
    """
    files, notices = _in_numbers(files, roles)
    frames = {name: file.frame for name, file in files.items()}
    others = (frames.get("subjects"), frames.get("events"))
    study = Study(frames["visits"], *others, courses=frames.get("courses"), **roles)
    return study.noting(notices) if notices else study


def _in_numbers(
    files: Mapping[str, FileTable], roles: Mapping[str, Any]
) -> tuple[dict[str, FileTable], tuple[Problem, ...]]:
    """Return files with decimal commas read, and what they say of themselves, which is issued."""
    text = (roles.get("subject", "subject"),)
    read = {name: read_decimal_commas(file, text) for name, file in files.items()}
    notices = tuple(p for file in read.values() for p in file.notices)
    _warn(notices)
    return read, notices


def _warn(notices: tuple[Problem, ...]) -> None:
    limits = [p for p in notices if p.level == "warning"]
    if limits:
        warn(describe_problems(limits), DataWarning)


@checked
def read_export(
    visits: TableLike | None = None,
    *,
    mapping: ExportMapping | str | Path,
    subjects: TableLike | None = None,
    events: TableLike | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Study:
    """Read the export of a clinic or a trial database as a study.

    Dates become days since first treatment, columns of visits become rows, codes their labels,
    items totals, and numbers of any locale numbers. Whatever is converted is counted in the
    notices of the study; what can be read in two ways is asked for, and never guessed.

    Parameters
    ----------
    visits : str, Path or DataFrame (pandas, polars or pyarrow), optional
        The export. Default: the file that the mapping names.
    mapping : ExportMapping, str or Path
        Which columns hold what, or the TOML file that says so. Files it names are looked for in
        its folder.
    subjects, events : str, Path or DataFrame, optional
        Tables of subjects and of events. Default: those that the mapping names.
    progress : callable, optional
        Called before each step with words, steps done, and steps in all. Default: a line on
        standard error, where that is a terminal and more than two seconds pass.

    Returns
    -------
    Study
        With every conversion in `notices`.

    Raises
    ------
    DataError
        With every problem of the export: dates that can be read in two ways, codes without a
        label, numbers that are none, each with row or subject and the remedy.
    SpecError
        When the mapping cannot be used.
    TrdstatsError
        When a file cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from trdstats import ExportMapping
    >>> export = pd.DataFrame({
    ...     "id": ["A", "B"], "arm": [1, 2], "bmi": ["23,7", "31,25"],
    ...     "madrs_w0": [30, 32], "madrs_w4": [12, 20],
    ... })
    >>> study = read_export(export, mapping=ExportMapping(
    ...     scale="MADRS", subject="id", treatment="arm", score="madrs_w{week}",
    ...     labels={"arm": {1: "ECT", 2: "TMS"}},
    ... ))
    >>> study.treatments, study.visits["day"].tolist()
    (('ECT', 'TMS'), [0.0, 28.0, 0.0, 28.0])
    >>> study.subjects["bmi"].tolist()
    [23.7, 31.25]
    """
    folder = None
    if not isinstance(mapping, ExportMapping):
        if not isinstance(mapping, str | Path):
            raise SpecError(
                "mapping must be an ExportMapping or the path of a TOML file; got "
                f"{type(mapping).__name__}."
            )
        folder = Path(mapping).parent
        mapping = ExportMapping.read(mapping)
    shown: Any = shown_progress() if progress is None else nullcontext(progress)
    with shown as tell:
        study = study_of(
            tables_of(
                visits, mapping=mapping, subjects=subjects, events=events, folder=folder, tell=tell
            )
        )
    warn_of_export(study)
    return study


def warn_of_export(study: Study) -> None:
    """Warn of what limits the analysis of an export, once for all."""
    limits = [p for p in study.notices if p.level == "warning"]
    if limits:
        warn(describe_problems(limits), DataWarning)


@checked
def read_redcap(export: TableLike, *, layout: RedcapLayout | None = None, **fields: Any) -> Study:
    """Read an export of REDCap as a study.

    Parameters
    ----------
    export : str, Path or DataFrame
        All records as csv, codes or labels: one row a record, a record and event, or an instance
        of a repeating instrument.
    layout : RedcapLayout, optional
        Days of events, data dictionary, repeating instruments that are visits.
    **fields
        Fields of `ExportMapping`: scale, treatment, score, date, start, ... Subject is the record;
        without day and date the day is that of the event. What was entered at one event
        and describes the subject holds at all.

    Returns
    -------
    Study
        With every conversion in `notices`.

    Raises
    ------
    DataError
        When events have no day, entries are no choices of the dictionary, a subject has two
        treatments, or as `read_export` does.
    UnknownNameError, SpecError
        When a field or an instrument does not exist, or the mapping cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> export = pd.DataFrame({
    ...     "record_id": [1, 1, 2, 2], "redcap_event_name": ["baseline_arm_1", "week_4_arm_1"] * 2,
    ...     "arm": ["TMS", None, "ECT", None], "madrs": [30, 12, 33, 20],
    ... })
    >>> study = read_redcap(export, layout=RedcapLayout(days_in_names=True), scale="MADRS",
    ...                     treatment="arm", score="madrs")
    >>> study.visits["day"].tolist()
    [0.0, 28.0, 0.0, 28.0]
    """
    visits: Any
    subjects: Any
    visits, subjects, mapping = redcap_tables(export, layout or RedcapLayout(), fields)
    return read_export(visits, subjects=subjects, mapping=mapping)


def study_of(tables: ExportTables) -> Study:
    """Return the study of an export, whose notices stand before those of the study.

    Raises
    ------
    DataError
        When the tables cannot be analysed.
    """
    roles = dict(tables.roles)
    if tables.courses is not None:
        roles["courses"] = tables.courses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # issued once, with those of the export
        try:
            study = Study(tables.visits, tables.subjects, tables.events, **roles)
        except DataError as error:
            limits = [p for p in tables.notices if p.level == "warning"]
            raise DataError([*map(_without_rows, error.problems), *limits]) from error
    return study.noting(tables.notices)


def _without_rows(problem: Problem) -> Problem:
    """Return a problem whose places name no rows: those would not be the rows of the file."""
    return replace(problem, where=tuple(w.split(" (row")[0] for w in problem.where))
