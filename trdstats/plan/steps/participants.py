"""Who was studied: flow, baseline characteristics, events, and what counts as an outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import TrdstatsError, unknown_name
from trdstats.participants import (
    BaselineTable,
    EventCounts,
    ParticipantFlow,
    baseline_table,
    count_events,
    participant_flow,
)
from trdstats.participants.event_counts import PROPORTION, RATE
from trdstats.participants.flow import ASSESSED
from trdstats.plan.definition_table import definition_frame, definition_table
from trdstats.plan.sections import Note, Picture, Section
from trdstats.plan.settings import StepSettings
from trdstats.plan.step import Step, Task
from trdstats.tables import Summary, format_count, format_number

_BALANCED = 0.1  # a standardised difference above it is worth a word (Austin 2009)


@checked
@dataclass(frozen=True)
class ParticipantsSettings(StepSettings):
    """The ``[participants]`` table.

    Attributes
    ----------
    covariates : tuple of str or None
        Columns of the subjects in Table 1; None for all that are characteristics.
    enrolled : int or None
        Subjects assessed for eligibility.
    excluded : mapping of str to int
        Why subjects were not assigned, and how many.
    events : tuple of str or None
        Kinds of events that are counted; None for all of the study.
    """

    covariates: tuple[str, ...] | None = None
    enrolled: int | None = None
    excluded: dict[str, int] = field(default_factory=dict)
    events: tuple[str, ...] | None = None

    @property
    def judged(self) -> tuple[str, ...]:
        """No definition: subjects are described."""
        return ()


def check(task: Task) -> Iterator[str]:
    """Yield the covariates and events that are not there, and counts that do not add up."""
    settings: ParticipantsSettings = task.settings
    columns = task.study.subjects.columns
    for name in settings.covariates or ():
        if name not in columns:
            yield str(unknown_name("column of the subjects", name, columns))
    if settings.events is not None and not len(task.study.events):
        yield "events: the study has none; leave the key out."
    known = task.study.events["event"].astype(str).unique().tolist()
    for name in settings.events or ():
        if name not in known:
            yield str(unknown_name("kind of event", name, known))
    try:
        _flow(task)
    except TrdstatsError as error:
        yield str(error)


def run(task: Task) -> Section:
    """Return who was studied and how many stayed, who they were, what happened to them."""
    study, settings = task.study, task.settings
    flow = _flow(task)
    table = baseline_table(study, covariates=settings.covariates)
    events = (
        count_events(study, events=settings.events, conf_level=task.plan.conf_level)
        if len(study.events)
        else None
    )
    definitions = Summary(
        "Definitions",
        (("Scale", study.scale.name),),
        (definition_table(task.plan, study),),
    )

    def draw(figure: Any) -> None:
        flow.plot(figure.add_subplot())

    flow_words = ", ".join(flow.words(s) for s in dict.fromkeys(flow.frame["stage"]))
    tables = [table.summary(), flow.summary(), *([] if events is None else [events.summary()])]
    return Section(
        task.name,
        settings.title or "Who was studied, and what counts as an outcome",
        _lead(task, flow),
        about=_ABOUT[study.randomised] if len(study.treatments) > 1 else "",
        tables=(*tables, study.summary(), definitions),
        pictures=(
            Picture(
                "flow",
                f"Participant flow: {flow_words}, and why the others were not.",
                draw,
                (max(9.0, 1.4 * len(study.treatments)), flow.height),
                alt=_lead(task, flow),
            ),
        ),
        frames={
            "definitions": definition_frame(task.plan, study),
            "subjects": study.subjects,
            "participant_flow": flow.tidy(),
            "baseline_table": table.tidy(),
            "baseline_differences": table.differences(),
            **({} if events is None else {"event_counts": events.counts, "events": events.tidy()}),
        },
        results=_results(table, flow, events),
        in_results=("participant_flow", "baseline_table", "baseline_differences", "events"),
        members=_members(flow, events),
        notes=_notes(task, table),
        methods=(
            "Baseline characteristics are described by means with standard deviations, or counts "
            f"with percentages{_AND_DIFFERENCES * (len(study.treatments) > 1)}.",
            *(_EVENT_METHODS if events is not None else ()),
        ),
    )


_ABOUT = {
    False: "Differences between cohorts before treatment are in standard deviations; above "
    f"{_BALANCED:g} they may explain a part of any difference in outcome.",
    True: "Treatments were randomised: what differs before treatment is due to chance.",
}
_AND_DIFFERENCES = ", and standardised differences"
_EVENT_METHODS = (
    "Events after day 0 are reported as the proportion with at least one (Wilson intervals) and "
    "as first events per 100 person-years (exact Poisson intervals).",
)


def _flow(task: Task) -> ParticipantFlow:
    settings: ParticipantsSettings = task.settings
    return participant_flow(
        task.study,
        day=task.plan.acute_end,
        enrolled=settings.enrolled,
        excluded=settings.excluded,
    )


def _lead(task: Task, flow: ParticipantFlow) -> str:
    """Return how many were studied and seen to the end, and how they scored before treatment."""
    study = task.study
    baseline = study.subjects["baseline"].dropna()
    n, arms = len(study.subjects), len(study.treatments)
    seen = int((flow.members["stage"] == ASSESSED).sum())
    return (
        f"{format_count(n)} {'patient' if n == 1 else 'patients'} under {arms} "
        f"{'treatment' if arms == 1 else 'treatments'}; {format_count(seen)} "
        f"{'was' if seen == 1 else 'were'} "
        f"{flow.words(ASSESSED)} of the acute course. Mean {study.scale.label} before "
        f"treatment {format_number(baseline.mean())} (standard deviation "
        f"{format_number(baseline.std())}, {format_count(len(baseline))} with a baseline)."
    )


def _results(
    table: BaselineTable, flow: ParticipantFlow, events: EventCounts | None
) -> pd.DataFrame:
    parts = [
        flow.tidy().rename(columns={"reason": "why"}).assign(measure="participant flow"),
        table.tidy().assign(measure="baseline"),
        table.differences().assign(measure="standardised difference"),
    ]
    if events is not None:
        parts.append(events.tidy())
    return pd.concat(parts, ignore_index=True)


def _members(flow: ParticipantFlow, events: EventCounts | None) -> pd.DataFrame:
    """Return the last stage of each subject and why it is not the last, and who had which event."""
    members = flow.members
    status = [
        flow.words(stage) if not reason else f"{flow.words(stage)}, then: {reason}"
        for stage, reason in zip(members["stage"], members["reason"], strict=True)
    ]
    stages = members[["subject", "treatment"]].assign(
        status=status, measure="participant flow", event=""
    )
    if events is None:
        return stages
    parts = [
        events.subjects.assign(
            status=["with the event" if has else "without the event" for has in days.notna()],
            measure=measure,
            event=kind,
        )
        for kind, days in ((str(k), v) for k, v in events.first.items())
        for measure in (PROPORTION, RATE)
    ]
    return pd.concat([stages, *parts], ignore_index=True)


def _notes(task: Task, table: BaselineTable) -> tuple[Note, ...]:
    if task.study.randomised or len(task.study.treatments) < 2:
        return ()
    largest = table.largest().sort_values(ascending=False, kind="stable")
    apart = largest[largest > _BALANCED]
    if apart.empty:
        return ()
    named = ", ".join(f"{k} ({format_number(v, 2)})" for k, v in apart.head(3).items())
    return (
        Note(
            f"Cohorts differ before treatment in {len(apart)} of {len(largest)} characteristics "
            f"by more than {_BALANCED:g} standard deviations; most in {named}."
        ),
    )


STEP: Step = Step(
    "participants",
    "participants and definitions",
    run,
    settings=ParticipantsSettings,
    check=check,
    cost=3.0,
)
