"""Studies from files: tables as they are, and exports with a mapping."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import (
    DataError,
    DataWarning,
    MissingDependencyError,
    Problem,
    SpecError,
    TrdstatsError,
    describe_problems,
    unknown_name,
)
from trdstats.intake import ExportMapping, ExportTables, tables_of
from trdstats.intake.progress import shown_progress
from trdstats.study.study import Study


def _optional(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading this file needs {package}: pip install 'trdstats[io]'."
        ) from error


def _read_csv(path: Path, text: Collection[str]) -> pd.DataFrame:
    names = pd.read_csv(path, header=None, nrows=1, dtype=object).iloc[0].dropna()
    twice = names[names.duplicated()].drop_duplicates()
    if len(twice):  # pandas would rename the second one and go on
        raise ValueError(f"columns share a name: {', '.join(map(repr, twice))}; rename one of each")
    with warnings.catch_warnings():
        # Rows longer than the header would lose their end, or shift every column by one.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # Read in one piece: in pieces, a column could be numbers in one and text in the next.
        return pd.read_csv(
            path, dtype=dict.fromkeys(text, object), low_memory=False, index_col=False
        )


def _read_parquet(path: Path, text: Collection[str]) -> pd.DataFrame:
    _optional("pyarrow")
    return pd.read_parquet(path)


def _statistical(reader: str) -> Callable[[Path, Collection[str]], pd.DataFrame]:
    def read(path: Path, text: Collection[str]) -> pd.DataFrame:
        # Codes are kept as stored: value labels would turn part of a score column into text.
        frame, _ = getattr(_optional("pyreadstat"), reader)(str(path))
        result: pd.DataFrame = frame
        return result

    return read


READERS: dict[str, Callable[[Path, Collection[str]], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".xpt": _statistical("read_xport"),
    ".sas7bdat": _statistical("read_sas7bdat"),
    ".sav": _statistical("read_sav"),
    ".dta": _statistical("read_dta"),
}


def register_reader(ending: str, read: Callable[[Path, Collection[str]], pd.DataFrame]) -> None:
    """Teach `read_table`, and so `read_study`, plans and ``trdstats check``, another kind of file.

    Parameters
    ----------
    ending : str
        With its dot: ``".tsv"``.
    read : callable
        ``read(path, text)`` returns the table; `text` names columns to be kept as written.

    Raises
    ------
    SpecError
        When the ending has no dot, or is read already.
    """
    if not ending.startswith(".") or ending != ending.lower() or ending in READERS:
        raise SpecError(
            f"An ending is a dot and small letters, and not one of {', '.join(READERS)}; got "
            f"{ending!r}."
        )
    READERS[ending] = read


def read_table(path: str | Path, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Return the table in a file, by the ending of its name.

    Parameters
    ----------
    path : str or Path
        A .csv, .parquet, .xpt, .sas7bdat, .sav or .dta file.
    text : collection of str, optional
        Columns of a .csv file that are kept as they are written, such as identifiers: ``007`` is
        not ``7``. The other formats say themselves what is text.

    Raises
    ------
    UnknownNameError
        When the ending is not one of these.
    MissingDependencyError
        When the format needs the extra ``io``.
    TrdstatsError
        When the file is not there or cannot be read.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise unknown_name("file type", path.suffix or path.name, READERS)
    try:
        if not path.is_file():
            raise TrdstatsError(f"There is no file {str(path)!r}.")
        return reader(path, text)
    except TrdstatsError:
        raise
    except Exception as error:  # each reader has errors of its own; the file is what they share
        raise TrdstatsError(f"{str(path)!r} cannot be read: {error}") from error


@checked
def read_study(
    visits_path: str | Path,
    subjects_path: str | Path | None = None,
    events_path: str | Path | None = None,
    **roles: Any,
) -> Study:
    """Read the tables of a study from files.

    Parameters
    ----------
    visits_path, subjects_path, events_path : str or Path
        Files as in `read_table`. Identifiers of subjects in .csv files are text.
    **roles
        The keyword arguments of `Study`: scale, subject, treatment, day, score, baseline, ...

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
    text = (roles.get("subject", "subject"),)
    subjects = None if subjects_path is None else read_table(subjects_path, text=text)
    events = None if events_path is None else read_table(events_path, text=text)
    return Study(read_table(visits_path, text=text), subjects, events, **roles)


@checked
def read_export(
    visits: Any = None,
    *,
    mapping: ExportMapping | str | Path,
    subjects: Any = None,
    events: Any = None,
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
    limits = [p for p in study.notices if p.level == "warning"]
    if limits:
        warnings.warn(describe_problems(limits), DataWarning, stacklevel=3)
    return study


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
    return study._with(notices=(*tables.notices, *study.notices))


def _without_rows(problem: Problem) -> Problem:
    """Return a problem whose places name no rows: those would not be the rows of the file."""
    return replace(problem, where=tuple(w.split(" (row")[0] for w in problem.where))
