"""The tables of a section written into files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from trdstats.plan.results.explain import MEMBERS
from trdstats.plan.sections import Section
from trdstats.tables.spreadsheet import neutralise


def write_tables(section: Section, folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Write the tables of a section.

    Parameters
    ----------
    section : Section
    folder : Path
        Where the files go.

    Returns
    -------
    tuple of tuple of Path
        The tables; and the one of who stands behind the results, where there is one.
    """
    tables = {name: write_table(f, folder / f"{name}.csv") for name, f in section.frames.items()}
    if section.members is None:
        return tuple(tables.values()), ()
    behind = write_table(section.members, folder / f"{section.key}_{MEMBERS}.csv")
    return tuple(tables.values()), (behind,)


def write_table(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table and return its path."""
    # Ten significant digits: what a reader can use, and the same on every platform.
    neutralise(frame).to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
    return path
