"""From visits to event times: onset of a state, and durability since it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import DataWarning, NotEstimableError, Problem, SpecError, warn
from trdstats.kernels.visits import event_times as kernel
from trdstats.kernels.visits.endpoints import RatedVisits
from trdstats.kernels.visits.overlap import Overlap, count_overlap
from trdstats.outcomes.asked_events import check_kinds, names_of, read_until
from trdstats.outcomes.assess import evaluate, undefined_reason
from trdstats.outcomes.event_times import EventTimes
from trdstats.outcomes.rules.definition import Definition, refuse_fixed_day
from trdstats.outcomes.rules.schedule_tally import ScheduleTally, added, tally_schedule
from trdstats.outcomes.rules.states import Response
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.outcomes.switching import (
    COMPETING,
    AfterSwitch,
    SwitchCounts,
    check_strategy,
    count_switches,
    seen_until,
    switch_days,
)
from trdstats.scales import Scale
from trdstats.study import LEFT_FOLLOW_UP, Study
from trdstats.study.caveats import Caveat
from trdstats.study.courses.changes import first_day


@checked
def time_to(
    study: Study,
    definition: Definition,
    *,
    since: Definition | None = None,
    until: float | str | Sequence[str] | None = None,
    competing: str | Sequence[str] = (),
    after_switch: AfterSwitch | None = None,
) -> EventTimes:
    """Derive the time to a state or event for every subject.

    Parameters
    ----------
    study : Study
    definition : Definition
        What is waited for, e.g. ``Response()`` or ``Relapse(at_least=22, consecutive=2)``.
        ``Event(("left follow-up",))`` waits for leaving, dated at the last rating (as under
        `competing`).
    since : Definition, optional
        Origin: the day of each subject's first visit that met it; those who never did are left
        out and counted. Default: day 0.
    until : float, str or sequence of str, optional
        End of follow-up: days since the origin, or kinds of the events table (follow-up while on
        treatment). What comes later is not used.
    competing : str or sequence of str, default ()
        What competes with the outcome, in order of their codes 2, 3, ...: kinds of the events
        table, and ``"left follow-up"`` for those last rated before the end of the schedule, or
        before the last visit due by `until`; a rating in the window of that visit is in time.
        Kinds named nowhere are ignored: what was assessed after them is used as it is (treatment
        policy).
    after_switch : {"ignore", "censor", "failure", "competing"}, optional
        What becomes of subjects who started another treatment (a course of it, or an event
        "switch" or "rescue") before the outcome. "ignore": they are counted under the treatment
        they were assigned to (treatment policy). The others use no visit after the switch.
        "censor": time ends at the last rated visit up to it (hypothetical). "failure": a good
        outcome is never met, and they stay at risk to the end of the schedule; of a bad outcome
        the switch is an event of known day (composite). "competing": the switch is a separate
        cause, the last one. Default: as "ignore", and the result says so.

    Returns
    -------
    EventTimes
        Onset: `right` is the first rated visit that met the definition, `left` the rated visit
        before it (0 when there is none). Never met: left = time = last rated visit, right
        infinite, status 0; of a sustained state the last rated visit at which it could be known.
        Events of known day have left = right. A subject never assessed after
        the origin has time 0 and is no part of a risk set.

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.
    NotEstimableError
        When no subject met the origin.

    Warns
    -----
    DataWarning
        When the visits cannot show what the definition asks for (too far apart, too few, not on
        its days); it is among the notices of the result.

    Examples
    --------
    >>> import pandas as pd
    >>> from trdstats import Response, Study, time_to
    >>> visits = pd.DataFrame({"subject": ["A"] * 3 + ["B"] * 3, "day": [0, 7, 14] * 2,
    ...     "treatment": ["ECT"] * 3 + ["TMS"] * 3, "score": [30, 20, 15, 32, 20, 17]})
    >>> onset = time_to(Study(visits, scale="MADRS"), Response())
    >>> onset.frame[["left", "right", "status"]].to_numpy().tolist()
    [[7.0, 14.0, 1.0], [14.0, inf, 0.0]]
    """
    competing_codes = names_of(competing)
    ends, days = read_until(until)
    check_kinds(study, definition, (*competing_codes, *ends), competing_codes, leaving=True)
    both = [k for k in ends if k in definition.failures]
    if both:
        raise SpecError(
            f"{', '.join(both)} cannot both count as failure and end follow-up: leave until= out."
        )
    if since is not None:
        check_instance("since", since, Definition)
        refuse_fixed_day("since= is a state at a visit", since)
    outcome_kinds = (*definition.events, *definition.failures)
    named = (*competing_codes, *ends, *outcome_kinds, *(() if since is None else since.events))
    check_strategy(study, after_switch, definition, named)
    asked = _Asked(definition, since, competing_codes, ends, days, after_switch, named)
    parts = study.on_parts(_derive, asked)
    fits = warn_of_schedule(study, definition, added([p.tallies for p in parts]))
    if since is not None:
        warn_of_overlap(since, definition, study.scale, [p.overlap for p in parts])
    times = _joined(study, parts)
    if after_switch == "competing":
        competing_codes = (*competing_codes, COMPETING)
    counts = count_switches(
        study, times.switched, strategy=after_switch, when="before the outcome", of="times",
        among=times.record.defined,
    )  # fmt: skip
    return _labelled(study, definition, since, times, competing_codes, counts, fits)


# A severe baseline makes some totals half of it and above a cut-off, too; more is a slip.
_SOME = 0.2


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `time_to` was asked for; `named` are the kinds of events that have a part in it."""

    definition: Definition
    since: Definition | None
    competing: tuple[str, ...]
    ends: tuple[str, ...]
    until: float
    after_switch: AfterSwitch | None
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Times:
    """Times of some subjects, and what their visits say of the schedule.

    Attributes
    ----------
    record : EventRecord
    origin : ndarray, shape (n,)
        Day of the origin, NaN without one.
    gap : ndarray, shape (n,)
        Days between the visit before the origin and the origin.
    switched : ndarray of bool, shape (n,)
        Who started another treatment before the outcome.
    first : ndarray, shape (n_treatments,)
        Earliest day on which any subject of each treatment was assessed, infinite without one.
    tallies : tuple of ScheduleTally
        One a spacing of the definition.
    overlap : (int, int)
        Subjects with a visit after the origin that meets the origin and the outcome, and with one
        that meets the outcome; of a worsening since a state.
    """

    record: kernel.EventRecord
    origin: FloatArray
    gap: FloatArray
    switched: BoolArray
    first: FloatArray
    tallies: tuple[ScheduleTally, ...]
    overlap: Overlap = (0, 0)


