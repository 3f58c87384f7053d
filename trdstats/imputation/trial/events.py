"""Intercurrent events by subject: visit, reason, and strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import BoolArray, IntArray
from trdstats.columns import check_columns
from trdstats.errors import DataError, Problem, SpecError, count_of, nearest
from trdstats.frames import to_pandas
from trdstats.imputation.trial.layout import Layout, lay_out
from trdstats.imputation.trial.strategies import MAR, Strategy, read_strategy
from trdstats.study import Study
from trdstats.study.visit_order import days_of
from trdstats.tables import Table

DROPOUT = "dropout"
STATUS_IS_MAR = (
    "The imputation model has the status after the event as covariate, which says what becomes of "
    "missing visits after it: the strategy is 'MAR'."
)


def place_events(layout: Layout, events: Any) -> tuple[Layout, npt.NDArray[np.object_]]:
    """Return the layout with its events, and the strategy of each subject.

    Parameters
    ----------
    layout : Layout
    events : DataFrame or None
        One row a subject with an event: subject, the visit of the event or its `day`, and
        optionally `strategy` and `reason` (or `event`, as the events of a study).

    Returns
    -------
    Layout
    ndarray of object, shape (n,)
        MAR where no strategy is given.

    Raises
    ------
    DataError
        With every problem of the events.
    """
    strategies = np.full(len(layout.subject_table), MAR(), dtype=object)
    if events is None:
        return layout, strategies
    table = to_pandas(events, what="events")
    when = layout.visit if layout.visit in table.columns else "day"
    problems = check_columns(table, [("the events", layout.subject), ("the events", when)],
                             "events")  # fmt: skip
    if problems:
        raise DataError(list(problems))
    person = layout.subjects.get_indexer(pd.Index(table[layout.subject]))
    place, bad_visit = _places(layout, table[when], when)
    checks = [
        _check(person < 0, table[layout.subject], "unknown_subject",
               ("event belongs to a subject that is", "events belong to subjects that are"),
               "not in the trial, or left out",
               _hint(layout, table[layout.subject][person < 0])),
        _check(bad_visit, table[when].astype(str), "unknown_visit",
               ("event has a visit that is", "events have visits that are"),
               "not scheduled",
               f"Visits: {', '.join(map(str, layout.visits))}."),
        _check(pd.Series(person).duplicated().to_numpy() & (person >= 0), table[layout.subject],
               "two_events", ("subject has", "subjects have"), "two events",
               "Keep the event that decides how later visits are handled."),
    ]  # fmt: skip
    wrong = [p for p in checks if p is not None]
    if wrong:
        raise DataError(wrong)
    event = layout.event.copy()
    event[person] = place
    reason = layout.reason.copy()
    named = next((c for c in ("reason", "event") if c in table.columns), None)
    reason[person] = "event" if named is None else table[named].fillna("event").astype(str)
    if "strategy" in table.columns:
        for subject, strategy in zip(person, table["strategy"], strict=True):
            strategies[subject] = read_strategy(strategy)
        if layout.has_status and any(not isinstance(one, MAR) for one in strategies):
            raise SpecError(STATUS_IS_MAR)
    return replace(layout, event=event, reason=reason), strategies


def _places(layout: Layout, values: pd.Series[Any], when: str) -> tuple[IntArray, BoolArray]:
    """Return the position of each event's visit; for a day the first visit at or after it."""
    if when == layout.visit:
        place = layout.visits.get_indexer(pd.Index(list(values)))
        return place.astype(np.intp), place < 0
    days = days_of(list(layout.visits))
    if np.isnan(days).any() or (np.diff(days) <= 0).any():
        raise SpecError(
            "Events by day need visits that are days, in their order; name the "
            f"{layout.visit!r} of each event."
        )
    day = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    return np.searchsorted(days, day).astype(np.intp), ~np.isfinite(day)


