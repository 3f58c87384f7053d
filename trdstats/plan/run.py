"""A plan carried out: tables, figures, report and manifest written into one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trdstats.arguments import Jobs, checked
from trdstats.plan.carrying_out import Finished, finish_steps, write_table
from trdstats.plan.confirmatory import confirmatory_stands
from trdstats.plan.folder import PAPER, new_folder
from trdstats.plan.manifest import (
    MANIFEST,
    build_manifest,
    fingerprint_data,
    with_results,
    write_manifest,
)
from trdstats.plan.manuscript import check_packages, write_manuscript
from trdstats.plan.plan import Plan
from trdstats.plan.reading import read_plan
from trdstats.plan.report import build_report
from trdstats.plan.results import RESULTS, plan_rows, write_results
from trdstats.plan.second_opinions import FILE as OPINIONS
from trdstats.plan.second_opinions import opinion_frame
from trdstats.plan.sections import Section
from trdstats.study import Study, study_from_mapping
from trdstats.tables import number_style


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has written.

    Attributes
    ----------
    folder, report, manifest, results : Path
    tables : tuple of Path
        CSV files.
    figures : tuple of Path
        PNG and SVG files.
    failed : tuple of str
        Names of the steps that could not be carried out; the report says why in their place.
    paper : tuple of Path
        Files for a paper, empty unless they were asked for.
    """

    folder: Path
    report: Path
    manifest: Path
    results: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    failed: tuple[str, ...] = ()
    paper: tuple[Path, ...] = ()


@checked
def run_plan(
    plan: Plan,
    folder: str | Path = "trdstats-report",
    *,
    tell: Callable[[str], None] | None = None,
    paper: bool = False,
    style: str = "plain",
    n_jobs: Jobs = 1,
) -> Run:
    """Carry out a plan and write its report.

    Parameters
    ----------
    plan : Plan
    folder : str or Path
        Where to write ``report.html``, ``manifest.json``, ``results.json``, ``tables/*.csv`` and
        ``figures/*.png`` and ``.svg``. It must be new, empty, or hold an earlier report, which is
        replaced as a whole when the run has ended: a run that is stopped leaves it as it was.
        Other files beside an earlier report stay; ``tables`` and ``figures`` belong to the run.
    tell : callable, optional
        Called with a few words before each step.
    paper : bool
        Whether to write ``paper/paper.docx``, ``paper/tables.tex`` and ``paper/tables.xlsx`` as
        well; needs the extra ``paper``.
    style : {"plain", "jama", "nejm", "lancet", "apa"}
        How numbers are written in report, figures and paper, see `trdstats.number_style`. Files of
        numbers are the same in every style.
    n_jobs : int
        Processes that carry out the steps and draw, -1 for one a processor. All files are the
        same for any number. Each holds the study: above a million visits one process does it all.

    Returns
    -------
    Run

    Raises
    ------
    PlanError
        When the folder holds something else, cannot be written or is being written by another
        run, a file of an earlier paper was edited, or the plan does not fit the study.
    SpecError
        When there is no style of this name.
    MissingDependencyError
        When a package for the paper is not installed.
    TrdstatsError
        When the study cannot be read.
    """
    say = tell or (lambda words: None)
    folder = Path(folder)
    if paper:
        check_packages()
    with number_style(style), new_folder(folder) as place:
        say("reading and checking the study")
        data = fingerprint_data(plan)
        study = study_from_mapping(plan.study, plan.folder)
        done = finish_steps(plan, study, place, say, n_jobs)
        say("report")
        manifest = build_manifest(plan, data)
        if style != "plain":
            manifest["number_style"] = style
        run = _write(plan, study, done, manifest, place, with_paper=paper)
    return _in_folder(run, folder)


def paper(
    plan: Plan | str | Path | None = None,
    folder: str | Path = "trdstats-report",
    *,
    style: str = "plain",
    tell: Callable[[str], None] | None = None,
) -> Run:
    """Carry out a plan and write its report, and the files from which a paper is written.

    Parameters
    ----------
    plan : Plan, str or Path, optional
        A plan, or its file; the packaged one when there is none.
    folder : str or Path
        As in `run_plan`. The folder ``paper`` in it holds a Word document with methods, results,
        numbered tables and figures and references, the tables as LaTeX, and all numbers as a
        workbook.
    style : {"plain", "jama", "nejm", "lancet", "apa"}
        How numbers are written, see `trdstats.number_style`.
    tell : callable, optional
        Called with a few words before each step.

    Returns
    -------
    Run

    Raises
    ------
    TrdstatsError
        As `run_plan` and `read_plan`.

    Examples
    --------
    ``trd.paper("plan.toml", "report", style="lancet").paper`` is the paths of the three files.
    """
    read = plan if isinstance(plan, Plan) else read_plan(plan)
    return run_plan(read, folder, tell=tell, paper=True, style=style)


def _write(
    plan: Plan,
    study: Study,
    done: list[Finished],
    manifest: dict[str, Any],
    folder: Path,
    *,
    with_paper: bool,
) -> Run:
    sections = [each.section for each in done]
    tables = [path for each in done for path in each.tables]
    tables += [path for each in done for path in each.members]
    opinions = opinion_frame(sections)
    if opinions is not None:
        tables.append(write_table(opinions, folder / "tables" / f"{OPINIONS}.csv"))
    numbers = folder / RESULTS
    write_results(plan_rows(plan, sections), _about(plan, study, sections, manifest), numbers)
    pictures = {key: files for each in done for key, files in each.figures.items()}
    figures = [f for files in pictures.values() for f in files]
    pngs = {key: files[0] for key, files in pictures.items()}
    report = folder / "report.html"
    report.write_text(build_report(plan, study, sections, pngs, manifest), "utf-8", newline="\n")
    papers: tuple[Path, ...] = ()
    if with_paper:
        papers = write_manuscript(plan, study, sections, pngs, manifest, folder / PAPER)
    whole = with_results(manifest, [report, numbers, *tables, *figures, *papers], folder)
    write_manifest(whole, folder / MANIFEST)
    failed = tuple(s.key for s in sections if s.failed)
    if not confirmatory_stands(plan.confirmatory, sections):
        failed = (*failed, "confirmatory")
    return Run(
        folder, report, folder / MANIFEST, numbers, tuple(tables), tuple(figures), failed, papers
    )


def _about(
    plan: Plan, study: Study, sections: list[Section], manifest: dict[str, Any]
) -> dict[str, Any]:
    """Return what the file of results says of itself before the numbers."""
    return {
        "trdstats": manifest["trdstats"],
        "registration": plan.registration,
        "data": manifest["data"],
        "definitions": {k: d.describe(study.scale) for k, d in plan.definitions.items()},
        "analyses": {s.key: {"title": s.title, "methods": list(s.methods)} for s in sections},
    }


def _in_folder(run: Run, folder: Path) -> Run:
    def at(path: Path) -> Path:
        return folder / path.relative_to(run.folder)

    return Run(
        folder=folder,
        report=at(run.report),
        manifest=at(run.manifest),
        results=at(run.results),
        tables=tuple(map(at, run.tables)),
        figures=tuple(map(at, run.figures)),
        failed=run.failed,
        paper=tuple(map(at, run.paper)),
    )
