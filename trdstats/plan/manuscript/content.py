"""What a paper holds, with the numbers of its tables and figures: the same for every file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from trdstats.errors import PlanError
from trdstats.plan.manuscript.citations import collect_references, for_readers, without_marks
from trdstats.plan.plan import Plan
from trdstats.plan.report.fine_print import methods_text
from trdstats.plan.report.first_screen import (
    confirmatory_sentences,
    confirmatory_title,
    describe_patients,
    headline_notes,
    headline_table,
)
from trdstats.plan.report.page import warnings_of
from trdstats.plan.sections import Section
from trdstats.study import Study
from trdstats.tables import Label, Summary, Table
from trdstats.tables.latex import caption_of

_NOTES = ("caution", "not estimable")
_MOST = 1000  # letters below a table: what is longer stands at the end of the paper


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table with its number.

    Attributes
    ----------
    number : int
    label : str
        Name by which LaTeX refers to it.
    caption : str
    table : Table
    notes : tuple of str
        Sentences below it.
    """

    number: int
    label: str
    caption: str
    table: Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure with its number.

    Attributes
    ----------
    number : int
    caption, alt : str
        What stands below it, and what is said to readers who do not see it.
    png : Path
    """

    number: int
    caption: str
    alt: str
    png: Path


@dataclass(frozen=True, slots=True)
class Part:
    """One question of the results.

    Attributes
    ----------
    title : str
    lead : str
        What was found, and the tables and figures that show it.
    notes : tuple of str
        Cautions, and what could not be estimated.
    tables : tuple of PaperTable
    figures : tuple of PaperFigure
    further : tuple of str
        Notes to tables that are too long to stand below them.
    """

    title: str
    lead: str
    notes: tuple[str, ...]
    tables: tuple[PaperTable, ...]
    figures: tuple[PaperFigure, ...]
    further: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manuscript:
    """The content of a paper, before it becomes a file.

    Attributes
    ----------
    title : str
    warnings : tuple of str
        What must be said before any result.
    methods : tuple of str
        Paragraphs, with numbers of references.
    patients : str
        Who was studied.
    confirmatory_title : str
    confirmatory : tuple of str
        Sentences; empty when the plan names no confirmatory result.
    findings : PaperTable
        One row a treatment, one column a question.
    parts : tuple of Part
    references : tuple of str
    to_check : tuple of str
        What the authors must check before they submit.
    """

    title: str
    warnings: tuple[str, ...]
    methods: tuple[str, ...]
    patients: str
    confirmatory_title: str
    confirmatory: tuple[str, ...]
    findings: PaperTable
    parts: tuple[Part, ...]
    references: tuple[str, ...]
    to_check: tuple[str, ...]

    def tables(self) -> Iterator[PaperTable]:
        """Yield all tables in the order of their numbers."""
        yield self.findings
        for part in self.parts:
            yield from part.tables


def compose(
    plan: Plan,
    study: Study,
    sections: Sequence[Section],
    pngs: Mapping[str, Path],
    manifest: Mapping[str, Any],
) -> Manuscript:
    """Return the content of a paper from the sections of a run.

    Parameters
    ----------
    plan : Plan
    study : Study
    sections : sequence of Section
    pngs : mapping of str to Path
        PNG of each picture by its key.
    manifest : mapping
        As from `build_manifest`.
    """
    references = collect_references(plan, study)
    try:
        confirmatory = tuple(confirmatory_sentences(plan, sections))
    except PlanError as error:
        confirmatory = (str(error),)
    figures, tables = count(1), count(2)
    findings = PaperTable(
        1,
        "tab:findings",
        "Findings by treatment",
        headline_table(study, sections),
        tuple(headline_notes(sections)),
    )
    return Manuscript(
        title=plan.title,
        warnings=tuple(warnings_of(plan, study)),
        methods=tuple(methods_text(plan, study, sections, manifest, references.cite)),
        patients=describe_patients(study),
        confirmatory_title=confirmatory_title(plan),
        confirmatory=confirmatory,
        findings=findings,
        parts=tuple(_part_of(s, pngs, tables, figures) for s in sections),
        references=references.listed(),
        to_check=references.unverified(),
    )


def _part_of(
    section: Section, pngs: Mapping[str, Path], tables: Iterator[int], figures: Iterator[int]
) -> Part:
    shown = [t for s in section.tables for t in _tables_of(s, tables)]
    labelled = [
        replace(t, label=f"tab:{section.key.replace('_', '-')}-{k}")
        for k, t in enumerate(shown, start=1)
    ]
    pictures = [
        PaperFigure(next(figures), p.caption, p.alt or p.caption, pngs[p.key])
        for p in section.pictures
    ]
    lead = " ".join(t.strip() for t in (section.lead, section.failed) if t)
    where = " and ".join(
        t
        for t in (
            _span("Table", [t.number for t in labelled]),
            _span("Figure", [f.number for f in pictures]),
        )
        if t
    )
    return Part(
        title=section.title,
        lead=without_marks(f"{lead.removesuffix('.')} ({where})." if where else lead),
        notes=for_readers(n.text for n in section.notes if n.kind in _NOTES),
        tables=tuple(labelled),
        figures=tuple(pictures),
        further=tuple(n for s in section.tables for n in _below(s)[1]),
    )


def _tables_of(summary: Summary, numbers: Iterator[int]) -> Iterator[PaperTable]:
    """Yield the tables of a summary; its header and notes stand below the last of them."""
    below, _ = _below(summary)
    made = [
        PaperTable(next(numbers), "", caption_of(summary, t), _clean(t)) for t in summary.tables
    ]
    if len(made) > 1 and below:
        below = (f"Notes to {_span('Table', [t.number for t in made])}.", *below)
    yield from made[:-1]
    yield from (replace(t, notes=below) for t in made[-1:])


def _below(summary: Summary) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what stands below the last table of a summary, and what at the end of the paper."""
    lines = for_readers(f"{label}: {value}." for label, value in summary.header)
    notes = for_readers(summary.notes)
    if sum(map(len, notes)) <= _MOST:
        return (*lines, *notes), ()
    # Notes for readers lose what was meant for the analyst; which are labels is known before.
    labels = for_readers(n for n in summary.notes if isinstance(n, Label))
    return (
        (*lines, *labels, "Further notes stand at the end."),
        tuple(n for n in notes if n not in labels),
    )


def _clean(table: Table) -> Table:
    rows = tuple(tuple(map(without_marks, row)) for row in table.rows)
    return replace(table, rows=rows)


def _span(kind: str, numbers: Sequence[int]) -> str:
    """Return ``Table 2``, ``Tables 2 and 3`` or ``Tables 2 to 4``; nothing for no number."""
    if len(numbers) < 2:
        return f"{kind} {numbers[0]}" if numbers else ""
    joiner = "and" if len(numbers) == 2 else "to"
    return f"{kind}s {numbers[0]} {joiner} {numbers[-1]}"
