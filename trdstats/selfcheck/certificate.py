"""What the packaged figures came to on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trdstats.errors import count_of
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_number

_DEVIATIONS = (
    "Deviations are parts of the expected figure. The largest ones are those of figures printed "
    "with two or three digits, and of programs that stop their search early; the certificate "
    "names the tolerance of each."
)
_LEAST = 1e-6  # below it a figure stands for 0
_SHOWN = 20  # failures in print; all of them stand in the file


@dataclass(frozen=True, slots=True)
class CheckedFigure:
    """A packaged figure beside what this machine computed.

    Attributes
    ----------
    room, case, figure : str
        Part of the library, source of the figure, and its name.
    expected, computed : float
        NaN where nothing was computed.
    allowed : float
        Largest difference that meets it.
    provenance, tolerance : str
    error : str
        Why nothing was computed; empty otherwise.
    """

    room: str
    case: str
    figure: str
    expected: float
    computed: float
    allowed: float
    provenance: str
    tolerance: str
    error: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the difference is allowed."""
        return abs(self.computed - self.expected) <= self.allowed

    @property
    def deviation(self) -> float:
        """Difference as a part of the expected figure, or of 1e-6 where that is smaller."""
        return abs(self.computed - self.expected) / max(abs(self.expected), _LEAST)


@dataclass(frozen=True, repr=False)
class Certificate(SummaryMixin):
    """Which figures of other programs this installation meets.

    `tidy` has one row a part of the library: room, figures, met, worst (largest deviation from
    an expected figure, as a part of it), worst_figure.

    Attributes
    ----------
    versions : mapping of str to str
        Of trdstats, Python and the packages on which the numbers rest.
    platform : str
    figures : tuple of CheckedFigure
    """

    versions: Mapping[str, str]
    platform: str
    figures: tuple[CheckedFigure, ...]

    @property
    def failures(self) -> tuple[CheckedFigure, ...]:
        """The figures that are not met."""
        return tuple(f for f in self.figures if not f.is_met)

    @property
    def n_met(self) -> int:
        """How many figures are met."""
        return len(self.figures) - len(self.failures)

    @property
    def passes(self) -> bool:
        """Whether every figure is met."""
        return not self.failures

    def tidy(self) -> pd.DataFrame:
        """Return one row a part of the library; the class names the columns."""
        rows = []
        for room in dict.fromkeys(f.room for f in self.figures):
            figures = [f for f in self.figures if f.room == room]
            known = [f for f in figures if not f.error]
            worst = max(known, key=lambda f: f.deviation, default=None)
            rows.append(
                {
                    "room": room,
                    "figures": len(figures),
                    "met": sum(f.is_met for f in figures),
                    "worst": float("nan") if worst is None else worst.deviation,
                    "worst_figure": "" if worst is None else f"{worst.case}: {worst.figure}",
                }
            )
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as plain data."""
        return {
            "passes": self.passes,
            "figures": len(self.figures),
            "met": self.n_met,
            "versions": dict(self.versions),
            "platform": self.platform,
            "rooms": json.loads(self.tidy().to_json(orient="records", double_precision=15)),
            "failures": [
                {k: None if v != v else v for k, v in asdict(f).items()} for f in self.failures
            ],
        }

    def write(self, path: Path | str) -> None:
        """Write the certificate as JSON.

        Parameters
        ----------
        path : path-like
        """
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        Path(path).write_text(f"{text}\n", "utf-8", newline="\n")

    def summary(self) -> Summary:
        """Return counts, versions, what was found by part of the library, and failures."""
        versions = ", ".join(f"{k} {v}" for k, v in self.versions.items())
        header = (
            ("Outcome", "passes" if self.passes else "DOES NOT PASS"),
            ("Figures", f"{self.n_met:,} of {len(self.figures):,} met"),
            ("Versions", versions),
            ("Platform", self.platform),
        )
        rows = tuple(
            (r.room, f"{r.met:,}/{r.figures:,}", f"{r.worst:.1e}", r.worst_figure)
            for r in each_row(self.tidy())
        )
        tables = [Table(("Part", "Met", "Worst deviation", "Where"), rows)]
        failures = self.failures
        if failures:
            tables.append(_failed(failures))
        notes = [_DEVIATIONS]
        if len(failures) > _SHOWN:
            left = count_of(len(failures) - _SHOWN, "more failure", "more failures")
            notes.append(f"{left} in the certificate as JSON.")
        notes += dict.fromkeys(f"{f.case}: {f.error}." for f in failures if f.error)
        return Summary("Self-check of trdstats", header, tuple(tables), tuple(notes))


def _failed(failures: tuple[CheckedFigure, ...]) -> Table:
    rows = tuple(
        (
            f"{f.case}: {f.figure}",
            f.provenance.partition(":")[0],
            format_number(f.expected, 8),
            format_number(f.computed, 8),
            f"{f.allowed:.1e}",
        )
        for f in failures[:_SHOWN]
    )
    return Table(("Figure", "Source", "Expected", "Found", "Allowed"), rows, 2, "Not met")
