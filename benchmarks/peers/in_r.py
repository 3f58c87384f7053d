"""Work of packages of R: timed there, by the same rule, and held to the numbers of trdstats."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from timing import LEAST_SECONDS, LONG_SECONDS, MOST_RUNS

SCRIPT = Path(__file__).parent / "timed_work.R"


@dataclass(frozen=True)
class InR:
    """A piece of work in R, on tables that it finds as data frames.

    Attributes
    ----------
    work : str
        The expression that is timed.
    tables : dict of str to DataFrame
        By the name that R has for each.
    numbers : str
        Expression of estimates, from the value of the work, which is ``done``.
    ours : callable
        Returns the same estimates by trdstats.
    apart : float
        By how much the two may differ, relative to the estimate where that is above 1.
    packages : tuple of str
        Loaded before the work.
    setup : str
        Lines of R before the work, which take no part in the time.
    """

    work: str
    tables: dict[str, pd.DataFrame]
    numbers: str
    ours: Callable[[], ArrayLike]
    apart: float
    packages: tuple[str, ...] = ()
    setup: str = field(default="", kw_only=True)

    @property
    def is_here(self) -> bool:
        """Whether there is R with the packages."""
        return {"base", *self.packages} <= set(installed())

    def seconds(self) -> float:
        """Return the shortest time of several runs.

        Raises
        ------
        ValueError
            When R does not reach the estimates of trdstats, and so has done other work.
        """
        time, *theirs = self._run()
        ours = np.ravel(np.asarray(self.ours(), dtype=float))
        if not np.allclose(theirs, ours, rtol=self.apart, atol=self.apart):
            raise ValueError(
                f"R and trdstats differ: not the same work.\n{self.work}\n{theirs}\n{ours}"
            )
        return time

    def _run(self) -> list[float]:
        """Return the seconds and the estimates of one R."""
        lines = [
            *(f"suppressMessages(library({name}))" for name in self.packages),
            self.setup,
            f"work <- function() {{\n{self.work}\n}}",
            f"numbers <- function(done) {{\n{self.numbers}\n}}",
        ]
        limits = map(str, (LEAST_SECONDS, LONG_SECONDS, MOST_RUNS))
        with TemporaryDirectory() as name:
            folder = Path(name)
            for table, frame in self.tables.items():
                frame.to_csv(folder / f"{table}.csv", index=False)
            (folder / "lines.R").write_text("\n".join(lines), "utf-8")
            ran = subprocess.run(
                ["Rscript", "--vanilla", str(SCRIPT), name, *limits],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if ran.returncode:
                raise RuntimeError(f"R could not do this:\n{self.work}\n{ran.stderr}")
            return [float(v) for v in (folder / "result.txt").read_text("utf-8").split()]


@cache
def installed() -> dict[str, str]:
    """Return versions: of packages of R, of R as "base", of its "BLAS"; none where R is not."""
    ask = (
        'v <- c(installed.packages()[, "Version"], BLAS = basename(extSoftVersion()["BLAS"])); '
        'cat(paste(names(v), v), sep = "\\n")'
    )
    try:
        answer = subprocess.run(
            ["Rscript", "--vanilla", "-e", ask], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    return dict(line.split() for line in answer.splitlines())
