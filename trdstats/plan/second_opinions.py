"""Results of a report recomputed with independent libraries, beside the numbers they check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from trdstats.errors import count_of
from trdstats.plan.sections import Note, Section
from trdstats.second_opinion import Recomputed, SecondOpinion, second_opinion
from trdstats.second_opinion.opinion import table_of
from trdstats.tables import Table

TITLE = "Recomputed with independent libraries"
FILE = "second_opinion"


@dataclass(frozen=True, slots=True)
class ResultOpinion:
    """The second opinion on one result of a section.

    Attributes
    ----------
    title : str
        What the result is.
    opinion : SecondOpinion
    """

    title: str
    opinion: SecondOpinion


def with_opinions(section: Section) -> Section:
    """Return a section with its checked results recomputed; what differs stands in its notes.

    Parameters
    ----------
    section : Section
    """
    opinions: list[ResultOpinion] = []
    notes: list[Note] = []
    for result in section.checked:
        title = result.summary().title
        try:
            opinion = second_opinion(result)
        except Exception as error:  # a library that breaks must not cost the report
            text = f"{title} could not be recomputed ({type(error).__name__}: {error})."
            notes.append(Note(text, "method"))
            continue
        opinions.append(ResultOpinion(title, opinion))
        if opinion.agrees is False:
            wrong = [r for r in opinion.rows if r.agrees is False]
            named = ", ".join(r.quantity for r in wrong[:5]) + (", ..." if len(wrong) > 5 else "")
            what = count_of(len(wrong), "number differs", "numbers differ")
            notes.append(Note(f"{title}: {what} from independent libraries ({named})."))
    return replace(section, opinions=tuple(opinions), notes=(*section.notes, *notes))


def rows_of(opinions: Sequence[ResultOpinion]) -> list[Recomputed]:
    """Return the numbers of several results, each named with its result."""
    return [
        replace(r, quantity=f"{each.title}: {r.quantity}")
        for each in opinions
        for r in each.opinion.rows
    ]


def opinion_table(opinions: Sequence[ResultOpinion]) -> Table:
    """Return numbers side by side for the report."""
    return table_of(rows_of(opinions), TITLE)


def opinion_frame(sections: Sequence[Section]) -> pd.DataFrame | None:
    """Return the numbers of all sections: section, result, then as `SecondOpinion.tidy`.

    None where no section has any.
    """
    frames = [
        each.opinion.tidy().assign(section=section.key, result=each.title)
        for section in sections
        for each in section.opinions
    ]
    if not frames:
        return None
    table = pd.concat(frames, ignore_index=True)
    first = ["section", "result"]
    return table[first + [c for c in table if c not in first]]


def counts_in_words(opinions: Sequence[ResultOpinion]) -> str:
    """Return how many numbers were recomputed and how many agree, as a sentence."""
    rows = rows_of(opinions)
    compared = [r for r in rows if r.agrees is not None]
    libraries = ", ".join(sorted({r.library for r in compared}))
    if not compared:
        return "No number has an independent implementation."
    agree = sum(r.agrees is True for r in compared)
    what = count_of(len(compared), "number was", "numbers were")
    return f"{what} recomputed with {libraries}: {agree:,} of {len(compared):,} agree."
