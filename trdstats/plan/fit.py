"""What of a plan does not fit a study, whichever steps it has: definitions and covariates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trdstats.errors import DataError, TrdstatsError, unknown_name
from trdstats.formulas import as_categories, read_right_side
from trdstats.kernels.visits.endpoints import Since
from trdstats.outcomes import Definition
from trdstats.plan.plan import Plan
from trdstats.study import Study


def misfits_of_definitions(plan: Plan, seen: Sequence[Study]) -> Iterator[tuple[str, str]]:
    """Yield the definitions that fit none of the scales on which the steps work, and why.

    Parameters
    ----------
    plan : Plan
    seen : sequence of Study
        The study on each scale that a step works on.
    """
    for name, definition in plan.definitions.items():
        misfits = [_misfit(definition, study) for study in seen]
        if misfits and all(misfits):
            yield name, misfits[0]


def _misfit(definition: Definition, study: Study) -> str:
    """Return why a definition does not fit a scale; empty where it does."""
    visits = study.rated().arrays
    # What counts from an origin is judged as if that were the start.
    start = Since(visits.start[:-1], visits.baseline)
    try:
        definition.describe(study.scale)
        if definition.fixed_day is None:
            definition.evaluate(replace(visits, since=start), study.scale)
    except TrdstatsError as error:
        return str(error)
    return ""


def misfits_of_covariates(plan: Plan, study: Study) -> Iterator[str]:
    """Yield the covariates that are not there, or cannot be covariates as they stand."""
    if plan.adjust is None:
        return
    formula, subjects = read_right_side(plan.adjust), study.subjects
    names = sorted(map(str, formula.required_variables))
    for name in names:
        if name not in subjects.columns:
            yield str(unknown_name("column of the subjects", name, subjects.columns))
    there = [name for name in names if name in subjects.columns]
    try:
        as_categories(subjects, there, uses=formula.columns(), what="subjects")
    except DataError as error:
        for p in error.problems:
            yield f"{p.summary} {p.remedy}"
