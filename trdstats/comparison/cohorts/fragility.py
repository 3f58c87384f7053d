"""What makes a rate fragile: few events, and those near the threshold of response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.comparison.cohorts.comparability import Finding
from trdstats.comparison.cohorts.pair import Pair
from trdstats.comparison.cohorts.pair_estimates import PairData
from trdstats.estimates.weights import WeightsAmong, read_weights, weight_model
from trdstats.kernels.numerics.boundary import at_boundary
from trdstats.outcomes.weighted_rates import rates_with_influence, verdicts_as_numbers

# Respond or not: fewer effective subjects of either under a treatment, and limits are rough.
FEWEST_OF_EITHER = 10.0


@dataclass(frozen=True)
class Near:
    """Subjects whose response one point better or worse would decide the other way.

    Attributes
    ----------
    met : pandas.DataFrame
        subject, treatment, met.
    above : ndarray of bool, shape (n,)
        Who responds, and a point worse would not.
    below : ndarray of bool, shape (n,)
        Who does not, and a point better would.
    unit : str
        The point in words: a step, on a scale whose totals lie further apart.
    """

    met: pd.DataFrame
    above: BoolArray
    below: BoolArray
    unit: str = "a point"


def find_near(pair: Pair, met: pd.DataFrame, day: float) -> Near:
    """Return who lies within a point of the threshold at a day, of the subjects of `met`."""
    now = met["met"].fillna(False).to_numpy(dtype=bool)
    worse, better = (
        met["subject"]
        .map(shifted.set_index("subject")["met"].fillna(False).to_dict())
        .to_numpy(dtype=bool)
        for shifted in (pair.met(day, shift=1.0), pair.met(day, shift=-1.0))
    )
    wide = max(o.cohort.study.scale.step for o in (pair.treatment, pair.reference)) > 1
    unit = "a step of the scale" if wide else "a point"
    return Near(met, now & ~worse, ~now & better, unit)


def check_threshold(near: Near, data: PairData, weights: Any) -> Finding:
    """Say whether those within a point of the threshold decide what a rate shows.

    Parameters
    ----------
    near : Near
    data : PairData
        With the same subjects.
    weights : EstimatedWeights, frame or result
    """
    reference, treatment = data.labels
    level = data.conf_level
    arm = near.met["treatment"].to_numpy()
    n = int((near.above | near.below).sum())
    if not n:
        return Finding("threshold", "ok", f"No subject lies within {near.unit} of the threshold.")
    contrast = _Contrast.of(near.met, weights, level)

    # Everything in favour of the treatment, and everything against it.
    best = (near.below & (arm == treatment)) | (near.above & (arm == reference))
    worst = (near.above & (arm == treatment)) | (near.below & (arm == reference))
    observed = contrast(np.zeros(len(arm), dtype=bool))
    ends = [contrast(worst), contrast(best)]
    spread = (
        f"{n} of {len(arm)} lie within {near.unit} of the threshold; judged the other way, they "
        f"put the difference anywhere from {100 * ends[0][0]:.1f} to "
        f"{100 * ends[1][0]:.1f} percentage points"
    )
    shown = _sign(observed)
    sides = [m for m, e in ((worst, ends[0]), (best, ends[1])) if _sign(e) != shown]
    if not np.isfinite(observed[0]) or not sides:
        return Finding("threshold", "ok", f"{spread}.")
    fewest = min(
        _fewest(m, contrast.weight, lambda turned: _sign(contrast(turned)) != shown) for m in sides
    )
    effect = "for its limits to hold 0" if shown else "to tell it from 0"
    return Finding(
        "threshold",
        "note",
        f"{spread}, and turning {fewest} is enough {effect}.",
        "Show the difference in scores beside the rate (MMRM), and other cut-offs (multiverse).",
    )


@dataclass(frozen=True)
class _Contrast:
    """The difference in a weighted rate as a function of who responds: asked many times.

    Attributes
    ----------
    met : ndarray, shape (n,)
    code : ndarray of int, shape (n,)
        0 for the reference, 1 for the treatment.
    weight : ndarray, shape (n,)
    among : WeightsAmong or None
    z : float
        Quantile of the limits.
    """

    met: FloatArray
    code: IntArray
    weight: FloatArray
    among: WeightsAmong | None
    z: float

    @classmethod
    def of(cls, met: pd.DataFrame, weights: Any, conf_level: float) -> _Contrast:
        model = weight_model(weights)
        return cls(
            verdicts_as_numbers(met),
            met["treatment"].cat.codes.to_numpy().astype(np.intp),
            read_weights(met, weights),
            None if model is None else model.among(met["subject"]),
            float(ndtri((1 + conf_level) / 2)),
        )

    def __call__(self, turned: BoolArray) -> tuple[float, float, float]:
        """Return the difference and its limits when some are judged the other way."""
        met = np.where(turned, 1 - self.met, self.met)
        rate, influence = rates_with_influence(met, self.code, 2, self.weight, self.among)
        difference = float(rate[1] - rate[0])
        error = np.linalg.norm(influence[:, 1] - influence[:, 0])
        half = np.nan if at_boundary(rate).any() else self.z * float(error)
        return difference, difference - half, difference + half


def _sign(difference: tuple[float, float, float]) -> int:
    """Return 1 or -1 where the limits leave 0 out, otherwise 0."""
    _, low, high = difference
    return int(low > 0) - int(high < 0)


def _fewest(turned: BoolArray, weight: FloatArray, changes: Callable[[BoolArray], bool]) -> int:
    """Return how many of some subjects, the heaviest first, change what the limits say."""
    order = np.flatnonzero(turned)
    order = order[np.argsort(-weight[order], kind="stable")]
    low, high = 0, len(order)
    while high - low > 1:
        middle = (low + high) // 2
        some = np.zeros(len(turned), dtype=bool)
        some[order[:middle]] = True
        low, high = (low, middle) if changes(some) else (middle, high)
    return high


def check_counts(met: pd.DataFrame, weights: Any) -> Finding:
    """Say where few respond or few do not, so that limits of a rate are rough.

    Parameters
    ----------
    met : pandas.DataFrame
        subject, treatment, met.
    weights : EstimatedWeights, frame, result or None
    """
    weight = np.ones(len(met)) if weights is None else read_weights(met, weights)
    few = []
    for label, rows in met.assign(w=weight).groupby("treatment", observed=True):
        weights_of_arm, responds = (
            rows["w"].to_numpy(),
            rows["met"].fillna(False).to_numpy(dtype=bool),
        )
        if not weights_of_arm.any():
            continue
        size, rate = (
            weights_of_arm.sum() ** 2 / (weights_of_arm**2).sum(),
            weights_of_arm[responds].sum() / weights_of_arm.sum(),
        )
        if size * min(rate, 1 - rate) < FEWEST_OF_EITHER:
            few.append(str(label))
    if not few:
        return Finding("counts", "ok", "Enough respond, and enough do not.")
    return Finding(
        "counts",
        "note",
        f"Fewer than {FEWEST_OF_EITHER:.0f} effective subjects under {' and '.join(few)} respond, "
        "or fewer do not.",
        "Limits of an adjusted rate are rough then, and one patient moves p. Trust the crude score "
        "interval, or a bootstrap of the weights' result.",
    )
