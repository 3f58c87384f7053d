"""How well probabilities agree with outcomes of which some are censored.

References
----------
Graf and others 1999, doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5
(Brier score); Uno and others 2007, doi:10.1198/016214507000000149 (weights for censoring).
"""

from __future__ import annotations

import numpy as np

from trdstats.arrays import BoolArray, FloatArray, IntArray


def outcome_weights(
    time: FloatArray, ended: BoolArray, horizon: float
) -> tuple[FloatArray, FloatArray]:
    """Return whether the state ended by the horizon, and the weights that stand for the censored.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Days from the prediction to the end of the state or of follow-up.
    ended : ndarray of bool, shape (n,)
    horizon : float

    Returns
    -------
    outcome, weight : ndarray, shape (n,)
        1 / G(time-) of those that ended by the horizon, 1 / G(horizon) of those followed beyond
        it, 0 of those censored before, G the Kaplan-Meier curve of being censored.
    """
    by_then = ended & (time <= horizon)
    seen = by_then | (time >= horizon)
    at, place = np.unique(time, return_inverse=True)
    lost = np.bincount(place, weights=(~ended).astype(float), minlength=len(at))
    leave = np.bincount(place, minlength=len(at)).astype(float)
    n_risk = np.cumsum(leave[::-1])[::-1]
    # Who ends and who is censored on one day: the end comes first.
    gone = np.bincount(place, weights=ended.astype(float), minlength=len(at))
    under = np.maximum(n_risk - gone, 1e-300)
    free = np.cumprod(1 - np.minimum(lost / under, 1.0))
    before = np.r_[1.0, free[:-1]]
    k = int(np.searchsorted(at, horizon, side="left")) - 1
    at_horizon = free[k] if k >= 0 else 1.0
    with np.errstate(divide="ignore"):
        weight = np.where(by_then, 1 / before[place], 1 / at_horizon)
    return by_then.astype(float), np.where(seen & np.isfinite(weight), weight, 0.0)


def brier_score(p: FloatArray, outcome: FloatArray, weight: FloatArray) -> float:
    """Return the mean squared distance of probabilities from outcomes."""
    return float(weight @ (outcome - p) ** 2 / weight.sum())


def concordance_within(
    p: FloatArray, outcome: FloatArray, weight: FloatArray, fold: IntArray
) -> float:
    """Return the area under the curve of pairs within folds, each predicted by one fit.

    Pairs of different folds would compare the levels of two fits, of which that without the more
    events is the lower: without any information the area would fall below one half.
    """
    parts = [
        (concordance(p[at], outcome[at], weight[at]), weight[at] @ outcome[at],
         weight[at] @ (1 - outcome[at]))
        for at in (fold == k for k in np.unique(fold))
    ]  # fmt: skip
    pairs = np.array([events * rest for _, events, rest in parts])
    areas = np.array([area for area, _, _ in parts])
    used = pairs > 0
    return float(pairs[used] @ areas[used] / pairs.sum()) if used.any() else float("nan")


def concordance(p: FloatArray, outcome: FloatArray, weight: FloatArray) -> float:
    """Return how often the probability is higher where the state ended (area under the curve).

    NaN where all or none did.
    """
    order = np.argsort(p, kind="stable")
    q, y, w = p[order], outcome[order], weight[order]
    event, rest = w * y, w * (1 - y)
    total = event.sum() * rest.sum()
    if total == 0:
        return float("nan")
    _, place = np.unique(q, return_inverse=True)
    of_rest = np.bincount(place, weights=rest)
    below = np.cumsum(of_rest) - of_rest
    return float(event @ (below[place] + 0.5 * of_rest[place]) / total)
