"""Which courses may leave a site: neighbouring ones are joined until none is that of few subjects.

A course is a day of response with a day and kind of its end. Sums of squared influences would tell
as much: they are sums of known functions of these days, and few whole numbers solve for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.risk_sets import state_probabilities as kernel
from trdstats.sites.counts import TimeCounts
from trdstats.sites.disclosure import differs_by_few, in_weeks, in_words, is_small
from trdstats.sites.histories.courses import CourseCounts, history_of
from trdstats.sites.histories.groups import grouped
from trdstats.sites.withheld import Withheld
from trdstats.survival.states.history_groups import split_history


def guard_courses(
    counts: Iterable[CourseCounts],
    times: Sequence[TimeCounts],
    totals: Mapping[str, Sequence[int]],
    minimum: int,
    furthest: float,
) -> tuple[tuple[CourseCounts, ...], list[Withheld]]:
    """Return the courses that may leave, neighbouring ones joined, and what was done.

    Courses of one kind (no response, relapse, still in response; followed to the horizon or not)
    are joined in groups of `minimum` subjects or more, who all stand on the median days of their
    group. A treatment is withheld where a kind has few subjects in all and cannot be joined to
    another, or where subjects would stand more than `furthest` days from their visits.

    Parameters
    ----------
    counts : iterable of CourseCounts
        On the days of the visits.
    times : sequence of TimeCounts
        What leaves as well: of no total of it may one here differ by few.
    totals : mapping of str to sequence of int
        Numbers of subjects of each treatment that leave as well.
    minimum : int
    furthest : float
    """
    kept, withheld = [], []

    def note(c: CourseCounts, words: str, *, is_missing: bool = True) -> None:
        about = f"Days in response under {c.treatment}: {words}"
        withheld.append(Withheld("histories", about, treatment=c.treatment, is_missing=is_missing))

    for c in counts:
        if not c.total:
            kept.append(c)
            continue
        linked = [t for t in times if t.treatment == c.treatment]
        if _is_linked(c, linked, totals.get(c.treatment, ()), minimum):
            note(c, "withheld, as a number of subjects differs from another one of the treatment "
                    f"by fewer than {minimum}.")  # fmt: skip
            continue
        placed = _placed(c, minimum)
        if placed is None:
            note(c, f"withheld, as fewer than {minimum} subjects relapsed, or ended without a "
                    "response, or in response.")  # fmt: skip
            continue
        responded, ended, _, n = c.arrays
        apart = np.abs(placed - np.column_stack([responded, ended])).max(axis=1)
        weeks = in_weeks(float(apart.max()))
        if apart.max() > furthest:
            note(c, f"withheld, as groups of {minimum} subjects would stand up to {weeks:g} days "
                    f"from their visits; the plan allows {furthest:g}.")  # fmt: skip
            continue
        joined = replace(c.on_days(placed[:, 0], placed[:, 1]), furthest=min(weeks, furthest))
        elsewhere = int(n[apart > 0].sum())
        if elsewhere:
            note(c, f"{in_words(elsewhere, minimum)} of {c.total:,} subjects stand on other days "
                    f"than those of their visits, at most {weeks:g} days apart, so that no course "
                    f"is that of fewer than {minimum}.", is_missing=False)  # fmt: skip
        kept.append(_with_change(c, joined, elsewhere, minimum))
    return tuple(kept), withheld


def _is_linked(
    c: CourseCounts, times: Sequence[TimeCounts], totals: Sequence[int], minimum: int
) -> bool:
    """Return whether a total differs by few from one that leaves."""
    responded, _, relapsed, n = c.arrays
    came = int(n[responded > 0].sum())
    if differs_by_few(totals, int(n.sum()), minimum):
        return True
    for t in times:
        sizes = np.bincount(t.status, weights=t.n, minlength=2)
        if t.outcome == "relapse":
            pairs = [(came, int(sum(t.n))), (int(n[relapsed == 1].sum()), int(sizes[1]))]
        else:  # of remission, too: who responded and had none
            pairs = [(came, int(sizes[1]))]
        if any(is_small(abs(a - b), minimum) for a, b in pairs):
            return True
    return False


def _placed(c: CourseCounts, minimum: int) -> FloatArray | None:
    """Return the days on which subjects may stand, shape (m, 2); None where there are none."""
    responded, ended, _, n = c.arrays
    placed = np.column_stack([responded, ended])
    for rows in _kinds(c, minimum):
        size = int(n[rows].sum())
        if is_small(size, minimum):
            return None
        if size:
            placed[rows] = grouped(placed[rows], n[rows], minimum)
    return placed


def _kinds(c: CourseCounts, minimum: int) -> Iterator[BoolArray]:
    """Yield the courses that may be joined.

    Those who left before the horizon are joined to those who did not only where either are few.
    """
    responded, ended, relapsed, n = c.arrays
    yield relapsed == 1
    for of_kind in (responded == 0, (responded > 0) & (relapsed == 0)):
        parts = [of_kind & (ended < c.horizon), of_kind & (ended >= c.horizon)]
        if any(is_small(int(n[p].sum()), minimum) for p in parts):
            yield of_kind
        else:
            yield from parts


def _with_change(
    c: CourseCounts, joined: CourseCounts, elsewhere: int, minimum: int
) -> CourseCounts:
    """Return counts that say by how much joining changes the mean days in response.

    Changes are rounded; where few subjects stand elsewhere they are bounded, not said, as they
    would tell of them.
    """
    if not elsewhere:
        return joined
    if is_small(elsewhere, minimum):
        most = (minimum - 1) * joined.furthest / c.total
        return replace(joined, uncertain=float(np.ceil(10 * most) / 10))
    before, after = _in_response(c), _in_response(joined)
    return replace(
        joined,
        change=round(after[0] - before[0], 1) + 0.0,
        uncertain=0.05,
        error=round(after[1] / before[1] - 1, 2) + 0.0 if before[1] > 0 else 0.0,
    )


def _in_response(c: CourseCounts) -> tuple[float, float]:
    """Return mean days in response and their standard error."""
    try:
        data = split_history(history_of([c], [c.treatment], ""), "treatment", None)
    except NotEstimableError:
        return 0.0, 0.0
    spells = data.spells[c.treatment]
    weight = np.ones(spells.n_subjects)
    fit = kernel.occupation(spells, weight)
    effect = kernel.influence(spells, fit, weight, at=np.empty(0), tau=c.horizon).mean[:, 1]
    return float(kernel.mean_times(fit, c.horizon)[1]), float(np.sqrt((effect**2).sum()))


def words_of_change(counts: Sequence[CourseCounts]) -> str:
    """Return how far joined courses change the estimates over all sites; empty where none is."""
    changes, errors = [], []
    placed = [c for c in counts if c.furthest]
    for name in dict.fromkeys(c.treatment for c in placed):
        parts = [c for c in counts if c.treatment == name]
        change, uncertain, error = (
            float(np.average([getattr(c, what) for c in parts], weights=[c.total for c in parts]))
            for what in ("change", "uncertain", "error")
        )
        changes.append(f"{name} {change:+.2f} (within {uncertain:.2f})")
        errors.append(f"{name} {100 * error:+.0f} %")
    if not changes:
        return ""
    furthest = max(c.furthest for c in placed)
    return (
        f"Subjects of some sites stand up to {furthest:g} day{'' if furthest == 1 else 's'} from "
        "their visits (courses joined, or days made whole). What that adds to mean days in "
        f"response, about: {', '.join(changes)}; to their standard errors: {', '.join(errors)}"
    )
