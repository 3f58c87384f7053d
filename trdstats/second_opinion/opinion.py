"""Numbers of a result beside those of independent libraries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from trdstats.errors import count_of
from trdstats.second_opinion.recomputed import Recomputed
from trdstats.tables import Summary, SummaryMixin, Table, format_number

NONE = "no independent implementation"


@dataclass(frozen=True, repr=False)
class SecondOpinion(SummaryMixin):
    """What independent libraries find on the same data.

    `tidy` has one row a number: quantity, ours, theirs, difference, tolerance (the largest
    difference that still agrees), agrees (True, False, or missing where nothing was compared),
    library (with its version; "no independent implementation" where there is none), basis (the
    tolerance in words), note.

    Attributes
    ----------
    of : str
        Class of the result.
    rows : tuple of Recomputed
    """

    of: str
    rows: tuple[Recomputed, ...]

    @property
    def n_compared(self) -> int:
        """How many numbers were compared."""
        return sum(r.agrees is not None for r in self.rows)

    @property
    def n_differ(self) -> int:
        """How many numbers differ by more than their tolerance."""
        return sum(r.agrees is False for r in self.rows)

    @property
    def agrees(self) -> bool | None:
        """Whether every number that was compared agrees; None where none was compared."""
        return None if not self.n_compared else not self.n_differ

    def tidy(self) -> pd.DataFrame:
        """Return one row a number; the class names the columns."""
        frame = pd.DataFrame(
            {
                "quantity": [r.quantity for r in self.rows],
                "ours": [r.ours for r in self.rows],
                "theirs": [r.theirs for r in self.rows],
                "tolerance": [r.tolerance for r in self.rows],
                "agrees": pd.array([r.agrees for r in self.rows], dtype="boolean"),
                "library": [r.library or NONE for r in self.rows],
                "basis": [r.basis for r in self.rows],
                "note": [r.note for r in self.rows],
            }
        )
        frame.insert(3, "difference", frame["ours"] - frame["theirs"])
        return frame

    def in_words(self) -> str:
        """Return the outcome as a sentence."""
        if not self.n_compared:
            return f"{self.of}: {NONE}."
        if not self.n_differ:
            what = count_of(self.n_compared, "number agrees", "numbers agree")
            return f"{what} with independent libraries."
        what = count_of(self.n_differ, "number differs", "numbers differ")
        return f"{what} of {self.n_compared:,} compared with independent libraries."

    def summary(self) -> Summary:
        """Return the numbers side by side."""
        return Summary(
            f"Second opinion on {self.of}",
            (("Outcome", self.in_words()),),
            (table_of(self.rows),),
            notes_of(self.rows),
        )


def table_of(rows: Sequence[Recomputed], title: str = "") -> Table:
    """Return numbers side by side for print."""
    words = {True: "yes", False: "NO", None: "not compared"}
    cells = tuple(
        (
            r.quantity,
            r.library or NONE,
            format_number(r.ours, 6),
            format_number(r.theirs, 6),
            words[r.agrees],
        )
        for r in rows
    )
    return Table(("Quantity", "Library", "trdstats", "Library's", "Agrees"), cells, 2, title)


def notes_of(rows: Sequence[Recomputed]) -> tuple[str, ...]:
    """Return tolerances and limits of comparisons as sentences, each once."""
    bases = dict.fromkeys(r.basis for r in rows if r.basis and r.agrees is not None)
    notes = dict.fromkeys(r.note for r in rows if r.note)
    return (
        *(f"Tolerance {basis}." for basis in bases),
        *(f"{note[:1].upper()}{note[1:]}.".replace("..", ".") for note in notes),
    )
