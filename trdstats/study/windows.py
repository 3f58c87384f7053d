"""Visit windows: which recorded visit stands for which scheduled day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trdstats.arguments import checked
from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import SpecError, by_level

# Half-width in days by scheduled day; days may be text, as in a TOML file.
WidthsByDay: TypeAlias = Mapping[float, float] | Mapping[int, float] | Mapping[str, float]
# Windows of all treatments, or of each by its name.
WindowsLike: TypeAlias = (
    "VisitWindows | WidthsByDay | Mapping[str, VisitWindows] | Mapping[str, WidthsByDay]"
)


@checked
@dataclass(frozen=True, slots=True)
class VisitWindows:
    """Scheduled days with the tolerance around each.

    Within a window the visit closest to the scheduled day stands for it; of two equally close
    the later one. The actual day is always kept.

    Attributes
    ----------
    days : tuple of float
        Scheduled (nominal) days, increasing.
    half_widths : tuple of float
        Tolerance in days on either side, one for each day; the ends belong to the window.

    Raises
    ------
    SpecError
        When days do not increase, a width is negative, or two windows touch.

    Examples
    --------
    >>> VisitWindows((7, 14), (2, 3)).describe()
    'day 7 ± 2, 14 ± 3'
    """

    days: tuple[float, ...]
    half_widths: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(self.half_widths) or not self.days:
            raise SpecError("windows need at least one day, and one half-width for each day.")
        problems = [
            f"day {d:g} has the negative half-width {w:g}"
            for d, w in zip(self.days, self.half_widths, strict=True)
            if w < 0
        ]
        spans = list(zip(self.days, self.half_widths, strict=True))
        problems += [
            f"day {d:g} ± {w:g} and day {e:g} ± {v:g} overlap"
            for (d, w), (e, v) in pairwise(spans)
            if d + w >= e - v
        ]
        if problems:
            raise SpecError(
                "windows must increase and keep apart: "
                + "; ".join(problems)
                + ". Narrow one of each pair."
            )

    @classmethod
    def from_mapping(cls, mapping: WidthsByDay) -> VisitWindows:
        """Build from ``{nominal day: half-width}``; keys may be text, as in a TOML file."""
        try:
            pairs = sorted((float(d), float(w)) for d, w in mapping.items())
        except (TypeError, ValueError) as error:
            raise SpecError(
                "windows must map a day to a half-width in days, for example {14: 3, 28: 3}; "
                f"got {dict(mapping)!r}."
            ) from error
        if not np.isfinite(pairs).all():
            raise SpecError("windows need finite days and half-widths.")
        return cls(tuple(d for d, _ in pairs), tuple(w for _, w in pairs))

    def spans(self) -> dict[float, tuple[float, float]]:
        """Return the first and the last day of the window of each scheduled day."""
        pairs = zip(self.days, self.half_widths, strict=True)
        return {day: (day - width, day + width) for day, width in pairs}

    @property
    def last_opens(self) -> float:
        """First day on which a visit counts for the last scheduled one."""
        return self.days[-1] - self.half_widths[-1]

    def due_opens(self, by: FloatArray) -> FloatArray:
        """Return the first day of the last window that has opened by each day, shape (n,).

        Minus infinity where none has opened yet.
        """
        opens = np.asarray(self.days) - np.asarray(self.half_widths)
        place = np.searchsorted(opens, by + 1e-9, side="right")
        return np.append(-np.inf, opens)[place]

    def nominal(self, day: FloatArray) -> FloatArray:
        """Return the scheduled day whose window holds each actual day, NaN outside all.

        Parameters
        ----------
        day : ndarray, shape (n,)
            Actual days.

        Returns
        -------
        ndarray, shape (n,)
        """
        days, widths = np.asarray(self.days), np.asarray(self.half_widths)
        edges = (days[1:] - widths[1:] + days[:-1] + widths[:-1]) / 2
        slot = np.searchsorted(edges, day)
        # A margin far below any real clock absorbs 0.1 + 0.2 style rounding at the ends.
        inside = np.abs(day - days[slot]) <= widths[slot] + 1e-9
        return np.where(inside, days[slot], np.nan)

    def only(self, days: FloatArray) -> VisitWindows:
        """Return the windows of some of the scheduled days, and those at day 0 or before."""
        spans = zip(self.days, self.half_widths, strict=True)
        kept = [(d, w) for d, w in spans if d <= 0 or d in days]
        return VisitWindows(tuple(d for d, _ in kept), tuple(w for _, w in kept))

    def describe(self) -> str:
        """Return the schedule in words."""
        spans = (f"{d:g} ± {w:g}" for d, w in zip(self.days, self.half_widths, strict=True))
        return "day " + ", ".join(spans)


def read_windows(
    windows: WindowsLike | None, treatments: list[str]
) -> dict[str, VisitWindows] | None:
    """Return one schedule a treatment from what the user gave.

    Parameters
    ----------
    windows : None, VisitWindows, mapping
        ``{day: half-width}`` for all, or ``{treatment: {day: half-width}}``.
    treatments : list of str
        Treatments of the study.

    Raises
    ------
    SpecError, UnknownNameError
        When a schedule is not usable or names a treatment that is not there, or a treatment
        has no schedule.
    """
    if windows is None:
        return None
    if isinstance(windows, VisitWindows):
        return dict.fromkeys(treatments, windows)
    if not isinstance(windows, Mapping) or not windows:
        raise SpecError(
            "windows must be a mapping of day to half-width, for example {14: 3, 28: 3}, "
            f"or one such mapping for each treatment; got {windows!r}."
        )
    told: Mapping[Any, Any] = windows
    if not all(isinstance(w, Mapping | VisitWindows) for w in told.values()):
        return dict.fromkeys(treatments, VisitWindows.from_mapping(told))
    given = by_level("treatment in windows", told, treatments)
    left = [t for t in treatments if t not in given]
    if left:
        raise SpecError(f"windows name no schedule for {', '.join(map(repr, left))}.")
    return {
        t: w if isinstance(w := given[t], VisitWindows) else VisitWindows.from_mapping(w)
        for t in treatments
    }


def schedule_visits(
    subject: IntArray,
    day: FloatArray,
    rated: BoolArray,
    treatment: npt.NDArray[np.integer[Any]],
    names: Sequence[str],
    windows: Mapping[str, VisitWindows] | None,
) -> FloatArray:
    """Return the scheduled day for which each visit stands, NaN where it stands for none.

    Parameters
    ----------
    subject : ndarray of int, shape (n,)
        Subject codes, -1 where unknown; rows are sorted by subject, then day.
    day : ndarray, shape (n,)
        Actual days.
    rated : ndarray of bool, shape (n,)
        Whether a score was given.
    treatment : ndarray of int, shape (n_subjects,)
        Index into `names`.
    names : sequence of str
        Treatments.
    windows : mapping of str to VisitWindows, or None
        None: every day is its own scheduled day.
    """
    if windows is None:
        return day.copy()
    arm = np.where(subject >= 0, treatment[subject], -1)
    usable = rated & (day > 0) & np.isfinite(day)
    nominal = np.full(len(day), np.nan)
    for k, name in enumerate(names):
        mine = usable & (arm == k)
        nominal[mine] = windows[name].nominal(day[mine])
    return choose_visits(subject, day, nominal)


def choose_visits(subject: IntArray, day: FloatArray, nominal: FloatArray) -> FloatArray:
    """Keep one visit a window: the closest to the scheduled day, of a tie the later.

    Parameters
    ----------
    subject : ndarray of int, shape (n,)
        Subject codes; rows are sorted by subject, then day.
    day, nominal : ndarray, shape (n,)
        Actual day and scheduled day (NaN outside all windows).

    Returns
    -------
    ndarray, shape (n,)
        `nominal` where the visit was chosen, else NaN.
    """
    chosen = nominal.copy()
    rows = np.flatnonzero(~np.isnan(nominal))
    s, v = subject[rows], nominal[rows]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (s[1:] != s[:-1]) | (v[1:] != v[:-1])
    group = np.cumsum(new) - 1
    # Windows with one visit, nearly all, need no sorting.
    rivals = np.bincount(group, minlength=1)[group] > 1
    rows, group = rows[rivals], group[rivals]
    distance = np.abs(day[rows] - nominal[rows])
    order = np.lexsort((-day[rows], distance, group))
    beaten = np.zeros(len(rows), dtype=bool)
    beaten[1:] = group[order][1:] == group[order][:-1]
    chosen[rows[order[beaten]]] = np.nan
    return chosen
