"""Nonparametric estimate of a duration whose start and end both lie between visits.

The distribution has a mass in every cell of a grid, for each cause of the end. A subject whose
origin was x days before the visit that found it, with probability p(x), tells that the duration
ended in (low + x, high + x]. Masses are updated by what subjects are expected to add to each cell.
Sums over a window of cells are differences of cumulative sums, and what a subject adds to a window
is entered at its two ends only.

The estimate is of durations that were found. Those that began and ended between two visits are not,
and the data hardly say how many there were: a correction for truncation would put any mass on
short durations that a wide schedule cannot see.

References
----------
De Gruttola and Lagakos 1989, doi:10.2307/2532030; Varadhan and Roland 2008,
doi:10.1111/j.1467-9469.2007.00585.x (acceleration).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.kernels.interval.origin_days import OriginDays

_MOST = 2_000
_NOTHING = 1e-8
_LEAST = 1e-3  # of the mass after two plain rounds that an extrapolation leaves
_CLOSE = 1e-7  # rise of the mean log-likelihood in one round at which the search ends


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of grid cells that the durations of subjects may have ended in.

    Cells are counted from 0; cell c is (c step, (c + 1) step], and cell `n_cells` means that the
    end was not seen.

    Attributes
    ----------
    origin : OriginDays
    cause : ndarray of int, shape (n,)
        1, ..., K; 0 where the end was not seen.
    first, last : ndarray of int, shape (R,)
        Cells of the window of each row of `origin`, both included.
    n_causes, n_cells : int
    step : float
        Days.
    """

    origin: OriginDays
    cause: IntArray
    first: IntArray
    last: IntArray
    n_causes: int
    n_cells: int
    step: float

    @classmethod
    def of(
        cls, origin: OriginDays, low: FloatArray, high: FloatArray, cause: IntArray,
        n_causes: int, step: float,
    ) -> Windows:  # fmt: skip
        """Put ends, counted from the dated origin, on a grid.

        Parameters
        ----------
        origin : OriginDays
        low, high : ndarray, shape (n,)
            The state ended in (low, high]; equal on a known day, `high` infinite where not seen.
        cause : ndarray of int, shape (n,)
        n_causes : int
        step : float
        """
        each, shift = origin.owner, origin.shift
        seen = cause[each] > 0
        a = (low[each] + shift) / step
        b = np.where(seen, high[each] + shift, 0.0) / step
        # A cell counts where its middle lies in the window; a narrower window has the cell of b.
        first = np.floor(a + 0.5).astype(np.intp)
        last = np.floor(b - 0.5).astype(np.intp)
        of_b = np.maximum(np.ceil(b - 1e-9).astype(np.intp) - 1, 0)
        narrow = seen & (last < first)
        first, last = np.where(narrow, of_b, first), np.where(narrow, of_b, last)
        n_cells = int(max(np.where(seen, last, first - 1).max(initial=0) + 1, 1))
        return cls(
            origin, cause, np.minimum(first, n_cells), np.where(seen, last, n_cells),
            n_causes, n_cells, step,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DurationMass:
    """The estimated distribution.

    Attributes
    ----------
    mass : ndarray, shape (K, C)
        Of each cause in each cell; what is missing to 1 lies beyond.
    step : float
    loglik : float
    rounds : int
    converged : bool
    """

    mass: FloatArray
    step: float
    loglik: float
    rounds: int
    converged: bool

    def ended_by(self, days: FloatArray) -> FloatArray:
        """Return the probability of having ended by a day, by cause; shape (K, d).

        Within a cell it grows linearly.
        """
        edges = self.step * np.arange(self.mass.shape[1] + 1)
        total = np.concatenate([np.zeros((len(self.mass), 1)), self.mass.cumsum(axis=1)], axis=1)
        return np.stack([np.interp(days, edges, row) for row in total])


@dataclass(frozen=True, slots=True)
class _Search:
    """What every round of one search needs of the windows.

    Attributes
    ----------
    windows : Windows
    weight, taken : ndarray, shape (n,)
        Of subjects, and whether it is above 0.
    starts : ndarray of int, shape (n,)
        First row of each subject.
    enter, leave : ndarray of int, shape (R,)
        Places of the two ends of each row's window in a flat table of causes and cells.
    """

    windows: Windows
    weight: FloatArray
    taken: BoolArray
    starts: IntArray
    enter: IntArray
    leave: IntArray

    @classmethod
    def of(cls, windows: Windows, weight: FloatArray) -> _Search:
        """Return the search for the masses of weighted subjects."""
        row = windows.cause[windows.origin.owner] * (windows.n_cells + 2)
        enter, leave = row + windows.first, row + windows.last + 1
        return cls(windows, weight, weight > 0, windows.origin.starts, enter, leave)

    def round(self, state: FloatArray) -> tuple[FloatArray, float]:
        """Return the masses after one round, and the log-likelihood before it."""
        K, C = self.windows.n_causes, self.windows.n_cells
        owner, chance = self.windows.origin.owner, self.windows.origin.chance
        mass, beyond = state[:-1].reshape(K, C), float(state[-1])
        # below[k, c]: mass of a cause in the cells before c; row 0 is that of all causes together.
        below = np.zeros((K + 1, C + 2))
        np.cumsum(mass, axis=1, out=below[1:, 1 : C + 1])
        below[1:, C + 1] = below[1:, C]
        below[0] = below[1:].sum(axis=0)
        below[0, C + 1] += beyond
        flat = below.ravel()
        seen = np.add.reduceat(chance * (flat[self.leave] - flat[self.enter]), self.starts)
        if not seen[self.taken].min(initial=1.0) > 0:
            return state, -np.inf
        seen = np.where(self.taken, seen, 1.0)
        loglik = float(self.weight @ np.log(seen))
        per_seen = chance * (self.weight / seen)[owner]
        add = np.bincount(self.enter, weights=per_seen, minlength=flat.size)
        add -= np.bincount(self.leave, weights=per_seen, minlength=flat.size)
        add = add.reshape(K + 1, C + 2)
        of_all = add[0].cumsum()
        new = np.empty_like(state)
        new[:-1] = (mass * (add[1:, :C].cumsum(axis=1) + of_all[:C])).ravel()
        new[-1] = beyond * of_all[C]
        return new / new.sum(), loglik


def duration_npmle(
    windows: Windows, weight: FloatArray, start: FloatArray | None = None
) -> DurationMass:
    """Estimate the masses.

    Parameters
    ----------
    windows : Windows
    weight : ndarray, shape (n,)
        Of subjects; 0 leaves one out.
    start : ndarray, shape (K, C), optional
        Masses to begin from.
    """
    K, C = windows.n_causes, windows.n_cells
    state = np.full(K * C + 1, 1.0 / (K * C + 1))
    if start is not None:
        state = np.append(start.ravel(), max(1 - start.sum(), 0.0)) + 1e-6 / (K * C)
        state /= state.sum()
    search, value, total = _Search.of(windows, weight), -np.inf, float(weight.sum())
    for r in range(1, _MOST + 1):
        one, here = search.round(state)
        if here - value < _CLOSE * total and r > 1:
            return DurationMass(_cleared(one, K), windows.step, here, r, True)
        value = here
        two, _ = search.round(one)
        state = _accelerated(search, state, one, two)
    return DurationMass(_cleared(state, K), windows.step, value, _MOST, False)


def _cleared(state: FloatArray, K: int) -> FloatArray:
    """Return masses by cause; those on their way to 0 are 0."""
    mass = state[:-1].reshape(K, -1)
    return np.where(mass > _NOTHING, mass, 0.0)


def _accelerated(
    search: _Search, start: FloatArray, one: FloatArray, two: FloatArray
) -> FloatArray:
    """Return an extrapolation of two rounds where it does not lower the likelihood."""
    first, second = one - start, two - 2 * one + start
    size = float(np.sqrt((second**2).sum()))
    if size == 0:
        return two
    length = max(float(np.sqrt((first**2).sum())) / size, 1.0)
    value = search.round(two)[1]
    while length > 1.0 + 1e-6:
        # A mass that fell to 0 could not come back.
        tried = np.maximum(start + 2 * length * first + length**2 * second, _LEAST * two)
        tried /= tried.sum()
        next_, reached = search.round(tried)
        if reached >= value:
            return next_
        length = (length + 1.0) / 2 if length > 1.5 else 1.0
    return two
