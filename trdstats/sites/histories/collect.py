"""What the step ``in_response`` of a plan asks of the study of one site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trdstats.errors import NotEstimableError
from trdstats.outcomes import response_history
from trdstats.plan.plan import Plan
from trdstats.plan.steps.in_response import InResponseSettings
from trdstats.plan.switching import strategy_for
from trdstats.sites.collect import treatments_named
from trdstats.sites.counts import TimeCounts
from trdstats.sites.fingerprint import fingerprint_of
from trdstats.sites.histories.courses import CourseCounts, courses_of
from trdstats.sites.histories.guard import guard_courses
from trdstats.sites.histories.masked import MaskedCourses, mask_courses
from trdstats.sites.withheld import Withheld, not_followed
from trdstats.study import Study


def step_of(plan: Plan) -> InResponseSettings | None:
    """Return the first step of days in response on the scale of the study."""
    return next((s for s in _settings(plan) if s.scale is None), None)


def _settings(plan: Plan) -> list[InResponseSettings]:
    return [s.settings for s in plan.steps if isinstance(s.settings, InResponseSettings)]


def horizon_of(plan: Plan, settings: InResponseSettings) -> float:
    """Return the day up to which courses are counted."""
    return float(plan.horizon if settings.horizon is None else settings.horizon)


def course_counts(plan: Plan, study: Study) -> tuple[list[CourseCounts], list[Withheld]]:
    """Return the counts of courses of the step of days in response, by treatment."""
    settings, lacking = step_of(plan), []
    if len(_settings(plan)) > (settings is not None):
        words = "Days in response: not summarised for further steps, or another scale."
        lacking.append(Withheld("histories", words, is_missing=False))
    if settings is None:
        return [], lacking
    counts, withheld = _of_step(plan, study, settings)
    return counts, [*lacking, *withheld]


def _of_step(
    plan: Plan, study: Study, settings: InResponseSettings
) -> tuple[list[CourseCounts], list[Withheld]]:
    strategy = strategy_for("in_response", plan.after_switch)
    if study.windows is None and strategy == "failure":
        words = (
            "Days in response: not summarised, as the plan has no windows: those who switched "
            "would be followed to the last visit of each site. Name the visits, "
            "[study] windows = { 28 = 3, ... }."
        )
        return [], [Withheld("histories", words, treatment=t) for t in study.treatments]
    try:
        history = response_history(
            study, plan.definition(settings.outcome), plan.definition(settings.loss),
            after_switch=strategy,
        )  # fmt: skip
    except NotEstimableError:
        return [], [not_followed("histories", "Days in response", settings.outcome)]
    return list(courses_of(history, horizon_of(plan, settings))), []


def courses_that_leave(
    plan: Plan,
    study: Study,
    site: str,
    minimum: int,
    secret: str | None,
    times: Sequence[TimeCounts],
    totals: Mapping[str, Sequence[int]],
) -> tuple[tuple[CourseCounts, ...], tuple[MaskedCourses, ...], list[Withheld]]:
    """Return the courses on joined days, or masked ones where there is a secret; and what was done.

    Parameters
    ----------
    plan : Plan
    study : Study
    site : str
    minimum : int
    secret : str or None
    times : sequence of TimeCounts
    totals : mapping of str to sequence of int
        What leaves as well.
    """
    counts, lacking = course_counts(plan, study)
    settings = step_of(plan)
    if secret is None or settings is None or any(w.is_missing for w in lacking):
        kept, withheld = guard_courses(counts, times, totals, minimum, plan.sites.furthest)
        return kept, (), [*lacking, *withheld]
    labels = [plan.definition(n).label(study.scale) for n in (settings.outcome, settings.loss)]
    hidden, withheld = mask_courses(
        counts, (labels[0], labels[1]), horizon_of(plan, settings),
        treatments_named(plan), secret=secret, names=plan.sites.names, site=site,
        fingerprint=fingerprint_of(plan), furthest=plan.sites.furthest,
    )  # fmt: skip
    return (), hidden, [*lacking, *withheld]
