"""What commands print: colours for terminals, texts of users as they are, notices once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console

from trdstats.errors import TrdstatsError, TrdstatsWarning, visible

BAD_INPUT = 2
NOT_ALL = 1


def console_of_errors() -> Console:
    """Return the console of standard error."""
    # Colours are for terminals, whatever the environment asks for: a log holds text only.
    return Console(stderr=True, force_terminal=sys.stderr.isatty())


def say(console: Console, text: str) -> None:
    """Print a text that may hold names of the user: as it is, what a terminal obeys written out."""
    console.print(visible(text), markup=False, highlight=False, emoji=False)


@contextmanager
def collected_notices() -> Iterator[list[str]]:
    """Collect what data and estimates limit, so that it is shown once and in words."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always", TrdstatsWarning)
        yield messages
    for record in records:
        if issubclass(record.category, TrdstatsWarning):
            if str(record.message) not in messages:
                messages.append(str(record.message))
        else:
            warnings.warn_explicit(record.message, record.category, record.filename, record.lineno)


def show_notices(console: Console, notices: list[str]) -> None:
    """Print what the data limit."""
    for notice in notices:
        console.print("[bold yellow]Note[/]", end=" ")
        say(console, notice)


def fail(console: Console, error: TrdstatsError) -> NoReturn:
    """Print an error and end."""
    console.print(f"[bold red]{type(error).__name__}[/]", end=": ")
    say(console, str(error))
    sys.exit(BAD_INPUT)
