"""``trdstats new``, ``run``, ``verify``, ``diff``, ``explain`` and ``selfcheck``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from trdstats.cli.console import (
    NOT_ALL,
    collected_notices,
    console_of_errors,
    fail,
    say,
    show_notices,
)
from trdstats.cli.group import main
from trdstats.errors import SpecError, TrdstatsError, visible, why_unreadable

if TYPE_CHECKING:
    from trdstats.plan import RunDifference

_USUAL_PLAN = Path("plan.toml")
_WORKERS = 2  # more gain little: the longest step is a third of the work


@main.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("trdstats-report"),
    show_default=True,
    help="Folder for the report.",
)
@click.option("--paper", is_flag=True, help="Write a Word document, LaTeX tables and a workbook.")
@click.option("--style", default="plain", show_default=True,
    help="How numbers are written: plain, jama, nejm, lancet or apa.",
)  # fmt: skip
@click.option(
    "--sample",
    type=click.Choice(["modalities", "trial"]),
    help="A packaged plan: eight cohorts that were not randomised, or a randomised trial.",
)
@click.option("--jobs", type=click.IntRange(min=1),
    help="Processes at work, each with the study in memory. Default: two, if there are processors.",
)  # fmt: skip
def run(
    plan: Path | None, out: Path, sample: str | None, paper: bool, style: str, jobs: int | None
) -> None:
    """Carry out PLAN (a TOML file); without one, the packaged plan of eight cohorts.

    Writes report.html, results.json (every number), manifest.json, tables/*.csv, and figures/*.png
    and .svg; with --paper also paper/paper.docx, tables.tex and tables.xlsx.
    """
    from trdstats.parallel import count_workers, load_for_good, workers_loading

    workers = count_workers(_WORKERS) if jobs is None else jobs
    with workers_loading("trdstats.plan.run", workers):
        load_for_good("trdstats.plan.run")
    from trdstats.plan import read_plan, run_plan, sample_plan
    from trdstats.plan.carrying_out.remaining import Remaining

    console = console_of_errors()
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    try:
        with collected_notices() as notices, Progress(*columns, console=console) as progress:
            task = progress.add_task("reading the plan", total=None, left="")
            if plan is not None and sample is not None:
                raise SpecError("Give a plan or --sample, not both.")
            if plan is None and sample is None and _USUAL_PLAN.exists():
                raise SpecError(
                    f"There is a plan here: say trdstats run {_USUAL_PLAN} to carry it out, or "
                    "trdstats run --sample modalities for the packaged one."
                )
            read = read_plan(plan) if sample is None else sample_plan(sample)
            remaining, begun = Remaining(read, workers), time.monotonic()
            progress.update(task, total=1.0)

            def tell(words: str) -> None:
                remaining.begin()
                left = remaining.words(time.monotonic() - begun)
                progress.update(task, description=words, completed=remaining.done, left=left)

            result = run_plan(read, out, tell=tell, paper=paper, style=style, n_jobs=workers)
            progress.update(task, description="done", completed=1.0, left="")
    except TrdstatsError as error:
        fail(console, error)
    except MemoryError:
        fail(console, TrdstatsError("Memory ran out. Nothing was written."))
    show_notices(console, notices)
    counts = f"{len(result.tables)} tables, {len(result.figures)} figure files"
    console.print("[bold green]Report[/]", end=" ")
    say(console, f"{result.report} ({counts}, manifest.json)")
    if result.paper:
        console.print("[bold green]Paper[/]", end=" ")
        say(console, ", ".join(map(str, result.paper)))
    if result.failed:
        console.print("[bold red]Not carried out[/]", end=": ")
        say(console, f"{', '.join(result.failed)}; the report says why.")
        sys.exit(NOT_ALL)


@main.command()
@click.argument("export", type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), default=Path("plan.toml"),
    show_default=True, help="The plan to write.",
)  # fmt: skip
@click.option("--scale", help="Instrument, e.g. MADRS, where no column is called by it.")
@click.option("--date-order", help="day first, month first or year first, where no date tells.")
@click.option("--force", is_flag=True, help="Replace a plan that exists.")
def new(export: Path, out: Path, scale: str | None, date_order: str | None, force: bool) -> None:
    """Look at EXPORT (any file with ratings) and write a plan that runs.

    Prints what was assumed, and what the file does not say with the line of the plan to edit.
    """
    from trdstats.plan import write_new_plan

    console = console_of_errors()
    ask = _ask if sys.stdin.isatty() and sys.stdout.isatty() else None
    try:
        with collected_notices() as notices:
            written = write_new_plan(
                export, out, scale=scale, date_order=date_order, ask=ask, force=force
            )
    except TrdstatsError as error:
        fail(console, error)
    show_notices(console, notices)
    click.echo(visible(repr(written)))


def _ask(key: str, words: str) -> str:
    answer: str = click.prompt(f"{visible(words)}\n{key}")
    return answer


@main.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option(
    "--results", "-r", type=click.Path(path_type=Path), default=Path("trdstats-report"),
    show_default=True, help="Folder of the run to verify.",
)  # fmt: skip
@click.option(
    "--tolerance", type=float, default=1e-8, show_default=True, help="Part of the larger value."
)
def verify(plan: Path | None, results: Path, tolerance: float) -> None:
    """Repeat PLAN and compare every number with stored results; exit 1 where one differs."""
    from trdstats.plan import read_plan, verify_run

    _report_difference(lambda: verify_run(read_plan(plan), results, tolerance=tolerance))


@main.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--tolerance", type=float, default=0.0, help="Part of the larger value.")
def diff(before: Path, after: Path, tolerance: float) -> None:
    """Compare the numbers of two runs; exit 1 where one differs."""
    from trdstats.plan import diff_runs

    _report_difference(lambda: diff_runs(before, after, tolerance=tolerance))


@main.command()
@click.argument("result_id")
@click.option(
    "--results", "-r", type=click.Path(path_type=Path), default=Path("trdstats-report"),
    show_default=True, help="Folder of the run.",
)  # fmt: skip
def explain(result_id: str, results: Path) -> None:
    """Say where the number RESULT_ID comes from: rule, subjects, versions."""
    from trdstats.plan import explain_result

    try:
        explanation = explain_result(results, result_id)
    except TrdstatsError as error:
        fail(console_of_errors(), error)
    click.echo(repr(explanation))


@main.command()
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Certificate as JSON.",
)  # fmt: skip
def selfcheck(out: Path | None) -> None:
    """Compute packaged figures of R, SAS and papers on this machine; exit 1 where one differs."""
    from trdstats.selfcheck import selfcheck as check_figures

    certificate = check_figures()
    click.echo(visible(repr(certificate)))
    if out is not None:
        try:
            certificate.write(out)
        except OSError as error:
            problem = SpecError(
                f"{str(out)!r} cannot be written: {why_unreadable(error)}. Name another file."
            )
            fail(console_of_errors(), problem)
    if not certificate.passes:
        sys.exit(NOT_ALL)


def _report_difference(compare: Callable[[], RunDifference]) -> None:
    console = console_of_errors()
    try:
        with collected_notices() as notices:
            difference = compare()
    except TrdstatsError as error:
        fail(console, error)
    show_notices(console, notices)
    click.echo(repr(difference))
    if not difference.agrees:
        sys.exit(NOT_ALL)
