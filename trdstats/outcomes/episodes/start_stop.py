"""Time to an event in episodes, with covariates as they were known on each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import SpecError
from trdstats.kernels.visits import event_times as kernel
from trdstats.kernels.visits.near_days import near_days_as_one
from trdstats.outcomes.assess import evaluate
from trdstats.outcomes.episodes.course import InCourse
from trdstats.outcomes.episodes.episodes import Episodes
from trdstats.outcomes.episodes.sources import Source, changes_of
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.switching import AfterSwitch
from trdstats.outcomes.time_to import time_to
from trdstats.study import Study

# Columns of event times that episodes have in their own form.
_OF_TIMES = ("subject", "treatment", "time", "status", "left", "right", "entry", "origin_gap")
_TAKEN = ("subject", "treatment", "start", "stop", "status", "number", "entry", "time", "left",
          "right")  # fmt: skip


@checked
def start_stop(
    study: Study,
    definition: Definition,
    covariates: Mapping[str, Source] | Sequence[str],
    *,
    since: Definition | None = None,
    until: float | str | Sequence[str] | None = None,
    competing: str | Sequence[str] = (),
    after_switch: AfterSwitch | None = None,
) -> Episodes:
    """Derive the time to an event in episodes within which covariates do not change.

    Parameters
    ----------
    study : Study
    definition, since, until, competing, after_switch
        As in `time_to`: the event, its origin, and the end of follow-up.
    covariates : mapping of str to source, or sequence of str
        Name of each covariate and what it is: a column of the visits ("score", "change" since
        baseline, or another one), a definition (1 while the latest assessed visit met it, at
        the start the baseline; of a recorded event, 1 after its day), or ``InCourse("lithium")``
        (1 while in that course). A sequence of columns names each after itself.

    Returns
    -------
    Episodes
        A row begins on the day on which a covariate takes a new value, and holds what was known
        on that day: the value of a visit counts after the visit, up to the next one, and never
        before it. A missing value keeps the one before; a covariate without any value so far is
        missing in the row.

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable, or a definition is judged by later visits.
    NotEstimableError
        When no subject met the origin.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> episodes = trd.start_stop(study, trd.Response(), {"early": trd.EarlyImprovement()})
    >>> trd.CoxPH("treatment + early").fit(episodes).tidy()["term"].tolist()[-1]
    'early'
    """
    check_instance("study", study, Study)
    sources = read_sources(study, covariates)
    times = time_to(
        study, definition, since=since, until=until, competing=competing, after_switch=after_switch
    )
    frame = times.frame.reset_index(drop=True)
    order = pd.Index(study.subjects["subject"].astype(object))
    code = order.get_indexer(pd.Index(frame["subject"].astype(object)))
    origin = np.zeros(len(order)) if since is None else origins_of(study, since)
    day0 = origin[code]
    time = frame["time"].to_numpy(dtype=float)
    changes = {name: changes_of(study, source) for name, source in sources.items()}
    entry = frame["entry"].to_numpy(dtype=float) if "entry" in frame else np.zeros(len(frame))
    row, start = _cuts(frame["subject"], day0, entry, time, changes)
    following = np.r_[row[1:] == row[:-1], False]
    stop = np.where(following, np.r_[start[1:], 0.0], time[row])
    status = np.where(following, 0, frame["status"].to_numpy()[row])
    given = [c for c in frame.columns if c not in _OF_TIMES]
    made = frame.loc[row, ["subject", "treatment", *given]].reset_index(drop=True)
    made = made.rename(columns={c: f"{c}_given" for c in ("start", "stop", "number")})
    made = made.assign(start=start, stop=stop, status=status)
    for name, change in changes.items():
        made[name] = value_at(made["subject"], start + day0[row], change)
    return Episodes(
        made[~_unseen(stop, status)],
        outcome=times.outcome,
        origin=times.origin,
        causes=times.causes,
        left_out=_left_out(times.left_out, frame, time),
        caveat=times.caveat,
        switching=times.switching,
    )


def read_sources(study: Study, given: Mapping[str, Source] | Sequence[str]) -> dict[str, Source]:
    """Return what covariates are made of, by name.

    Raises
    ------
    SpecError
        When one is none, or has the name of a column.
    """
    if not isinstance(given, Mapping | list | tuple):
        raise SpecError(
            "covariates is a mapping such as {'early': EarlyImprovement()}, or a list of columns "
            f"of the visits; got {given!r}."
        )
    sources: dict[str, Source] = (
        dict(given) if isinstance(given, Mapping) else {c: c for c in given}
    )
    if not sources:
        raise SpecError("covariates names at least one column or definition that changes.")
    taken = {*_TAKEN, *study.subjects.columns}
    for name, source in sources.items():
        if name in taken:
            raise SpecError(
                f"{name!r} is a column of the subjects, or of episodes: name the covariate "
                f"otherwise, such as {{'{name}_now': ...}}."
            )
        if not isinstance(source, str | Definition | InCourse):
            raise SpecError(
                f"The covariate {name!r} is a column of the visits, a definition such as "
                f"Response(), or InCourse('lithium'); got {source!r}."
            )
    return sources


def origins_of(study: Study, since: Definition) -> FloatArray:
    """Return the day of each subject's first visit that met the origin, NaN without one."""
    rated, state = evaluate(study, since)
    return kernel.origin_at_first(rated.arrays, state).day


