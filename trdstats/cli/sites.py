"""Commands for hospitals that may not share rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from trdstats.cli.console import collected_notices, console_of_errors, fail, say, show_notices
from trdstats.cli.group import main
from trdstats.errors import SpecError, TrdstatsError, visible, why_unreadable


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

    file = out or Path(f"{site}.json")
    with _faults_in_words(file):
        shared = None if secret is None else secret.read_text("utf-8").strip()
        summary = summarise_site(read_plan(plan), site, minimum=minimum, secret=shared)
        summary.to_json(file)
    click.echo(visible(repr(summary)))
    _written("Summary", file)


@main.command()
@click.argument("summaries", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), default=Path("trdstats-sites"),
    show_default=True, help="Folder for the tables.",
)  # fmt: skip
def combine(summaries: tuple[Path, ...], out: Path) -> None:
    """Combine SUMMARIES of sites into the analysis of all their subjects.

    Writes one CSV file a table: rates, curves, log-rank tests and hazard ratios stratified by site,
    the probability of being in response and mean days in response, means and differences of the
    mixed model.
    """
    from trdstats.sites import combine as combine_sites
    from trdstats.sites import read_summary

    with _faults_in_words(out):
        combined = combine_sites([read_summary(s) for s in summaries])
        tables = combined.tables()
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(out / f"{name}.csv", index=False)
    click.echo(visible(repr(combined)))
    _written("Tables", f"{out} ({len(tables)} files)")


@main.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--analysis", default="hazards", show_default=True,
    help='hazards, or "weighted rates".',
)  # fmt: skip
@click.option(
    "--outcome",
    default="response",
    show_default=True,
    help="Of the hazards: response, remission or relapse.",
)
@click.option("--formula", help="Columns joined by +; default: adjust of the plan.")
@click.option(
    "--estimand", default="overlap", show_default=True, help="Of the weights: ate or overlap."
)
@click.option("--out", "-o", type=click.Path(path_type=Path), default=Path("question-1.json"),
    show_default=True, help="File of the question.",
)  # fmt: skip
def ask(
    plan: Path, analysis: str, outcome: str, formula: str | None, estimand: str, out: Path
) -> None:
    """Begin a regression over sites that share no rows: write the first question to them.

    Cox regression with covariates, stratified by site, or the rates of the plan with subjects
    weighted by propensity scores. Sites answer with `trdstats answer`, and `trdstats next` makes of
    their answers the next question, in the end the estimates.
    """
    from trdstats.plan import read_plan
    from trdstats.sites import ask_sites

    with _faults_in_words(out):
        question = ask_sites(
            read_plan(plan), analysis, outcome=outcome, formula=formula, estimand=estimand  # type: ignore[arg-type]
        )  # fmt: skip
        question.to_json(out)
    click.echo(visible(repr(question)))
    _written("Question", out)


@main.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.argument("question", type=click.Path(path_type=Path))
@click.option("--site", required=True, help="Name of the site.")
@click.option("--out", "-o", type=click.Path(path_type=Path), help="File to write.")
@click.option("--minimum", type=int, help="Cells of fewer subjects do not leave; as in the plan.")
def answer(plan: Path, question: Path, site: str, out: Path | None, minimum: int | None) -> None:
    """Answer a QUESTION of the centre for one site of PLAN: sums, no rows.

    Prints what is in the file, for a board that decides whether it may leave the site.
    """
    from trdstats.plan import read_plan
    from trdstats.sites import Question, answer_sites, read_round

    file = out or Path(f"{site}-{question.stem}.json")
    with _faults_in_words(file):
        asked = read_round(question)
        if not isinstance(asked, Question):
            raise SpecError(f"{str(question)!r} is an answer: name a question of the centre.")
        sums = answer_sites(read_plan(plan), asked, site, minimum=minimum)
        sums.to_json(file)
    click.echo(visible(repr(sums)))
    _written("Answer", file)


@main.command("next")
@click.argument("question", type=click.Path(path_type=Path))
@click.argument("answers", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path),
    help="File to write: the next question, or estimates.csv.",
)  # fmt: skip
def next_(question: Path, answers: tuple[Path, ...], out: Path | None) -> None:
    """Take the ANSWERS of all sites to a QUESTION; write the next question, or the estimates.

    Beside estimates of weighted subjects stand the balance of the covariates, the overlap of the
    treatments and effective sizes: estimates-balance.csv, -overlap.csv, -effective_size.csv.
    """
    from trdstats.sites import Answer, Question, next_round, read_round

    with _faults_in_words(out or question):
        asked, given = read_round(question), [read_round(a) for a in answers]
        if not isinstance(asked, Question):
            raise SpecError(f"{str(question)!r} is an answer: name the question first.")
        kept = [a for a in given if isinstance(a, Answer)]
        if len(kept) < len(given):
            raise SpecError("Name one question, then the answers to it.")
        step = next_round(asked, kept)
        if isinstance(step, Question):
            file = out or question.with_name(f"question-{step.round}.json")
            _check_free(file)
            step.to_json(file)
        else:
            file = out or question.with_name("estimates.csv")
            _check_free(file)
            tables = step.weight_tables()
            beside = [file.with_name(f"{file.stem}-{name}.csv") for name in tables]
            for other in beside:
                _check_free(other)
            step.tidy().to_csv(file, index=False)
            for other, table in zip(beside, tables.values(), strict=True):
                table.to_csv(other, index=False)
    click.echo(visible(repr(step)))
    _written("Question" if isinstance(step, Question) else "Estimates", file)


def _check_free(file: Path) -> None:
    """Refuse to replace a question that sites may have answered, or estimates."""
    if file.exists():
        raise SpecError(f"{str(file)!r} is there already: name another file with --out.")


@contextmanager
def _faults_in_words(file: Path) -> Iterator[None]:
    """Say what went wrong in words, and end."""
    console = console_of_errors()
    try:
        with collected_notices() as notices:
            yield
    except TrdstatsError as error:
        fail(console, error)
    except OSError as error:
        place = str(error.filename or file)
        fail(console, SpecError(f"{place!r} cannot be read or written: {why_unreadable(error)}."))
    show_notices(console, notices)


def _written(what: str, file: Path | str) -> None:
    console = console_of_errors()
    console.print(f"[bold green]{what}[/]", end=" ")
    say(console, str(file))
