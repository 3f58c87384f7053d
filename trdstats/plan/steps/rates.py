"""Which rates differ at a day that treatments share."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import DataWarning, EstimateWarning, Problem, SpecError, unknown_name, warn
from trdstats.outcomes import Rates, rates
from trdstats.plan.margin_rows import margin_rows, margin_summary
from trdstats.plan.members import members_of_rates
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Note, Section
from trdstats.plan.settings import StepSettings, check_once
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
        Scheduled days; None for ``rate_days`` of ``[analysis]``. Definitions that speak of a
        separate day (`WithoutEvent`) are judged at that day alone.
    margins : mapping of str to float
        Non-inferiority margins of some of the outcomes, as proportions: by how much a treatment
        may be worse than the reference.
    """

    TOGETHER: ClassVar[tuple[str, ...]] = ("margins",)

    outcomes: tuple[str, ...] = ("response", "remission")
    days: tuple[float, ...] | None = None
    margins: dict[str, float] = field(default_factory=dict)

    @property
    def judged(self) -> tuple[str, ...]:
        """The outcomes whose rates are compared."""
        return self.outcomes

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("outcomes", "days"):
            check_once(key, getattr(self, key))
        for name, margin in self.margins.items():
            if name not in self.outcomes:
                raise unknown_name("outcome of the step", name, self.outcomes)
            if not 0 < margin < 1:
                raise SpecError(
                    f"margins: that of {name!r} must lie between 0 and 1 (ten percentage points "
                    f"are 0.1); got {margin!r}."
                )


def check(task: Task) -> Iterator[str | tuple[str, str]]:
    """Yield the outcomes and days that the plan or the study does not have."""
    settings: RatesSettings = task.settings
    unknown = list(task.unknown_outcomes(*settings.outcomes))
    yield from unknown
    if unknown:
        return
    yield from task.unknown_days(
        *dict.fromkeys(day for _, day in days_of_outcomes(task.plan, settings))
    )
    for name in settings.outcomes:
        definition = task.definition(name)
        if definition.is_event:
            yield (
                f"outcomes: {name!r} is an event, not a state at a visit; ask for it in a step of "
                "onset or durability, or for a state without it (WithoutEvent)."
            )
            continue
        yield from task.misfits_of_switch("rates", definition)
        if definition.fixed_day is not None and task.plan.missing == "locf":
            yield (
                f"outcomes: {name!r} rests on two days and cannot be carried forward; choose "
                'missing = "nonresponse", "observed" or "worst".'
            )


def days_of_outcomes(plan: Plan, settings: RatesSettings) -> Iterator[tuple[str, float]]:
    """Yield each outcome with the days at which it is judged.

    One that names its days is not known before the last of them: it is judged there and later.
    """
    first = {name: plan.definition(name).own_day for name in settings.outcomes}
    fixed = {name for name in settings.outcomes if plan.definition(name).fixed_day is not None}
    asked = settings.days or plan.rate_days
    for day in asked:
        for name, earliest in first.items():
            if name not in fixed and (earliest is None or earliest <= day):
                yield name, day
    for name, earliest in first.items():
        if earliest is not None and (name in fixed or earliest not in asked):
            yield name, earliest


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
    summaries, frames, notes, members, checked = [], [], [], [], []
    limits: list[Problem] = []
    for outcome, day in days_of_outcomes(plan, settings):
        result, notes_of_rate = estimate_rates(task, outcome, day)
        keys: dict[str, Any] = {"outcome": outcome, "label": result.label, "day": day}
        summaries.append(result.summary())
        checked.append(result)
        members.append(members_of_rates(result, outcome=outcome, day=day))
        frames.append(result.tidy().assign(**keys))
        if outcome in settings.margins:
            margin = settings.margins[outcome]
            judged = margin_rows(result, task.definition(outcome), margin, plan.conf_level)
            if judged.empty:
                words = f"Non-inferiority of {result.label}: there is nothing to compare."
                notes.append(Note(words, "not estimable"))
            else:
                frames.append(judged.assign(**keys))
                summaries.append(margin_summary(frames[-1], plan.conf_level))
        notes += [Note(text, "not estimable") for text in notes_of_rate]
        limits += [p for p in result.notices if p.kind != "switched"]
    for problem in dict.fromkeys(limits):
        warn(problem.describe(), DataWarning)
        notes.append(Note(f"{problem.summary} {problem.remedy}"))
    table = pd.concat(frames, ignore_index=True)
    return Section(
        task.name,
        settings.title or "Which rates differ at the same day?",
        _lead(task, table),
        about=(
            "Treatments compared at a scheduled day they share."
            if len(task.study.treatments) > 1
            else ""
        ),
        tables=tuple(summaries),
        frames={"rates": table},
        results=table,
        members=pd.concat(members, ignore_index=True),
        notes=tuple(dict.fromkeys(notes)),
        methods=_methods(task),
        checked=tuple(checked),
    )


def _methods(task: Task) -> tuple[str, ...]:
    margins: dict[str, float] = task.settings.margins
    sentences = [f"Proportions have {task.plan.interval} confidence intervals."]
    if len(task.study.treatments) > 1:
        sentences.append(
            f"Differences of proportions have {task.plan.difference} confidence intervals and "
            "tests."
        )
    if margins:
        # Not in the style of a journal: the file of results holds this sentence.
        each = ", ".join(f"{name} {100 * m:.1f}" for name, m in margins.items())
        sentences.append(
            f"Non-inferiority was tested one-sided by the score test of Miettinen and Nurminen "
            f"against margins in percentage points: {each}."
        )
    return tuple(sentences)


def _lead(task: Task, table: pd.DataFrame) -> str:
    """Return the differences of the first outcome at the first day as a sentence."""
    is_first = (table["outcome"] == table["outcome"].iloc[0]) & (
        table["day"] == table["day"].iloc[0]
    )
    first = table[is_first]
    differences = first[first["measure"] == "difference"]
    label = first["label"].iloc[0]
    fixed = task.definition(first["outcome"].iloc[0]).fixed_day is not None
    at = "" if fixed else f" at day {first['day'].iloc[0]:g}"
    what = f"{label[:1].upper()}{label[1:]}{at}: "
    level = task.plan.conf_level
    if differences.empty:
        rates_alone = first[first["measure"] == "rate"]
        return what + list_groups(rates_alone, unit="%", level=level, digits=0, scale=100)
    return what + list_differences(
        differences, unit="percentage points", level=level, digits=1, scale=100
    )


def _rows(task: Task) -> dict[str, Collection[object]]:
    """Return the measures, outcomes and days that will be there."""
    pairs = list(days_of_outcomes(task.plan, task.settings))
    return {
        "measure": ("rate", "difference", "ratio", "odds ratio", "non-inferiority"),
        "outcome": {name: None for name, _ in pairs},
        "day": {day: None for _, day in pairs},
    }


STEP: Step = Step(
    "rates", "rates at scheduled days", run, settings=RatesSettings, check=check, rows=_rows
)
