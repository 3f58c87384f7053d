"""Where real trials lie that others have analysed; their licences keep them out of the library."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

VARIABLE = "TRDSTATS_REAL_DATA"


def real_file(name: str) -> Path:
    """Return the path of a file, or skip the test and say how it could be run."""
    folder = os.environ.get(VARIABLE)
    if folder is None:
        pytest.skip(
            f"{name} is not distributed with the library (licence of the data); set {VARIABLE} to "
            "the folder that holds it"
        )
    path = Path(folder) / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {VARIABLE}={folder}")
    return path


def real_table(name: str) -> pd.DataFrame:
    """Return a real table, or skip the test."""
    return pd.read_csv(real_file(name))
