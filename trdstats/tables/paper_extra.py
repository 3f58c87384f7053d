"""Packages that only files for a paper need: the extra ``paper``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trdstats.errors import MissingDependencyError

_INSTALLED_AS = {
    "docx": "python-docx",
    "openpyxl": "openpyxl",
    "great_tables": "great-tables",
}


def paper_package(module: str) -> Any:
    """Return a module of a package of the extra ``paper``.

    Raises
    ------
    MissingDependencyError
        With the line that installs the package.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = _INSTALLED_AS[module.split(".")[0]]
        raise MissingDependencyError(
            f"This needs the package {package}, which is not installed: "
            'pip install "trdstats[paper]".'
        ) from error
