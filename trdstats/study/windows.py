"""Visit windows: which recorded visit stands for which scheduled day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trdstats.arguments import checked
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, by_level

# A half-width in days, or how far a window reaches to either side.
Width: TypeAlias = float | tuple[float, float]
# Widths by scheduled day; days may be text, as in a TOML file.
WidthsByDay: TypeAlias = Mapping[float, Width] | Mapping[int, Width] | Mapping[str, Width]
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

    Parameters
    ----------
    days : tuple of float
        Scheduled (nominal) days, increasing.
    half_widths : tuple of float or (float, float)
        Tolerance in days, one for each day: a half-width for either side, or how far the window
        reaches to either side, the first not above 0: ``(-3, 7)`` opens three days early and
        closes seven days late. The ends belong to the window.

    Raises
    ------
    SpecError
        When days do not increase, a width is negative, a pair does not hold its scheduled day,
        or two windows touch.

    Examples
    --------
    >>> VisitWindows((7, 14, 28), (2, 3, (-3, 7))).describe()
    'day 7 ± 2, 14 ± 3, 28 -3 to +7'
    """

    days: tuple[float, ...]
    half_widths: tuple[float | tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(self.half_widths) or not self.days:
            raise SpecError("windows need at least one day, and one half-width for each day.")
        widths = tuple(map(_plain_width, self.half_widths))
        object.__setattr__(self, "half_widths", widths)
        problems = []
        for d, w in zip(self.days, widths, strict=True):
            if isinstance(w, tuple):
                if not w[0] <= 0 <= w[1]:
                    problems.append(
                        f"the window {list(w)} does not hold its day {d:g}: the first number says "
                        "how much earlier it opens (0 or negative), the second how much later it "
                        "closes, as in (-3, 7)"
                    )
            elif w < 0:
                problems.append(f"day {d:g} has the negative half-width {w:g}")
        spans = list(zip(self.days, widths, self.opens, self.closes, strict=True))
        problems += [
            f"day {_span(d, w)} and day {_span(e, v)} overlap"
            for (d, w, _, closes), (e, v, opens, _) in pairwise(spans)
            if closes >= opens
        ]
        if problems:
            raise SpecError(
                "windows must increase and keep apart: "
                + "; ".join(problems)
                + ". Narrow one of each pair."
            )

    @classmethod
    def from_mapping(cls, mapping: WidthsByDay) -> VisitWindows:
        """Build from ``{nominal day: half-width or (earlier, later)}``.

        Days may be text and pairs lists, as in a TOML file.
        """
        try:
            pairs = sorted((float(d), _read_width(w)) for d, w in mapping.items())
        except (TypeError, ValueError) as error:
            raise SpecError(
                "windows must map a day to a half-width in days, for example {14: 3, 28: 3}, or to "
                f"how far they reach to either side, {{28: (-3, 7)}}; got {dict(mapping)!r}."
            ) from error
        if not all(np.isfinite([d, *w]).all() for d, w in pairs):
            raise SpecError("windows need finite days and half-widths.")
        return cls(tuple(d for d, _ in pairs), tuple(w if len(w) == 2 else w[0] for _, w in pairs))

    @property
    def opens(self) -> FloatArray:
        """First day of each window, shape (n_days,)."""
        early = [w[0] if isinstance(w, tuple) else -w for w in self.half_widths]
        return np.asarray(self.days, dtype=float) + early

    @property
    def closes(self) -> FloatArray:
        """Last day of each window, shape (n_days,)."""
        late = [w[1] if isinstance(w, tuple) else w for w in self.half_widths]
        return np.asarray(self.days, dtype=float) + late

    def spans(self) -> dict[float, tuple[float, float]]:
        """Return the first and the last day of the window of each scheduled day."""
        ends = zip(self.opens.tolist(), self.closes.tolist(), strict=True)
        return dict(zip(self.days, ends, strict=True))

    @property
    def last_opens(self) -> float:
        """First day on which a visit counts for the last scheduled one."""
        return float(self.opens[-1])

    def due_opens(self, by: FloatArray) -> FloatArray:
        """Return the first day of the last window that has opened by each day, shape (n,).

        Minus infinity where none has opened yet.
        """
        place = np.searchsorted(self.opens, by + 1e-9, side="right")
        return np.append(-np.inf, self.opens)[place]

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
        days, opens, closes = np.asarray(self.days), self.opens, self.closes
        slot = np.searchsorted((opens[1:] + closes[:-1]) / 2, day)
        # A margin far below any real clock absorbs 0.1 + 0.2 style rounding at the ends.
        inside = (day >= opens[slot] - 1e-9) & (day <= closes[slot] + 1e-9)
        return np.where(inside, days[slot], np.nan)

    def only(self, days: FloatArray) -> VisitWindows:
        """Return the windows of some of the scheduled days, and those at day 0 or before."""
        spans = zip(self.days, self.half_widths, strict=True)
        kept = [(d, w) for d, w in spans if d <= 0 or d in days]
        return VisitWindows(tuple(d for d, _ in kept), tuple(w for _, w in kept))

    def describe(self) -> str:
        """Return the schedule in words."""
        spans = zip(self.days, self.half_widths, strict=True)
        return "day " + ", ".join(_span(d, w) for d, w in spans)


def _span(day: float, width: float | tuple[float, float]) -> str:
    """Return a window in words: ``28 ± 3``, ``28 -3 to +7``."""
    if isinstance(width, tuple):
        return f"{day:g} {-abs(width[0]):g} to +{width[1]:g}"
    return f"{day:g} ± {width:g}"


def _plain_width(width: Any) -> Any:
    """Return a half-width as it is, and a pair that is the same on either side as one."""
    if not isinstance(width, tuple | list):
        return width
    early, late = width
    return late if -early == late else (early, late)


def _read_width(width: Any) -> tuple[float, ...]:
    """Return one number, or how far a window reaches to either side."""
    if isinstance(width, tuple | list):
        early, late = width
        return float(early), float(late)
    return (float(width),)


def read_windows(
    windows: WindowsLike | None, treatments: list[str]
) -> dict[str, VisitWindows] | None:
    """Return one schedule a treatment from what the user gave.

    Parameters
    ----------
    windows : None, VisitWindows, mapping
        ``{day: half-width}`` or ``{day: (earlier, later)}`` for all treatments, or one such
        mapping for each.
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
    stated: Mapping[Any, Any] = windows
    if not all(isinstance(w, Mapping | VisitWindows) for w in stated.values()):
        return dict.fromkeys(treatments, VisitWindows.from_mapping(stated))
    given = by_level("treatment in windows", stated, treatments)
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
    score: FloatArray,
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
    score : ndarray, shape (n,)
        Totals, NaN where there is none.
    treatment : ndarray of int, shape (n_subjects,)
        Index into `names`.
    names : sequence of str
        Treatments.
    windows : mapping of str to VisitWindows, or None
        None: every day is its own scheduled day, and the days themselves are returned.
    """
    if windows is None:
        return day
    arm = np.where(subject >= 0, treatment[subject], -1)
    usable = ~np.isnan(score) & (day > 0) & np.isfinite(day)
    nominal = np.full(len(day), np.nan)
    for k, name in enumerate(names):
        in_arm = usable & (arm == k)
        nominal[in_arm] = windows[name].nominal(day[in_arm])
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
    candidates = np.bincount(group, minlength=1)[group] > 1
    rows, group = rows[candidates], group[candidates]
    distance = np.abs(day[rows] - nominal[rows])
    order = np.lexsort((-day[rows], distance, group))
    beaten = np.zeros(len(rows), dtype=bool)
    beaten[1:] = group[order][1:] == group[order][:-1]
    chosen[rows[order[beaten]]] = np.nan
    return chosen
