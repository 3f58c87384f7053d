"""References of a paper, with their numbers; text for readers, without marks for analysts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trdstats.plan.definition_table import rules_by_scale
from trdstats.plan.plan import Plan
from trdstats.scales.source import CERTAINTY_WORDS, Source
from trdstats.study import Study

_MARKS = re.compile("|".join(re.escape(f" [{words}]") for words in CERTAINTY_WORDS.values()))
# A sentence that names an argument or a call of Python speaks to who runs the analysis.
_FOR_ANALYSTS = re.compile(r"\w=['\"\w]|\w\(|`")


@dataclass(frozen=True, slots=True)
class References:
    """Sources in the order in which a paper cites them.

    Attributes
    ----------
    sources : tuple of Source
        One a citation.
    """

    sources: tuple[Source, ...]

    def cite(self, sources: Sequence[Source]) -> str:
        """Return the numbers of sources as they stand in a sentence: `` [1, 2]``."""
        known = [s.citation for s in self.sources]
        numbers = sorted({known.index(s.citation) + 1 for s in sources if not s.is_analysts})
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    def listed(self) -> tuple[str, ...]:
        """Return the list of references, numbered."""
        return tuple(
            f"{k}. {s.citation[:1].upper()}{s.citation[1:]}"
            + (f", doi:{s.doi}" if s.doi else "")
            + "."
            for k, s in enumerate(self.sources, start=1)
        )

    def unverified(self) -> tuple[str, ...]:
        """Return what the authors must check: sources that were not seen."""
        return tuple(
            f"Reference {k} was {CERTAINTY_WORDS[s.certainty]}: compare the rule with the paper."
            for k, s in enumerate(self.sources, start=1)
            if not s.is_verified
        )


def collect_references(plan: Plan, study: Study) -> References:
    """Return the sources of the scales and of the definitions of a plan, each once."""
    cited: list[Source] = []
    for scale, rules in rules_by_scale(plan, study).items():
        cited += [] if scale.source is None else [scale.source]
        cited += [source for rule in rules for source in rule.sources]
    first: dict[str, Source] = {}
    for source in cited:
        if not source.is_analysts:
            first.setdefault(source.citation, source)
    return References(tuple(first.values()))


def without_marks(text: str) -> str:
    """Return a text without the marks of certainty of its sources."""
    return _MARKS.sub("", text)


def for_readers(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts, each once, without the sentences that speak to who runs the analysis."""
    kept = []
    for text in texts:
        sentences = re.split(r"(?<=[.?]) (?=[A-Z])", without_marks(text))
        kept.append(" ".join(s for s in sentences if not _FOR_ANALYSTS.search(s)))
    return tuple(dict.fromkeys(t for t in kept if t))
