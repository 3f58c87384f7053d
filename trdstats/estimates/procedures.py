"""Adjusted p-values of families of hypotheses: stepwise and graphical procedures on arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError

STEPWISE = (
    "bonferroni", "holm", "hochberg", "hommel", "benjamini-hochberg", "fixed sequence",
)  # fmt: skip


def stepwise(p: FloatArray, method: str) -> FloatArray:
    """Return adjusted p-values; a missing one stays missing and does not count.

    Parameters
    ----------
    p : ndarray, shape (k,)
    method : {"bonferroni", "holm", "hochberg", "hommel", "benjamini-hochberg", "fixed sequence"}
        "hochberg" and "hommel" need tests that are independent or positively dependent. A fixed
        sequence is tested in the order given: each p-value becomes the largest so far, and a
        missing one ends the sequence: all later ones are 1.

    References
    ----------
    Holm 1979, Scand J Stat 6:65-70; Hochberg 1988, doi:10.1093/biomet/75.4.800; Hommel 1988,
    doi:10.1093/biomet/75.2.383; Benjamini and Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x; Maurer, Hothorn and Lehmacher 1995.
    """
    known = ~np.isnan(p)
    values = p.copy()
    if method == "fixed sequence":
        values = np.maximum.accumulate(np.where(known, p, 1.0))
        values[~known] = np.nan
    elif known.any():
        order = np.argsort(p[known], kind="stable")
        adjusted = np.empty(len(order))
        adjusted[order] = np.minimum(_IN_ORDER[method](p[known][order]), 1.0)
        values[known] = adjusted
    return values


def _holm(p: FloatArray) -> FloatArray:
    return np.maximum.accumulate(p * np.arange(len(p), 0, -1))


def _step_up(p: FloatArray, factor: FloatArray) -> FloatArray:
    """Return the least of all later products of p-values and factors."""
    return np.asarray(np.minimum.accumulate((p * factor)[::-1])[::-1])


def _hommel(p: FloatArray) -> FloatArray:
    """Return Hommel's p-values: for each number m of true hypotheses Simes' test of the largest."""
    k = len(p)
    adjusted = np.full(k, (k * p / np.arange(1, k + 1)).min())
    for m in range(k - 1, 1, -1):
        few, others = p[: k - m + 1], p[k - m + 1 :]
        simes = (m * others / np.arange(2, m + 1)).min()
        bound = np.minimum(m * few, simes)
        adjusted = np.maximum(adjusted, np.concatenate([bound, np.full(m - 1, bound[-1])]))
    return np.asarray(np.maximum(adjusted, p))


# From sorted p-values to adjusted ones.
_IN_ORDER: dict[str, Callable[[FloatArray], FloatArray]] = {
    "bonferroni": lambda p: p * len(p),
    "holm": _holm,
    "hochberg": lambda p: _step_up(p, np.arange(len(p), 0.0, -1.0)),
    "hommel": _hommel,
    "benjamini-hochberg": lambda p: _step_up(p, len(p) / np.arange(1.0, len(p) + 1)),
}


@dataclass(frozen=True)
class Graph:
    """A graphical test procedure: how the error rate is shared and handed on.

    Parameters
    ----------
    weights : sequence of float, length k
        Share of the error rate each hypothesis begins with; their sum is at most 1.
    transitions : sequence of sequence of float, shape (k, k)
        Row j: what becomes of the share of hypothesis j once it is rejected; each row sums to at
        most 1, the diagonal is 0.

    Raises
    ------
    SpecError
        When shares are negative, sum to more than 1, or shapes do not fit.

    References
    ----------
    Bretz, Maurer, Brannath and Posch 2009, doi:10.1002/sim.3495, algorithm 2.

    Examples
    --------
    A primary hypothesis first, then two secondary ones that share what it leaves:

    >>> Graph([1, 0, 0], [[0, 0.5, 0.5], [0, 0, 1], [0, 1, 0]]).adjust([0.01, 0.04, 0.02])
    array([0.01, 0.04, 0.04])
    """

    weights: Sequence[float]
    transitions: Sequence[Sequence[float]]

    def __post_init__(self) -> None:
        try:
            w = np.asarray(self.weights, dtype=float)
            g = np.asarray(self.transitions, dtype=float)
        except (TypeError, ValueError):
            raise SpecError(
                "The graph cannot be used: weights must be numbers, and transitions rows of "
                "numbers, as many as there are weights."
            ) from None
        if w.ndim != 1 or not len(w):
            raise SpecError("The graph cannot be used: weights must be a list of numbers.")
        k = len(w)
        problems = []
        if not np.isfinite(w).all() or not np.isfinite(g).all():
            problems.append("weights and transitions must be finite numbers")
        if g.shape != (k, k):
            problems.append(f"transitions must have {k} rows of {k}; got shape {g.shape}")
        else:
            if (g < 0).any() or (g.sum(axis=1) > 1 + 1e-9).any():
                problems.append("each row of transitions must sum to at most 1, with none below 0")
            if np.diag(g).any():
                problems.append("no hypothesis hands its share to itself: the diagonal must be 0")
        if (w < 0).any() or w.sum() > 1 + 1e-9:
            problems.append("weights must sum to at most 1, with none below 0")
        if problems:
            raise SpecError(f"The graph cannot be used: {'; '.join(problems)}.")

    @classmethod
    def of_names(
        cls, weights: Mapping[str, float], transitions: Mapping[str, Mapping[str, float]]
    ) -> Graph:
        """Return the graph of named hypotheses, in the order of the weights.

        Examples
        --------
        >>> Graph.of_names({"primary": 1, "key": 0}, {"primary": {"key": 1}}).transitions
        [[0.0, 1.0], [0.0, 0.0]]
        """
        names = list(weights)
        unknown = {n for a, row in transitions.items() for n in (a, *row)} - set(names)
        if unknown:
            raise SpecError(f"The graph names hypotheses without a weight: {sorted(unknown)}.")
        rows = [[float(transitions.get(a, {}).get(b, 0.0)) for b in names] for a in names]
        return cls([float(weights[n]) for n in names], rows)

    def adjust(self, p: Sequence[float] | FloatArray) -> FloatArray:
        """Return adjusted p-values, shape (k,): the smallest level at which each is rejected.

        A missing p-value is never rejected.
        """
        given = np.asarray(p, dtype=float)
        w = np.asarray(self.weights, dtype=float).copy()
        g = np.asarray(self.transitions, dtype=float).copy()
        if given.shape != w.shape:
            raise SpecError(f"The graph has {len(w)} hypotheses; got {given.size} p-values.")
        if ((given < 0) | (given > 1)).any():
            raise SpecError("A p value lies between 0 and 1; the graph got others.")
        values = np.ones(len(w))
        left = [j for j in range(len(w)) if not np.isnan(given[j])]
        reached = 0.0
        while left:
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = [given[j] / w[j] if w[j] > 0 else np.inf for j in left]
            j = left[int(np.argmin(ratio))]
            reached = max(reached, min(min(ratio), 1.0))
            values[j] = reached
            left.remove(j)
            w, g = _without(j, w, g, left)
        values[np.isnan(given)] = np.nan
        return values


def _without(
    j: int, w: FloatArray, g: FloatArray, left: list[int]
) -> tuple[FloatArray, FloatArray]:
    """Return weights and transitions after hypothesis j is rejected."""
    weights, edges = w.copy(), np.zeros_like(g)
    for a in left:
        weights[a] += w[j] * g[j, a]
        loop = g[a, j] * g[j, a]
        if loop < 1:
            for b in left:
                if a != b:
                    edges[a, b] = (g[a, b] + g[a, j] * g[j, b]) / (1 - loop)
    weights[j] = 0.0
    return weights, edges
