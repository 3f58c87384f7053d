"""A plan carried out: tables, figures, report and manifest written into one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from trdstats import plots
from trdstats.errors import PlanError
from trdstats.plan.analysis import STEPS, analyse
from trdstats.plan.manifest import build_manifest, write_manifest
from trdstats.plan.plan import Plan
from trdstats.plan.report import build_report
from trdstats.plan.sections import Picture, Section
from trdstats.study import study_from_mapping

N_STEPS = len(STEPS) + 2  # reading before, the report after


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has written.

    Attributes
    ----------
    folder, report, manifest : Path
    tables : tuple of Path
        CSV files.
    figures : tuple of Path
        PNG and SVG files.
    """

    folder: Path
    report: Path
    manifest: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]


def run_plan(
    plan: Plan, folder: str | Path = "trdstats-report", *, tell: Callable[[str], None] | None = None
) -> Run:
    """Carry out a plan and write its report.

    Parameters
    ----------
    plan : Plan
    folder : str or Path
        Where to write ``report.html``, ``manifest.json``, ``tables/*.csv`` and
        ``figures/*.png`` and ``.svg``. It must be new, empty, or hold an earlier report.
    tell : callable, optional
        Called with a few words before each step.

    Returns
    -------
    Run

    Raises
    ------
    PlanError
        When the folder holds something else, or the plan does not fit the study.
    TrdstatsError
        When the study cannot be read.
    """
    say = tell or (lambda words: None)
    folder = Path(folder)
    _check_folder(folder)
    say("reading and checking the study")
    study = study_from_mapping(plan.study, plan.folder)
    sections: list[Section] = []
    parts = analyse(plan, study)
    for step in STEPS:
        say(step)
        sections.append(next(parts))
    say("figures and report")
    for name in ("tables", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tables = [
        _write_table(frame, folder / "tables" / f"{name}.csv")
        for s in sections
        for name, frame in s.frames.items()
    ]
    pictures = {p.key: _draw(p, folder / "figures") for s in sections for p in s.pictures}
    manifest = build_manifest(plan, tables)
    write_manifest(manifest, folder / "manifest.json")
    report = folder / "report.html"
    pngs = {key: files[0] for key, files in pictures.items()}
    report.write_text(build_report(plan, study, sections, pngs, manifest), "utf-8")
    return Run(
        folder=folder,
        report=report,
        manifest=folder / "manifest.json",
        tables=tuple(tables),
        figures=tuple(f for files in pictures.values() for f in files),
    )


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise PlanError(f"{str(folder)!r} is a file; name a folder with --out.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise PlanError(
            f"The folder {str(folder)!r} holds files that are no report; name another with --out."
        )


def _write_table(frame: pd.DataFrame, path: Path) -> Path:
    # Ten significant digits: what a reader can use, and the same on every platform.
    frame.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
    return path


def _draw(picture: Picture, folder: Path) -> tuple[Path, Path]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=picture.size, layout="constrained")
    picture.draw(figure)
    return plots.save_figure(figure, folder / picture.key)
