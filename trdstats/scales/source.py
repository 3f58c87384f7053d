"""Where a rule comes from, and how sure we are of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trdstats.errors import check_choice

Certainty = Literal["V", "V2", "D", "M", "M?"]

CERTAINTY_WORDS: dict[str, str] = {
    "V": "verified in the source",
    "V2": "verified in a secondary source",
    "D": "derived from verified numbers",
    "M": "recalled, not verified",
    "M?": "recalled with doubt, not verified",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A citation with its certainty.

    Attributes
    ----------
    citation : str
        Authors, year, journal; or the trials that used the rule.
    doi : str
        DOI without prefix, empty when none is known.
    certainty : {"V", "V2", "D", "M", "M?"}
        Verified in the source, in a secondary source, derived from verified numbers, recalled
        and not verified, recalled with doubt. A doubtful fact never becomes a default.
    """

    citation: str
    doi: str = ""
    certainty: Certainty = "V"

    def __post_init__(self) -> None:
        check_choice("certainty", self.certainty, tuple(CERTAINTY_WORDS))

    @property
    def is_verified(self) -> bool:
        """Whether the fact was seen in a source or derived from such facts."""
        return self.certainty in ("V", "V2", "D")

    @property
    def is_analysts(self) -> bool:
        """Whether the rule is the analyst's, and not one in use."""
        return self == SET_BY_ANALYST

    def cite(self) -> str:
        """Return the citation, with the DOI and, unless verified, the mark of doubt."""
        text = self.citation + (f", doi:{self.doi}" if self.doi else "")
        return text if self.is_verified else f"{text} [{CERTAINTY_WORDS[self.certainty]}]"


SET_BY_ANALYST = Source("set by the analyst")
