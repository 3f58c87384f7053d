"""Estimates judged together: p-values and limits adjusted for the size of their family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.stats import studentized_range
from scipy.stats import t as t_distribution

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.estimates.multiplicity import adjust_single_step
from trdstats.estimates.procedures import Graph, stepwise
from trdstats.estimates.table import EstimateTable

Adjustment = Literal[
    "none", "bonferroni", "holm", "hochberg", "hommel", "fixed sequence", "graphical", "tukey",
    "dunnett", "max-t",
]  # fmt: skip
ADJUSTMENTS: tuple[str, ...] = get_args(Adjustment)
_JOINT = ("dunnett", "max-t")
_WITHOUT_LIMITS = ("fixed sequence", "graphical")


@dataclass(frozen=True)
class AdjustedLimits:
    """Limits and p-values of estimates, adjusted family by family.

    Attributes
    ----------
    estimates : EstimateTable
        Unadjusted.
    method : str
    families : tuple of ndarray of int
        Rows of each family.
    graph : Graph or None
    """

    estimates: EstimateTable
    method: str
    families: tuple[IntArray, ...]
    graph: Graph | None = None

    def p_values(self) -> FloatArray:
        """Return adjusted p-values, shape (k,)."""
        found = np.full(len(self.estimates), np.nan)
        for rows in self.families:
            found[rows] = self._p_of(rows)
        return found

    def _p_of(self, rows: IntArray) -> FloatArray:
        own = self.estimates.select(rows)
        if self.method == "graphical" and self.graph is not None:
            return self.graph.adjust(own.p_value)
        if _is_single(own):
            return own.p_value
        if self.method == "tukey":
            q = np.sqrt(2) * np.abs(own.statistic)
            return np.asarray(studentized_range.sf(q, _levels(own), own.degrees))
        if self.method in _JOINT:
            return adjust_single_step(
                own.statistic, own.covariance, df=_joint_df(own), conf_level=0.95
            ).p_value
        return stepwise(own.p_value, self.method)

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return simultaneous limits; NaN where the procedure has none."""
        critical = np.full(len(self.estimates), np.nan)
        for rows in self.families:
            critical[rows] = self._critical(rows, conf_level)
        return self.estimates.around(critical)

    def _critical(self, rows: IntArray, conf_level: float) -> FloatArray | float:
        if self.method in _WITHOUT_LIMITS:
            return np.nan
        own = self.estimates.select(rows)
        if _is_single(own):
            return t_distribution.isf((1 - conf_level) / 2, own.degrees)
        if self.method == "tukey":
            q = studentized_range.ppf(conf_level, _levels(own), own.degrees)
            return np.asarray(q / np.sqrt(2))
        if self.method in _JOINT:
            return adjust_single_step(
                own.statistic, own.covariance, df=_joint_df(own), conf_level=conf_level
            ).critical
        # Stepwise procedures have no simple limits of their own; Bonferroni's are valid for all.
        size = max(int(np.isfinite(own.p_value).sum()), 1)
        return t_distribution.isf((1 - conf_level) / (2 * size), own.degrees)


def _is_single(own: EstimateTable) -> bool:
    """Return whether at most one estimate has a test: there is nothing to adjust for."""
    return int(np.isfinite(own.statistic).sum()) < 2


def _joint_df(own: EstimateTable) -> float:
    """Return the degrees of freedom of a joint distribution: the mean of those that are finite.

    As R emmeans; normal statistics beside t statistics are judged by their distribution.
    """
    df = own.degrees[np.isfinite(own.statistic)]
    df = df[np.isfinite(df)]
    return float(df.mean()) if len(df) else np.inf


def _levels(own: EstimateTable) -> int:
    """Return how many levels the pairs that have a test are of."""
    columns = list(own.keys.columns)
    if "reference" not in columns[1:]:
        return levels_of_pairs(len(own))
    at = columns.index("reference")
    pairs = own.keys.loc[np.isfinite(own.statistic), [columns[at - 1], "reference"]]
    return len(np.unique(pairs.astype(str).to_numpy()))


def check_family(own: EstimateTable, method: str) -> None:
    """Raise an error where a method does not fit a family.

    Raises
    ------
    SpecError
        When "tukey" is asked for of other than all pairs.
    NotEstimableError
        When the joint distribution is asked for and covariances are not known.
    """
    if method == "tukey":
        levels_of_pairs(len(own))
    tested = np.isfinite(own.statistic)
    if method in _JOINT and np.isnan(own.covariance[np.ix_(tested, tested)]).any():
        raise NotEstimableError(
            f"adjust({method!r}) needs the covariance between estimates, which is not known here. "
            "Use 'holm', which needs none."
        )


def levels_of_pairs(n: int) -> int:
    """Return how many levels n comparisons of all pairs have.

    Raises
    ------
    SpecError
        When n is not a number of pairs.
    """
    k = round((1 + np.sqrt(1 + 8 * n)) / 2)
    if k * (k - 1) // 2 != n:
        raise SpecError(
            f"adjust('tukey') belongs to all pairs of levels; {n} comparisons are not all pairs. "
            "Use 'dunnett' for comparisons with one reference, 'max-t' for any others."
        )
    return int(k)


def note_of(method: str, within: tuple[str, ...]) -> str:
    """Say how p-values and limits were adjusted."""
    where = f" within each {' and '.join(within)}" if within else ""
    words = {
        "max-t": "the joint distribution of all statistics (max-T)",
        "dunnett": "the joint distribution of comparisons with one reference (Dunnett)",
        "tukey": "the studentised range (Tukey)",
        "graphical": "a graphical procedure (Bretz et al. 2009)",
    }
    named = words.get(method, method[:1].upper() + method[1:])
    text = (
        f"P values{'' if method in _WITHOUT_LIMITS else ' and limits'} adjusted by {named}{where}"
    )
    if method in _WITHOUT_LIMITS:
        text += "; the procedure has no limits that belong to them"
    elif method in ("holm", "hochberg", "hommel"):
        text += "; limits by Bonferroni"
    return text + "."
