"""From visits to stays in states: response, its loss, and response again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.visits import event_times as kernel
from trdstats.kernels.visits.endpoints import RatedVisits
from trdstats.kernels.visits.runs import CLOCK, rows_to_runs
from trdstats.outcomes.assess import check_arguments, evaluate, undefined_reason
from trdstats.outcomes.check_history import CENSORED, STATES
from trdstats.outcomes.response_history import ResponseHistory
from trdstats.outcomes.rules.definition import Definition, refuse_fixed_day
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.outcomes.switching import (
    AfterSwitch,
    SwitchCounts,
    check_strategy,
    count_switches,
    seen_until,
    switch_days,
)
from trdstats.outcomes.time_to import check_kinds, first_event_day, first_look
from trdstats.study import Study


@checked
def response_history(
    study: Study,
    response: Definition,
    relapse: Definition,
    *,
    regain: bool = False,
    after_switch: AfterSwitch | None = None,
) -> ResponseHistory:
    """Derive for every subject when it was not responding, in response, and relapsed.

    Parameters
    ----------
    study : Study
    response : Definition
        State at a visit, e.g. ``Response()``.
    relapse : Definition
        What ends a response, e.g. ``Relapse(at_least=22, consecutive=2)`` or
        ``LossOfResponse()``.
    regain : bool, default False
        Whether a relapsed subject may respond again, and so on until the end of follow-up.
        Otherwise relapse ends the history.
    after_switch : {"ignore", "censor", "failure"}, optional
        What becomes of subjects who started another treatment: see `time_to`. "failure": a response
        ends on the day of the switch, as a relapse does, and who had none, or had lost it, stays
        without one to the end of the schedule.

    Returns
    -------
    ResponseHistory
        First response as in ``time_to(study, response)``, its loss as in
        ``time_to(study, relapse, since=response)``. Those who leave follow-up are censored at
        their last rated visit. A change is dated at the visit that found it, and happened
        between the rated visit before it and that one.

    Raises
    ------
    SpecError
        When response is no state at a visit, or the strategy is not one of these.
    NotEstimableError
        When no subject was assessed.

    Examples
    --------
    >>> import pandas as pd
    >>> from trdstats import LossOfResponse, Response, Study, response_history
    >>> visits = pd.DataFrame({"subject": ["A"] * 4 + ["B"] * 2, "day": [0, 7, 14, 28, 0, 7],
    ...     "treatment": ["ECT"] * 4 + ["TMS"] * 2, "score": [30, 20, 15, 25, 30, 29]})
    >>> history = response_history(Study(visits, scale="MADRS"), Response(), LossOfResponse())
    >>> history.frame[["stop", "state", "to"]].values.tolist()[:2]
    [[14.0, 'not responding', 'in response'], [28.0, 'in response', 'relapsed']]
    """
    check_arguments(study, response)
    check_kinds(study, relapse, relapse.events if isinstance(relapse, Definition) else (), ())
    refuse_fixed_day("A history of response is made of states at visits", response)
    if response.is_event or response.events:
        raise SpecError(
            f"{response.label()} is no state that holds or not at a visit: response needs one, "
            "for example Response()."
        )
    check_strategy(study, after_switch, response, relapse.events)
    if after_switch == "competing":
        raise SpecError(
            "A history of response has no competing events: use after_switch='failure', where the "
            "switch ends a response, or 'censor'."
        )
    switch = switch_days(study, relapse.events)
    seen = seen_until(switch, after_switch)
    failed = switch if after_switch == "failure" else np.full(len(switch), np.nan)
    rated, responds = evaluate(study, response, seen=seen)
    visits = rated.arrays
    origin = kernel.origin_at_start(visits)
    warn_of_schedule(study, response, visits)
    warn_of_schedule(study, relapse, visits, kernel.origin_at_first(visits, responds).day)
    spells: list[_Spells] = []
    state = 0
    known = None
    # One turn a change of state, for all subjects at once; nobody has more turns than visits.
    while True:
        if state == 1:
            given = kernel.score_since(visits, origin)
            relapses = evaluate(study, relapse, since=given, seen=seen)[1]
            record = kernel.first_event(
                visits, relapses, origin, end_when_known=relapse.ends_when_known
            )
            if relapse.events:
                day = first_event_day(study, relapse.events, origin.day)
                if seen is not None:
                    with np.errstate(invalid="ignore"):
                        day = np.where(day > switch, np.nan, day)
                record = kernel.with_exact_event(record, day - origin.day, 1)
            record = kernel.with_exact_event(record, failed - origin.day, 1)
        else:
            record = kernel.first_event(
                visits, responds, origin, end_when_known=response.ends_when_known
            )
            end = study.schedule_end() - origin.day
            record = kernel.never_after(record, failed - origin.day, end)
        known = record.defined if known is None else known
        spells.append(_Spells(state, 2 if state == 1 else 1, origin.day, record))
        shifted = record.defined & (record.status == 1)
        if not shifted.any() or (state == 1 and not regain):
            break
        day, gap = origin.day + record.time, record.right - record.left
        origin = _origin_after(
            visits, np.where(shifted, day, np.nan), np.where(shifted, gap, np.nan)
        )
        state = 2 if state == 1 else 1
    followed = study.visits.iloc[rated.row][["subject", "day"]].reset_index(drop=True)
    last = np.zeros(len(switch))
    every = study.rated().arrays
    np.maximum.at(last, rows_to_runs(every.start), every.day)
    with np.errstate(invalid="ignore"):
        switched = switch < last if seen is None else ~np.isnan(switch)
    counts = count_switches(
        study, switched, strategy=after_switch, when="during follow-up", of="history", among=known
    )
    return _labelled(study, (response, relapse), spells, known, followed, counts)


@dataclass(frozen=True, slots=True)
class _Spells:
    """One stay of every subject: state, the state it may lead to, its start, and its end."""

    state: int
    to: int
    start: FloatArray
    record: kernel.EventRecord


def _origin_after(visits: RatedVisits, day: FloatArray, gap: FloatArray) -> kernel.Origins:
    """Count time from a day of each subject, found in a gap; NaN for those who have none."""
    with np.errstate(invalid="ignore"):
        later = visits.day > visits.spread(day) + CLOCK
    past = np.bincount(rows_to_runs(visits.start), ~later, len(day)).astype(np.intp)
    return kernel.Origins(day, visits.start[:-1] + past, gap)


def _labelled(
    study: Study,
    rules: tuple[Definition, Definition],
    spells: list[_Spells],
    known: BoolArray,
    visits: pd.DataFrame,
    switching: SwitchCounts | None,
) -> ResponseHistory:
    subjects = study.subjects
    names = [c for c in subjects.columns if c not in ("subject", "treatment")]
    taken = {"start", "stop", "state", "to", "left", "right", "time", "status", "entry"}
    covariates = {c: f"{c}_given" if c in taken else c for c in names}
    labelled = subjects[["subject", "treatment", *names]].rename(columns=covariates)
    parts = []
    for turn, s in enumerate(spells):
        record = s.record
        # A stay that ends on its first day is kept where it leads on: an event on the day of
        # response is a relapse.
        instant = (record.time == 0) & (record.status == 1)
        row = np.flatnonzero(record.defined & ((record.time > 0) | instant))
        shifted = record.status[row] == 1
        start = s.start[row]
        parts.append(
            labelled.iloc[row].assign(
                start=start,
                stop=start + record.time[row],
                state=STATES[s.state],
                to=np.where(shifted, STATES[s.to], CENSORED),
                left=start + record.left[row],
                right=start + record.right[row],
                turn_=turn,
                subject_=row,
            )
        )
    frame = pd.concat(parts).sort_values(["subject_", "turn_"], kind="stable")
    if not len(frame):
        raise NotEstimableError("No subject has a history of response: no subject was assessed.")
    never = known & (spells[0].record.time == 0)
    reason = undefined_reason(study.scale)
    return ResponseHistory(
        frame.drop(columns=["turn_", "subject_"]).reset_index(drop=True),
        response=rules[0].label(study.scale),
        relapse=rules[1].label(study.scale),
        unseen=labelled[never].reset_index(drop=True),
        left_out=labelled.loc[~known, ["subject", "treatment"]].assign(reason=reason),
        visits=visits,
        caveat=study.caveat or "",
        first_look=first_look(study),
        switching=switching,
    )
