"""From visits to stays in states: response, its loss, and response again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.visits import event_times as kernel
from trdstats.kernels.visits.endpoints import RatedVisits
from trdstats.kernels.visits.overlap import Overlap, count_overlap
from trdstats.kernels.visits.runs import CLOCK, rows_to_runs
from trdstats.outcomes.asked_events import check_kinds
from trdstats.outcomes.assess import check_arguments, evaluate, undefined_reason
from trdstats.outcomes.check_history import CENSORED, STATES
from trdstats.outcomes.response_history import ResponseHistory
from trdstats.outcomes.rules.definition import Definition, refuse_fixed_day
from trdstats.outcomes.rules.schedule_tally import ScheduleTally, added, tally_schedule
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.outcomes.switching import (
    AfterSwitch,
    SwitchCounts,
    check_strategy,
    count_switches,
    seen_until,
    switch_days,
)
from trdstats.outcomes.time_to import by_treatment, earliest_days, warn_of_overlap
from trdstats.study import Study
from trdstats.study.courses.changes import first_day


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
    named = (*response.events, *response.failures, *relapse.events, *relapse.failures)
    check_strategy(study, after_switch, response, named)
    if after_switch == "competing":
        raise SpecError(
            "A history of response has no competing events: use after_switch='failure', where the "
            "switch ends a response, or 'censor'."
        )
    study.check_rows("The days of all ratings, which a history keeps,")
    parts = study.on_parts(_derive, response, relapse, regain, after_switch)
    warn_of_schedule(study, response, added([p.tallies[0] for p in parts]))
    warn_of_schedule(study, relapse, added([p.tallies[1] for p in parts]))
    warn_of_overlap(response, relapse, study.scale, [p.overlap for p in parts])
    known = study.in_order([p.known for p in parts])
    counts = count_switches(
        study, study.in_order([p.switched for p in parts]), strategy=after_switch,
        when="during follow-up", of="history", among=known,
    )  # fmt: skip
    return _labelled(study, (response, relapse), parts, known, counts)


@dataclass(frozen=True, slots=True)
class _Course:
    """The states of the subjects of a part.

    Attributes
    ----------
    spells : list of _Spells
    known : ndarray of bool, shape (n,)
        Whose state can be known.
    switched : ndarray of bool, shape (n,)
        Who started another treatment during follow-up.
    followed : pandas.DataFrame
        place (of the subject) and day of every rated visit that was looked at.
    first : ndarray, shape (n_treatments,)
        Earliest day on which any subject of each treatment was assessed.
    tallies : pair of tuple of ScheduleTally
        What the visits say of the schedule: for the response, and for its end.
    overlap : (int, int)
        Subjects with a visit after the first response that meets both, and with one that meets
        its end.
    """

    spells: list[_Spells]
    known: BoolArray
    switched: BoolArray
    followed: pd.DataFrame
    first: FloatArray
    tallies: tuple[tuple[ScheduleTally, ...], tuple[ScheduleTally, ...]]
    overlap: Overlap


def _derive(
    study: Study,
    response: Definition,
    relapse: Definition,
    regain: bool,
    after_switch: AfterSwitch | None,
) -> _Course:
    """Derive the states of the subjects of a part."""
    switch = switch_days(study, relapse.events)
    seen = seen_until(switch, after_switch)
    failed = switch if after_switch == "failure" else np.full(len(switch), np.nan)
    rated, responds = evaluate(study, response, seen=seen)
    visits = rated.arrays
    origin = kernel.origin_at_start(visits)
    tallies = (
        tally_schedule(visits, response.spacings),
        tally_schedule(visits, relapse.spacings, kernel.origin_at_first(visits, responds).day),
    )
    spells: list[_Spells] = []
    overlap: Overlap | None = None
    state = 0
    known = None
    # One turn a change of state, for all subjects at once; nobody has more turns than visits.
    while True:
        if state == 1:
            given = kernel.score_since(visits, origin)
            relapses = evaluate(study, relapse, since=given, seen=seen)[1]
            overlap = overlap or count_overlap(visits, origin, responds, relapses)
            record = kernel.first_event(
                visits, relapses, origin, end_when_known=relapse.ends_when_known
            )
            if relapse.events:
                day = first_day(study.events, relapse.events, origin.day)
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
    followed = pd.DataFrame({"place": rows_to_runs(visits.start), "day": visits.day})
    last = np.zeros(len(switch))
    every = study.rated().arrays
    np.maximum.at(last, rows_to_runs(every.start), every.day)
    with np.errstate(invalid="ignore"):
        switched = switch < last if seen is None else ~np.isnan(switch)
    first = earliest_days(study, every)
    return _Course(spells, known, np.asarray(switched), followed, first, tallies, overlap or (0, 0))


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


def _stays(course: _Course, place: IntArray) -> pd.DataFrame:
    """Return the stays of the subjects of a part, whose places in the study are given."""
    parts = []
    for turn, s in enumerate(course.spells):
        record = s.record
        # A stay that ends on its first day is kept where it leads on: an event on the day of
        # response is a relapse.
        instant = (record.time == 0) & (record.status == 1)
        row = np.flatnonzero(record.defined & ((record.time > 0) | instant))
        shifted = record.status[row] == 1
        start = s.start[row]
        stays = {
            "start": start,
            "stop": start + record.time[row],
            "state": STATES[s.state],
            "to": np.where(shifted, STATES[s.to], CENSORED),
            "left": start + record.left[row],
            "right": start + record.right[row],
            "turn_": turn,
            "subject_": place[row],
        }
        parts.append(pd.DataFrame(stays))
    return pd.concat(parts)


def _labelled(
    study: Study,
    rules: tuple[Definition, Definition],
    parts: list[_Course],
    known: BoolArray,
    switching: SwitchCounts | None,
) -> ResponseHistory:
    subjects = study.subjects
    names = [c for c in subjects.columns if c not in ("subject", "treatment")]
    taken = {"start", "stop", "state", "to", "left", "right", "time", "status", "entry"}
    covariates = {c: f"{c}_given" if c in taken else c for c in names}
    labelled = subjects[["subject", "treatment", *names]].rename(columns=covariates)
    places = study.places_of_parts()
    stays = pd.concat([_stays(p, place) for p, place in zip(parts, places, strict=True)])
    if not len(stays):
        raise NotEstimableError("No subject has a history of response: no subject was assessed.")
    stays = stays.sort_values(["subject_", "turn_"], kind="stable").reset_index(drop=True)
    of_stay = labelled.iloc[stays["subject_"].to_numpy()].reset_index(drop=True)
    frame = pd.concat([of_stay, stays.drop(columns=["turn_", "subject_"])], axis=1)
    seen = [p.followed.assign(place=place[p.followed["place"]])
            for p, place in zip(parts, places, strict=True)]  # fmt: skip
    followed = pd.concat(seen).sort_values("place", kind="stable")
    never = study.in_order([p.spells[0].record.time == 0 for p in parts]) & known
    reason = undefined_reason(study.scale)
    return ResponseHistory(
        frame,
        response=rules[0].label(study.scale),
        relapse=rules[1].label(study.scale),
        unseen=labelled[never].reset_index(drop=True),
        left_out=labelled.loc[~known, ["subject", "treatment"]].assign(reason=reason),
        visits=pd.DataFrame(
            {
                "subject": subjects["subject"].array[followed["place"]],
                "day": followed["day"].to_numpy(),
            }
        ),
        caveat=study.caveat or "",
        first_look=by_treatment(study, np.min([p.first for p in parts], axis=0)),
        switching=switching,
    )
