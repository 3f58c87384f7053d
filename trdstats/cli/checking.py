"""``trdstats check``: the tables of a study, and everything that is wrong with them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trdstats.cli.console import collected_notices, console_of_errors, fail, show_notices
from trdstats.cli.group import main
from trdstats.errors import SpecError, TrdstatsError, options_called

if TYPE_CHECKING:
    from trdstats.study import Study


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

    VISITS is a table of visits, or a .toml file: a plan, or a mapping that names its export.
    """
    from trdstats.scales import averaged_scales
    from trdstats.study import read_export, read_study

    console = console_of_errors()
    try:
        with collected_notices() as notices:
            if visits.suffix.lower() == ".toml":
                _check_alone()
                study = _of_plan(visits) or read_export(mapping=visits)
            else:
                if scale is None:
                    raise SpecError("Name the instrument: --scale MADRS.")
                with options_called(_options()):
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
                        windows=_read_windows(windows),
                        duplicates=_read_rule(duplicates),
                    )
    except TrdstatsError as error:
        fail(console, error)
    show_notices(console, notices)
    click.echo(repr(study))
    console.print("[bold green]The study can be analysed.[/]")


def _options() -> dict[str, str]:
    """Return how the command calls the arguments of `read_study`."""
    options = [p for p in check.params if isinstance(p, click.Option)]
    called = {str(p.name): p.opts[0] for p in options}
    return called | {"sheet": called["sheets"]}


def _of_plan(path: Path) -> Study | None:
    """Return the study of a plan; None where the file is no plan, but maps an export."""
    from trdstats.plan import read_plan
    from trdstats.study import study_from_mapping

    try:
        is_plan = "study" in tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError):  # the reader of mappings says what is wrong
        return None
    if not is_plan:
        return None
    plan = read_plan(path)
    return study_from_mapping(plan.study, plan.folder)


def _check_alone() -> None:
    """Refuse options beside a mapping: they would contradict it or change nothing."""
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    options = [p for p in context.command.params if isinstance(p, click.Option) and p.name]
    given = [p.opts[0] for p in options if context.get_parameter_source(str(p.name)) != default]
    if given:
        raise SpecError(f"The mapping says it all: leave {', '.join(given)} out.")


def _read_windows(
    texts: tuple[str, ...],
) -> dict[float, float | tuple[float, float]] | None:
    pairs = [_read_window(text) for text in texts]
    days = [day for day, _ in pairs]
    twice = [f"{day:g}" for k, day in enumerate(days) if day in days[:k]]
    if twice:
        raise SpecError(f"--window names day {', '.join(dict.fromkeys(twice))} twice.")
    return dict(pairs) or None


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
