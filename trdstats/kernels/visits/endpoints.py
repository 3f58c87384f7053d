"""Who met a rule at which visit: three-valued states on arrays.

Scores count from good to bad: where high is good they were turned round before they came here,
``floor + maximum - score``, and for the kernel they are a scale on which low is good.

Scores are integers stored as floats, or quotients of integers with a denominator up to 100 where
unanswered items were filled in or raters were averaged (halves to tenths). Between integers below
2**53 every comparison is exact. Of quotients with denominators b and s, ``q (B - S) - p A``
is a multiple of 1 / (b s), since the amount A (``B - floor``, or ``maximum - B``) has the
denominator b; of a fall by P / r points ``(B - S) - P / r`` is one of 1 / (b s r), and r is at most
10. So two sides that differ do so by 1e-5 or more, far above their rounding error (below 1e-9 for
p, q up to 10**4), and a slack of 1e-6 decides as exact arithmetic would: a fall of exactly one half
is a response on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.visits import runs
from trdstats.kernels.visits.beside import Beside
from trdstats.kernels.visits.blocks import rows_against

_SLACK = 1e-6  # see above: no two sides that differ are this close

# Why a state is what it is; the order is the order of precedence when two rules are joined.
ASSESSED, NOT_RATED, NO_BASELINE, BASELINE_AT_FLOOR, BASELINE_AT_CEILING, UNCONFIRMED = range(6)
REASONS = (
    "assessed", "not assessed", "no baseline", "baseline at floor", "baseline at ceiling",
    "unconfirmed",
)  # fmt: skip
# A rating was there, but the rule has no meaning for the subject: nothing is missing at the visit.
UNDEFINED_CODES = (NO_BASELINE, BASELINE_AT_FLOOR, BASELINE_AT_CEILING)
UNDEFINED = tuple(REASONS[k] for k in UNDEFINED_CODES)


@dataclass(frozen=True, slots=True)
class MissedVisits:
    """Scheduled visits at which a subject was not assessed, sorted by subject and day.

    Attributes
    ----------
    start : ndarray of int, shape (n_subjects + 1,)
        Those of subject ``i`` are ``start[i] : start[i + 1]``.
    day : ndarray, shape (n_missed,)
        Scheduled days.
    """

    start: IntArray
    day: FloatArray


@dataclass(frozen=True, slots=True)
class Since:
    """From where an event is waited for, one entry a subject.

    Attributes
    ----------
    row : ndarray of int, shape (n_subjects,)
        First row of the visits after the origin.
    score : ndarray, shape (n_subjects,)
        Score at the origin, NaN where there is none.
    """

    row: IntArray
    score: FloatArray


@dataclass(frozen=True, slots=True)
class RatedVisits:
    """Rated visits after baseline, sorted by subject and day.

    Attributes
    ----------
    start : ndarray of int, shape (n_subjects + 1,)
        Rows of subject ``i`` are ``start[i] : start[i + 1]``.
    day, score : ndarray, shape (n_rows,)
        Days since first treatment (above 0) and totals, turned round where high is good: high is
        worse.
    baseline : ndarray, shape (n_subjects,)
        Baseline totals, NaN when there is none; turned round as the scores are.
    floor : float
        Lowest attainable total.
    scheduled : ndarray, shape (n_rows,), optional
        Scheduled day of each visit, its own day where it has none.
        Default: `day`.
    missed : MissedVisits, optional
        None where the schedule is not known.
    since : Since, optional
        Origin of an event that is judged by what came before it.
    beside : Beside, optional
        What else the study recorded; None of visits that come from no study.
    """

    start: IntArray
    day: FloatArray
    score: FloatArray
    baseline: FloatArray
    floor: float
    scheduled: FloatArray | None = None
    missed: MissedVisits | None = None
    since: Since | None = None
    beside: Beside | None = None

    @property
    def nominal(self) -> FloatArray:
        """Scheduled day of each visit, its own day where it has none."""
        return self.day if self.scheduled is None else self.scheduled

    def spread(self, per_subject: FloatArray) -> FloatArray:
        """Return a value of each subject on each of its rows."""
        return np.repeat(per_subject, np.diff(self.start))


@dataclass(frozen=True, slots=True)
class States:
    """State of every row: met, not met, or not known and why.

    Attributes
    ----------
    met, known : ndarray of bool, shape (n_rows,)
        `met` is False wherever `known` is.
    reason : ndarray of uint8, shape (n_rows,)
        Index into `REASONS`; ``ASSESSED`` exactly where `known`.
    """

    met: BoolArray
    known: BoolArray
    reason: npt.NDArray[np.uint8]


def states(met: BoolArray, reason: npt.NDArray[np.uint8]) -> States:
    """Build states from a truth value and the reason why it may not be known."""
    known = reason == ASSESSED
    return States(met & known, known, reason)


def states_at(state: States, row: IntArray) -> States:
    """Return the state of one row a subject; not assessed where there is none.

    Parameters
    ----------
    state : States
    row : ndarray of int, shape (n_subjects,)
        -1 without one.
    """
    has = row >= 0
    met, reason = np.zeros(len(row), dtype=bool), np.full(len(row), NOT_RATED, dtype=np.uint8)
    met[has], reason[has] = state.met[row[has]], state.reason[row[has]]
    return states(met, reason)


def fell_by(
    visits: RatedVisits,
    reduction: Fraction,
    amount: FloatArray | None = None,
    at_zero: int = BASELINE_AT_FLOOR,
) -> States:
    """Mark rows on which the score fell by at least a share of an amount.

    The test is ``q (B - S) >= p A`` for ``reduction = p / q``, in integers.

    Parameters
    ----------
    visits : RatedVisits
    reduction : Fraction
        Share, e.g. 1/2.
    amount : ndarray, shape (n_subjects,), optional
        What it is a share of. Default: the baseline above the floor.
    at_zero : int
        Why nothing can be said of a subject with an amount of 0, an index into `REASONS`.
    """
    p, q = reduction.numerator, reduction.denominator
    amount = visits.baseline - visits.floor if amount is None else amount
    limit = q * visits.baseline - p * amount  # q * score must not exceed this
    with np.errstate(invalid="ignore"):  # NaN baselines compare as not met; the reason says so
        met = rows_against(
            lambda s, least: q * s <= least, visits.score, limit + _SLACK, visits.start
        )
    return states(met, _proportion_reasons(visits, amount, at_zero))


def rose_by(
    visits: RatedVisits,
    rise: Fraction,
    amount: FloatArray | None = None,
    at_zero: int = BASELINE_AT_FLOOR,
) -> States:
    """Mark rows on which the score rose by at least a share of an amount; see `fell_by`."""
    p, q = rise.numerator, rise.denominator
    amount = visits.baseline - visits.floor if amount is None else amount
    limit = q * visits.baseline + p * amount  # q * score must reach this
    with np.errstate(invalid="ignore"):
        met = rows_against(
            lambda s, least: q * s >= least, visits.score, limit - _SLACK, visits.start
        )
    return states(met, _proportion_reasons(visits, amount, at_zero))


def fell_by_points(visits: RatedVisits, points: Fraction) -> States:
    """Mark rows on which the score fell by at least some points; any baseline will do."""
    base = visits.baseline
    with np.errstate(invalid="ignore"):
        limit = base - float(points) + _SLACK
        met = rows_against(np.less_equal, visits.score, limit, visits.start)
    reason = np.where(np.isnan(base), NO_BASELINE, ASSESSED).astype(np.uint8)
    return states(met, np.repeat(reason, np.diff(visits.start)))


def rose_since(visits: RatedVisits, since: Since, points: float) -> BoolArray:
    """Mark rows whose score lies at least some points above the score at an origin."""
    with np.errstate(invalid="ignore"):
        return np.asarray(visits.score - visits.spread(since.score) >= points - _SLACK, dtype=bool)


def _proportion_reasons(
    visits: RatedVisits, amount: FloatArray, at_zero: int
) -> npt.NDArray[np.uint8]:
    """Return, for every row, why a share may not be known."""
    with np.errstate(invalid="ignore"):
        nothing = amount <= 0
    absent = np.isnan(visits.baseline)
    reason = np.where(absent, NO_BASELINE, np.where(nothing, at_zero, ASSESSED))
    if not reason.any():
        return np.zeros(len(visits.score), dtype=np.uint8)
    return np.repeat(reason.astype(np.uint8), np.diff(visits.start))


def at_most(visits: RatedVisits, cutoff: float) -> States:
    """Mark rows with a score at or below `cutoff`; needs no baseline."""
    return states(visits.score <= cutoff, np.zeros(len(visits.score), dtype=np.uint8))


def complement(state: States) -> States:
    """Return the opposite where it is known."""
    return States(state.known & ~state.met, state.known, state.reason)


def both(a: States, b: States) -> States:
    """Join two states by "and" in Kleene's logic: false wins over not known."""
    is_false = (a.known & ~a.met) | (b.known & ~b.met)
    known = is_false | (a.known & b.known)
    return States(a.met & b.met, known, _join_reasons(known, a.reason, b.reason))


