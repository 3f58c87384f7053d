"""Estimates judged together: p-values and limits adjusted for the size of their family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import scipy

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import EstimateWarning, NotEstimableError, SpecError, count_of, warn
from trdstats.estimates.multiplicity import adjust_single_step
from trdstats.estimates.procedures import Graph, stepwise
from trdstats.estimates.rules import Limits, SomeLimits, StackedLimits
from trdstats.estimates.stacked import WaldLimits
from trdstats.estimates.table import EstimateTable

Adjustment = Literal[
    "none", "bonferroni", "holm", "hochberg", "hommel", "fixed sequence", "graphical", "tukey",
    "dunnett", "max-t",
]  # fmt: skip
ADJUSTMENTS: tuple[str, ...] = get_args(Adjustment)
_JOINT = ("dunnett", "max-t")
_BY_STATISTIC = ("tukey", *_JOINT)
_BY_P_VALUE = ("bonferroni", "holm", "hochberg", "hommel")
_WITHOUT_LIMITS = ("fixed sequence", "graphical")


@dataclass(frozen=True)
class AdjustedLimits:
    """Limits and p-values of estimates, adjusted family by family.

    Attributes
    ----------
    estimates : EstimateTable
        Unadjusted, with the limits and tests that they bring.
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
        values = np.full(len(self.estimates), np.nan)
        for rows in self.families:
            values[rows] = self._p_of(rows)
        return values

    def _p_of(self, rows: IntArray) -> FloatArray:
        family = self.estimates.select(rows)
        if self.method == "graphical" and self.graph is not None:
            return self.graph.adjust(family.p_value)
        if self.method not in _BY_STATISTIC:
            return stepwise(family.p_value, self.method)
        if _is_single(family):
            return family.p_value
        if self.method == "tukey":
            q = np.sqrt(2) * np.abs(family.statistic)
            return np.asarray(scipy.stats.studentized_range.sf(q, _levels(family), family.degrees))
        return adjust_single_step(
            family.statistic, family.covariance, df=_joint_df(family), conf_level=0.95
        ).p_value

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return simultaneous limits; NaN where the procedure has none.

        Estimates without a test, such as rates beside their differences, are in no family: they
        keep their limits.
        """
        ends = np.array(self.estimates.interval(conf_level))
        tested = np.isfinite(self.estimates.p_value)
        for rows in self.families:
            judged = tested[rows]
            if self.method in _WITHOUT_LIMITS:
                ends[:, rows[judged]] = np.nan
            elif judged.any():
                limits = np.array(self._limits(self.estimates.select(rows), conf_level))
                ends[:, rows[judged]] = limits[:, judged]
        return ends[0], ends[1]

    def _limits(self, family: EstimateTable, conf_level: float) -> tuple[FloatArray, FloatArray]:
        if self.method not in _BY_STATISTIC:
            # Stepwise procedures have no simple limits; Bonferroni's are valid for all of them.
            size = max(int(np.isfinite(family.p_value).sum()), 1)
            return family.interval(1 - (1 - conf_level) / size)
        if _is_single(family):
            return family.interval(conf_level)
        if self.method == "tukey":
            q = scipy.stats.studentized_range.ppf(conf_level, _levels(family), family.degrees)
            return family.around(np.asarray(q / np.sqrt(2)))
        joint = adjust_single_step(
            family.statistic, family.covariance, df=_joint_df(family), conf_level=conf_level
        )
        return family.around(joint.critical)


def unadjusted(limits: Limits | None) -> Limits | None:
    """Return the limits and tests before any adjustment; None for Wald's."""
    if isinstance(limits, AdjustedLimits):
        return limits.estimates.limits
    if isinstance(limits, SomeLimits):
        inner = unadjusted(limits.limits)
        return None if inner is None else SomeLimits(inner, limits.rows)
    if isinstance(limits, StackedLimits):
        return StackedLimits(tuple(
            WaldLimits(p.estimates) if isinstance(p, AdjustedLimits) else p for p in limits.parts
        ))  # fmt: skip
    return limits


def _is_single(group: EstimateTable) -> bool:
    """Return whether at most one estimate has a test: there is nothing to adjust for."""
    return int(np.isfinite(group.statistic).sum()) < 2


def _joint_df(group: EstimateTable) -> float:
    """Return the degrees of freedom of a joint distribution: the mean of those that are finite.

    As R emmeans; normal statistics beside t statistics are judged by their distribution.
    """
    df = group.degrees[np.isfinite(group.statistic)]
    df = df[np.isfinite(df)]
    return float(df.mean()) if len(df) else np.inf


def _levels(group: EstimateTable) -> int:
    """Return how many levels the pairs that have a test are of."""
    columns = list(group.keys.columns)
    if "reference" not in columns[1:]:
        return levels_of_pairs(len(group))
    at = columns.index("reference")
    pairs = group.keys.loc[np.isfinite(group.statistic), [columns[at - 1], "reference"]]
    return len(np.unique(pairs.astype(str).to_numpy()))


def check_family(group: EstimateTable, method: str) -> None:
    """Raise an error where a method does not fit a family.

    Raises
    ------
    SpecError
        When "tukey" is asked for of other than all pairs.
    NotEstimableError
        When the joint distribution is asked for and covariances are not known.
    """
    if method == "tukey":
        levels_of_pairs(len(group))
    tested = np.isfinite(group.statistic)
    if method in _JOINT and np.isnan(group.covariance[np.ix_(tested, tested)]).any():
        raise NotEstimableError(
            f"adjust({method!r}) needs the covariance between estimates, which is not known here. "
            "Use 'holm', which needs none."
        )


def warn_of_measures(group: EstimateTable, method: str) -> None:
    """Warn where p-values of one comparison, in several measures, count as several hypotheses."""
    kinds = [c for c in ("measure", "of") if c in group.keys]
    others = [c for c in group.keys.columns if c not in kinds]
    if method not in _BY_P_VALUE or "reference" not in others or not kinds:
        return
    tested = group.keys[np.isfinite(group.p_value)].astype(str)
    comparisons = tested[others].drop_duplicates()
    if len(comparisons) == len(tested):
        return
    key = next((c for c in kinds if tested[c].nunique() > 1), kinds[0])
    measures = list(dict.fromkeys(tested[key]))
    warn(
        f"{method.capitalize()} counts {len(tested)} hypotheses of "
        f"{count_of(len(comparisons), 'comparison', 'comparisons')}: {', '.join(measures)} of the "
        f"same subjects ask one question. Take one, .only({key}={measures[0]!r}), or say "
        f"within={key!r}.",
        EstimateWarning,
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


def without_statistic(estimates: EstimateTable, method: str) -> tuple[str, ...]:
    """Say how many tested estimates take no part, for want of a statistic to be judged by."""
    n = int((np.isfinite(estimates.p_value) & np.isnan(estimates.statistic)).sum())
    if not n or method not in _BY_STATISTIC:
        return ()
    have = count_of(n, "estimate has a resampled test", "estimates have resampled tests")
    return (f"{have} without a statistic and no adjusted p-value here; 'holm' adjusts them.",)


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