def days_of_event(study: Study, definition: Definition, since: Definition | None) -> FloatArray:
    """Return the days from the origin to an event of the subjects of a part, NaN without one.

    Parameters
    ----------
    study : Study
    definition : Definition
    since : Definition or None
        Origin, as in `time_to`.
    """
    named = (*definition.events, *definition.failures, *(() if since is None else since.events))
    asked = _Asked(definition, since, (), (), np.nan, None, named)
    record = _derive(study, asked).record
    return np.where(record.defined & (record.status == 1), record.time, np.nan)


def _joined(study: Study, parts: Sequence[_Times]) -> _Times:
    """Return the times of all subjects, in their order; schedules are added elsewhere."""

    def of(name: str) -> Any:
        return study.in_order([getattr(p.record, name) for p in parts])

    record = kernel.EventRecord(of("left"), of("right"), of("time"), of("status"), of("defined"))
    return _Times(
        record,
        study.in_order([p.origin for p in parts]),
        study.in_order([p.gap for p in parts]),
        study.in_order([p.switched for p in parts]),
        np.min([p.first for p in parts], axis=0),
        (),
    )


def _derive(study: Study, asked: _Asked) -> _Times:
    """Derive the times of the subjects of a part."""
    definition, since, after_switch = asked.definition, asked.since, asked.after_switch
    competing_codes, ends = asked.competing, asked.ends
    switch = switch_days(study, asked.named)
    seen = seen_until(switch, after_switch)
    overlap = (0, 0)
    if since is None:
        rated, state = evaluate(study, definition, seen=seen)
        visits = rated.arrays
        origin = kernel.origin_at_start(visits)
    else:
        rated, began = evaluate(study, since, seen=seen)
        visits = rated.arrays
        origin = kernel.origin_at_first(visits, began)
        given = kernel.score_since(visits, origin)
        state = evaluate(study, definition, since=given, seen=seen)[1]
        if definition.is_worsening:
            overlap = count_overlap(visits, origin, began, state)
    tallies = tally_schedule(visits, definition.spacings, None if since is None else origin.day)
    record = kernel.first_event(visits, state, origin, end_when_known=definition.ends_when_known)
    switch = switch - origin.day

    def day_of(kinds: tuple[str, ...]) -> FloatArray:
        day = first_day(study.events, kinds, origin.day) - origin.day
        if seen is None:
            return day
        with np.errstate(invalid="ignore"):
            return np.where(day > switch, np.nan, day)

    if definition.events:
        record = kernel.with_exact_event(record, day_of(definition.events), 1)
    for code, kind in enumerate(competing_codes, start=2):
        if kind != LEFT_FOLLOW_UP:
            record = kernel.with_exact_event(record, day_of((kind,)), code)
    horizon = day_of(ends) if ends else np.full(len(record.time), asked.until)
    with np.errstate(invalid="ignore"):
        first = (record.status == 1) & (record.time <= switch)
        switched = ~np.isnan(switch) & ~first & ~(switch > horizon)
    if after_switch == "competing":
        record = kernel.with_exact_event(record, switch, 2 + len(competing_codes))
    elif after_switch == "failure" and definition.is_worsening:
        record = kernel.with_exact_event(record, switch, 1)
    elif after_switch == "failure":
        end = study.schedule_end(origin.day + horizon) - origin.day
        # A switch after the end of follow-up says nothing of what could have been seen before it.
        with np.errstate(invalid="ignore"):
            failed = np.where(switch > horizon, np.nan, switch)
        record = kernel.never_after(record, failed, end)
    if definition.failures:
        assert visits.beside is not None
        # What happened before the origin has failed from the origin on.
        failed = np.maximum(visits.beside.first_event(definition.failures) - origin.day, 0.0)
        if definition.is_worsening:
            record = kernel.with_exact_event(record, failed, 1)
        else:
            end = study.schedule_end(origin.day + horizon) - origin.day
            with np.errstate(invalid="ignore"):
                failed = np.where(failed > horizon, np.nan, failed)
            record = kernel.never_after(record, failed, end)
    if LEFT_FOLLOW_UP in (*competing_codes, *definition.events):
        # Who came to every visit that was due by the end of follow-up has not left before it.
        last = np.fmin(horizon, switch) if after_switch == "censor" else horizon
        end = study.schedule_end(origin.day + last) - origin.day
        is_outcome = LEFT_FOLLOW_UP in definition.events
        code = 1 if is_outcome else 2 + competing_codes.index(LEFT_FOLLOW_UP)
        record = kernel.leave_early(record, end, code)
    record = kernel.censor_at(record, horizon)
    first = earliest_days(study, visits if seen is None else study.rated().arrays)
    return _Times(record, origin.day, origin.gap, switched, first, tallies, overlap)