def either(a: States, b: States) -> States:
    """Join two states by "or" in Kleene's logic: true wins over not known."""
    met = a.met | b.met
    known = met | (a.known & b.known)
    return States(met, known, _join_reasons(known, a.reason, b.reason))


def _join_reasons(
    known: BoolArray, a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    return np.where(known, np.uint8(ASSESSED), np.maximum(a, b)).astype(np.uint8)


def confirmed(
    visits: RatedVisits,
    high: BoolArray,
    consecutive: int,
    *,
    after: float = 0.0,
    within: float | None = None,
    at_last: bool = False,
) -> States:
    """Mark confirmed returns: `consecutive` rated visits in a row that are `high`.

    Parameters
    ----------
    visits : RatedVisits
    high : ndarray of bool, shape (n_rows,)
    consecutive : int
    after, within : float
        Least and largest number of days between one confirming visit and the next; visits
        between them must be high too.
    at_last : bool
        Mark the last of the confirming visits instead of the first.

    Returns
    -------
    States
        A high score at the end of follow-up that nothing could confirm is not known rather than
        not met.
    """
    sequences = runs.consecutive(
        high, visits.start, consecutive, day=visits.day, after=after, within=within
    )
    reason = np.where(sequences.open_ended, UNCONFIRMED, ASSESSED).astype(np.uint8)
    if not at_last:
        return states(sequences.begins, reason)
    met = np.zeros(len(high), dtype=bool)
    met[sequences.end[sequences.begins]] = True
    # What is not confirmed yet would be dated later: nothing is open at a visit itself.
    return states(met, np.zeros(len(high), dtype=np.uint8))


def ever_by(visits: RatedVisits, state: States, by_day: float) -> States:
    """Turn a state into "at any visit up to `by_day`"; later rows keep the verdict of that day.

    Days are scheduled ones. Where no visit came by then it is not known.
    """
    early = visits.nominal <= by_day + runs.CLOCK
    hit = runs.any_so_far(state.met & early, visits.start)
    looked = runs.any_so_far(early, visits.start)
    reason = np.where(looked | (state.reason != ASSESSED), state.reason, np.uint8(NOT_RATED))
    return states(hit, np.where(hit, np.uint8(ASSESSED), reason).astype(np.uint8))
