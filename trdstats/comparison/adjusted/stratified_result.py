"""Rates compared over strata: measures, homogeneity, influence, face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.table import Columns
from trdstats.kernels.proportions.stratified_tables import (
    common_odds_ratio,
    stratified_difference,
    stratified_ratio,
)
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_level,
    format_p,
)

COUNTS = ("events", "n", "reference_events", "reference_n")
_KERNELS: dict[str, Callable[..., Any]] = {
    "difference": stratified_difference,
    "ratio": stratified_ratio,
    "odds ratio": common_odds_ratio,
}
_METHODS = {
    "difference": "stratified miettinen-nurminen",
    "ratio": "stratified miettinen-nurminen",
    "odds ratio": "mantel-haenszel",
}


@dataclass(frozen=True, repr=False)
class StratifiedRates(EstimateResult):
    """Comparisons of rates over strata.

    `tidy` has difference, ratio and common odds ratio of every treatment with the reference:
    measure, treatment, reference, method, then the columns of estimates. The statistic is that of
    the p value: z of the score, for the odds ratio the chi-squared of Cochran, Mantel and
    Haenszel.

    Attributes
    ----------
    title : str
    strata : pandas.DataFrame
        stratum, treatment, reference, events, n, reference_events, reference_n.
    conf_level : float
    header : tuple of (str, str)
    caveat : str
    subjects : pandas.DataFrame or None
        subject, stratum, treatment, met of every subject counted; None for bare counts.
    """

    title: str
    strata: pd.DataFrame
    conf_level: float = 0.95
    header: tuple[tuple[str, str], ...] = ()
    caveat: str = ""
    subjects: pd.DataFrame | None = None

    @cached_property
    def _limits(self) -> StratifiedLimits:
        """Limits and tests of all measures, of every pair for one after the other."""
        counts = _counts(self._pairs)
        return StratifiedLimits(tuple(m for m in _KERNELS for _ in counts), counts * len(_KERNELS))

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Return the strata that hold both treatments of each pair."""
        both = self.strata[(self.strata["n"] > 0) & (self.strata["reference_n"] > 0)]
        pairs = both.groupby(["treatment", "reference"], sort=False, observed=True)
        return {
            (str(treatment), str(reference)): strata for (treatment, reference), strata in pairs
        }

    def estimates(self) -> Estimates:
        """Return difference, ratio and common odds ratio of every treatment with the reference.

        Returns
        -------
        Estimates
            Keys measure, treatment, reference. Limits and p values of differences and ratios are
            those of the score; those of odds ratios are Robins, Breslow and Greenland's limits
            and the p value of Cochran, Mantel and Haenszel. Influences take the weights of the
            strata as known; without subjects there are none.
        """
        pairs = self._pairs
        keys = pd.DataFrame(
            [(m, *pair) for m in _KERNELS for pair in pairs],
            columns=["measure", "treatment", "reference"],
        )
        limits = self._limits
        contrasts = limits.contrasts(self.conf_level)
        value = np.array([c.estimate for c in contrasts])
        error = np.array([c.std_error for c in contrasts])
        cells = self._cells()
        size = cells["size"].to_numpy()
        of_pair = {pair: _both_arms(cells, *pair, strata) for pair, strata in pairs.items()}
        effect = np.column_stack([_effect(m, *of_pair[pair]) for m in _KERNELS for pair in pairs])
        covariance = (effect * size[:, None]).T @ effect
        np.fill_diagonal(covariance, error**2)
        is_ratio = (keys["measure"] != "difference").to_numpy()
        return estimates_of(
            keys, value, covariance=covariance, limits=limits,
            influences=None if self.subjects is None else effect,
            subjects=None if self.subjects is None else cells["subject"],
            scale=["log" if ratio else "identity" for ratio in is_ratio], null=is_ratio * 1.0,
            reasons=_reasons(value, error), title=self.title, notes=self._notes(),
        )  # fmt: skip

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        tests = self._limits.contrasts(conf_level)
        return {
            "method": [_METHODS[m] for m in held["measure"]],
            "statistic": [c.statistic for c in tests],
        }

    def _cells(self) -> pd.DataFrame:
        """Return all subjects; of bare counts one row for equal ones, with their number."""
        if self.subjects is not None:
            return self.subjects.assign(size=1.0)
        rows = []
        for r in each_row(self.strata):
            for arm, events, n in (
                (r.treatment, r.events, r.n), (r.reference, r.reference_events, r.reference_n),
            ):  # fmt: skip
                rows += [(r.stratum, arm, 1.0, events), (r.stratum, arm, 0.0, n - events)]
        return pd.DataFrame(rows, columns=["stratum", "treatment", "met", "size"]).drop_duplicates()

    def glance(self) -> pd.DataFrame:
        """Return one row a treatment: treatment, reference, strata, n, reference_n."""
        rows = self.strata.groupby(["treatment", "reference"], sort=False, observed=True)
        table = rows.agg(
            strata=("stratum", "nunique"), n=("n", "sum"), reference_n=("reference_n", "sum")
        )
        return table.reset_index()

    def homogeneity(self) -> pd.DataFrame:
        """Return Breslow and Day's test of one odds ratio in all strata, Tarone's correction.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, statistic, df, p_value; NaN with one informative stratum.
        """
        rows = []
        pairs = self._pairs
        for (treatment, reference), counts in zip(pairs, _counts(pairs), strict=True):
            common = common_odds_ratio(*counts, conf_level=self.conf_level)
            rows.append(
                {
                    "treatment": treatment,
                    "reference": reference,
                    "statistic": common.homogeneity,
                    "df": common.homogeneity_df,
                    "p_value": common.homogeneity_p,
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> Summary:
        """Return the comparisons with the test of homogeneity."""
        level = f"{format_level(self.conf_level)} CI"
        apart = {r.treatment: r.p_value for r in each_row(self.homogeneity())}
        table = self.tidy()
        rows = []
        for name in table.loc[table["measure"] == "difference", "treatment"]:
            by_measure = {r.measure: r for r in each_row(table[table["treatment"] == name])}
            gap = by_measure["difference"]
            cells = [f"{name} v {gap.reference}", _shown(gap, 100, 1)]
            cells += [_shown(by_measure[m], 1, 2) for m in ("ratio", "odds ratio")]
            p = by_measure["odds ratio"].p_value
            rows.append((*cells, format_p(p), format_p(apart[name])))
        header = (
            "Comparison", f"Difference, points ({level})", "Ratio", "Odds ratio", "CMH p",
            "Homogeneity p",
        )  # fmt: skip
        return Summary(self.title, self.header, (Table(header, tuple(rows)),), self._notes())

    def _notes(self) -> tuple[str, ...]:
        alone = (self.strata["n"] == 0) | (self.strata["reference_n"] == 0)
        notes = []
        if alone.any():
            where = ", ".join(dict.fromkeys(self.strata.loc[alone, "stratum"].astype(str)))
            notes.append(f"Strata that lack a treatment tell nothing of it: {where}.")
        return (*notes, *caveat_notes(self.caveat))


@dataclass(frozen=True)
class StratifiedLimits:
    """Limits and p values of comparisons over strata.

    Attributes
    ----------
    measures : tuple of str, length k
    counts : tuple of ndarray of int, shape (4, strata), length k
    """

    measures: tuple[str, ...]
    counts: tuple[IntArray, ...]
    _known: dict[float, list[Any]] = field(default_factory=dict, compare=False, repr=False)

    def contrasts(self, conf_level: float) -> list[Any]:
        """Return the comparisons as their kernels do; limits are searched for once a level."""
        if conf_level not in self._known:
            self._known[conf_level] = [
                _KERNELS[m](*counts, conf_level=conf_level)
                for m, counts in zip(self.measures, self.counts, strict=True)
            ]
        return self._known[conf_level]

    def interval(self, conf_level: float) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits."""
        contrasts = self.contrasts(conf_level)
        return np.array([c.low for c in contrasts]), np.array([c.high for c in contrasts])

    def p_values(self) -> FloatArray:
        """Return the p values of the score tests, and of Cochran, Mantel and Haenszel."""
        level = next(iter(self._known), 0.95)  # they are the same at all levels
        return np.array([c.p_value for c in self.contrasts(level)])


def _counts(pairs: dict[tuple[str, str], pd.DataFrame]) -> tuple[IntArray, ...]:
    return tuple(strata[list(COUNTS)].to_numpy(dtype=np.int64).T for strata in pairs.values())


def _reasons(value: FloatArray, error: FloatArray) -> list[str]:
    """Return why a comparison or its error cannot be had."""
    return [
        ""
        if np.isfinite(v) and e > 0
        else "no subject or every subject of a treatment had the outcome"
        for v, e in zip(value, error, strict=True)
    ]


def _both_arms(
    cells: pd.DataFrame, treatment: str, reference: str, strata: pd.DataFrame
) -> tuple[FloatArray, FloatArray, tuple[IntArray, IntArray], IntArray]:
    """Return counts of the strata, events, the cells of either arm, and the stratum of each."""
    counts = strata[list(COUNTS)].to_numpy(dtype=float).T
    place = pd.Index(strata["stratum"]).get_indexer(pd.Index(cells["stratum"]))
    met, arm = cells["met"].to_numpy(dtype=float), cells["treatment"].astype(str).to_numpy()
    rows = [np.flatnonzero((arm == name) & (place >= 0)) for name in (treatment, reference)]
    return counts, met, (rows[0], rows[1]), place


def _effect(
    measure: str, counts: FloatArray, met: FloatArray, arms: tuple[IntArray, IntArray],
    place: IntArray,
) -> FloatArray:  # fmt: skip
    """Return what each of the cells does to a comparison, the weights of the strata known."""
    x1, n1, x0, n0 = counts
    total, p1, p0 = n1 + n0, x1 / n1, x0 / n0
    weight = n1 * n0 / total
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "difference":
            slopes = weight / weight.sum(), -weight / weight.sum()
        elif measure == "ratio":
            slopes = weight / (weight @ p1), -weight / (weight @ p0)
        else:
            # R = sum of weight p1 (1 - p0), S = sum of weight p0 (1 - p1); log(R / S).
            R, S = weight @ (p1 * (1 - p0)), weight @ (p0 * (1 - p1))
            slopes = (
                weight * (1 - p0) / R + weight * p0 / S,
                -weight * p1 / R - weight * (1 - p1) / S,
            )
    values = np.zeros(len(met))
    for in_arm, slope, rate, n in zip(arms, slopes, (p1, p0), (n1, n0), strict=True):
        at = place[in_arm]
        known = np.where(np.isfinite(slope), slope, np.nan)
        values[in_arm] = known[at] * (met[in_arm] - rate[at]) / n[at]
    return values


def _shown(row: Any, scale: float, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
