"""Crude and adjusted contrasts of one pair of cohorts, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison.cohorts.comparability import Comparability, Finding
from trdstats.comparison.cohorts.fragility import check_counts, check_threshold, find_near
from trdstats.comparison.cohorts.onset_bootstrap import CohortOnset, OnsetDraws, draw_onsets
from trdstats.comparison.cohorts.pair import Pair
from trdstats.comparison.cohorts.pair_estimates import (
    DURABILITY,
    IN_RESPONSE,
    ONSET,
    RATE,
    PairData,
    PairEstimate,
    estimate,
    followed_to,
    without_estimate,
)
from trdstats.comparison.sensitivity.e_values import e_value
from trdstats.comparison.weighting.propensity_result import UNBALANCED, PropensityResult
from trdstats.errors import NotEstimableError, UnknownNameError
from trdstats.estimates import Estimates
from trdstats.estimates.weights import EstimatedWeights

CRUDE, ADJUSTED = "crude", "adjusted"


@dataclass(frozen=True)
class ComparisonRow:
    """One outcome of a pair, crude or adjusted.

    Attributes
    ----------
    treatment, reference, outcome : str
    day : float or None
    analysis : {"crude", "adjusted"}
    population : str
        "all", or the estimand of the weights; empty without numbers.
    estimated : PairEstimate
    n : float
        Subjects; adjusted: the effective sample size.
    smd, overlap : float
        Largest standardised difference of a covariate; common area of the scores.
    """

    treatment: str
    reference: str
    outcome: str
    day: float | None
    analysis: str
    population: str
    estimated: PairEstimate
    n: float = np.nan
    smd: float = np.nan
    overlap: float = np.nan

    @cached_property
    def difference(self) -> Estimates:
        """The difference under all its keys."""
        keys = {
            "treatment": [self.treatment],
            "reference": [self.reference],
            "outcome": [self.outcome],
            "measure": ["risk difference" if self.outcome == RATE else "mean difference"],
            "day": [np.nan if self.day is None else float(self.day)],
            "analysis": [self.analysis],
            "population": [self.population],
        }
        return replace(self.estimated.difference, keys=pd.DataFrame(keys))

    def e_value(self, conf_level: float) -> tuple[float, float]:
        """Return the E-values of the difference and of its limit; NaN where there is none."""
        estimate, unknown = self.estimated, (np.nan, np.nan)
        if self.outcome == RATE and estimate.ratio is not None:
            low, high = estimate.ratio.interval(conf_level)
            ratio = [float(estimate.ratio.value[0]), float(low[0]), float(high[0])]
            measure = "risk ratio"
        elif self.outcome in (ONSET, IN_RESPONSE) and estimate.spread > 0:
            ratio = [v / estimate.spread for v in (estimate.value, *estimate.interval(conf_level))]
            measure = "difference in means"
        else:
            return unknown
        # A ratio of 0, where no subject under the treatment responds, has no finite E-value.
        if not np.isfinite(ratio).all() or (self.outcome == RATE and min(ratio[0], ratio[2]) <= 0):
            return unknown
        value = e_value(*ratio, measure=measure, conf_level=conf_level)
        return value.estimate, value.limit


@dataclass(frozen=True)
class CrudeAndAdjusted:
    """A pair as it is, and the part of it that has weights.

    Attributes
    ----------
    covariates : pandas.DataFrame
        subject, treatment and covariates of all.
    whole, inside : PairData
        All subjects, and those with a weight.
    fit : PropensityResult
    """

    covariates: pd.DataFrame
    whole: PairData
    inside: PairData
    fit: PropensityResult

    @classmethod
    def of(
        cls, pair: Pair, covariates: pd.DataFrame, fit: PropensityResult,
        outcomes: Sequence[str], day: float | None, tau: float, relapse_tau: float,
        conf_level: float,
    ) -> CrudeAndAdjusted:  # fmt: skip
        """Return what is compared of a pair; an outcome that cannot be had leaves the others."""
        derive: dict[str, Callable[[], Any]] = {
            RATE: lambda: None if day is None else pair.met(day),
            IN_RESPONSE: pair.history,
            DURABILITY: pair.durability,
        }
        derived, unavailable = {}, {}
        for name in set(outcomes) & set(derive):
            try:
                derived[name] = derive[name]()
            except (NotEstimableError, UnknownNameError) as error:
                unavailable[name] = str(error)
        durability = derived.get(DURABILITY)
        whole = PairData(
            pair.labels, derived.get(RATE), derived.get(IN_RESPONSE), durability, day, tau,
            np.nan if durability is None else followed_to(durability, relapse_tau), conf_level,
            unavailable,
        )  # fmt: skip
        kept = fit.weights.loc[fit.weights["weight"] > 0, "subject"]
        inside = whole if len(kept) == len(covariates) else _restricted(whole, kept)
        return cls(covariates, whole, inside, fit)

    def checks(self, pair: Pair) -> list[Finding]:
        """Return the imbalance that weights leave, and what makes a rate fragile."""
        data = self.inside
        findings = [self._check_missing(), self._check_balance(pair)]
        if data.met is None or data.day is None:
            return findings
        near = find_near(pair, data.met, data.day)
        counts = check_counts(data.met, self._weights)
        return [*findings, counts, check_threshold(near, data, self._weights)]

    @cached_property
    def _weights(self) -> EstimatedWeights | pd.DataFrame:
        return self.fit.subject_weights

    def _check_missing(self) -> Finding:
        filled = self.fit.covariates.filled
        if not filled:
            return Finding(
                "missing covariates", "ok", "Every covariate is known for every subject."
            )
        listed = ", ".join(f"{k} ({n:,})" for k, n in filled.items())
        return Finding(
            "missing covariates",
            "note",
            f"Covariates are missing: {listed}. Weights treat missingness as a separate covariate.",
            "Right when what is missing says no more than that it is missing; missing='error' "
            "refuses instead.",
        )

    def _check_balance(self, pair: Pair) -> Finding:
        imbalance = self.fit.balance().set_index("term")["smd_after"].abs()
        imbalanced = imbalance[imbalance > UNBALANCED]
        if not len(imbalanced):
            return Finding("balance", "ok", "Weighted, all covariates are balanced.")
        named = ", ".join(f"{k} ({v:.2f})" for k, v in imbalanced.items())
        return Finding(
            "balance",
            "caution" if pair.caveat else "note",  # chance leaves differences in a trial
            f"Weighted, they still differ in {named}.",
            "A standardised difference above 0.1 can leave a bias: estimand='overlap' has none.",
        )

    def rows(self, outcomes: Sequence[str], onsets: dict[str, CohortOnset]) -> list[ComparisonRow]:
        """Return one row an outcome and analysis, with balance and overlap.

        Parameters
        ----------
        outcomes : sequence of str
        onsets : dict of str to CohortOnset
            By cohort.
        """
        draws = self._draw(onsets) if ONSET in outcomes else {}
        sizes, overlap = self.fit.glance().iloc[0], self.fit.common_area
        rows = []
        for outcome in outcomes:
            crude = estimate(self.whole, outcome, None, draws.get(CRUDE))
            adjusted = estimate(self.inside, outcome, self._weights, draws.get(ADJUSTED))
            # Days are standardised by their spread between all subjects, crude and adjusted alike.
            adjusted = replace(adjusted, spread=crude.spread)
            reference, treatment = self.whole.labels
            key = (treatment, reference, outcome, self.whole.day_of(outcome))
            rows += [
                ComparisonRow(*key, CRUDE, "all", crude, float(len(self.covariates)),
                              float(sizes["smd_before"]), overlap),
                ComparisonRow(*key, ADJUSTED, self.fit.spec.estimand, adjusted,
                              float(sizes["effective"]), float(sizes["smd_after"]), overlap),
            ]  # fmt: skip
        return rows

    def _draw(self, onsets: dict[str, CohortOnset]) -> dict[str, OnsetDraws]:
        if not set(self.whole.labels) <= set(onsets):
            return {}
        reference, treatment = (onsets[label] for label in self.whole.labels)
        try:
            # The weights stand in the order of the covariates: the reference, then the treatment.
            crude, adjusted = draw_onsets(reference, treatment, self.fit.reweigh(), self.whole.tau)
        except NotEstimableError:
            return {}
        return {CRUDE: crude, ADJUSTED: adjusted}


def rows_without_numbers(
    pair: Comparability, outcomes: Sequence[str], day: float | None, tau: float, relapse_tau: float
) -> list[ComparisonRow]:
    """Return the rows of a pair that is not to be compared, with the reason."""
    days = {RATE: day, DURABILITY: relapse_tau if np.isfinite(relapse_tau) else None}
    reason = " ".join(f.finding for f in pair.objections) or "No weights could be made."
    return [
        ComparisonRow(pair.treatment, pair.reference, outcome, days.get(outcome, tau), analysis,
                      "", without_estimate(reason))
        for outcome in outcomes
        for analysis in (CRUDE, ADJUSTED)
    ]  # fmt: skip


def _restricted(data: PairData, kept: Any) -> PairData:
    """Return the same of those who have a weight."""
    met = None if data.met is None else data.met[data.met["subject"].isin(kept)]
    return replace(
        data,
        met=met,
        history=None if data.history is None else data.history.only_subjects(kept),
        durability=None if data.durability is None else data.durability.only_subjects(kept),
    )
