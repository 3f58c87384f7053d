"""How many are in response on each day: the curve over time, and mean days in response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from trdstats import plots
from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError, join_and
from trdstats.outcomes import ResponseHistory, response_history
from trdstats.plan.members import members_of_history
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.step import Step, Task
from trdstats.plan.switching import strategy_for
from trdstats.plan.wording import list_differences, list_groups
from trdstats.survival import ResponseState
from trdstats.survival.states.response_state import ResponseStateResult
from trdstats.tables import each_row, format_estimate, format_level

HOW_LONG = "Mean days in response"
_TITLE = "How many are in response, day by day?"


@checked
@dataclass(frozen=True)
class InResponseSettings(StepSettings):
    """The ``[in_response]`` table.

    Attributes
    ----------
    outcome, loss : str
        Definitions of the plan: what begins the spell, and what ends it.
    horizon : float or None
        Days over which mean days in response are counted; None for ``horizon`` of ``[analysis]``.
    """

    outcome: str = "response"
    loss: str = "relapse"
    horizon: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.horizon is not None and self.horizon <= 0:
            raise SpecError(f"horizon must be a number of days after 0; got {self.horizon!r}.")


def check(task: Task) -> Iterator[str | tuple[str, str]]:
    """Yield the outcomes that the plan does not have."""
    settings: InResponseSettings = task.settings
    unknown = list(task.unknown_outcomes(settings.outcome, settings.loss))
    yield from unknown
    if unknown:
        return
    yield from task.no_states(settings.outcome)
    yield from task.misfits_of_switch(
        "in_response", task.definition(settings.outcome), task.definition(settings.loss)
    )
    if task.definition(settings.loss).is_worsening is False:
        yield (
            f"loss: {settings.loss!r} is a good outcome and cannot end a spell of "
            f"{settings.outcome}; name a relapse or loss of response."
        )


def run(task: Task) -> Section:
    """Return the probability of being in response over time, and mean days in response."""
    plan, settings = task.plan, task.settings
    title = settings.title or _TITLE
    history = response_history(
        task.study,
        task.definition(settings.outcome),
        task.definition(settings.loss),
        after_switch=strategy_for("in_response", plan.after_switch),
    )
    tau = plan.horizon if settings.horizon is None else settings.horizon
    spec = ResponseState(tau, reference=task.reference, conf_level=plan.conf_level)
    fit, left_out = fit_followed(spec, history, task.study.treatments)
    if fit is None:
        late = _not_assessed(history, tau, task.study.treatments)
        lead = (
            f"No subject was assessed by day {tau:g}."
            if len(late) == len(task.study.treatments)
            else f"No treatment is followed to day {tau:g}."
        )
        return Section(task.name, title, lead, notes=left_out)
    days = fit.mean_days()
    spent = days[days["state"] == "in response"]
    means = spent[spent["measure"] == "mean days"]
    differences = spent[spent["measure"] == "difference"]
    level = plan.conf_level

    def draw(figure: Any) -> None:
        fit.plot_in_response(
            figure.add_subplot(),
            styles=plots.treatment_styles(task.study.treatments),
            time_scale=plan.time_scale,
        )

    def draw_areas(figure: Any) -> None:
        fit.plot(figure, time_scale=plan.time_scale)

    groups = list_groups(means, unit="days in response", level=level)
    return Section(
        task.name,
        title,
        f"Of {tau:g} days: {groups} "
        + (list_differences(differences, unit="days", level=level) if len(differences) else ""),
        about="Everyone who started treatment counts on every day, responder or not. The curve "
        "rises as patients respond and falls as they relapse; the area under it is the mean "
        "number of days in response.",
        tables=(fit.summary(),),
        pictures=(
            Picture(
                "in_response",
                f"Probability of being in response, by day, with {format_level(level)} intervals.",
                draw,
                (9.0, 5.2),
                alt=f"One curve a treatment of the probability of being in response. {groups}",
            ),
            Picture(
                "in_response_states",
                "Not responding, in response and relapsed, one panel a treatment: the areas add up "
                "to all who started.",
                draw_areas,
                (9.0, 1.0 + 2.4 * ((len(means) + 2) // 3)),
                alt="Stacked areas of three states over time, one panel a treatment.",
            ),
        ),
        frames={"in_response_curves": fit.tidy(), "in_response_days": days},
        results=days,
        members=members_of_history(history),
        headlines={
            f"{HOW_LONG} (of {tau:g})": {
                str(r.treatment): format_estimate(r.estimate, r.conf_low, r.conf_high)
                for r in each_row(means)
            }
        },
        unsaid=tuple(_unsaid(history, tau, task.study.treatments, means)),
        notes=left_out,
        methods=(
            "The probability of being in response on each day was estimated with the "
            "Aalen-Johansen estimator over the states not responding, in response and relapsed, "
            f"and summed to mean days in response up to day {tau:g}, with standard errors by the "
            "infinitesimal jackknife over patients.",
        ),
    )


def fit_followed(
    spec: ResponseState, history: ResponseHistory, treatments: Sequence[str]
) -> tuple[ResponseStateResult | None, tuple[Note, ...]]:
    """Fit all treatments that are followed to the horizon, and say which are not."""
    try:
        return spec.fit(history), ()
    except NotEstimableError as error:
        reason = str(error)
    kept = []
    for name in treatments:
        alone = ResponseState(spec.tau, conf_level=spec.conf_level)
        try:
            alone.fit(history.only([name]))
        except NotEstimableError:
            continue
        kept.append(name)
    late = _not_assessed(history, spec.tau, [t for t in treatments if t not in kept])
    what = "was assessed by then" if late else "is followed that long"
    note = Note(f"Not every treatment {what}. {reason}", "not estimable")
    if not kept:
        return None, (note,)
    reference = spec.reference if spec.reference in kept else None
    fit = ResponseState(spec.tau, reference=reference, conf_level=spec.conf_level)
    return fit.fit(history.only(kept)), (note,)


def _unsaid(
    history: ResponseHistory, tau: float, treatments: Sequence[str], means: pd.DataFrame
) -> Iterator[str]:
    """Yield why a treatment has no mean days in response."""
    without = [t for t in treatments if t not in set(means["treatment"])]
    late = _not_assessed(history, tau, without)
    short = [t for t in without if t not in late]
    for names, why in ((late, "no visit by"), (short, "no follow-up to")):
        if names:
            yield f"{HOW_LONG}: {why} day {tau:g} under {join_and(names)}."


def _not_assessed(history: ResponseHistory, day: float, treatments: Sequence[str]) -> list[str]:
    return [t for t in treatments if history.first_look.get(t, 0.0) > day]


STEP: Step = Step(
    "in_response",
    "probability of being in response",
    run,
    settings=InResponseSettings,
    check=check,
    cost=4.0,
)
