"""The analysis itself: a plan and a study become sections."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

from trdstats.errors import (
    EstimateWarning,
    PlanError,
    TrdstatsError,
    UnknownNameError,
    known_level,
)
from trdstats.outcomes import day_by_treatment
from trdstats.outcomes.scores import check_scheduled
from trdstats.plan.fit import misfits_of_covariates, misfits_of_definitions
from trdstats.plan.plan import Plan, PlannedStep
from trdstats.plan.reading.problems import find_line
from trdstats.plan.sections import Note, Section
from trdstats.plan.step import Step, Task
from trdstats.plan.steps import get_step
from trdstats.study import Study


def analyse(plan: Plan, study: Study, tell: Callable[[str], None]) -> Iterator[Section]:
    """Carry out a plan, one section a step; `tell` hears what is being done.

    A step that cannot be carried out leaves a section that says why; the others go on.

    Raises
    ------
    PlanError
        With everything in which the plan does not fit the study, before any step runs: treatments,
        days, columns or kinds of events that the study does not have, and columns that cannot be
        covariates.
    """
    tasks = prepare(plan, study)
    for step, task in tasks:
        tell(words_of(step, task))
        yield carry_out(step, task)


def prepare(plan: Plan, study: Study) -> list[tuple[Step, Task]]:
    """Return each step with its task, after everything was checked against the study.

    Raises
    ------
    PlanError
        As `analyse`.
    """
    tasks: list[tuple[Step, Task]] = []
    if unfit := list(_check_fit(plan, study)):  # no step could be asked what else does not fit
        raise _misfit(unfit)
    problems: list[str] = []
    for planned in plan.steps:
        step = get_step(planned.kind)
        try:
            task = _task_of(plan, planned, study)
            problems_of_step: list[str | tuple[str, str]] = list(step.check(task))
        except TrdstatsError as error:
            problems_of_step = [str(error)]
        else:
            tasks.append((step, task))
        problems += [_placed(plan, planned, what) for what in problems_of_step]
    scales = {task.study.scale.label: task.study for _, task in tasks}
    covariates = [("analysis", "adjust", words) for words in misfits_of_covariates(plan, study)]
    rules = misfits_of_definitions(plan, list(scales.values()))
    wrong = [*covariates, *(("definitions", name, words) for name, words in rules)]
    problems += [_at_line(plan, *what) for what in wrong]
    if plan.confirmatory is not None and tasks:
        rows = {task.name: step.rows(task) for step, task in tasks} if not problems else {}
        for result in plan.confirmatory.results:
            said_of = result.misfits(
                study.treatments, plan.definitions, tasks[0][1].reference,
                rows.get(result.step, {}),
            )  # fmt: skip
            problems += [f"[confirmatory] {words}" for words in said_of]
    if problems:
        raise _misfit(problems)
    shared: dict[object, object] = {}
    return [(step, replace(task, shared=shared)) for step, task in tasks]


def _misfit(problems: list[str]) -> PlanError:
    lines = "\n".join(f"  {p}" for p in dict.fromkeys(problems))
    return PlanError(f"The plan does not fit the study.\n{lines}")


def _placed(plan: Plan, planned: PlannedStep, problem: str | tuple[str, str]) -> str:
    """Return what a check said, with the step or with the setting and its line."""
    if isinstance(problem, str):
        return f"[{planned.name}] {problem}"
    return _at_line(plan, "analysis", *problem)


def _at_line(plan: Plan, table: str, key: str, words: str) -> str:
    """Return what does not fit, with the key that says it and its line."""
    line = find_line(plan.text, table, key)
    at = f" (line {line})" if line else ""
    return f"[{table}] {key}: {words.rstrip('.')}{at}."


def _task_of(plan: Plan, planned: PlannedStep, study: Study) -> Task:
    scale = planned.settings.scale
    seen = study if scale is None else study.on(scale)
    return Task(plan, seen, planned.name, planned.settings)


def words_of(step: Step, task: Task) -> str:
    """Return what a step does, in words for the progress shown."""
    return step.words if task.name == step.key else f"{step.words} ({task.name})"


def carry_out(step: Step, task: Task) -> Section:
    """Return the section of a step; one that says why, where the step could not be carried out."""
    try:
        return _named(_run_noting(step, task), step, task)
    except TrdstatsError as error:
        reason = str(error)
    except Exception as error:  # one step with a fault must not take the others with it
        reason = f"Unexpected {type(error).__name__}: {error}"
    title = task.settings.title or step.words.capitalize()
    lead = "This part could not be carried out."
    return Section(task.name, title, lead, failed=reason)


def _run_noting(step: Step, task: Task) -> Section:
    """Run a step; what its estimates warn of stands among its notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimateWarning)
        section = step.run(task)
    texts = []
    for w in caught:
        if issubclass(w.category, EstimateWarning):
            texts.append(str(w.message))
        else:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    notes = tuple(Note(text) for text in dict.fromkeys(texts))
    return replace(section, notes=(*section.notes, *notes))


def _on_scale(section: Section, task: Task) -> Section:
    """Name the scale in the heading and in the columns of the first page."""
    label = task.study.scale.label
    headlines = {
        question if label in question else f"{question} ({label})": by
        for question, by in section.headlines.items()
    }
    title = section.title if task.settings.title is not None else f"{section.title} ({label})"
    return replace(section, title=title, headlines=headlines)


def _named(section: Section, step: Step, task: Task) -> Section:
    """Name the scale of a step in its heading; give files of a repeated step names that differ."""
    if task.settings.scale is not None:
        section = _on_scale(section, task)
    if task.name == step.key:
        return section
    return replace(
        section,
        frames={f"{task.name}_{key}": frame for key, frame in section.frames.items()},
        in_results=tuple(f"{task.name}_{key}" for key in section.in_results),
        pictures=tuple(replace(p, key=f"{task.name}_{p.key}") for p in section.pictures),
    )


def _check_fit(plan: Plan, study: Study) -> Iterator[str]:
    """Yield what of the days and the reference of all steps does not fit, each with its line."""
    try:
        days = day_by_treatment(study, plan.acute_end)
        check_scheduled(study, days, what="The acute course of ")
    except TrdstatsError as error:
        yield _at_line(plan, "analysis", "acute_end", str(error))
    if plan.reference is not None:
        try:
            known_level("treatment", plan.reference, study.treatments)
        except UnknownNameError as error:
            yield _at_line(plan, "analysis", "reference", str(error))