def _check(
    bad: BoolArray,
    names: pd.Series[Any],
    kind: str,
    verb: tuple[str, str],
    what: str,
    remedy: str,
) -> Problem | None:
    if not bad.any():
        return None
    where = tuple(f"{names.iloc[i]} (row {i})" for i in np.flatnonzero(bad))
    return Problem(kind, f"{count_of(int(bad.sum()), *verb)} {what}.", where, remedy)


def _hint(layout: Layout, names: pd.Series[Any]) -> str:
    close = nearest(names.iloc[0], layout.subjects, n=1) if len(names) else []
    asked = f"Did you mean {close[0]!r}? " if close else ""
    return asked + (
        "Spell subjects as in the data. A subject who was never assessed needs a row there, with "
        "an empty outcome, to be imputed; or leave the event out."
    )


def informing_values(layout: Layout, strategies: npt.NDArray[np.object_]) -> BoolArray:
    """Return which observed values inform the imputation model, shape (n, T).

    Values observed at or after an event under any strategy but MAR do not: the strategy
    sets them aside.
    """
    T = layout.y.shape[1]
    borrowed = np.array([not isinstance(s, MAR) for s in strategies], dtype=bool)
    after = np.arange(T) >= layout.event[:, None]
    return np.asarray(~np.isnan(layout.y) & ~(after & borrowed[:, None]))


@checked
def dropout_events(
    data: Study | FrameLike,
    *,
    outcome: str = "change",
    days: Sequence[Level] | None = None,
    subject: str = "subject",
    treatment: str = "treatment",
    visit: str = "visit",
) -> pd.DataFrame:
    """Find dropouts: the first of the visits from which on all outcomes are missing.

    Parameters
    ----------
    data : Study or DataFrame
        As for `Imputation.draw`.
    outcome : str
    days : sequence, optional
        Visits to use. Default: all.
    subject, treatment, visit : str
        Columns.

    Returns
    -------
    pandas.DataFrame
        subject, visit, reason ("dropout"); subjects assessed at the last visit have no row.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"subject": ["A"] * 3 + ["B"] * 3, "treatment": ["ECT"] * 6,
    ...     "visit": [1, 2, 3] * 2, "change": [-2, None, -4, -1, None, None]})
    >>> dropout_events(frame).to_numpy().tolist()
    [['B', 2, 'dropout']]
    """
    layout = lay_out(
        data, f"{outcome} ~ 1", subject=subject, treatment=treatment, visit=visit, days=days
    )
    rated = ~np.isnan(layout.y)
    T = rated.shape[1]
    last = np.where(rated.any(axis=1), T - np.argmax(rated[:, ::-1], axis=1), 0)
    left = np.flatnonzero(last < T)
    return pd.DataFrame(
        {
            subject: layout.subject_table[subject].to_numpy()[left],
            visit: np.asarray(layout.visits)[last[left]],
            "reason": DROPOUT,
        }
    )


def _strategy_counts(
    layout: Layout, strategies: npt.NDArray[np.object_]
) -> list[tuple[Strategy, str, int]]:
    """Return strategy, reason and number of subjects with an event, in order of reasons."""
    had = layout.event < layout.y.shape[1]
    counts: dict[tuple[str, str], tuple[Strategy, str, int]] = {}
    for strategy, reason in zip(strategies[had], layout.reason[had], strict=True):
        key = (reason, strategy.describe())
        n = counts[key][2] if key in counts else 0
        counts[key] = (strategy, reason, n + 1)
    return [counts[k] for k in sorted(counts)]


def event_table(layout: Layout, strategies: npt.NDArray[np.object_]) -> tuple[Table, ...]:
    """Return the events with what is assumed after them; none where there are no events."""
    rows = tuple(
        (reason, f"{strategy.describe()[:1].upper()}{strategy.describe()[1:]}", f"{n:,}")
        for strategy, reason, n in _strategy_counts(layout, strategies)
    )
    if not rows:
        return ()
    return (Table(("Reason", "After the event", "Subjects"), rows, 2, "Intercurrent events"),)
