"""The files for a paper, written into the folder of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trdstats.extras import extra_module
from trdstats.plan.folder import PAPER_FILES
from trdstats.plan.manuscript.content import compose
from trdstats.plan.manuscript.word import build_document
from trdstats.plan.manuscript.workbook import build_workbook
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Section
from trdstats.study import Study
from trdstats.tables.docx import write_docx
from trdstats.tables.latex import table_to_latex

_TEX_HEAD = (
    "% Tables of trdstats. The preamble needs \\usepackage{booktabs}; then \\input this file.\n"
)


def check_packages() -> None:
    """Refuse before anything is computed when a package for the files is not installed.

    Raises
    ------
    MissingDependencyError
        With the line that installs it.
    """
    for package in ("docx", "openpyxl"):
        extra_module(package, "paper")


def write_manuscript(
    plan: Plan,
    study: Study,
    sections: Sequence[Section],
    pngs: Mapping[str, Path],
    manifest: Mapping[str, Any],
    folder: Path,
) -> tuple[Path, ...]:
    """Write Word document, LaTeX tables and workbook; the same content gives the same bytes.

    Parameters
    ----------
    plan : Plan
    study : Study
    sections : sequence of Section
    pngs : mapping of str to Path
        PNG of each picture by its key.
    manifest : mapping
        As from `build_manifest`.
    folder : Path
        The folder ``paper`` of the run; made when it is not there.

    Returns
    -------
    tuple of Path
    """
    folder.mkdir(exist_ok=True)
    paper = compose(plan, study, sections, pngs, manifest)
    document, tex, book = (folder / name for name in PAPER_FILES)
    write_docx(build_document(paper), document)
    tables = (table_to_latex(t.table, t.caption, t.label, t.notes) for t in paper.tables())
    tex.write_text("\n".join([_TEX_HEAD, *tables]), "utf-8", newline="\n")
    book.write_bytes(build_workbook(sections))
    return document, tex, book
