"""What a file holds: its table, labels of codes, and how it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from trdstats.errors import Problem


@dataclass(frozen=True)
class FileTable:
    """The table in a file.

    Attributes
    ----------
    frame : pandas.DataFrame
        Values as stored: codes stay codes.
    labels : mapping of column to {code: label}
        Value labels that the file keeps beside its codes (SPSS, Stata).
    notices : tuple of Problem
        How the file was read where that had to be found out, and what was left out.
    """

    frame: pd.DataFrame
    labels: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    notices: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about a file.

    Attributes
    ----------
    text : tuple of str or "all"
        Columns of a text file kept as they are written.
    separator, encoding : str or None
        Of a text file; None to detect them.
    sheet : str or None
        Of a workbook; None where it has only one.
    """

    text: tuple[str, ...] | Literal["all"] = ()
    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns named one by one."""
        return () if self.text == "all" else self.text
