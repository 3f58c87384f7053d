"""Clones of every subject under every strategy: followed while they follow it, and weighted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.comparison.changing.decision_model import Choice, counts_of_rows
from trdstats.comparison.changing.decisions import Decisions
from trdstats.comparison.changing.strategies import FREE, TreatmentStrategy
from trdstats.errors import NotEstimableError
from trdstats.kernels.numerics.resampling import draw_counts
from trdstats.kernels.risk_sets.row_curves import RowCurves
from trdstats.kernels.weighting.decision_weights import first_breach, product_within
from trdstats.parts import Arrays


@dataclass(frozen=True)
class Followed:
    """Rows in which the clones of one strategy follow it.

    Attributes
    ----------
    name : str
    kept : ndarray of bool, shape (R,)
    forced : ndarray of bool, shape (R,)
        Rows at which the strategy asks for one treatment.
    curves : RowCurves
        Of the kept rows.
    last : float
        Day on which the last subject who follows it is seen; infinite where it is known beyond,
        as all of them had an event.
    """

    name: str
    kept: BoolArray
    forced: BoolArray
    curves: RowCurves
    last: float


@dataclass(frozen=True)
class Clones:
    """All strategies with the models of their weights, on arrays; travels to workers.

    Attributes
    ----------
    strategies : tuple of Followed
    starts : ndarray of int, shape (n,)
    choice : Choice
    stays : Choice or None
        Of leaving follow-up.
    cap : float or None
        Quantile of the weights of kept rows above which they are cut.
    days : ndarray, shape (d,)
    tau : float
    """

    strategies: tuple[Followed, ...]
    starts: IntArray
    choice: Choice
    stays: Choice | None
    cap: float | None
    days: FloatArray
    tau: float

    def weights(self, counts: FloatArray) -> list[FloatArray]:
        """Return the weight of every kept row under each strategy, counts of subjects included."""
        n_rows = len(self.choice.y)
        rows = counts_of_rows(counts, self.starts, n_rows)
        p = self.choice.probability(self.choice.fit(rows))
        stay = np.ones(n_rows)
        if self.stays is not None:
            # Staying through an interval counts from the next one on.
            through = self.stays.probability(self.stays.fit(rows))
            stay = np.r_[1.0, through[:-1]]
            stay[self.starts] = 1.0
        weights = []
        for one in self.strategies:
            factor = np.where(one.forced & one.kept, p, 1.0) * stay
            weight = 1 / product_within(factor, self.starts)[one.kept]
            if self.cap is not None:
                weight = np.minimum(weight, np.quantile(weight[rows[one.kept] > 0], self.cap))
            weights.append(weight * rows[one.kept])
        return weights

    def estimate(self, counts: FloatArray) -> Arrays:
        """Return incidence on the days, and mean days without the event, by strategy."""
        curves, means = [], []
        for one, weight in zip(self.strategies, self.weights(counts), strict=True):
            curve = one.curves.incidence(weight)
            curves.append(np.where(self.days > one.last, np.nan, one.curves.at(curve, self.days)))
            means.append(
                one.curves.mean_without(curve, self.tau) if self.tau <= one.last else np.nan
            )
        return {"incidence": np.array(curves), "mean": np.array(means)}


def follow(decisions: Decisions, strategies: dict[str, TreatmentStrategy]) -> tuple[Followed, ...]:
    """Return the rows in which each strategy is followed.

    Raises
    ------
    NotEstimableError
        When no subject follows a strategy at the origin, none has the event under it, a strategy
        asks for nothing, or two ask for the same.
    """
    frame = decisions.frame
    known = frame.drop(columns=["on", "status", "stop", "left"])
    on, start = frame["on"].to_numpy(), frame["start"].to_numpy(dtype=float)
    stop, status = frame["stop"].to_numpy(dtype=float), frame["status"].to_numpy()
    followed: list[Followed] = []
    seen: dict[str, IntArray] = {}
    for name, strategy in strategies.items():
        asked = strategy.required(known)
        forced = asked != FREE
        if not forced.any():
            raise NotEstimableError(
                f"{name!r} ({strategy.describe()}) asks for no treatment at any decision of these "
                "data: every subject follows it."
            )
        for other, before in seen.items():
            if (asked == before).all():
                raise NotEstimableError(
                    f"{other!r} and {name!r} ask for the same at every decision of these data."
                )
        seen[name] = asked
        kept = first_breach(~forced | (asked == on), decisions.starts)
        if not kept.any():
            raise NotEstimableError(
                f"No subject follows {name!r} ({strategy.describe()}) at the origin."
            )
        if not (status[kept] == 1).any():
            raise NotEstimableError(
                f"No subject had the event while following {name!r}: its curve is flat, and has no "
                "interval."
            )
        curves = RowCurves.of(start[kept], stop[kept], status[kept])
        last = stop[kept].max()
        ended = (status[kept][stop[kept] == last] > 0).all()
        followed.append(Followed(name, kept, forced, curves, np.inf if ended else float(last)))
    return tuple(followed)


def redraw(stream: np.random.SeedSequence, clones: Clones) -> Arrays:
    """Return the estimates of subjects drawn again, the models refitted."""
    counts = draw_counts(len(clones.starts), np.random.default_rng(stream))
    return clones.estimate(counts)


def weight_table(decisions: Decisions, clones: Clones) -> pd.DataFrame:
    """Return the weights of each strategy by interval.

    Returns
    -------
    pandas.DataFrame
        strategy, start (day), n (clones that still follow it), mean, largest, effective (size of
        a sample of equal weights), least_probability (of the decisions asked for).
    """
    frame, counts = decisions.frame, np.ones(decisions.n)
    p = clones.choice.probability(clones.choice.fit(np.ones(len(frame))))
    rows = []
    for one, weight in zip(clones.strategies, clones.weights(counts), strict=True):
        table = pd.DataFrame(
            {"start": frame["interval"].to_numpy()[one.kept], "weight": weight,
             "day": frame["start"].to_numpy()[one.kept],
             "p": np.where(one.forced, p, np.nan)[one.kept]}
        )  # fmt: skip
        for _, part in table.groupby("start", sort=True):
            w = part["weight"].to_numpy()
            rows.append((one.name, part["day"].iloc[0], len(w), w.mean(), w.max(),
                         w.sum() ** 2 / (w @ w), part["p"].min()))  # fmt: skip
    names = ["strategy", "start", "n", "mean", "largest", "effective", "least_probability"]
    return pd.DataFrame(rows, columns=names)
