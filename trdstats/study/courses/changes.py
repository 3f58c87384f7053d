"""What changed under treatment, and on which day: switch, augmentation, a second course.

A course of another treatment that begins on day 0 or later is a switch, unless it is declared as
augmentation or as concomitant. What began before day 0 belongs to the history of the subject.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray

# Events after which a subject is no longer under the assigned treatment alone.
SWITCH_KINDS = ("switch", "rescue")
_BESIDE = ("augmentation", "concomitant")


def with_changes(
    events: pd.DataFrame, courses: pd.DataFrame, treatment: pd.Categorical
) -> pd.DataFrame:
    """Return the events with those that follow from the courses, one row an event of a day.

    Parameters
    ----------
    events : pandas.DataFrame
        subject (codes are places in `treatment`), day, event.
    courses : pandas.DataFrame
        subject, treatment, start, end, kind; sorted.
    treatment : Categorical, shape (n_subjects,)
        Assigned treatments; their categories lead those of the courses.
    """
    if not len(courses):
        return events
    marked = {
        "switch": _is_switch(courses, treatment),
        "augmentation": _since_start(courses) & courses["kind"].eq("augmentation").to_numpy(),
        "second course": _place_of_course(courses, treatment) == 1,
    }
    parts = [
        courses.loc[rows, ["subject", "start"]].rename(columns={"start": "day"}).assign(event=kind)
        for kind, rows in marked.items()
    ]
    made = pd.concat(parts, ignore_index=True)
    if not len(made):
        return events
    whole = pd.DataFrame(
        {
            "subject": pd.Categorical.from_codes(
                np.concatenate([events["subject"].cat.codes, made["subject"].cat.codes]),
                categories=courses["subject"].cat.categories,
            ),
            "day": np.concatenate([events["day"].to_numpy(), made["day"].to_numpy()]),
            "event": np.concatenate([events["event"].to_numpy(), made["event"].to_numpy()]),
        }
    )
    given = np.arange(len(whole)) < len(events)  # a row of the user's own is never taken away
    kept: pd.DataFrame = whole[given | ~whole.duplicated().to_numpy()]
    order = np.lexsort((kept["event"].to_numpy(str), kept["day"], kept["subject"].cat.codes))
    return kept.iloc[order].reset_index(drop=True)


def first_day(events: pd.DataFrame, kinds: Sequence[str], origin: FloatArray) -> FloatArray:
    """Return the first day of an event of some kinds on or after a day, NaN without one.

    Parameters
    ----------
    events : pandas.DataFrame
        subject (codes are places in `origin`), day, event.
    kinds : sequence of str
    origin : ndarray, shape (n_subjects,)
        NaN: no event is looked for.
    """
    code = events["subject"].cat.codes.to_numpy()
    day = events["day"].to_numpy()
    with np.errstate(invalid="ignore"):
        late = day >= origin[code]
    wanted = events["event"].isin(list(kinds)).to_numpy(dtype=bool) & late
    first = np.full(len(origin), np.inf)
    np.minimum.at(first, code[wanted], day[wanted])
    return np.where(np.isinf(first), np.nan, first)


def first_switches(
    events: pd.DataFrame, courses: pd.DataFrame, subjects: pd.DataFrame
) -> pd.DataFrame:
    """Return the first switch of each subject that has one: see `Study.switches`."""
    day = first_day(events, SWITCH_KINDS, np.zeros(len(subjects)))
    who = np.flatnonzero(~np.isnan(day))
    code, when = events["subject"].cat.codes.to_numpy(), events["day"].to_numpy()
    switches = events[events["event"].isin(SWITCH_KINDS).to_numpy(bool) & (when == day[code])]
    # Of both kinds on one day the switch names it.
    kind = switches.sort_values("event", ascending=False).drop_duplicates("subject")
    kind = kind.set_index(kind["subject"].cat.codes.to_numpy())["event"].reindex(who)
    switch = _is_switch(courses, subjects["treatment"].array)
    begun = courses[switch]
    begun = begun[begun["start"].to_numpy() == day[begun["subject"].cat.codes.to_numpy()]]
    named = begun.groupby(begun["subject"].cat.codes.to_numpy())["treatment"]
    to = named.agg(lambda t: " + ".join(dict.fromkeys(map(str, t)))).reindex(who)
    return pd.DataFrame(
        {
            "subject": subjects["subject"].array[who],
            "from": subjects["treatment"].array[who],
            "to": pd.Series([None if pd.isna(t) else t for t in to.tolist()], dtype=object),
            "day": day[who],
            "event": kind.to_numpy(dtype=object),
        }
    )


def days_of_change(
    events: pd.DataFrame, courses: pd.DataFrame, subjects: pd.DataFrame
) -> pd.DataFrame:
    """Return the days of every subject on which treatment changed: see `Study.course_days`."""
    start = np.zeros(len(subjects))
    first = _place_of_course(courses, subjects["treatment"].array) == 0
    ended = np.full(len(subjects), np.nan)
    ended[courses["subject"].cat.codes.to_numpy()[first]] = courses["end"].to_numpy()[first]
    return pd.DataFrame(
        {
            "subject": subjects["subject"].array,
            "treatment": subjects["treatment"].array,
            "switch": first_day(events, SWITCH_KINDS, start),
            "augmentation": first_day(events, ("augmentation",), start),
            "second_course": first_day(events, ("second course",), start),
            "end_of_first_course": ended,
        }
    )


def _since_start(courses: pd.DataFrame) -> BoolArray:
    return np.asarray(courses["start"].to_numpy() >= 0, dtype=bool)


def _is_assigned(courses: pd.DataFrame, treatment: pd.Categorical) -> BoolArray:
    given = courses["treatment"].to_numpy(dtype=object)
    assigned = np.asarray(treatment, dtype=object)[courses["subject"].cat.codes.to_numpy()]
    return np.asarray(given == assigned, dtype=bool)


def _is_switch(courses: pd.DataFrame, treatment: pd.Categorical) -> BoolArray:
    beside = courses["kind"].isin(_BESIDE).to_numpy(dtype=bool)
    return _since_start(courses) & ~beside & ~_is_assigned(courses, treatment)


def _place_of_course(courses: pd.DataFrame, treatment: pd.Categorical) -> IntArray:
    """Return the place of each row among the acute courses of the assigned treatment, from 0.

    -1 for rows that are none: another treatment, maintenance, or over before day 0.
    """
    start, end = courses["start"].to_numpy(), courses["end"].to_numpy()
    not_acute = courses["kind"].isin(["maintenance", *_BESIDE]).to_numpy(dtype=bool)
    with np.errstate(invalid="ignore"):
        over = (start < 0) & (end < 0)
    row = np.flatnonzero(_is_assigned(courses, treatment) & ~not_acute & ~over)
    code = courses["subject"].cat.codes.to_numpy()[row]
    # Of several that began by day 0 the last is the one under study, the others its history.
    followed = np.zeros(len(row), dtype=bool)
    followed[:-1] = (code[1:] == code[:-1]) & (start[row[1:]] <= 0)
    row, code = row[~followed], code[~followed]
    place = np.full(len(courses), -1, dtype=np.intp)
    place[row] = pd.Series(code).groupby(code).cumcount().to_numpy()
    return place
