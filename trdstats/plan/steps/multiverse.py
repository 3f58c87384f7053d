"""Does the result depend on the definition? One comparison under every declared choice."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from trdstats.arguments import checked
from trdstats.errors import DataWarning, known_level, warn
from trdstats.multiverse.multiverse import multiverse
from trdstats.outcomes import Definition, Response
from trdstats.outcomes import definitions as published
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.shared_days import assessed_days
from trdstats.plan.step import Step, Task
from trdstats.plan.wording import say_excluding_zero
from trdstats.tables import format_level, format_percent

_TITLE = "Does the result depend on the definition?"


@checked
@dataclass(frozen=True)
class MultiverseSettings(StepSettings):
    """The ``[multiverse]`` table.

    Attributes
    ----------
    outcomes : tuple of str
        Definitions of the plan, or published ones by name; the first is the primary one. None:
        response, and falls of 40 and 60 per cent beside it.
    treatment : str or None
        Compared with ``reference`` of ``[analysis]``; None for the first other treatment that is
        assessed on the day.
    day : float or None
        Scheduled day; None for the first of ``rate_days``.
    missing, baseline : tuple of str
        As `multiverse` takes them; the first is the primary one.
    """

    outcomes: tuple[str, ...] | None = None
    treatment: str | None = None
    day: float | None = None
    missing: tuple[Literal["nonresponse", "observed", "locf", "worst"], ...] = (
        "nonresponse",
        "observed",
        "locf",
    )
    baseline: tuple[Literal["last", "first", "mean", "worst", "given"], ...] = ("last",)


def check(task: Task) -> Iterator[str]:
    """Yield the day, treatment and outcomes that study or plan do not have."""
    settings: MultiverseSettings = task.settings
    for name in settings.outcomes or ():
        definition = _definition(task, name)
        if definition.is_event or definition.fixed_day is not None:
            yield f"outcomes: {name!r} is no state at a visit, such as response or remission."
    if settings.treatment is not None:
        names = task.study.treatments
        chosen = names[known_level("treatment", settings.treatment, names)]
        if chosen == task.reference:
            yield f"treatment: {chosen!r} is the reference itself; name another one."
    yield from task.unknown_days(settings.day)


def run(task: Task) -> Section:
    """Return the difference of one pair of treatments under every combination of choices."""
    plan, settings = task.plan, task.settings
    title = settings.title or _TITLE
    day = plan.rate_days[0] if settings.day is None else settings.day
    pair = _pair(task, day)
    if pair is None:
        return Section(task.name, title, _none_of(task, day))
    named = _named(task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # they are among the notices of the result
        result = multiverse(
            task.study,
            named,
            primary=next(iter(named)),
            day=day,
            contrast=pair,
            missing=list(settings.missing),
            baseline=list(settings.baseline),
            conf_level=plan.conf_level,
        )
    for problem in result.notices:
        warn(problem.describe(), DataWarning)
    table = result.tidy()
    known = table[table["estimate"].notna()]
    above = int((known["estimate"] > 0).sum())
    low, high = known["estimate"].min(), known["estimate"].max()
    lead = (
        f"{pair[0]} less {pair[1]} at day {day:g}: under {len(known)} combinations of definition "
        f"and rule the difference runs from {format_percent(low)} to {format_percent(high)} "
        f"percentage points; {above} of {len(known)} lie above 0; {say_excluding_zero(known)}."
    )

    def draw(figure: Any) -> None:
        result.plot(figure.add_subplot())

    return Section(
        task.name,
        title,
        lead,
        about="Published studies count response and remission differently. The same comparison is "
        "run under every choice that was declared in the plan.",
        tables=(result.summary(),),
        pictures=(
            Picture(
                "multiverse",
                "The difference under every combination, in order; "
                f"{format_level(plan.conf_level)} intervals. The marks below say which choices "
                "each stands for.",
                draw,
                (10.0, 6.0),
                alt=lead,
            ),
        ),
        frames={"multiverse": table},
        results=table,
        notes=tuple(Note(f"{p.summary} {p.remedy}") for p in result.notices),
        methods=(
            f"The comparison of {pair[0]} with {pair[1]} was repeated under every combination of "
            f"{len(named)} definitions and {len(settings.missing)} ways of counting missing "
            "assessments; simultaneous limits use the joint distribution of all estimates.",
        ),
    )


def _none_of(task: Task, day: float) -> str:
    """Return why there is no pair to compare."""
    days = assessed_days(task.study)
    there = [t for t, seen in days.items() if day in seen]
    return (
        f"No other treatment is assessed at day {day:g} beside {task.reference}; assessed then: "
        f"{', '.join(there) or 'none'}."
    )


def _definition(task: Task, name: str) -> Definition:
    if name in task.plan.definitions:
        return task.plan.definitions[name]
    definition: Definition = published[name]
    return definition


def _named(task: Task) -> dict[str, Definition]:
    """Return the definitions by a label, the primary one first."""
    if task.settings.outcomes:
        return {name: _definition(task, name) for name in task.settings.outcomes}
    response = task.plan.response
    by = response if isinstance(response, Response) and response.points is None else Response()
    others = (replace(by, reduction=0.4), replace(by, reduction=0.6), task.plan.remission)
    made = (response, *others)
    return {d.label(task.study.scale): d for d in made}


def _pair(task: Task, day: float) -> tuple[str, str] | None:
    """Return the treatment and the reference that are compared, both assessed on the day."""
    rows = task.study.longitudinal()
    there = set(rows.loc[rows["visit"] == day, "treatment"])
    names = [t for t in task.study.treatments if t in there]
    others = [t for t in names if t != task.reference]
    chosen = task.settings.treatment or (others[0] if others else "")
    return (chosen, task.reference) if task.reference in names and chosen in others else None


STEP: Step = Step(
    "multiverse", "choices of definition", run, settings=MultiverseSettings, check=check
)
