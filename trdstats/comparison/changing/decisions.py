"""Decisions about a treatment: one row a subject and interval, with what was known at its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import check_instance, checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.columns import check_columns, check_not_empty
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of
from trdstats.frames import to_pandas
from trdstats.outcomes import Definition, Episodes, InCourse, time_to
from trdstats.outcomes.episodes.sources import Source, changes_of
from trdstats.outcomes.episodes.start_stop import origins_of, read_sources, value_at
from trdstats.outcomes.time_to import LEFT_FOLLOW_UP
from trdstats.study import Study
from trdstats.tables import Summary, SummaryMixin, Table, caveat_notes, format_count

_COLUMNS = ("subject", "interval", "start", "stop", "status", "on", "previous", "left")
_EARLIER = 1e-6  # days: what held before a decision on the same day


@checked
class Decisions(SummaryMixin):
    """Intervals of equal length since an origin, with the treatment of each and what preceded it.

    Parameters
    ----------
    frame : DataFrame
        One row a subject and interval, from the origin to the event, the end of follow-up or
        leaving: subject, start and stop (days since the origin), status (0, 1 the event, 2 and
        above what competes with it; on the last row only), on (1 on treatment in the interval),
        previous (1 on treatment before it), and covariates as known at the start.
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
        code = pd.factorize(table["subject"])[0]
        table = table.iloc[np.lexsort((table["start"], code))].reset_index(drop=True)
        wrong = _problems(table)
        if wrong:
            raise DataError(wrong)
        first = ~table["subject"].duplicated().to_numpy()
        number = np.arange(len(table))
        table["interval"] = number - np.maximum.accumulate(np.where(first, number, 0))
        if "left" not in table:
            table["left"] = 0
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
        frame = self.frame.drop(columns=["interval", "left"]).assign(treatment="all")
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


def _problems(table: pd.DataFrame) -> list[Problem]:
    """Return what is wrong with the rows, sorted by subject and start."""
    who = table["subject"].to_numpy(dtype=object)
    problems = []

    def report(bad: BoolArray, kind: str, one: str, many: str, remedy: str) -> None:
        if bad.any():
            names = tuple(dict.fromkeys(str(who[i]) for i in np.flatnonzero(bad)))
            problems.append(
                Problem(kind, count_of(int(bad.sum()), f"row {one}", f"rows {many}"), names, remedy)
            )

    numbers = {c: pd.to_numeric(table[c], errors="coerce").to_numpy(dtype=float)
               for c in ("start", "stop", "status", "on", "previous")}  # fmt: skip
    missing = ~np.isfinite(np.stack(list(numbers.values()))).all(axis=0)
    report(
        missing, "not_a_number", "has an entry that is no number.",
        "have an entry that is no number.", "Days, status and treatment are numbers.",
    )  # fmt: skip
    coded = np.isin(numbers["on"], (0, 1)) & np.isin(numbers["previous"], (0, 1))
    report(
        ~coded & ~missing, "not_0_or_1", "is neither on (1) nor off (0) treatment.",
        "are neither on (1) nor off (0) treatment.", "Code on and previous as 0 and 1.",
    )  # fmt: skip
    short = ~(numbers["stop"] > numbers["start"]) & ~missing
    report(
        short, "no_length", "ends at its start, or before.", "end at their start, or before.",
        "stop is later than start.",
    )  # fmt: skip
    if problems:
        return problems
    same = who[1:] == who[:-1]
    gap = np.r_[False, same & (np.abs(numbers["start"][1:] - numbers["stop"][:-1]) > _EARLIER)]
    report(
        gap, "gap", "does not begin where the one before it ends.",
        "do not begin where the one before them ends.",
        "Give every interval from the origin on; carry the last values forward.",
    )  # fmt: skip
    late = np.r_[True, ~same] & (np.abs(numbers["start"]) > _EARLIER)
    report(
        late, "late", "of a subject does not begin at day 0.",
        "of subjects do not begin at day 0.",
        "Days count from the origin, at which every subject is followed.",
    )  # fmt: skip
    after = np.r_[same & (numbers["status"][:-1] > 0), False]
    report(
        after, "after_event", "is followed by others after an event.",
        "are followed by others after an event.", "An event ends the follow-up.",
    )  # fmt: skip
    switched = np.r_[False, same & (numbers["previous"][1:] != numbers["on"][:-1])]
    report(
        switched, "previous", "has a previous treatment that is not the one of the row before.",
        "have a previous treatment that is not the one of the row before.",
        "previous is the treatment of the interval before.",
    )  # fmt: skip
    return problems


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
        With `on`, `previous` and the covariates as known at the start of each interval.

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
    given = [c for c in study.subjects.columns if c not in rows and c != "treatment"]
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
    size = np.ceil(time / step - _EARLIER).astype(np.intp)
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
    before = value_at(rows["subject"], day - _EARLIER, course).to_numpy(dtype=float)
    on = rows["on"].to_numpy(dtype=float)
    return np.where(first, before, np.r_[0.0, on[:-1]])
