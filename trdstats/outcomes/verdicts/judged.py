"""The verdicts of a definition on the subjects of a part, and those of all parts together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.kernels.visits.endpoints import States, states_at
from trdstats.outcomes.assess import evaluate
from trdstats.outcomes.free_of_event import joined_states
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.switching import AfterSwitch, seen_until, switch_days
from trdstats.outcomes.verdicts.rated_visits import last_row_by, row_at_day
from trdstats.study import Study


@dataclass(frozen=True, slots=True)
class Judged:
    """One verdict a subject, of those of a part or of all.

    Attributes
    ----------
    verdict : States
    rated, at_day : ndarray of bool, shape (n,)
        Rated at the day that was asked for; at the day that the definition speaks of.
    switch : ndarray, shape (n,)
        Day of the first switch, NaN without one.
    switched : ndarray of bool, shape (n,)
        Switched by the day of the assessment.
    up_to_switch : States or None
        Verdicts on the visits before the switch alone, where it is a failure.
    """

    verdict: States
    rated: BoolArray
    at_day: BoolArray
    switch: FloatArray
    switched: BoolArray
    up_to_switch: States | None


def joined(study: Study, parts: Sequence[Judged]) -> Judged:
    """Return the verdicts of all subjects, in their order."""
    before = [p.up_to_switch for p in parts if p.up_to_switch is not None]
    return Judged(
        joined_states(study, [p.verdict for p in parts]),
        study.in_order([p.rated for p in parts]),
        study.in_order([p.at_day for p in parts]),
        study.in_order([p.switch for p in parts]),
        study.in_order([p.switched for p in parts]),
        joined_states(study, before) if before else None,
    )


def judge(
    study: Study,
    definition: Definition,
    day: float,
    carried: bool,
    after_switch: AfterSwitch | None,
) -> Judged:
    """Judge the subjects of a part; `carried` takes the last rating by the day where none is."""
    switch = switch_days(study, (*definition.events, *definition.failures))
    rated, state = evaluate(study, definition)
    on_day = row_at_day(study, rated, day)
    row = last_row_by(study, rated, day) if definition.is_cumulative else on_day
    assessed = np.full(len(on_day), float(day))
    assessed[on_day >= 0] = rated.arrays.day[on_day[on_day >= 0]]
    with np.errstate(invalid="ignore"):
        switched = switch <= assessed
    at_day = row >= 0
    if definition.own_day is not None:
        at_day = row_at_day(study, rated, min(day, definition.own_day)) >= 0
    elif carried:
        row = np.where(at_day, row, last_row_by(study, rated, day))
    before = None
    if after_switch == "failure":
        rated, state_before = evaluate(study, definition, seen=seen_until(switch, "failure"))
        speaks = last_row_by if definition.is_cumulative else row_at_day
        before = states_at(state_before, speaks(study, rated, day))
    return Judged(states_at(state, row), on_day >= 0, at_day, switch, np.asarray(switched), before)
