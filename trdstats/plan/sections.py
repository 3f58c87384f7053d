"""The parts a report is made of: findings, tables, figures to be drawn, notes, and tidy frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from trdstats.tables import Summary, SummaryMixin

if TYPE_CHECKING:
    from trdstats.plan.second_opinions import ResultOpinion

NoteKind = Literal["caution", "not estimable", "data", "method"]


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence beside the results.

    Attributes
    ----------
    text : str
    kind : {"caution", "not estimable", "data", "method"}
        What limits the meaning of a result; what could not be estimated and why; what was seen in
        the data; how something was computed.
    """

    text: str
    kind: NoteKind = "caution"


@dataclass(frozen=True)
class Picture:
    """A figure to be drawn.

    Attributes
    ----------
    key : str
        Name of its files.
    caption : str
        What it shows and how to read it.
    draw : callable
        Draws on a matplotlib Figure.
    size : tuple of float
        Width and height in inches.
    alt : str
        What is seen in it, for readers who do not see it; the caption when empty.
    """

    key: str
    caption: str
    draw: Callable[[Any], None]
    size: tuple[float, float] = (9.0, 5.6)
    alt: str = ""


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes
    ----------
    key, title : str
        Anchor and heading.
    lead : str
        What was found, with its interval, in one or two sentences.
    about : str
        Which question the part answers, and how to read it.
    tables : tuple of Summary
    pictures : tuple of Picture
    frames : dict of str to pandas.DataFrame
        Tidy tables by the name of their file.
    results : pandas.DataFrame or None
        The estimates of the part in one tidy table, one row an estimate: what `[confirmatory]` and
        the file of results refer to.
    in_results : tuple of str
        Names of the frames whose rows stand in `results` already; the numbers of the others are
        written to the file of results beside them.
    members : pandas.DataFrame or None
        Who stands behind the results: subject, treatment, status ("in the numerator", "in the
        denominator", or why left out), and the columns of `results` that distinguish them.
    headlines : dict of str to dict of str to str
        For the table on the first page: question, then treatment, then the figure in words.
    unsaid : tuple of str
        Why figures of that table, or their intervals, are missing.
    notes : tuple of Note
    methods : tuple of str
        Sentences for the methods section of a paper. The file of results holds them too, so their
        numbers are written plainly and not by the format functions, which follow a style.
    failed : str
        Why the step could not be carried out; empty when it was.
    checked : tuple of results
        Results to be recomputed with independent libraries.
    opinions : tuple of ResultOpinion
        What those libraries found; filled in when the plan is run.
    """

    key: str
    title: str
    lead: str
    about: str = ""
    tables: tuple[Summary, ...] = ()
    pictures: tuple[Picture, ...] = ()
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
    results: pd.DataFrame | None = None
    in_results: tuple[str, ...] = ()
    members: pd.DataFrame | None = None
    headlines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    methods: tuple[str, ...] = ()
    failed: str = ""
    checked: tuple[SummaryMixin, ...] = ()
    opinions: tuple[ResultOpinion, ...] = ()