def _cuts(
    subject: pd.Series[Any],
    day0: FloatArray,
    entry: FloatArray,
    time: FloatArray,
    changes: dict[str, pd.DataFrame],
) -> tuple[IntArray, FloatArray]:
    """Return the row of the times and the start of every episode, in order.

    An episode starts at the origin, or when the subject comes under observation, and at every
    change of a covariate before the end.
    """
    place = pd.Index(subject.astype(object))
    every = pd.concat([c[["subject", "day"]] for c in changes.values()], ignore_index=True)
    row = place.get_indexer(pd.Index(every["subject"].astype(object)))
    known = row >= 0
    row = row[known]
    days = {"since": every["day"].to_numpy(dtype=float)[known] - day0[row],
            "entry": entry, "time": time}  # fmt: skip
    # A change on the day of the end is no episode, however the days were rounded.
    days |= near_days_as_one(days, span=("entry", "time"))
    since, entry = days["since"], days["entry"]
    inside = (since > entry[row]) & (since < days["time"][row])
    rows, starts = [np.arange(len(place)), row[inside]], [entry, since[inside]]
    pairs = np.unique(np.stack([np.concatenate(rows), np.concatenate(starts)]), axis=1)
    return pairs[0].astype(np.intp), pairs[1]


def value_at(
    subject: pd.Series[Any], day: FloatArray, change: pd.DataFrame, *, before: bool = False
) -> pd.Series[Any]:
    """Return the latest value of a covariate on each day; missing where there was none yet.

    With `before`, a change on the day itself does not count. Days that differ by rounding are one.
    """
    names = pd.Index(subject.astype(object)).unique()
    of_row = names.get_indexer(pd.Index(subject.astype(object)))
    of_change = names.get_indexer(pd.Index(change["subject"].astype(object)))
    change = change[of_change >= 0]
    of_change = of_change[of_change >= 0]
    days = {"change": change["day"].to_numpy(dtype=float), "day": day}
    days |= near_days_as_one(days)
    order = np.lexsort((days["change"], of_change))
    # Rows and changes in one order of subject and day, changes first (last with `before`): the
    # last change above a row is the one it takes, when it is of the same subject.
    both = np.concatenate([of_change[order], of_row])
    is_row = np.arange(len(both)) >= len(order)
    first = ~is_row if before else is_row
    merged = np.lexsort((first, np.concatenate([days["change"][order], days["day"]]), both))
    latest = np.maximum.accumulate(np.where(is_row[merged], -1, merged))
    place = np.empty(len(both), dtype=np.intp)
    place[merged] = latest
    place = place[len(order) :]
    usable = (place >= 0) & (both[np.maximum(place, 0)] == of_row)
    values = change["value"].iloc[order].reset_index(drop=True)
    return values.reindex(np.where(usable, place, -1)).reset_index(drop=True)


def _left_out(left_out: pd.DataFrame, frame: pd.DataFrame, time: FloatArray) -> pd.DataFrame:
    gone = _unseen(time, frame["status"].to_numpy())
    unseen = frame.loc[gone, ["subject", "treatment"]]
    if not len(unseen):
        return left_out
    unseen = unseen.assign(reason="no assessment after the origin").astype({"treatment": object})
    whole: pd.DataFrame = pd.concat([left_out, unseen], ignore_index=True)
    return whole


def _unseen(stop: FloatArray, status: IntArray) -> BoolArray:
    """Return which rows end on the day of the origin without an event.

    None where a subject had an event on that day: the others were at risk then.
    """
    at_origin = stop == 0
    if (at_origin & (status > 0)).any():
        return np.zeros(len(stop), dtype=bool)
    return np.asarray(at_origin & (status == 0), dtype=bool)
