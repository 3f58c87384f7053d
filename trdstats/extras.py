"""Packages that only some work needs: the extras of the installation."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

from trdstats.errors import MissingDependencyError

# What each extra is for, as a message begins.
_WORK = {
    "io": "This kind of file",
    "dask": "A table in partitions",
    "paper": "A file or table for a paper",
}
_INSTALLED_AS = {"docx": "python-docx", "great_tables": "great-tables"}


def extra_module(name: str, extra: Literal["io", "dask", "paper"]) -> Any:
    """Return a module of a package that an extra brings.

    Parameters
    ----------
    name : str
        Of the module, as it is imported.
    extra : {"io", "dask", "paper"}

    Raises
    ------
    MissingDependencyError
        With the line that installs the package.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        # Double quotes, which every shell takes.
        raise MissingDependencyError(
            f"{_WORK[extra]} needs the package {_INSTALLED_AS.get(package, package)}, which is not "
            f'installed: pip install "trdstats[{extra}]".'
        ) from error
