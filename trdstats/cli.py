"""The command line: ``trdstats new``, ``run``, ``check``, ``verify``, ``diff``, ``explain``, ...

``summarise`` and ``combine`` are for hospitals that may not share rows; ``selfcheck`` is the last.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

import trdstats
from trdstats.errors import DataWarning, SpecError, TrdstatsError, visible

if TYPE_CHECKING:
    from trdstats.plan import RunDifference

BAD_INPUT = 2
NOT_ALL = 1
_WORKERS = 2  # more gain little: the longest step is a third of the work


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(trdstats.__version__, prog_name="trdstats")
def main() -> None:
    """Compare onset and durability of response in resistant depression."""


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
    with workers_loading("trdstats.plan", workers):
        load_for_good("trdstats.plan")
    from trdstats.plan import read_plan, run_plan, sample_plan
    from trdstats.plan.carrying_out.remaining import Remaining

    console = _console()
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    try:
        with _collected_notices() as notices, Progress(*columns, console=console) as progress:
            task = progress.add_task("reading the plan", total=None, left="")
            if plan is not None and sample is not None:
                raise SpecError("Give a plan or --sample, not both.")
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
        _fail(console, error)
    except MemoryError:
        _fail(console, TrdstatsError("Memory ran out. Nothing was written."))
    _show_notices(console, notices)
    counts = f"{len(result.tables)} tables, {len(result.figures)} figure files"
    console.print("[bold green]Report[/]", end=" ")
    _say(console, f"{result.report} ({counts}, manifest.json)")
    if result.paper:
        console.print("[bold green]Paper[/]", end=" ")
        _say(console, ", ".join(map(str, result.paper)))
    if result.failed:
        console.print("[bold red]Not carried out[/]", end=": ")
        _say(console, f"{', '.join(result.failed)}; the report says why.")
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

    console = _console()
    ask = _ask if sys.stdin.isatty() and sys.stdout.isatty() else None
    try:
        with _collected_notices() as notices:
            written = write_new_plan(
                export, out, scale=scale, date_order=date_order, ask=ask, force=force
            )
    except TrdstatsError as error:
        _fail(console, error)
    _show_notices(console, notices)
    click.echo(visible(repr(written)))


def _ask(key: str, words: str) -> str:
    answer: str = click.prompt(f"{visible(words)}\n{key}")
    return answer


@main.command()
@click.argument("visits", type=click.Path(path_type=Path))
@click.option("--scale", help="Instrument, e.g. MADRS; needed unless VISITS is a .toml file.")
@click.option("--subjects", type=click.Path(path_type=Path), help="Table of subjects.")
@click.option("--events", type=click.Path(path_type=Path), help="Table of events.")
@click.option("--courses", type=click.Path(path_type=Path), help="Table of courses of treatment.")
@click.option("--subject", default="subject", show_default=True, help="Column of the subject.")
@click.option("--treatment", default="treatment", show_default=True, help="Column of treatment.")
@click.option("--day", default="day", show_default=True, help="Column of the day.")
@click.option("--score", default="score", show_default=True, help="Column of the score.")
@click.option(
    "--duplicates",
    help="Which of several scores on a day counts: first, last, worst, mean, or rater=R1.",
)
@click.option(
    "--averaged-over", type=int, metavar="RATERS",
    help="Totals are means of so many raters: half points for 2.",
)  # fmt: skip
@click.option("--separator", help="Of text files, e.g. ';', or the word tab; default: found.")
@click.option("--encoding", help="Of text files, e.g. utf-16; default: found.")
@click.option(
    "--sheet", "sheets", multiple=True, metavar="[TABLE=]SHEET",
    help="Sheet of a workbook; of several tables visits=Ratings, subjects=Patients.",
)  # fmt: skip
@click.option("--baseline", help="Column with the baseline; default: last score at day <= 0.")
@click.option(
    "--window",
    "windows",
    multiple=True,
    metavar="DAY=WIDTH",
    help="Visit window: 28=3 for 3 days either side, 28=-3,7 for 3 days before to 7 after.",
)
def check(
    visits: Path,
    scale: str | None,
    subjects: Path | None,
    events: Path | None,
    courses: Path | None,
    subject: str,
    treatment: str,
    day: str,
    score: str,
    baseline: str | None,
    windows: tuple[str, ...],
    duplicates: str | None,
    averaged_over: int | None,
    separator: str | None,
    encoding: str | None,
    sheets: tuple[str, ...],
) -> None:
    """Check the tables of a study and say everything that is wrong with them.

    VISITS is a table of visits, or a .toml file that maps an export and names its file.
    """
    from trdstats.scales import averaged_scales
    from trdstats.study import read_export, read_study

    console = _console()
    try:
        with _collected_notices() as notices:
            if visits.suffix.lower() == ".toml":
                _check_alone()
                study = read_export(mapping=visits)
            else:
                if scale is None:
                    raise SpecError("Name the instrument: --scale MADRS.")
                study = read_study(
                    visits,
                    subjects,
                    events,
                    courses,
                    separator={"tab": "\t", "\\t": "\t"}.get(separator or "", separator),
                    encoding=encoding,
                    sheet=_read_sheets(sheets),
                    scale=averaged_scales(scale, averaged_over),
                    subject=subject,
                    treatment=treatment,
                    day=day,
                    score=score,
                    baseline=baseline,
                    windows=dict(map(_read_window, windows)) or None,
                    duplicates=_read_rule(duplicates),
                )
    except TrdstatsError as error:
        _fail(console, error)
    _show_notices(console, notices)
    click.echo(repr(study))
    console.print("[bold green]The study can be analysed.[/]")


def _check_alone() -> None:
    """Refuse options beside a mapping: they would contradict it or change nothing."""
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    options = [p for p in context.command.params if isinstance(p, click.Option) and p.name]
    given = [p.opts[0] for p in options if context.get_parameter_source(str(p.name)) != default]
    if given:
        raise SpecError(f"The mapping says it all: leave {', '.join(given)} out.")


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
        _fail(_console(), error)
    click.echo(repr(explanation))


@main.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--site", required=True, help="Name of the site.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="File to write; SITE.json.")
@click.option("--minimum", type=int, help="Cells of fewer subjects do not leave; as in the plan.")
@click.option("--secret", type=click.Path(path_type=Path), help="File with the secret that the "
    "sites share and the centre does not know: counts leave masked.",
)  # fmt: skip
def summarise(
    plan: Path, site: str, out: Path | None, minimum: int | None, secret: Path | None
) -> None:
    """Summarise the study of one site by PLAN: counts and sums, no rows.

    Prints what is in the file, and what was withheld, for a board that decides whether it may leave
    the site. The plan is the same everywhere but for the files of [study].
    """
    from trdstats.plan import read_plan
    from trdstats.sites import summarise_site

    console = _console()
    file = out or Path(f"{site}.json")
    try:
        with _collected_notices() as notices:
            shared = None if secret is None else secret.read_text("utf-8").strip()
            summary = summarise_site(read_plan(plan), site, minimum=minimum, secret=shared)
        summary.to_json(file)
    except TrdstatsError as error:
        _fail(console, error)
    except OSError as error:
        place = str(error.filename or file)
        _fail(console, SpecError(f"{place!r} cannot be read or written: {error.strerror}."))
    _show_notices(console, notices)
    click.echo(visible(repr(summary)))
    console.print("[bold green]Summary[/]", end=" ")
    _say(console, str(file))


@main.command()
@click.argument("summaries", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), default=Path("trdstats-sites"),
    show_default=True, help="Folder for the tables.",
)  # fmt: skip
def combine(summaries: tuple[Path, ...], out: Path) -> None:
    """Combine SUMMARIES of sites into the analysis of all their subjects.

    Writes one CSV file a table: rates, curves, log-rank tests and hazard ratios stratified by site,
    means and differences of the mixed model.
    """
    from trdstats.sites import combine as combine_sites
    from trdstats.sites import read_summary

    console = _console()
    try:
        with _collected_notices() as notices:
            combined = combine_sites([read_summary(s) for s in summaries])
            tables = combined.tables()
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(out / f"{name}.csv", index=False)
    except TrdstatsError as error:
        _fail(console, error)
    except OSError as error:
        _fail(console, SpecError(f"{str(out)!r} cannot be written: {error.strerror}."))
    _show_notices(console, notices)
    click.echo(visible(repr(combined)))
    console.print("[bold green]Tables[/]", end=" ")
    _say(console, f"{out} ({len(tables)} files)")


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
            words = error.strerror or type(error).__name__
            problem = SpecError(f"{str(out)!r} cannot be written: {words}. Name another file.")
            _fail(_console(), problem)
    if not certificate.passes:
        sys.exit(NOT_ALL)


def _report_difference(compare: Callable[[], RunDifference]) -> None:
    console = _console()
    try:
        with _collected_notices() as notices:
            difference = compare()
    except TrdstatsError as error:
        _fail(console, error)
    _show_notices(console, notices)
    click.echo(repr(difference))
    if not difference.agrees:
        sys.exit(NOT_ALL)


def _read_window(text: str) -> tuple[float, float | tuple[float, float]]:
    try:
        day, width = text.split("=")
        reach = [float(w) for w in width.split(",")]
        if len(reach) > 1:
            early, late = reach
            return float(day), (early, late)
        return float(day), reach[0]
    except ValueError:
        raise SpecError(
            f"A window reads DAY=WIDTH, for example 28=3, or 28=-3,7 for three days before to "
            f"seven after; got {text!r}."
        ) from None


def _read_sheets(texts: tuple[str, ...]) -> str | dict[str, str] | None:
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    try:
        return dict(text.split("=", 1) for text in texts) or None
    except ValueError:
        raise SpecError(
            "Of several tables a sheet reads TABLE=SHEET, for example visits=Ratings; got "
            f"{', '.join(map(repr, texts))}."
        ) from None


def _read_rule(text: str | None) -> str | dict[str, str] | None:
    if text is None or "=" not in text:
        return text
    column, value = text.split("=", 1)
    return {column: value}


def _console() -> Console:
    # Colours are for terminals, whatever the environment asks for: a log holds text only.
    return Console(stderr=True, force_terminal=sys.stderr.isatty())


def _say(console: Console, text: str) -> None:
    """Print a text that may hold names of the user: as it is, what a terminal obeys written out."""
    console.print(visible(text), markup=False, highlight=False, emoji=False)


@contextmanager
def _collected_notices() -> Iterator[list[str]]:
    """Collect what the data limit, so that it is shown once and in words."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always", DataWarning)
        yield messages
    for record in records:
        if issubclass(record.category, DataWarning):
            if str(record.message) not in messages:
                messages.append(str(record.message))
        else:
            warnings.warn_explicit(record.message, record.category, record.filename, record.lineno)


def _show_notices(console: Console, notices: list[str]) -> None:
    for notice in notices:
        console.print("[bold yellow]Note[/]", end=" ")
        _say(console, notice)


def _fail(console: Console, error: TrdstatsError) -> NoReturn:
    console.print(f"[bold red]{type(error).__name__}[/]", end=": ")
    _say(console, str(error))
    sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
