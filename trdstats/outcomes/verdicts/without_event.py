"""Verdicts on a state at one day and no event by another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.errors import SpecError
from trdstats.kernels.visits.endpoints import REASONS
from trdstats.outcomes.asked_events import check_kinds
from trdstats.outcomes.free_of_event import FreeOfEvent, joined_free, judge_free_of_event
from trdstats.outcomes.rules.at_days import WithoutEvent
from trdstats.outcomes.switching import AfterSwitch, switch_days
from trdstats.outcomes.verdicts.missing import after_missing, any_of_arm
from trdstats.outcomes.verdicts.rated_visits import last_row_by, row_at_day
from trdstats.study import Study
from trdstats.study.plausibility.scheduled import no_ratings


def verdicts_without_event(
    study: Study,
    definition: WithoutEvent,
    missing: str,
    reference: str,
    after_switch: AfterSwitch | None,
) -> pd.DataFrame:
    """Return one verdict a subject on a state at one day and no event by another."""
    if missing == "locf":
        raise SpecError(
            f"{definition.label(study.scale)} rests on two days, of which one may be carried "
            "forward and the other not: choose missing='nonresponse', 'observed' or 'worst'."
        )
    since = (definition.state,) if definition.since else ()
    for event in (definition.event, *since):
        check_kinds(study, event, (), (), leaving=True)
    parts = study.on_parts(_judge_free, definition)
    at_state = study.in_order([at for at, _ in parts])
    judged = joined_free(study, [free for _, free in parts])
    for at, there in ((definition.at, at_state), (definition.until, judged.followed)):
        if not there.any():
            raise no_ratings(study, at)
    # A treatment without anybody at one of the two days was not scheduled for it: failures alone
    # could be known there.
    can_be = any_of_arm(study, at_state) & any_of_arm(study, judged.followed)
    seen = (judged.followed | judged.verdict.known) & can_be
    outcomes = after_missing(study, judged.verdict, seen, missing, reference)
    with np.errstate(invalid="ignore"):
        switched = switch_days(study, definition.events) <= judged.end
    if after_switch == "failure":
        failed = switched & any_of_arm(study, outcomes["met"].notna().to_numpy())
        outcomes = outcomes.assign(
            met=outcomes["met"].mask(failed, False),
            reason=outcomes["reason"].mask(failed, REASONS[0]),
        )
    return outcomes.assign(switched=switched)


def _judge_free(study: Study, definition: WithoutEvent) -> tuple[BoolArray, FreeOfEvent]:
    """Return of the subjects of a part who was assessed on the day of the state, and verdicts."""
    rated = study.rated()
    row, last = row_at_day(study, rated, definition.at), last_row_by(study, rated, definition.at)
    return row >= 0, judge_free_of_event(study, definition, row, last)
