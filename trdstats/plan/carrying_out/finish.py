"""Each step carried out to its end, its tables and figures written, on several processes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trdstats.parallel import run_beside
from trdstats.plan.carrying_out.analysis import carry_out, prepare, words_of
from trdstats.plan.carrying_out.drawing import Files, draw_all
from trdstats.plan.carrying_out.writing import write_tables
from trdstats.plan.plan import Plan
from trdstats.plan.second_opinions import with_opinions
from trdstats.plan.sections import Section
from trdstats.plan.step import Step, Task
from trdstats.study import Study
from trdstats.tables.number_style import NumberStyle, current_style, number_style

# Every process holds the study: above so many visits there is only one.
_LARGE = 1_000_000


@dataclass(frozen=True)
class Finished:
    """A step with its tables written and its figures drawn.

    Attributes
    ----------
    section : Section
    figures : dict of str to tuple of Path
        PNG and SVG of each picture.
    tables, members : tuple of Path
        Tables; and the one of who stands behind the results, where there is one.
    warned : tuple
        Warnings of another process, to be given in this one: message, category, file and line.
    """

    section: Section
    figures: Files
    tables: tuple[Path, ...] = ()
    members: tuple[Path, ...] = ()
    warned: tuple[tuple[Warning, type[Warning], str, int], ...] = ()


def finish_steps(
    plan: Plan, study: Study, folder: Path, tell: Callable[[str], None], n_jobs: int
) -> list[Finished]:
    """Carry out all steps of a plan, in its order.

    Parameters
    ----------
    plan : Plan
    study : Study
    folder : Path
        Where ``tables`` and ``figures`` go.
    tell : callable
        Called with a few words on what is waited for.
    n_jobs : int
        Processes. The numbers and files are the same for any.

    Raises
    ------
    PlanError
        When the plan does not fit the study.
    TrdstatsError
        When a process was killed.
    """
    steps = prepare(plan, study)
    if n_jobs == 1 or len(steps) == 1 or len(study.visits) > _LARGE:
        done = []
        for step, task in steps:
            tell(words_of(step, task))
            done.append(_finish(step, task, folder))
        return done
    # The longest first: no process then waits long for another at the end.
    order = sorted(range(len(steps)), key=lambda k: -steps[k][0].cost)
    work = [(*steps[k], folder, current_style()) for k in order]
    done = run_beside(_finish_noting, work, n_jobs, lambda k: tell(words_of(*steps[order[k]])))
    by_place = dict(zip(order, done, strict=True))
    finished = [by_place[k] for k in range(len(steps))]
    for each in finished:
        for warning in each.warned:
            warnings.warn_explicit(*warning)
    return finished


def _finish(step: Step, task: Task, folder: Path) -> Finished:
    section, figures = draw_all(with_opinions(carry_out(step, task)), folder / "figures")
    return Finished(section, figures, *write_tables(section, folder / "tables"))


def _finish_noting(step: Step, task: Task, folder: Path, style: NumberStyle) -> Finished:
    """Finish a step in any process; only what the report needs travels back."""
    with number_style(style), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done = _finish(step, task, folder)
    pictures = tuple(replace(p, draw=_is_drawn) for p in done.section.pictures)
    section = replace(done.section, pictures=pictures, checked=())
    return replace(done, section=section, warned=tuple(map(_as_given, caught)))


def _as_given(seen: warnings.WarningMessage) -> tuple[Any, ...]:
    return seen.message, seen.category, seen.filename, seen.lineno


def _is_drawn(figure: object) -> None:
    """Stand in the place of what has drawn a picture already."""
    raise AssertionError("this picture is drawn already")
