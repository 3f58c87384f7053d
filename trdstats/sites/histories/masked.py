"""Masked numbers of courses: only the sums of all sites can be read, on whole days.

Every course that could be has a number, so that which of them a site has is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import IntArray
from trdstats.errors import SpecError
from trdstats.sites.histories.courses import CourseCounts
from trdstats.sites.masking import MODULUS, mask_of
from trdstats.sites.withheld import Withheld

MOST_CELLS = 2_000_000
_CLOCK = 1e-9  # rounding of a day
_MOST_SUBJECTS = 10**9


@dataclass(frozen=True, slots=True)
class MaskedCourses:
    """Masked numbers of all courses of a treatment that whole days allow.

    Attributes
    ----------
    response, relapse : str
    horizon : float
    treatment : str
    n : tuple of int
        Never assessed; without a response, by last day; then by day of response and of its end,
        censored and relapsed.
    assessed : int
        Masked: 1 where a subject was assessed by the horizon.
    furthest : float
        Days by which a subject stands on a later day than that of its visit.
    """

    response: str
    relapse: str
    horizon: float
    treatment: str
    n: tuple[int, ...]
    assessed: int
    furthest: float = 0.0


def _whole(day: float) -> int:
    return int(np.ceil(day - _CLOCK))


def n_cells(horizon: float) -> int:
    """Return how many courses whole days up to the horizon allow."""
    d = _whole(horizon)
    return 1 + d + d * (d + 1)


def _cells(responded: IntArray, ended: IntArray, relapsed: IntArray, d: int) -> IntArray:
    """Return the place of each course among all of them."""
    before = (responded - 1) * d - (responded - 1) * (responded - 2) // 2
    place = 1 + d + 2 * (before + ended - responded) + relapsed
    return np.where(responded > 0, place, ended)


def _all_courses(d: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return the courses in the order of their places."""
    a, e = np.triu_indices(d)
    responded = np.concatenate([np.zeros(1 + d), np.repeat(a + 1, 2)]).astype(np.intp)
    ended = np.concatenate([np.arange(1 + d), np.repeat(e + 1, 2)]).astype(np.intp)
    relapsed = np.concatenate([np.zeros(1 + d), np.tile([0, 1], len(a))]).astype(np.intp)
    return responded, ended, relapsed


def mask_courses(
    counts: Sequence[CourseCounts],
    labels: tuple[str, str],
    horizon: float,
    treatments: Sequence[str],
    *,
    secret: str,
    names: Sequence[str],
    site: str,
    fingerprint: str,
    furthest: float,
) -> tuple[tuple[MaskedCourses, ...], list[Withheld]]:
    """Return masked courses of every treatment that the plan names, and what was done.

    Parameters
    ----------
    counts : sequence of CourseCounts
        Of the treatments that the site has.
    labels : pair of str
        Response and relapse in words.
    horizon : float
    treatments, names : sequence of str
        Of the plan.
    secret, site, fingerprint : str
        The masks of another plan are others.
    furthest : float
        Days by which a subject may stand on another day.
    """
    size, d = n_cells(horizon), _whole(horizon)
    if size * len(treatments) > MOST_CELLS:
        words = (
            f"Days in response: withheld, as day {horizon:g} allows {size * len(treatments):,} "
            f"courses, and {MOST_CELLS:,} at most are masked. Choose an earlier horizon."
        )
        return (), [Withheld("histories", words, treatment=t) for t in treatments]
    of_arm = {c.treatment: c for c in counts}
    made, withheld = [], []
    for t in treatments:
        c = of_arm.get(t)
        n, later = _on_whole_days(c, size, d)
        if later > furthest:
            words = (
                f"Days in response under {t}: withheld, as days are not whole, and the plan allows "
                f"{furthest:g} days of difference."
            )
            withheld.append(Withheld("histories", words, treatment=t))
            continue
        if later:
            words = (
                f"Days in response under {t}: subjects stand on the next whole day, less than a "
                "day later than their visit, as masked numbers are those of whole days."
            )
            withheld.append(Withheld("histories", words, treatment=t, is_missing=False))
        cells = [(f"{fingerprint} course {k} {t}", v) for k, v in enumerate(n.tolist())]
        cells.append((f"{fingerprint} assessed {t}", int(c is not None and c.is_assessed)))
        *masked, assessed = (
            (value + mask_of(secret, names, site, cell)) % MODULUS for cell, value in cells
        )
        made.append(MaskedCourses(*labels, horizon, t, tuple(masked), assessed, float(later > 0)))
    return tuple(made), withheld


def _on_whole_days(c: CourseCounts | None, size: int, d: int) -> tuple[IntArray, float]:
    """Return the numbers of all courses, and by how much a day was later at most."""
    if c is None or not c.total:
        return np.zeros(size, dtype=np.intp), 0.0
    responded, ended, relapsed, n = c.arrays
    a, e = (np.ceil(day - _CLOCK).astype(np.intp) for day in (responded, ended))
    sums = np.bincount(_cells(a, e, relapsed, d), weights=n, minlength=size)
    later = float(max((a - responded).max(), (e - ended).max()))
    return np.rint(sums).astype(np.intp), later if later > 2 * _CLOCK else 0.0


def unmasked(parts: Sequence[MaskedCourses]) -> CourseCounts:
    """Return the sum of the courses of one treatment over all sites.

    Raises
    ------
    SpecError
        When the numbers are none: a site masked with another secret.
    """
    first = parts[0]
    size, d = n_cells(first.horizon), _whole(first.horizon)
    sums = [sum(values) % MODULUS for values in zip(*(p.n for p in parts), strict=True)]
    assessed = sum(p.assessed for p in parts) % MODULUS
    if len(sums) != size or max(sums) > _MOST_SUBJECTS or assessed > len(parts):
        raise SpecError(
            f"The courses under {first.treatment} are no numbers of subjects over all sites: a "
            "site has masked them with another secret, or sent wrong ones."
        )
    n = np.array(sums)
    responded, ended, relapsed = (v[n > 0] for v in _all_courses(d))
    later = max(p.furthest for p in parts)
    return CourseCounts(
        first.response, first.relapse, first.horizon, first.treatment,
        tuple(map(float, responded)), tuple(map(float, ended)), tuple(map(int, relapsed)),
        tuple(n[n > 0].tolist()), assessed > 0, furthest=later, uncertain=later,
    )  # fmt: skip
