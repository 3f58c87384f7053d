"""Decisions about a treatment: one row a subject and interval, with what was known at its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import check_instance, checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.columns import check_columns, check_not_empty
from trdstats.comparison.changing.decision_checks import (
    EARLIER,
    not_coded,
    out_of_order,
    with_numbers,
)
from trdstats.errors import DataError, NotEstimableError, SpecError
from trdstats.frames import to_pandas
from trdstats.outcomes import Definition, Episodes, InCourse, time_to
from trdstats.outcomes.episodes.sources import Source, changes_of
from trdstats.outcomes.episodes.start_stop import origins_of, read_sources, value_at
from trdstats.study import LEFT_FOLLOW_UP, Study
from trdstats.tables import Summary, SummaryMixin, Table, caveat_notes, format_count

_COLUMNS = ("subject", "interval", "start", "stop", "status", "on", "previous", "left", "row")


@checked
class Decisions(SummaryMixin):
    """Intervals since an origin, with the treatment of each and what preceded it.

    Parameters
    ----------
    frame : DataFrame
        One row a subject and interval, from the origin to the event, the end of follow-up or
        leaving; intervals of equal length for `SequentialTrials`: subject, start and stop (days
        since the origin), status (0, 1 the event, 2 and above what competes with it; on the last
        row only), on (1 on treatment in the interval), previous (1 on treatment before it), and
        covariates as known at the start.
    outcome, origin, treatment : str
        In words.
    causes : mapping of int to str, optional
        Names of the status codes.
    left_out : mapping of str to int, optional
        Subjects without a row, by reason.
    caveat : str
        What every comparison must say.

    Attributes
    ----------
    frame : pandas.DataFrame
        Sorted by subject and start, with interval (0, 1, ...) and left (1 on the last row of a
        subject who left follow-up; 0 unless given).

    Raises
    ------
    DataError
        With every problem of the frame.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"subject": ["A", "A", "B"], "start": [0, 28, 0],
    ...     "stop": [28, 50, 28], "status": [0, 1, 0], "on": [1, 0, 1], "previous": [1, 1, 1]})
    >>> Decisions(frame).frame["interval"].tolist()
    [0, 1, 0]
    """

    __slots__ = ("causes", "caveat", "frame", "left_out", "origin", "outcome", "treatment")

    def __init__(
        self,
        frame: FrameLike,
        *,
        outcome: str = "event",
        origin: str = "day 0",
        treatment: str = "treatment",
        causes: Mapping[int, str] | None = None,
        left_out: Mapping[str, int] | None = None,
        caveat: str = "",
    ) -> None:
        table = to_pandas(frame, what="decisions")
        needed = ("subject", "start", "stop", "status", "on", "previous")
        problems = check_columns(table, [("the decisions", c) for c in needed], "decisions")
        empty = check_not_empty(table, "decisions")
        if problems or empty:
            raise DataError([*problems, *([empty] if empty else [])])
        if "left" not in table:
            table = table.assign(left=0)
        table = with_numbers(table)
        wrong = not_coded(table)
        if wrong:
            raise DataError(wrong)
        code = pd.factorize(table["subject"], sort=True)[0]
        table = table.iloc[np.lexsort((table["start"], code))].reset_index(drop=True)
        wrong = out_of_order(table)
        if wrong:
            raise DataError(wrong)
        table = table.drop(columns="row_")
        first = ~table["subject"].duplicated().to_numpy()
        number = np.arange(len(table))
        table["interval"] = number - np.maximum.accumulate(np.where(first, number, 0))
        self.frame = table.astype({"status": int, "on": int, "previous": int, "left": int})
        self.outcome, self.origin, self.treatment = outcome, origin, treatment
        self.causes = dict(causes or {1: outcome})
        self.left_out, self.caveat = dict(left_out or {}), caveat

    @property
    def starts(self) -> IntArray:
        """First row of each subject."""
        return np.flatnonzero(~self.frame["subject"].duplicated().to_numpy()).astype(np.intp)

    @property
    def n(self) -> int:
        """Number of subjects."""
        return len(self.starts)

    def episodes(self) -> Episodes:
        """Return the intervals as episodes, for Cox regression on the column `on`."""
        frame = self.frame.drop(columns=["interval", "left"])
        if "treatment" not in frame:
            frame = frame.assign(treatment="all")
        return Episodes(
            frame, outcome=self.outcome, origin=self.origin, causes=self.causes, caveat=self.caveat
        )

    def summary(self) -> Summary:
        """Return how many are on treatment in each interval, and what changed."""
        frame = self.frame
        rows = []
        for k in range(min(int(frame["interval"].max()) + 1, _SHOWN)):
            part = frame[frame["interval"] == k]
            changed = part["on"] != part["previous"]
            rows.append(
                (
                    f"{part['start'].iloc[0]:g}", format_count(len(part)),
                    format_count(int(part["on"].sum())),
                    format_count(int((changed & (part["on"] == 1)).sum())),
                    format_count(int((changed & (part["on"] == 0)).sum())),
                    format_count(int((part["status"] == 1).sum())),
                    format_count(int(part["left"].sum())),
                )
            )  # fmt: skip
        header = (
            ("Outcome", self.outcome), ("Origin", self.origin), ("Treatment", self.treatment),
            ("Subjects", f"{format_count(self.n)}, {format_count(len(frame))} intervals"),
            *(("Left out", f"{why}: {format_count(k)}") for why, k in self.left_out.items()),
        )  # fmt: skip
        names = ("From day", "Subjects", "On treatment", "Started", "Stopped", "Events", "Left")
        return Summary(
            "Decisions about a treatment", header, (Table(names, tuple(rows)),),
            caveat_notes(self.caveat),
        )  # fmt: skip


_SHOWN = 24


@checked
def decision_intervals(
    study: Study,
    definition: Definition,
    treatment: str,
    *,
    step: float,
    covariates: Mapping[str, Source] | Sequence[str],
    since: Definition | None = None,
    until: float | None = None,
    competing: str | Sequence[str] = (),
) -> Decisions:
    """Derive the decisions about a treatment from the visits and courses of a study.

    Parameters
    ----------
    study : Study
        With courses.
    definition, since, until, competing
        As in `time_to`: the event, its origin, and the end of follow-up.
    treatment : str
        As the courses name it.
    step : float
        Days of an interval. Treatment in an interval is that after its first day; a change within
        it counts from the next one on.
    covariates : mapping of str to source, or sequence of str
        As in `start_stop`: the value of a visit counts from its day on, never before it.

    Returns
    -------
    Decisions
        With `on`, `previous` and the covariates as known at the start of each interval, and the
        columns of the subjects, their treatment group among them.

    Raises
    ------
    SpecError, UnknownNameError
        When an argument is not usable.
    NotEstimableError
        When no subject is followed after the origin.
    """
    check_instance("study", study, Study)
    if not step > 0:
        raise SpecError(f"step must be a positive number of days; got {step!r}.")
    sources = read_sources(study, covariates)
    reserved = sorted(set(sources) & set(_COLUMNS))
    if reserved:
        raise SpecError(
            f"A covariate has the name of a column of decisions: {', '.join(reserved)}. Name it "
            "otherwise, with a mapping."
        )
    named = (competing,) if isinstance(competing, str) else tuple(competing)
    leaving = () if LEFT_FOLLOW_UP in named else (LEFT_FOLLOW_UP,)
    times = time_to(study, definition, since=since, until=until, competing=(*named, *leaving))
    frame = times.frame
    gone = np.zeros(len(frame), dtype=bool)
    if leaving:
        gone = (frame["status"] == 2 + len(named)).to_numpy()
        frame = frame.assign(status=frame["status"].where(~gone, 0))
    followed = (frame["time"] > 0).to_numpy()
    unseen = int((~followed).sum())
    frame = frame.assign(gone=gone)[followed].reset_index(drop=True)
    if not len(frame):
        raise NotEstimableError("No subject is followed after the origin.")
    order = pd.Index(study.subjects["subject"].astype(object))
    code = order.get_indexer(pd.Index(frame["subject"].astype(object)))
    origin = np.zeros(len(order)) if since is None else origins_of(study, since)
    rows = _grid(frame, step)
    day = rows["start"].to_numpy() + origin[code][rows["row"].to_numpy()]
    rows = rows.drop(columns="row")
    course = changes_of(study, InCourse(treatment))
    rows["on"] = value_at(rows["subject"], day, course).to_numpy()
    rows["previous"] = _previous(rows, day, course)
    for name, source in sources.items():
        rows[name] = value_at(rows["subject"], day, changes_of(study, source)).to_numpy()
    given = [c for c in study.subjects.columns if c not in rows]
    of_subject = study.subjects.set_index("subject")[given].reindex(rows["subject"])
    rows = pd.concat([rows, of_subject.reset_index(drop=True)], axis=1)
    lost = times.left_out["reason"].value_counts().to_dict() if len(times.left_out) else {}
    if unseen:
        lost["no assessment after the origin"] = unseen
    return Decisions(
        rows, outcome=times.outcome, origin=times.origin, treatment=treatment,
        causes={k: v for k, v in times.causes.items() if v not in leaving},
        left_out={str(k): int(v) for k, v in lost.items()},
    )  # fmt: skip


def _grid(frame: pd.DataFrame, step: float) -> pd.DataFrame:
    """Return the intervals of every subject: row of `frame`, subject, start, stop, status, left."""
    time = frame["time"].to_numpy(dtype=float)
    size = np.ceil(time / step - EARLIER).astype(np.intp)
    row = np.repeat(np.arange(len(frame)), size)
    place = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    start = place * step
    stop = np.minimum(start + step, time[row])
    last = place == size[row] - 1
    status = np.where(last, frame["status"].to_numpy()[row], 0)
    left = last & frame["gone"].to_numpy()[row]
    return pd.DataFrame(
        {"row": row, "subject": frame["subject"].array[row], "start": start, "stop": stop,
         "status": status, "left": left.astype(int)}
    )  # fmt: skip


def _previous(rows: pd.DataFrame, day: FloatArray, course: Any) -> FloatArray:
    """Return the treatment of the interval before; at the origin that before the day."""
    first = ~rows["subject"].duplicated().to_numpy()
    before = value_at(rows["subject"], day, course, before=True).to_numpy(dtype=float)
    on = rows["on"].to_numpy(dtype=float)
    return np.where(first, before, np.r_[0.0, on[:-1]])
