"""The command line.

``trdstats new``, ``run``, ``check``, ``verify``, ``diff``, ``explain``; ``summarise``, ``combine``,
``ask``, ``answer`` and ``next`` for hospitals that may not share rows; ``selfcheck``.
"""

from trdstats.cli import checking, running, sites  # they add their commands
from trdstats.cli.group import main

__all__ = ["checking", "main", "running", "sites"]
