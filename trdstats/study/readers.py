"""A study from its files."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trdstats.arguments import checked
from trdstats.errors import DataWarning, Problem, describe_problems, unknown_name
from trdstats.intake.files import FileTable, read_decimal_commas, read_file
from trdstats.study.study import Study

_TABLES = ("visits", "subjects", "events")


@checked
def read_study(
    visits_path: str | Path,
    subjects_path: str | Path | None = None,
    events_path: str | Path | None = None,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | Mapping[str, str] | None = None,
    **roles: Any,
) -> Study:
    """Read the tables of a study from files.

    Parameters
    ----------
    visits_path, subjects_path, events_path : str or Path
        Files as in `read_file`. Identifiers of subjects in text files are text.
    separator, encoding : str, optional
        Of text files, as in `read_file`.
    sheet : str or mapping, optional
        Of workbooks, as in `read_file`; one for each table: ``{"visits": "Ratings"}``.
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
    paths = dict(zip(_TABLES, (visits_path, subjects_path, events_path), strict=True))
    sheets = sheet if isinstance(sheet, Mapping) else dict.fromkeys(_TABLES, sheet)
    for name in sheets:
        if name not in _TABLES:
            raise unknown_name("table of a study", name, _TABLES)
    files = {
        name: read_file(
            path,
            text=(roles.get("subject", "subject"),),
            separator=separator,
            encoding=encoding,
            sheet=sheets.get(name),
        )
        for name, path in paths.items()
        if path is not None
    }
    return study_of_files(files, **roles)


def study_of_files(files: Mapping[str, FileTable], **roles: Any) -> Study:
    """Build a study from files that were read: visits, subjects, events.

    What the files say of themselves comes first among its notices, and is warned of where it
    limits the analysis.
    """
    text = (roles.get("subject", "subject"),)
    files = {name: read_decimal_commas(file, text) for name, file in files.items()}
    notices = tuple(p for file in files.values() for p in file.notices)
    _warn(notices)
    study = Study(**{name: file.frame for name, file in files.items()}, **roles)
    return study.noting(notices) if notices else study


def _warn(notices: tuple[Problem, ...]) -> None:
    limits = [p for p in notices if p.level == "warning"]
    if limits:
        warnings.warn(describe_problems(limits), DataWarning, stacklevel=4)
