"""Packages that only some files need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trdstats.errors import MissingDependencyError


def optional(package: str) -> Any:
    """Return an optional package.

    Raises
    ------
    MissingDependencyError
        With the line that installs it.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading this file needs {package}: pip install 'trdstats[io]'."
        ) from error