def _labelled(
    study: Study,
    definition: Definition,
    since: Definition | None,
    times: _Times,
    competing: tuple[str, ...],
    switching: SwitchCounts | None,
    notices: tuple[Problem, ...],
) -> EventTimes:
    record = times.record
    keep = record.defined
    subjects = study.subjects
    frame = pd.DataFrame(
        {
            "subject": subjects["subject"].array[keep],
            "treatment": subjects["treatment"].array[keep],
            "left": record.left[keep],
            "right": record.right[keep],
            "time": record.time[keep],
            "status": record.status[keep],
        }
    )
    if since is not None:
        frame["origin_gap"] = times.gap[keep]
    covariates = {
        f"{c}_given" if c in frame.columns else c: subjects[c].array[keep]
        for c in subjects.columns
        if c not in ("subject", "treatment")
    }
    if not len(frame):
        raise NotEstimableError(
            f"No subject has a time to {definition.label(study.scale)}: "
            + (f"no subject met {since.label(study.scale)}." if since else "no baselines.")
        )
    reason = np.where(
        np.isnan(times.origin[~keep]), "never met the origin", undefined_reason(study.scale)
    )
    left_out = pd.DataFrame(
        {
            "subject": subjects["subject"].array[~keep],
            "treatment": subjects["treatment"].array[~keep],
            "reason": reason,
        }
    )
    caveats = [study.caveat] if study.caveat else []
    caveats += [among_those(since)] if since is not None and len(study.treatments) > 1 else []
    return EventTimes.of_valid(
        frame.assign(**covariates),
        outcome=definition.label(study.scale),
        origin="day 0" if since is None else f"first visit with {since.label(study.scale)}",
        causes={1: definition.label(study.scale), **dict(enumerate(competing, start=2))},
        left_out=left_out,
        caveat=Caveat.of(*caveats),
        first_look=by_treatment(study, times.first) if since is None else None,
        switching=switching,
        notices=notices,
    )


def warn_of_overlap(
    state: Definition, end: Definition, scale: Scale, counts: Sequence[Overlap]
) -> None:
    """Warn where visits that end a state meet it as well, in more than some subjects."""
    both, ended = (sum(c[k] for c in counts) for k in (0, 1))
    if both > _SOME * ended:
        warn(
            f"{state.label(scale)} and {end.label(scale)} overlap: {both:,} of the {ended:,} "
            "subjects with a later visit that meets the second have one that meets both, which "
            "counts as the end of a state that goes on. Choose cut-offs that exclude each other.",
            DataWarning,
        )


def among_those(since: Definition) -> str:
    """Return what a comparison of those who met the origin must say, even in a trial."""
    responders = isinstance(since, Response)
    who = "responders" if responders else f"those with {since.name}"
    return (
        f"Compared among {who} only: {'responders' if responders else 'they'} were not "
        "randomised; ResponseState compares everyone who started treatment"
    )


def earliest_days(study: Study, visits: RatedVisits) -> FloatArray:
    """Return the earliest day on which any subject under each treatment was assessed.

    `visits` are all rated visits of the study; infinite without one, shape (n_treatments,).
    """
    seen = np.flatnonzero(np.diff(visits.start) > 0)
    arm = study.subjects["treatment"].cat.codes.to_numpy()[seen]
    first = np.full(len(study.treatments), np.inf)
    # Days of a subject increase: its first is the earliest.
    np.minimum.at(first, arm, visits.day[visits.start[seen]])
    return first


def by_treatment(study: Study, values: FloatArray) -> dict[str, float]:
    """Return one value a treatment by its name."""
    return dict(zip(study.treatments, values.tolist(), strict=True))
