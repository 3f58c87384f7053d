"""Event times split into the groups that an estimator compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import NotEstimableError, unknown_name
from trdstats.outcomes import EventTimes

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Group:
    """The subjects of one group that have follow-up.

    Attributes
    ----------
    label : str
    row : ndarray of int, shape (n,)
        Position among all subjects with follow-up.
    time : ndarray, shape (n,)
    status : ndarray of int, shape (n,)
    """

    label: str
    row: npt.NDArray[np.intp]
    time: FloatArray
    status: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sample:
    """What an estimator sees of event times.

    Attributes
    ----------
    groups : tuple of Group
        In the order of the categories; groups without follow-up are kept out and named.
    subjects : Any
        Identifiers of all subjects with follow-up.
    n_unseen : int
        Subjects without follow-up.
    n_ungrouped : int
        Subjects with follow-up whose group is missing; they take no part.
    empty : tuple of str
        Groups in which nobody has follow-up.
    """

    groups: tuple[Group, ...]
    subjects: Any
    n_unseen: int
    n_ungrouped: int
    empty: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of subjects with follow-up."""
        return sum(len(g.time) for g in self.groups)

    def events(self, status: int = 1) -> int:
        """Return the number of events of a cause."""
        return sum(int((g.status == status).sum()) for g in self.groups)

    def influence(self, keys: list[str], of_group: Callable[[Group], FloatArray]) -> pd.DataFrame:
        """Lay the influences computed within groups side by side.

        Parameters
        ----------
        keys : list of str
            Names of the estimates of one group.
        of_group : callable
            Returns the influence of a group's subjects, shape (n_group, len(keys)).

        Returns
        -------
        pandas.DataFrame
            subject, then one column an estimate: "<group>" or "<group> <key>".
        """
        columns: dict[str, Any] = {"subject": self.subjects}
        for g in self.groups:
            values = of_group(g).reshape(len(g.time), len(keys))
            for j, key in enumerate(keys):
                column = np.zeros(len(self.subjects))
                column[g.row] = values[:, j]
                columns[f"{g.label} {key}".strip()] = column
        return pd.DataFrame(columns)


def split(times: EventTimes, by: str | None) -> Sample:
    """Return the groups of event times.

    Parameters
    ----------
    times : EventTimes
    by : str or None
        Column that names the groups; None for all subjects together.

    Raises
    ------
    UnknownNameError
        When there is no such column.
    NotEstimableError
        When nobody has follow-up.
    """
    if by is not None and by not in times.frame.columns:
        raise unknown_name("column", by, times.frame.columns)
    frame = times.at_risk()
    if not len(frame):
        raise NotEstimableError(
            f"Nobody has follow-up for the time to {times.outcome}: no subject was rated after "
            f"{times.origin}."
        )
    time = frame["time"].to_numpy(dtype=float)
    status = frame["status"].to_numpy(dtype=np.intp)
    if by is None:
        code, labels = np.zeros(len(frame), dtype=np.intp), ["all"]
    else:
        code, labels = _codes(frame[by])
    rows = [np.flatnonzero(code == k) for k in range(len(labels))]
    return Sample(
        groups=tuple(
            Group(label, row, time[row], status[row])
            for label, row in zip(labels, rows, strict=True)
            if len(row)
        ),
        subjects=frame["subject"].array,
        n_unseen=len(times.frame) - len(frame),
        n_ungrouped=int((code < 0).sum()),
        empty=tuple(label for label, row in zip(labels, rows, strict=True) if not len(row)),
    )


def _codes(column: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[str]]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype(np.intp), [str(c) for c in column.cat.categories]
    code, labels = pd.factorize(column, sort=True)
    return code.astype(np.intp), [str(v) for v in labels]


def codes_of(sample: Sample) -> npt.NDArray[np.intp]:
    """Return the group of every subject with follow-up, in the order of `Sample.groups`."""
    code = np.full(len(sample.subjects), -1, dtype=np.intp)
    for k, g in enumerate(sample.groups):
        code[g.row] = k
    return code


def counts_facts(times: EventTimes, sample: Sample) -> tuple[tuple[str, str], ...]:
    """Return the facts that every face of a time-to-event result begins with."""
    left_out = len(times.left_out)
    facts = [
        ("Outcome", times.outcome),
        ("Origin", times.origin),
        ("Subjects", f"{sample.n:,} with follow-up, {sample.events():,} events"),
    ]
    if sample.n_unseen:
        facts.append(("Never seen", f"{sample.n_unseen:,} without a visit after the origin"))
    if sample.n_ungrouped:
        facts.append(("No group", f"{sample.n_ungrouped:,} whose group is missing"))
    if left_out:
        facts.append(("Left out", f"{left_out:,} without an origin or a baseline"))
    return tuple(facts)


def notes_of(times: EventTimes, sample: Sample) -> tuple[str, ...]:
    """Return the cautions that every face of a time-to-event result ends with."""
    notes = [f"{times.caveat}."] if times.caveat else []
    if sample.empty:
        notes.append(f"Nobody has follow-up in {', '.join(sample.empty)}.")
    gap = (times.frame["right"] - times.frame["left"])[times.frame["status"] == 1]
    if len(gap) and gap.median() > 0:
        notes.append(
            "Events are dated at the visit that found them; half of them lie in gaps of "
            f"{gap.median():g} days or more."
        )
    return tuple(notes)
