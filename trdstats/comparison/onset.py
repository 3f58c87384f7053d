"""Days to response from the intervals between visits, with a bootstrap of the whole chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import norm

from trdstats.kernels.npmle_bounds import restricted_mean_bounds
from trdstats.kernels.resampling import draw_within
from trdstats.kernels.turnbull import turnbull
from trdstats.outcomes import EventTimes

FloatArray = npt.NDArray[np.float64]
# Weights of all subjects when each is drawn so many times.
Reweigh = Callable[[FloatArray], FloatArray]
_CHUNK = 50


@dataclass(frozen=True)
class OnsetData:
    """Intervals of the onset on arrays.

    Attributes
    ----------
    left, right : ndarray, shape (n,)
        Onset lies in (left, right].
    person : ndarray of int, shape (n,)
        Row of each subject in the table of people: those never rated have no interval.
    arm : ndarray of int, shape (n_people,)
        0 reference, 1 treatment.
    tau : float
    """

    left: FloatArray
    right: FloatArray
    person: npt.NDArray[np.intp]
    arm: npt.NDArray[np.intp]
    tau: float

    @classmethod
    def of(cls, times: EventTimes, people: pd.DataFrame, tau: float) -> OnsetData:
        """Return the intervals of the people that have follow-up."""
        frame = times.at_risk()
        frame = frame[frame["subject"].isin(people["subject"])]
        event = (frame["status"] == 1).to_numpy()
        left = frame["left"].to_numpy(dtype=float)
        right = np.where(event, frame["right"].to_numpy(dtype=float), np.inf)
        person = pd.Index(people["subject"]).get_indexer(pd.Index(frame["subject"]))
        arm = people["treatment"].cat.codes.to_numpy().astype(np.intp)
        return cls(left, right, person.astype(np.intp), arm, tau)

    def means(self, weight: FloatArray) -> FloatArray:
        """Return lower and upper bound of the mean days without response, shape (2, 2)."""
        own, arm = weight[self.person], self.arm[self.person]
        rows = []
        for k in (0, 1):
            mine = (arm == k) & (own > 0)
            fit = turnbull(self.left[mine], self.right[mine], own[mine])
            rows.append(restricted_mean_bounds(fit, self.tau))
        return np.array(rows)


@dataclass(frozen=True)
class OnsetDraws:
    """The contrast of the onset in the data and in resamples.

    Attributes
    ----------
    found : ndarray, shape (2,)
        Bounds of the difference of the mean days to response, treatment less reference.
    drawn : ndarray, shape (n_boot, 2)
        The same in resamples, weights estimated anew in each.
    """

    found: FloatArray
    drawn: FloatArray

    def contrast(self, conf_level: float) -> dict[str, Any]:
        """Return the middle of the bounds with percentile limits that cover them."""
        tail = (1 - conf_level) / 2
        middle, draws = float(self.found.mean()), self.drawn.mean(axis=1)
        error = float(draws.std(ddof=1))
        statistic = middle / error if error > 0 else np.nan
        return {
            "estimate": middle,
            "bound_low": float(self.found[0]),
            "bound_high": float(self.found[1]),
            "std_error": error,
            "statistic": float(statistic),
            "p_value": float(2 * norm.sf(abs(statistic))),
            "conf_low": float(np.quantile(self.drawn[:, 0], tail)),
            "conf_high": float(np.quantile(self.drawn[:, 1], 1 - tail)),
        }


def draw_onsets(
    data: OnsetData, reweigh: dict[str, Reweigh], *, n_boot: int, seed: int, n_jobs: int
) -> dict[str, OnsetDraws]:
    """Bootstrap the contrast under several weightings in the same resamples.

    Parameters
    ----------
    data : OnsetData
    reweigh : dict of str to callable
        From how often each person was drawn to the weights of all, estimated anew.
    n_boot, seed, n_jobs : int
        Resample i has a random stream of its own: results do not depend on `n_jobs`.
    """
    ones = np.ones(len(data.arm))
    found = {k: _gap(data.means(w(ones))) for k, w in reweigh.items()}
    seeds = np.random.SeedSequence(seed).spawn(n_boot)
    chunks = [seeds[i : i + _CHUNK] for i in range(0, n_boot, _CHUNK)]
    parts = Parallel(n_jobs=n_jobs)(delayed(_resample)(data, reweigh, c) for c in chunks)
    drawn = [row for part in parts for row in part]
    return {k: OnsetDraws(found[k], np.array([row[k] for row in drawn])) for k in reweigh}


def _resample(
    data: OnsetData, reweigh: dict[str, Reweigh], seeds: list[np.random.SeedSequence]
) -> list[dict[str, FloatArray]]:
    rows, strata = [], [np.flatnonzero(data.arm == k) for k in (0, 1)]
    for seed in seeds:
        rng = np.random.default_rng(seed)
        counts = draw_within(strata, len(data.arm), rng)
        rows.append({k: _gap(data.means(counts * w(counts))) for k, w in reweigh.items()})
    return rows


def _gap(bounds: FloatArray) -> FloatArray:
    """Return the bounds of treatment less reference."""
    low, high = bounds[1, 0] - bounds[0, 1], bounds[1, 1] - bounds[0, 0]
    return np.array([low, high])
