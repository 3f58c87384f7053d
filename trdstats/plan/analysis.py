"""The analysis itself: a plan and a study become sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trdstats.errors import PlanError, UnknownNameError, known_level, unknown_day
from trdstats.outcomes import day_by_treatment
from trdstats.plan.plan import Plan
from trdstats.plan.problems import PlanProblems
from trdstats.plan.sections import Section
from trdstats.plan.steps import all_steps
from trdstats.study import Study


def analyse(plan: Plan, study: Study, tell: Callable[[str], None]) -> Iterator[Section]:
    """Carry out a plan, one section a step; `tell` hears what is being done.

    Raises
    ------
    PlanError
        When the plan names a treatment, a day or a column that the study does not have, or a
        column that cannot be a covariate.
    """
    _check_fit(plan, study)
    for step in all_steps():
        tell(step.words)
        yield step.run(plan, study)


def _check_fit(plan: Plan, study: Study) -> None:
    _check_steps(plan, study)
    try:
        _check_scheduled(study, day_by_treatment(study, plan.acute_end))
        if plan.reference is not None:
            known_level("treatment", plan.reference, study.treatments)
    except UnknownNameError as error:
        raise PlanError(f"The plan does not fit the study. {error}") from error


def _check_steps(plan: Plan, study: Study) -> None:
    """Ask every step whether the plan fits the study, before the first one runs."""
    problems = PlanProblems(plan.text)
    for step in all_steps():
        for key, words in step.check(plan, study):
            problems.add(f"{key}: {words.removesuffix('.')}", "analysis", key)
    problems.raise_if_any()


def _check_scheduled(study: Study, days: dict[str, float]) -> None:
    """Refuse an acute course that ends on a day on which its treatment has no visit."""
    rows = study.longitudinal()
    for name, day in days.items():
        own = rows.loc[rows["treatment"] == name, "visit"].unique().tolist()
        if day not in own:
            hint = (
                " Without visit windows every day is a visit of its own: give windows."
                if study.windows is None
                else ""
            )
            raise UnknownNameError(f"The acute course of {name}: {unknown_day(day, own)}{hint}")
