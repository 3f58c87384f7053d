"""What may leave a site: cells of few subjects are withheld, or joined to others, and named.

A cell is a number of subjects. 0 may leave: that no subject of a treatment had an event says no
more than the rate itself. 1 to `minimum` - 1 may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.sites.counts import RateCount, TimeCounts
from trdstats.sites.withheld import Withheld

_WEEK = 7.0  # distances are said in weeks: a distance in days would tell of one subject's visit


def is_small(n: float, minimum: int) -> bool:
    """Return whether a number of subjects may not leave."""
    return 0 < n < minimum


def guard_rates(
    counts: Iterable[RateCount], minimum: int
) -> tuple[tuple[RateCount, ...], list[Withheld]]:
    """Return the counts that may leave, and those that may not."""
    kept, withheld = [], []
    for c in counts:
        if is_small(c.events, minimum) or is_small(c.n - c.events, minimum):
            words = (
                f"{c.label} at day {c.day:g} under {c.treatment}: withheld, as fewer than "
                f"{minimum} subjects met it, or did not."
            )
            withheld.append(_of_rate(c, words))
        else:
            kept.append(c)
    return tuple(kept), withheld


def _of_rate(c: RateCount, words: str) -> Withheld:
    return Withheld("rates", words, c.outcome, c.treatment, c.day, label=c.label)


def in_words(n: int, minimum: int) -> str:
    """Return a number of subjects as it may be said."""
    return f"fewer than {minimum}" if is_small(n, minimum) else f"{n:,}"


def in_weeks(apart: float) -> float:
    """Return the least number of days that is whole weeks and not less than a distance."""
    return float(np.ceil(apart / _WEEK) * _WEEK)


def guard_totals(
    sizes: Mapping[str, int],
    rates: Sequence[RateCount],
    times: Sequence[TimeCounts],
    minimum: int,
    *,
    plain: bool,
) -> tuple[tuple[RateCount, ...], tuple[TimeCounts, ...], list[Withheld]]:
    """Return the counts of which no two totals differ by few subjects, and those that did.

    The difference of two totals of one treatment is a number of subjects as well: who has no
    baseline, who responded and had no remission, who responded and was not assessed again. What
    stands later is withheld; `plain` says whether rates can be read at all.
    """
    totals: dict[str, list[int]] = {t: [n] for t, n in sizes.items() if n}
    events: dict[tuple[str, float], list[int]] = {}
    came: dict[str, list[int]] = {}
    kept_rates, kept_times, withheld = [], [], []
    for r in rates:
        of_day = events.setdefault((r.treatment, r.day), [])
        linked = differs_by_few(totals.setdefault(r.treatment, []), r.n, minimum)
        if plain and (linked or differs_by_few(of_day, r.events, minimum)):
            words = (
                f"{r.label} at day {r.day:g} under {r.treatment}: withheld, as it differs from "
                f"another number of the treatment by fewer than {minimum} subjects."
            )
            withheld.append(_of_rate(r, words))
            continue
        totals[r.treatment].append(r.n)
        of_day.append(r.events)
        kept_rates.append(r)
    for c in times:
        total, had = sum(c.n), int(np.bincount(c.status, weights=c.n, minlength=2)[1])
        of_event = came.setdefault(c.treatment, [])
        # Who may relapse is who responded.
        number = total if c.outcome == "relapse" else had
        if differs_by_few(totals.setdefault(c.treatment, []), total, minimum) or differs_by_few(
            of_event, number, minimum
        ):
            words = (
                f"Times to {c.label} under {c.treatment}: withheld, as their number, or that of "
                f"events, differs from another one of the treatment by fewer than {minimum} "
                "subjects."
            )
            withheld.append(Withheld("times", words, c.outcome, c.treatment))
            continue
        totals[c.treatment].append(total)
        of_event.append(number)
        kept_times.append(c)
    return tuple(kept_rates), tuple(kept_times), withheld


def totals_by_treatment(
    sizes: Mapping[str, int], rates: Sequence[RateCount], times: Sequence[TimeCounts]
) -> dict[str, list[int]]:
    """Return the numbers of all subjects of a treatment that leave."""
    totals: dict[str, list[int]] = {t: [n] for t, n in sizes.items() if n}
    for treatment, n in [(r.treatment, r.n) for r in rates] + [
        (c.treatment, sum(c.n)) for c in times if c.outcome != "relapse"
    ]:
        totals.setdefault(treatment, []).append(n)
    return totals


def differs_by_few(totals: Sequence[int], n: int, minimum: int) -> bool:
    """Return whether a number of subjects differs by few from one of several."""
    return any(is_small(abs(n - other), minimum) for other in totals)


def guard_times(
    counts: Iterable[TimeCounts], minimum: int, furthest: float
) -> tuple[tuple[TimeCounts, ...], list[Withheld]]:
    """Return the counts that may leave, days with few subjects joined to later ones.

    Of each status, days are taken from the first on until they hold `minimum` subjects, who then
    all stand at the last of these days; what remains at the end joins the days before. A treatment
    with few subjects of a status in all is withheld, and one of which a subject would stand more
    than `furthest` days from its own.
    """
    kept, withheld = [], []

    def note(c: TimeCounts, words: str, *, is_missing: bool = True) -> None:
        about = f"Times to {c.label} under {c.treatment}: {words}"
        withheld.append(Withheld("times", about, c.outcome, c.treatment, is_missing=is_missing))

    for c in counts:
        time, status, n = (np.array(v) for v in (c.time, c.status, c.n))
        of_status = [status == s for s in np.unique(status)]
        if any(is_small(int(n[rows].sum()), minimum) for rows in of_status):
            note(
                c,
                f"withheld, as fewer than {minimum} subjects had the event, a competing one, or "
                "were censored.",
            )
            continue
        day = time.copy()
        for rows in of_status:
            day[rows] = _joined_days(time[rows], n[rows], minimum)
        apart = float(np.abs(day - time).max(initial=0.0))
        if apart > furthest:
            note(
                c,
                f"withheld, as days with {minimum} subjects lie up to {in_weeks(apart):g} days "
                f"from those of the subjects; the plan allows {furthest:g}.",
            )
            continue
        kept.append(_on_days(c, day, status, n))
        joined = int(n[day != time].sum())
        if joined:
            note(
                c,
                f"{in_words(joined, minimum)} of {int(n.sum()):,} subjects stand on another day "
                f"than their own, at most {min(in_weeks(apart), furthest):g} days apart, so that "
                f"no day holds fewer than {minimum}.",
                is_missing=False,
            )
    return tuple(kept), withheld


def _joined_days(time: FloatArray, sizes: IntArray, minimum: int) -> FloatArray:
    """Return for each day the day on which its subjects stand; all days together hold enough."""
    day, begin, held = time.copy(), 0, 0
    last = None
    for k, size in enumerate(sizes):
        held += int(size)
        if held >= minimum:
            day[begin : k + 1] = time[k]
            last, begin, held = float(time[k]), k + 1, 0
    if held:
        assert last is not None  # all days together hold enough
        # The days that remain move back, or those before them on: whichever is the shorter way.
        if time[-1] - last <= time[-1] - time[day == last].min():
            day[begin:] = last
        else:
            day[day == last] = time[-1]
            day[begin:] = time[-1]
    return day


def _on_days(c: TimeCounts, day: FloatArray, status: IntArray, n: IntArray) -> TimeCounts:
    """Return counts with subjects on other days."""
    cells = np.stack([day, status.astype(float)])
    distinct, place = np.unique(cells, axis=1, return_inverse=True)
    sums = np.bincount(place.reshape(-1), weights=n)
    return replace(
        c,
        time=tuple(distinct[0].tolist()),
        status=tuple(int(s) for s in distinct[1]),
        n=tuple(int(v) for v in sums),
    )
