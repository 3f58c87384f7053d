"""How far treatments overlap and weights balance, from sums and coarse counts of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.weighting.propensity import EXPLODED, LOW_EFFECTIVE_SIZE
from trdstats.comparison.weighting.propensity_result import UNBALANCED
from trdstats.errors import EstimateWarning, SpecError, warn
from trdstats.tables import Table, each_row, format_number

# Bins of the score of a pair: finer at the ends, where a treatment is nearly never given.
EDGES = np.array([0, 0.01, 0.025, *np.arange(1, 20) / 20, 0.975, 0.99, 1])
N_BINS = len(EDGES) - 1
_NOTHING = 1e-12  # of a standard deviation: rounding of a sum
NOT_SEEN = (
    "Scores are seen in bins. Not looked for: ranges of a covariate in which a treatment is never "
    "given, as the ends of a range are values of single subjects."
)


def pairs_of(k: int) -> list[tuple[int, int]]:
    """Return the pairs of k treatments, the one they are compared with first."""
    return list(combinations(range(k), 2))


def score_counts(p: FloatArray, arms: IntArray, least: int) -> tuple[FloatArray, FloatArray]:
    """Count the scores of each pair of treatments in bins, no cell with few subjects.

    Neighbouring bins are joined until they hold `least` subjects of a treatment; once all of such
    bins stand in the lowest of them, once in the highest, so that what the joining hides is known.

    Parameters
    ----------
    p : ndarray, shape (n, k)
        Probabilities of the treatments.
    arms : ndarray of int, shape (n,)
    least : int

    Returns
    -------
    lowest, highest : ndarray, shape (k, pairs, bins)
    """
    k = p.shape[1]
    pairs = pairs_of(k)
    lowest, highest = (np.zeros((k, len(pairs), N_BINS)) for _ in range(2))
    for j, (a, b) in enumerate(pairs):
        for arm in (a, b):
            of_arm = p[arms == arm]
            score = of_arm[:, b] / (of_arm[:, a] + of_arm[:, b])
            place = np.searchsorted(EDGES[1:-1], score, side="right")
            n = np.bincount(place, minlength=N_BINS)
            for first, last, size in _joined(n, least):
                lowest[arm, j, first] += size
                highest[arm, j, last] += size
    return lowest, highest


def _joined(n: IntArray, least: int) -> list[tuple[int, int, int]]:
    """Return first and last bin, and number, of groups that hold at least `least`."""
    groups: list[tuple[int, int, int]] = []
    first, held = -1, 0
    for bin_ in np.flatnonzero(n):
        first, held = (int(bin_) if held == 0 else first), held + int(n[bin_])
        if held >= least:
            groups.append((first, int(bin_), held))
            held = 0
    if held:
        end = int(np.flatnonzero(n)[-1])
        before = groups.pop() if groups else (first, end, 0)
        groups.append((before[0], end, before[2] + held))
    return groups


@dataclass(frozen=True, eq=False)
class WeightChecks:
    """Sizes, balance and overlap of all sites, with the columns of `PropensityResult`.

    Attributes
    ----------
    sizes : pandas.DataFrame
        treatment, n, effective, share, largest (the most that one subject can carry).
    balance : pandas.DataFrame
        treatment, reference, term, smd_before, smd_after, variance_ratio_before,
        variance_ratio_after.
    overlap : pandas.DataFrame
        treatment, reference, outside_low, outside_high, c_low, c_high: bounds.
    """

    sizes: pd.DataFrame
    balance: pd.DataFrame
    overlap: pd.DataFrame

    def notes(self) -> tuple[str, ...]:
        """Return the cautions."""
        sizes = ", ".join(
            f"{r.treatment} {format_number(r.effective, 1)} of {r.n:,}"
            for r in each_row(self.sizes)
        )
        lines = [f"Effective sizes: {sizes}.", *self.explosions()]
        for r in each_row(self.overlap):
            lines.append(
                f"Scores of {r.treatment} and {r.reference}: c statistic {r.c_low:.2f} to "
                f"{r.c_high:.2f}; {_percent(r.outside_low, r.outside_high)} of the subjects have "
                "scores beyond all of the other treatment."
            )
        apart = self.balance.loc[self.balance["smd_after"].abs() > UNBALANCED, "term"]
        if len(apart):
            terms = ", ".join(dict.fromkeys(apart))
            lines.append(f"Not balanced by the weights (above {UNBALANCED:g}): {terms}.")
        return (*lines, NOT_SEEN)

    def explosions(self) -> list[str]:
        """Say under which treatments few subjects carry much of the weight."""
        lines = []
        for r in each_row(self.sizes):
            if r.share < LOW_EFFECTIVE_SIZE:
                lines.append(_exploded(r))
            elif r.largest > EXPLODED and r.n > 1 / EXPLODED:
                lines.append(
                    f"Under {r.treatment} one subject may carry up to {100 * r.largest:.0f} % of "
                    "the weights."
                )
        return lines

    def warn(self) -> None:
        """Warn where weights explode.

        Warns
        -----
        EstimateWarning
        """
        for r in each_row(self.sizes):
            if r.share < LOW_EFFECTIVE_SIZE:
                warn(_exploded(r), EstimateWarning)

    def tables(self) -> tuple[Table, ...]:
        """Return sizes and, for each covariate, the pair that is furthest apart."""
        sizes = tuple(
            (r.treatment, f"{r.n:,}", format_number(r.effective, 1), f"{100 * r.largest:.1f}")
            for r in each_row(self.sizes)
        )
        left = self.balance["smd_after"].abs().round(9) + 1e-12 * self.balance["smd_before"].abs()
        worst = left.groupby(self.balance["term"], sort=False).idxmax()
        rows = tuple(
            (f"{r.treatment} v {r.reference}", r.term, format_number(r.smd_before, 3),
             format_number(r.smd_after, 3))
            for r in each_row(self.balance.loc[worst])
        )  # fmt: skip
        return (
            Table(("Treatment", "n", "Effective", "Largest proportion, at most (%)"), sizes),
            Table(("Pair", "Covariate", "SMD before", "after"), rows, 2),
        )


def _exploded(size: Any) -> str:
    """Say that the subjects of a treatment, a row of `WeightChecks.sizes`, are worth few."""
    return (
        f"Weights explode under {size.treatment}: {size.n:,} subjects are worth "
        f"{size.effective:,.1f}. estimand='overlap' has bounded weights."
    )


def _percent(low: float, high: float) -> str:
    a, b = f"{100 * low:.0f}", f"{100 * high:.0f}"
    return f"{a} %" if a == b else f"{a} to {b} %"


def checks_of(
    labels: tuple[str, ...],
    columns: tuple[str, ...],
    numbers: Mapping[str, FloatArray],
    total: Mapping[str, FloatArray],
) -> WeightChecks:
    """Return what the sums of all sites say of the weights.

    Parameters
    ----------
    labels, columns : tuple of str
        Treatments and balanced columns.
    numbers : mapping
        Of the question: n, weight and squares by treatment.
    total : mapping
        Of the answers.

    Raises
    ------
    SpecError
        When scores of other subjects were counted.
    """
    n, weight, squares = (numbers[name] for name in ("n", "weight", "squares"))
    for j, pair in enumerate(pairs_of(len(labels))):
        for arm in pair:
            counted = total["scores_lowest"][arm, j].sum()
            if counted != n[arm]:
                raise SpecError(
                    f"The answers hold {counted:,.0f} scores under {labels[arm]} of {n[arm]:,.0f} "
                    "subjects: a site sent wrong numbers."
                )
    effective = weight**2 / squares
    sizes = pd.DataFrame(
        {
            "treatment": list(labels), "n": n.astype(int), "effective": effective,
            "share": effective / n,
            # The largest of some numbers is at most the root of the sum of their squares.
            "largest": np.minimum(np.sqrt(1 / effective), 1.0),
        }
    )  # fmt: skip
    balance, overlap = [], []
    of_columns = _Columns.of(n, weight, squares, total)
    for j, (a, b) in enumerate(pairs_of(len(labels))):
        names = {"treatment": labels[b], "reference": labels[a]}
        balance.append(pd.DataFrame({**names, "term": list(columns), **of_columns.compare(b, a)}))
        lowest, highest = (total[f"scores_{end}"][:, j] for end in ("lowest", "highest"))
        overlap.append({**names, **_overlap(lowest[[b, a]], highest[[b, a]])})
    return WeightChecks(sizes, pd.concat(balance, ignore_index=True), pd.DataFrame(overlap))


@dataclass(frozen=True)
class _Columns:
    """Means and variances of the balanced columns by treatment, each of shape (k, c)."""

    mean: FloatArray
    variance: FloatArray
    weighted_mean: FloatArray
    weighted_variance: FloatArray
    is_mark: FloatArray

    @classmethod
    def of(
        cls, n: FloatArray, weight: FloatArray, squares: FloatArray, total: Mapping[str, FloatArray]
    ) -> _Columns:
        n, weight, squares = n[:, None], weight[:, None], squares[:, None]
        mean, after = total["columns"] / n, total["weighted_columns"] / weight
        # From sums of standardised columns: rounding is that of a variance of 1.
        variance = (total["column_squares"] - n * mean**2) / np.maximum(n - 1, 1)
        spread = total["weighted_column_squares"] / weight - after**2
        with np.errstate(divide="ignore", invalid="ignore"):
            weighted = spread / (1 - squares / weight**2)
        variance, weighted = (np.where(v > _NOTHING, v, 0.0) for v in (variance, weighted))
        return cls(mean, variance, after, weighted, total["not_marks"] == 0)

    def compare(self, b: int, a: int) -> dict[str, FloatArray]:
        """Return standardised differences and variance ratios of two treatments."""
        half = np.sqrt((self.variance[a] + self.variance[b]) / 2)
        made: dict[str, FloatArray] = {}
        for when, mean in (("before", self.mean), ("after", self.weighted_mean)):
            gap = mean[b] - mean[a]
            with np.errstate(divide="ignore", invalid="ignore"):
                made[f"smd_{when}"] = np.where(np.abs(gap) < _NOTHING, 0.0, gap / half)
        for when, size in (("before", self.variance), ("after", self.weighted_variance)):
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = size[b] / size[a]
            made[f"variance_ratio_{when}"] = np.where(self.is_mark, np.nan, ratio)
        return made


def _overlap(lowest: FloatArray, highest: FloatArray) -> dict[str, float]:
    """Return bounds of the overlap of two treatments, rows of (2, bins)."""
    n = lowest.sum(axis=1)
    below = np.cumsum(highest[1]) - highest[1]
    c_low = float(lowest[0] @ below / n.prod())
    c_high = float(highest[0] @ np.cumsum(lowest[1]) / n.prod())
    certain, possible = 0.0, 0.0
    for x, y in ((0, 1), (1, 0)):
        # The outer bins of a group hold a subject: these are the bins of the extreme scores.
        first, last = int(np.flatnonzero(lowest[y])[0]), int(np.flatnonzero(highest[y])[-1])
        certain += highest[x, :first].sum() + lowest[x, last + 1 :].sum()
        possible += lowest[x, : first + 1].sum() + highest[x, last:].sum()
    whole = n.sum()
    return {
        "outside_low": float(certain / whole), "outside_high": float(min(possible / whole, 1.0)),
        "c_low": c_low, "c_high": c_high,
    }  # fmt: skip
