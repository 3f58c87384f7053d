"""One question of the report: the finding, its figure and its table; the rest is folded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from trdstats.errors import count_of
from trdstats.plan.report.html import as_html, figure_html, fold, paragraphs
from trdstats.plan.second_opinions import FILE, TITLE, counts_in_words, opinion_table
from trdstats.plan.sections import Note, NoteKind, Section
from trdstats.tables import Label

_KINDS: dict[NoteKind, str] = {
    "not estimable": "What could not be estimated",
    "data": "About the data",
    "method": "How it was computed",
}


def write_section(
    section: Section, figures: Mapping[str, Path], already_shown: Collection[str] = ()
) -> str:
    """Return a section as HTML.

    Parameters
    ----------
    section : Section
    figures : mapping of str to Path
        PNG of each picture by its key.
    already_shown : collection of str
        Pictures that stand on the first screen.
    """
    pictures = [p for p in section.pictures if p.key not in already_shown]
    drawn = [figure_html(p, figures[p.key]) for p in pictures]
    # What a crude comparison must say of itself stays beside it; other notes are folded.
    tables = [replace(t, notes=tuple(filter(_is_label, t.notes))).to_html() for t in section.tables]
    more = "".join([*drawn[1:], *tables[1:]])
    files = ", ".join(f"tables/{name}.csv" for name in section.frames)
    what = [count_of(n, one, f"{one}s") for n, one in _counted(drawn[1:], tables[1:])]
    return "".join(
        [
            f'<section id="{section.key}"><h2>{as_html(section.title)}</h2>',
            f'<p class="finding">{as_html(section.lead)}</p>',
            paragraphs([section.about]) if section.about else "",
            f'<p class="banner">{as_html(section.failed)}</p>' if section.failed else "",
            *drawn[:1],
            *tables[:1],
            fold(" and ".join(what), more),
            _recomputed(section),
            _notes(section),
            f'<p class="files">Numbers: {as_html(files)}</p>' if files else "",
            "</section>",
        ]
    )


def _recomputed(section: Section) -> str:
    """Return the folded table of numbers beside those of independent libraries."""
    if not section.opinions:
        return ""
    words = f"{counts_in_words(section.opinions)} Numbers: tables/{FILE}.csv"
    return fold(TITLE, paragraphs([words]) + opinion_table(section.opinions).to_html())


def _is_label(note: str) -> bool:
    return isinstance(note, Label)


def _counted(drawn: list[str], tables: list[str]) -> Iterator[tuple[int, str]]:
    for things, word in ((drawn, "more figure"), (tables, "more table")):
        if things:
            yield len(things), word


def notes_of(section: Section) -> list[Note]:
    """Return the notes of a section and of its tables, each once."""
    of_tables = (
        Note(text, "method")
        for table in section.tables
        for text in table.notes
        if not _is_label(text)
    )
    seen: dict[str, Note] = {}
    for note in (*section.notes, *of_tables):
        seen.setdefault(note.text, note)
    return list(seen.values())


def _notes(section: Section) -> str:
    """Show what limits the meaning of the results; fold the other notes under their number."""
    notes = notes_of(section)
    shown = [n.text for n in notes if n.kind == "caution"]
    folded = [n for n in notes if n.kind != "caution"]
    groups = []
    for kind, title in _KINDS.items():
        texts = [n.text for n in folded if n.kind == kind]
        if texts:
            groups.append(f"<h3>{title}</h3>{paragraphs(texts, 'note')}")
    more = fold(count_of(len(folded), "note", "notes"), "".join(groups), "notes")
    return paragraphs(shown, "note") + more
