"""A line of progress for exports that take their time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds without a line


@contextmanager
def shown_progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield a callable that shows steps on a terminal, from two seconds on; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<20}"), BarColumn(bar_width=24), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task("reading the file", total=None)

    def tell(words: str, done: int, total: int) -> None:
        progress.update(task, description=words, completed=done, total=total)

    waiting = threading.Timer(PATIENCE, progress.start)
    waiting.daemon = True
    waiting.start()
    try:
        yield tell
    finally:
        waiting.cancel()
        waiting.join()  # it may be starting the line right now
        progress.stop()
