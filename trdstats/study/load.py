"""Studies described by a few lines of TOML, and the sample studies that ship with the library."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import (
    MissingDependencyError,
    PlanError,
    SpecError,
    TrdstatsError,
    unknown_name,
)
from trdstats.intake.files import FileTable, read_file, read_table
from trdstats.kinds import as_labels, label_of
from trdstats.scales import averaged_scales
from trdstats.study.described import READING, ROLES, TABLES, check_described_study
from trdstats.study.described_export import export_files, study_of_described_export
from trdstats.study.readers import study_of_files
from trdstats.study.study import Study

_EXPORTS = "exports"  # folder of the packaged exports


def study_from_mapping(data: Mapping[str, Any], folder: Path) -> Study:
    """Build a study from the ``[study]`` table of a plan.

    Parameters
    ----------
    data : mapping
        ``sample`` alone; ``export``, the fields of `ExportMapping` and, for an export of REDCap,
        ``redcap``, those of `RedcapLayout`; or ``visits`` (and ``subjects``, ``events``,
        ``courses``) as files, how they are read (``separator``, ``encoding``, ``sheet``, as in
        `read_study`), the keyword arguments of `Study`, ``averaged_over``, the number of raters
        whose mean the totals are, and ``treatments``, the order of the treatments.
    folder : Path
        Where relative files are looked for.

    Raises
    ------
    PlanError
        When a key is not known, missing, of the wrong kind, or a file cannot be read.
    TrdstatsError
        As `Study` and `read_table` do.
    """
    faults = check_described_study(data)
    if faults:
        raise PlanError("\n".join(f"{words[:1].upper()}{words[1:]}." for _, words in faults))
    if "sample" in data:
        return load_sample(str(data["sample"]))
    if "export" in data:
        return study_of_described_export(data["export"], folder)
    text = (data.get("subject", "subject"),)
    how = {name: data[name] for name in READING if name in data and name != "sheet"}
    sheet = data.get("sheet")
    sheets = sheet if isinstance(sheet, Mapping) else dict.fromkeys(TABLES, sheet)
    tables = {
        name: _read(folder / data[name], text, sheet=sheets.get(name), **how)
        for name in TABLES
        if name in data
    }
    roles = {name: data[name] for name in ROLES if name in data}
    if "averaged_over" in data:
        roles["scale"] = averaged_scales(data["scale"], data["averaged_over"])
    if "treatments" in data:
        frame = tables.get("subjects", tables["visits"]).frame
        _order_treatments(frame, data["treatments"], roles.get("treatment", "treatment"))
    return study_of_files(tables, **roles)


def _read(path: Path, text: tuple[str, ...], **how: Any) -> FileTable:
    try:
        return read_file(path, text=text, **how)
    except MissingDependencyError:
        raise
    except TrdstatsError as error:  # it names the file
        raise PlanError(str(error)) from error


def study_files(data: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Return the files a study is read from, by their path as the plan names it."""
    if "sample" in data:
        folder = sample_folder(str(data["sample"]))
        data = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    if "export" in data:
        return {name: folder / name for name in export_files(data["export"])}
    return {str(data[name]): folder / data[name] for name in TABLES if name in data}


def _order_treatments(table: pd.DataFrame, order: list[str], column: str) -> None:
    if column not in table.columns:
        return  # the study itself reports the unknown column, with its nearest names
    values = as_labels(table[column])
    levels = [label_of(t) for t in order]
    missing = [t for t in values.cat.categories if t not in levels]
    if missing:
        raise PlanError(f"treatments does not list {', '.join(map(repr, missing))}.")
    table[column] = pd.Categorical(values, categories=levels)


def samples_home() -> Path:
    """Return the folder of the sample data, in the package or beside it in a source tree."""
    package = Path(__file__).resolve().parents[1]
    # Installed, the samples lie inside the package; in a source tree, beside it.
    for home in (package / "sample_data", package.parent / "sample_data"):
        if (home / "README.md").is_file():
            return home
    raise TrdstatsError("The sample studies were not installed with the package.")


def sample_names() -> list[str]:
    """Return the names of the sample studies, those that `load_sample` accepts."""
    return sorted(p.parent.name for p in samples_home().glob("*/study.toml"))


def sample_folder(name: str) -> Path:
    """Return the folder of a sample study.

    Raises
    ------
    UnknownNameError
        When there is no such sample.
    SpecError
        When the sample holds forms that have yet to be scored.
    """
    if name not in sample_names() and name in _sample_files():
        raise SpecError(
            f"The sample {name!r} is no study: its forms are kept as they came from the clinic. "
            f'Take its tables with sample_tables("{name}") and score them with score_items.'
        )
    if name not in sample_names():
        raise unknown_name("sample study", name, sample_names())
    return samples_home() / name


def _sample_files() -> dict[str, list[Path]]:
    """Return the tables of all samples by the name of the sample."""
    files: dict[str, list[Path]] = {}
    for path in sorted(samples_home().glob("*/*.csv")):
        if path.parent.name == _EXPORTS:
            continue  # no tables of a study yet: see sample_exports
        files.setdefault(path.parent.name, []).append(path)
    return files


@checked
def sample_tables(name: str) -> dict[str, pd.DataFrame]:
    """Return the tables of a sample as they are on file, unchecked.

    Parameters
    ----------
    name : str
        ``"registry"``: patients, qids and phq9 (one row a form, item by item and messy on
        purpose) and defects, the list of what was planted. Or a sample study: visits, subjects
        and events.

    Returns
    -------
    dict of str to DataFrame
        By the name of the file without its ending.

    Raises
    ------
    UnknownNameError
        When there is no such sample.

    Examples
    --------
    >>> list(sample_tables("registry"))
    ['defects', 'patients', 'phq9', 'qids']
    """
    files = _sample_files()
    if name not in files:
        raise unknown_name("sample", name, files)
    return {path.stem: read_table(path) for path in files[name]}


def sample_exports() -> dict[str, Path]:
    """Return the packaged exports: 48 simulated patients as many programs export them.

    Returns
    -------
    dict of str to Path
        By the name of the file: ``"redcap_classic.csv"``, ``"wide.xlsx"``, ``"visits.sav"``, ...
        The README beside them says what they hold. Whichever is read, the rates of response on day
        28 are those of ``"rates.csv"``.

    Examples
    --------
    >>> from trdstats import read_study
    >>> study = read_study(sample_exports()["visits.csv.gz"], scale="MADRS", windows={28: 3})
    >>> len(study.subjects)
    48
    """
    paths = sorted((samples_home() / _EXPORTS).iterdir())
    return {path.name: path for path in paths if path.suffix != ".md"}


@checked
def load_sample(name: str) -> Study:
    """Return a sample study: simulated cohorts, see ``sample_data/README.md``.

    Parameters
    ----------
    name : str
        ``"modalities"``, eight cohorts that were not randomised, or ``"trial"``, a randomised
        trial of three arms.

    Raises
    ------
    UnknownNameError
        When there is no such sample.
    SpecError
        When the sample holds forms that have yet to be scored: see `sample_tables`.

    Examples
    --------
    >>> load_sample("trial").treatments
    ('TMS', 'ECT', 'IV ketamine')
    """
    folder = sample_folder(name)
    data = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    return study_from_mapping(data, folder)
