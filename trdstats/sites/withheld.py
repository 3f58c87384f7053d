"""What did not leave a site, or not as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["subjects", "rates", "times", "histories", "mixed"]


@dataclass(frozen=True, slots=True)
class Withheld:
    """One thing that was withheld, or changed so that it may leave.

    Attributes
    ----------
    part : {"subjects", "rates", "times", "histories", "mixed"}
    words : str
        What was done and why.
    outcome, treatment : str
        Of rates, times and histories; "" otherwise.
    day : float or None
        Of rates.
    label : str
        The outcome in words, of rates.
    is_missing : bool
        Whether it did not leave at all.
    """

    part: Part
    words: str
    outcome: str = ""
    treatment: str = ""
    day: float | None = None
    is_missing: bool = True
    label: str = ""

    @property
    def of_all_subjects(self) -> bool:
        """Whether it tells the same of every subject of the site."""
        return self.outcome != "" and not self.treatment and not self.is_missing


def not_followed(part: Part, what: str, outcome: str) -> Withheld:
    """Return that the outcome of no subject of a site can be followed: all are left out there."""
    words = f"{what}: no subject has a rating after day 0, and a baseline where it is needed."
    return Withheld(part, words, outcome, is_missing=False)


def no_model(why: str) -> Withheld:
    """Return that the mixed model did not leave a site."""
    return Withheld("mixed", f"Mixed model: not summarised, as {why}.")
