"""Code blocks of a page, run in order in one namespace, for the site and for the tests.

A block may say, after its language,

- ``file=NAME``: its text is written to a file of that name, for the blocks after it;
- ``fails=ERROR``: it must end in this error, whose message is its output;
- ``figure="..."``: the text for those who cannot see the figure it draws;
- ``quiet``: its output is not shown;
- ``recipe=NAME``: it is run elsewhere (``tests/documents/test_recipes.py``).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from click.testing import CliRunner
from matplotlib.figure import Figure

import trdstats as trd
from trdstats.cli import main

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
# Programs that install or test: their lines are shown, and run by .ci/run or other tests.
INSTALLERS = {"pip", "pipx", "uvx", "uv", "conda", "python", "pytest", "sphinx-build", "git", "sh"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: language, options, text, its first line and where it ends."""

    language: str
    options: dict[str, str]
    text: str
    line: int
    end: int


@dataclass(frozen=True)
class Output:
    """What a block printed, with warnings of the library, and the figures it left open."""

    block: Block
    text: str
    figures: tuple[Figure, ...]


class BlockError(Exception):
    """A block did not do what the page says."""


def read_blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page that have a language."""
    found = []
    for match in FENCE.finditer(page):
        words = shlex.split(match[2]) if "=" in match[2] or match[2].strip() else []
        options = {w.partition("=")[0]: w.partition("=")[2] for w in words}
        line = page.count("\n", 0, match.start()) + 2
        found.append(Block(match[1], options, match[3], line, match.end()))
    return found


def sample_files(folder: Path) -> None:
    """Lay the exports of the packaged clinic into a folder, under the names that pages use."""
    for name, path in trd.sample_exports().items():
        shutil.copy(path, folder / name)
    shutil.copy(folder / "klinik.csv", folder / "export.csv")
    shutil.copy(folder / "wide.xlsx", folder / "export.xlsx")


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """Work in a fresh folder that holds the sample files, and come back."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        sample_files(Path(name))
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def run_page(page: str, name: str) -> list[Output]:
    """Run every block of a page in a fresh folder; a block that fails raises `BlockError`."""
    names: dict[str, Any] = {"__name__": "__page__"}
    wide = pd.option_context("display.width", 110, "display.max_columns", 12)
    with working_folder(), wide, mpl.rc_context({"figure.dpi": 110, "figure.max_open_warning": 0}):
        return [run_block(block, names, name) for block in read_blocks(page)]


def run_block(block: Block, names: dict[str, Any], page: str) -> Output:
    """Run one block in a namespace."""
    where = f"{page}, line {block.line}"
    if "recipe" in block.options:
        return Output(block, "", ())
    if "file" in block.options:
        Path(block.options["file"]).write_text(block.text, "utf-8")
    if block.language == "python":
        return run_python(block, names, where)
    if block.language == "sh":
        return Output(block, run_commands(block.text, where), ())
    return Output(block, "", ())


def run_python(block: Block, names: dict[str, Any], where: str) -> Output:
    """Run Python, collecting what it prints, what it warns of and what it draws."""
    plt.close("all")
    printed = io.StringIO()
    code = compile("\n" * (block.line - 1) + block.text, where.split(",")[0], "exec")
    wanted = block.options.get("fails")
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(code, names)
        except Exception as error:
            if wanted is None or type(error).__name__ != wanted:
                raise BlockError(f"{where}: {type(error).__name__}: {error}") from error
            printed.write(f"{wanted}: {error}\n")
        else:
            if wanted is not None:
                raise BlockError(f"{where}: no {wanted} was raised")
    text = printed.getvalue()
    for warning in caught:
        kind = warning.category
        if not kind.__module__.startswith("trdstats"):
            if issubclass(kind, DeprecationWarning | PendingDeprecationWarning | ResourceWarning):
                continue  # of packages below the library
            raise BlockError(f"{where}: {kind.__name__}: {warning.message}")
        text += f"{kind.__name__}: {warning.message}\n"
    figures = tuple(plt.figure(number) for number in plt.get_fignums())
    if figures and len(block.options.get("figure", "")) < 20:
        raise BlockError(f"{where}: a figure without a text that says what it shows")
    return Output(block, text, figures)


def run_commands(text: str, where: str) -> str:
    """Run the commands of a block; those that install are left alone, unknown ones refused."""
    shown = []
    for line in text.strip().splitlines():
        program, *arguments = shlex.split(line, comments=True) or [""]
        if program in INSTALLERS or not program:
            continue
        if program != "trdstats":
            raise BlockError(f"{where}: {program!r} is not a program that pages may use")
        result = CliRunner().invoke(main, arguments, catch_exceptions=True)
        if result.exit_code not in (0,):
            raise BlockError(
                f"{where}: {line}: exit {result.exit_code}\n{result.output}{result.exception or ''}"
            )
        shown.append(result.output)
    return "".join(shown)
