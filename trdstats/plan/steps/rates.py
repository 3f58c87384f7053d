"""Which rates differ at a day that treatments share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import DataWarning, EstimateWarning, Problem
from trdstats.outcomes import Rates, rates
from trdstats.plan.members import members_of_rates
from trdstats.plan.sections import Note, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.step import Step, Task
from trdstats.plan.switching import strategy_for
from trdstats.plan.wording import list_differences, list_groups


@checked
@dataclass(frozen=True)
class RatesSettings(StepSettings):
    """The ``[rates]`` table.

    Attributes
    ----------
    outcomes : tuple of str
        Definitions of the plan.
    days : tuple of float or None
        Scheduled days; None for ``rate_days`` of ``[analysis]``.
    """

    outcomes: tuple[str, ...] = ("response", "remission")
    days: tuple[float, ...] | None = None


def check(task: Task) -> Iterator[str]:
    """Yield the outcomes and days that the plan or the study does not have."""
    settings: RatesSettings = task.settings
    yield from task.unknown_outcomes(*settings.outcomes)
    yield from task.unknown_days(*(settings.days or task.plan.rate_days))


def estimate_rates(task: Task, outcome: str, day: float) -> tuple[Rates, list[str]]:
    """Return rates, made once for all steps, and what could not be estimated."""
    return task.once(("rates", outcome, day), lambda: _estimate(task, outcome, day))


def _estimate(task: Task, outcome: str, day: float) -> tuple[Rates, list[str]]:
    plan = task.plan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimateWarning)
        warnings.simplefilter("ignore", DataWarning)  # they are among the notices of the result
        result = rates(
            task.study,
            task.definition(outcome),
            day=day,
            missing=plan.missing,
            conf_level=plan.conf_level,
            method=plan.interval,
            difference=plan.difference,
            reference=plan.reference,
            after_switch=strategy_for("rates", plan.after_switch),
        )
    return result, [str(w.message) for w in caught if issubclass(w.category, EstimateWarning)]


def run(task: Task) -> Section:
    """Return rates and their differences at the days of the plan."""
    plan = task.plan
    settings: RatesSettings = task.settings
    results, frames, notes, members = [], [], [], []
    limits: list[Problem] = []
    for day in settings.days or plan.rate_days:
        for outcome in settings.outcomes:
            result, said = estimate_rates(task, outcome, day)
            results.append(result)
            members.append(members_of_rates(result, outcome=outcome, day=day))
            frames.append(result.tidy().assign(outcome=outcome, label=result.label, day=day))
            notes += [Note(text, "not estimable") for text in said]
            limits += [p for p in result.notices if p.kind != "switched"]
    for problem in dict.fromkeys(limits):
        warnings.warn(problem.describe(), DataWarning, stacklevel=2)
        notes.append(Note(f"{problem.summary} {problem.remedy}"))
    table = pd.concat(frames, ignore_index=True)
    return Section(
        task.name,
        settings.title or "Which rates differ at the same day?",
        _lead(task, table),
        about="Treatments compared at a scheduled day they share.",
        tables=tuple(r.summary() for r in results),
        frames={"rates": table},
        results=table,
        members=pd.concat(members, ignore_index=True),
        notes=tuple(dict.fromkeys(notes)),
        methods=(
            f"Differences of proportions have {plan.difference} confidence intervals and tests.",
        ),
    )


def _lead(task: Task, table: pd.DataFrame) -> str:
    """Return the differences of the first outcome at the first day as a sentence."""
    is_first = (table["outcome"] == table["outcome"].iloc[0]) & (
        table["day"] == table["day"].iloc[0]
    )
    first = table[is_first]
    differences = first[first["measure"] == "difference"]
    what = f"{first['label'].iloc[0].capitalize()} at day {first['day'].iloc[0]:g}: "
    level = task.plan.conf_level
    if differences.empty:
        rates_alone = first[first["measure"] == "rate"]
        return what + list_groups(rates_alone, unit="%", level=level, digits=0, scale=100)
    return what + list_differences(
        differences, unit="percentage points", level=level, digits=1, scale=100
    )


STEP: Step = Step("rates", "rates at scheduled days", run, settings=RatesSettings, check=check)
