"""The result of a comparison of cohorts: comparability, crude and adjusted differences, balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Figure
from trdstats.comparison.cohorts.comparability import (
    CAUTION,
    NOT_COMPARABLE,
    OK,
    PITFALLS,
    Comparability,
)
from trdstats.comparison.cohorts.crude_and_adjusted import ADJUSTED, CRUDE, ComparisonRow
from trdstats.comparison.cohorts.onset_bootstrap import CoveringLimits
from trdstats.comparison.cohorts.pair_estimates import DURABILITY, IN_RESPONSE, ONSET, RATE
from trdstats.comparison.weighting.propensity_result import PropensityResult
from trdstats.errors import NotEstimableError, Problem
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.joint import on_all_subjects
from trdstats.estimates.proportion_contrast import tests_of
from trdstats.estimates.table import Columns
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_number,
    format_p,
)

_HEADINGS = {
    ONSET: "Days to response",
    RATE: "Response (points)",
    IN_RESPONSE: "Days in response",
    DURABILITY: "Days to relapse, responders",
}


@dataclass(frozen=True, repr=False)
class Comparison(EstimateResult):
    """Every pair of cohorts: whether they can be compared, and how they differ.

    `tidy` has one row a pair, outcome and analysis: treatment, reference, outcome, measure ("risk
    difference" for the rate, "mean difference" for days), day (of the rate; horizon of the days,
    for durability counted from the first response), analysis ("crude" or "adjusted"), population
    ("all", or the estimand of the weights), conclusion ("ok", "caution", "not comparable"), n
    (adjusted: effective sample size), bound_low, bound_high (what the visits leave open), e_value,
    e_value_limit, smd (the largest standardised difference of a covariate, before or after
    weighting), overlap (common area of the scores), note; then the columns of
    `EstimateResult.tidy`. An estimate is treatment less reference: days, and a proportion for the
    rate. Pairs that are not comparable have NaN and the reason.

    Attributes
    ----------
    adjusted_for : str
        Covariates.
    outcomes : tuple of str
    comparability : tuple of Comparability
        One a pair.
    rows : tuple of ComparisonRow
        One a pair, outcome and analysis.
    weights : dict of (str, str) to PropensityResult
        Weights by (treatment, reference); absent where there could be none.
    caveat : str
        Caution that crude differences carry.
    notices : tuple of Problem
        Days of the rate that few reach.
    """

    adjusted_for: str
    outcomes: tuple[str, ...]
    comparability: tuple[Comparability, ...]
    rows: tuple[ComparisonRow, ...]
    weights: dict[tuple[str, str], PropensityResult]
    caveat: str
    _conf_level: float
    notices: tuple[Problem, ...] = ()

    def estimates(self) -> Estimates:
        """Return the crude and adjusted differences of every pair and outcome.

        Pairs that share a cohort are correlated through its subjects. Differences of the onset
        have the covariance of their resamples; they have no influences, so their columns of
        `influence` and their covariances with other outcomes are NaN.
        """
        return self._estimates

    @cached_property
    def _estimates(self) -> Estimates:
        estimates = on_all_subjects([row.difference for row in self.rows])
        covariance = estimates.covariance.copy()
        draws = {j: limits.draws.mean(axis=1) for j, row in enumerate(self.rows)
                 if isinstance(limits := row.difference.limits, CoveringLimits)}  # fmt: skip
        if draws:
            at = list(draws)
            covariance[np.ix_(at, at)] = np.atleast_2d(np.cov(np.array(list(draws.values()))))
        return replace(
            estimates, covariance=covariance, title="Comparison of cohorts", notes=self._crude()
        )

    def _table_columns(self, held: Columns, conf_level: float) -> Mapping[str, Any]:
        conclusions = {(c.treatment, c.reference): c.conclusion for c in self.comparability}
        bounds = np.array([r.estimated.bounds for r in self.rows])
        e_values = np.array([r.e_value(conf_level) for r in self.rows])
        return {
            "conclusion": [conclusions[r.treatment, r.reference] for r in self.rows],
            "n": [r.n for r in self.rows],
            "bound_low": bounds[:, 0],
            "bound_high": bounds[:, 1],
            "e_value": e_values[:, 0],
            "e_value_limit": e_values[:, 1],
            "smd": [r.smd for r in self.rows],
            "overlap": [r.overlap for r in self.rows],
            "note": [r.estimated.note for r in self.rows],
            "statistic": [float(tests_of(r.estimated.difference)[0]) for r in self.rows],
        }

    def findings(self) -> pd.DataFrame:
        """Return the finding of each check.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, conclusion (on the pair), check, grade ("ok", "note", "overlap",
            "caution", "not comparable"), accepted, finding, remedy.
        """
        return pd.DataFrame([row for c in self.comparability for row in c.rows()])

    def balance(self) -> pd.DataFrame:
        """Return the balance of the covariates of every pair that has weights."""
        frames = [w.balance() for w in self.weights.values()]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def overlap(self) -> pd.DataFrame:
        """Return how far the scores of every pair that has some overlap."""
        frames = [w.overlap() for w in self.weights.values() if np.isfinite(w.common_area)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def glance(self) -> pd.DataFrame:
        """Return one row: pairs, how many have each conclusion, covariates.

        Column overlap counts the pairs that are "ok" in the overlap population only; ok those
        without that restriction.
        """
        ok = [c.only_overlap for c in self.comparability if c.conclusion == OK]
        conclusions = [c.conclusion for c in self.comparability]
        return pd.DataFrame(
            {
                "n_pairs": [len(conclusions)],
                "ok": [ok.count(False)],
                "overlap": [ok.count(True)],
                "caution": [conclusions.count(CAUTION)],
                "not_comparable": [conclusions.count(NOT_COMPARABLE)],
                "adjusted_for": [self.adjusted_for],
            }
        )

    def plot(self, fig: Figure | None = None, **options: Any) -> Figure:
        """Draw the differences of pairs that have some, one panel an outcome; returns the Figure.

        Raises
        ------
        NotEstimableError
            When no pair can be compared.
        """
        frame = self.tidy()
        shown = ["estimate", "bound_low", "bound_high", "conf_low", "conf_high"]
        frame[shown] = frame[shown].mul(np.where(frame["outcome"] == RATE, 100, 1), axis=0)
        words = {(c.treatment, c.reference): c.words for c in self.comparability}
        frame = frame.assign(
            conclusion=[words[r.treatment, r.reference] for r in self.rows],
            label=frame["treatment"] + " v " + frame["reference"],
            outcome=[f"{_HEADINGS[o]}, difference" for o in frame["outcome"]],
        )
        has_one = frame["estimate"].notna().groupby(frame["label"]).transform("any")
        frame = frame[has_one].reset_index(drop=True)
        if frame.empty:
            raise NotEstimableError("No pair of cohorts can be compared: nothing can be drawn.")
        notes = [f"{self.caveat} (crude marks)"] if self.caveat else []
        if any(f.check == "switch" for c in self.comparability for f in c.findings):
            notes.append("Some started another treatment: see the findings of each pair")
        settings = {"caveat": ". ".join(notes), **options}
        return plots.plot_forest(frame, fig=fig, **settings)

    def summary(self) -> Summary:
        """Return the conclusions, then the differences, then cautions."""
        judged = tuple(self._judged(c) for c in self.comparability)
        rows, without = self._differences()
        columns = ("Pair", "Conclusion", "Population", "Effective n",
                   "Largest SMD (weighted)", "Overlap")  # fmt: skip
        tables = [Table(columns, judged, 3, title="Can these cohorts be compared?")]
        if rows:
            level = f"{format_level(self.conf_level)} CI"
            header = ("Pair", "Outcome", f"Crude ({level})", "Adjusted", "p", "E-value (limit)")
            title = "Differences, treatment less reference"
            tables.append(Table(header, tuple(rows), 2, title=title))
        notices = (f"{p.summary} {p.remedy}" for p in self.notices)
        notes = (*self._crude(), *notices, *self._findings(), *without, *self._of_all_pairs())
        return Summary(
            "Comparison of cohorts", (("Adjusted for", self.adjusted_for),), tuple(tables),
            tuple(dict.fromkeys(notes)),
        )  # fmt: skip

    def _differences(self) -> tuple[list[tuple[str, ...]], list[str]]:
        """Return the rows of the differences, and notes on those that are not estimable."""
        prevented = {(c.treatment, c.reference) for c in self.comparability
                     if c.conclusion == NOT_COMPARABLE}  # fmt: skip
        rows: list[tuple[str, ...]] = []
        without = []
        table = self.tidy()
        keys = ["treatment", "reference", "outcome"]
        for (treatment, reference, outcome), both in table.groupby(keys, sort=False):
            crude, adjusted = (
                {r.analysis: r for r in each_row(both)}[k] for k in (CRUDE, ADJUSTED)
            )
            pair, heading = f"{treatment} v {reference}", _HEADINGS[str(outcome)]
            if np.isfinite(adjusted.estimate):
                p = format_p(adjusted.p_value) if np.isfinite(adjusted.p_value) else ""
                named = (pair, f"{heading}, day {crude.day:g}")
                rows.append((*named, _shown(crude), _shown(adjusted), p, _e_value(adjusted)))
            elif (treatment, reference) not in prevented:
                without.append(f"{pair}, {heading}: not estimable. {adjusted.reason}.")
        return rows, without

    def _judged(self, pair: Comparability) -> tuple[str, ...]:
        """Return a conclusion with effective sample size, balance and overlap."""
        named = f"{pair.treatment} v {pair.reference}"
        fit = self.weights.get((pair.treatment, pair.reference))
        if fit is None:
            return (named, pair.conclusion, "", "", "", "")
        sizes, area = fit.glance().iloc[0], fit.common_area
        return (
            named,
            pair.conclusion,
            {"ate": "all", "att": "treated"}.get(fit.spec.estimand, fit.spec.estimand),
            format_count(round(float(sizes["effective"]))),
            f"{sizes['smd_before']:.2f} ({sizes['smd_after']:.2f})",
            format_number(area, 2) if np.isfinite(area) else "",
        )

    def _crude(self) -> tuple[str, ...]:
        """Return the caution that crude differences carry."""
        return (f"Crude: {self.caveat.lower()}.",) if self.caveat else ()

    def _findings(self) -> list[str]:
        """Return the findings that are not ok; of a pair not comparable only the reasons."""
        notes = []
        for c in self.comparability:
            for f in c.findings:
                if f.grade == "ok" or (c.conclusion == NOT_COMPARABLE and f.grade == "note"):
                    continue
                accepted = " (accepted)" if f.check in c.accepted else ""
                about = f.about or f"{c.treatment} v {c.reference}"
                notes.append(f"{about}, {f.check}{accepted}: {f.finding}")
        return notes

    def _of_all_pairs(self) -> list[str]:
        """Return cautions on all pairs together."""
        remedies = {f.check: f.remedy for c in self.comparability for f in c.findings
                    if f.grade in ("note", "caution")}  # fmt: skip
        notes = [f"About {k}: {remedies[k]}" for k in PITFALLS if remedies.get(k)]
        p_values = [r.estimated.difference.p_value[0] for r in self.rows if r.analysis == ADJUSTED]
        tests = int(np.isfinite(p_values).sum())
        if tests > 1:
            notes.append(
                f"{tests} adjusted tests stand here, none of them corrected for the others: name "
                "the primary one, or use adjust(method)."
            )
        shown = set(self.outcomes)
        if ONSET in shown and not shown & {IN_RESPONSE, DURABILITY}:
            notes.append(
                "Onset alone favours treatments that work fast: show days in response beside it."
            )
        if shown & {IN_RESPONSE, DURABILITY} and ONSET not in shown:
            notes.append(
                "Days in response or durability alone favour treatments that work slowly: show "
                "the onset beside them."
            )
        notes.append(
            "Adjusted for measured covariates only; an E-value is the risk ratio that an "
            "unmeasured confounder must have with both treatment and outcome to explain the "
            "difference away."
        )
        return notes


def _shown(row: Any) -> str:
    scale = 100 if row.outcome == RATE else 1
    return format_estimate(row.estimate, row.conf_low, row.conf_high, 1, scale=scale)


def _e_value(row: Any) -> str:
    if not np.isfinite(row.e_value):
        return ""
    return f"{format_number(row.e_value, 2)} ({format_number(row.e_value_limit, 2)})"
