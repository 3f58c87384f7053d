"""Crude and adjusted contrasts of one pair of cohorts, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison.cohorts.comparability import Finding, Verdict
from trdstats.comparison.cohorts.fragility import check_counts, check_threshold, find_near
from trdstats.comparison.cohorts.onset_bootstrap import CohortOnset, OnsetDraws, draw_onsets
from trdstats.comparison.cohorts.pair import Pair, only_histories, only_subjects
from trdstats.comparison.cohorts.pair_estimates import (
    DURABILITY,
    IN_RESPONSE,
    ONSET,
    RATE,
    PairData,
    estimate,
    followed_to,
)
from trdstats.comparison.sensitivity.e_values import e_value
from trdstats.comparison.weighting.propensity_result import UNBALANCED, PropensityResult
from trdstats.errors import NotEstimableError, UnknownNameError

CRUDE, ADJUSTED = "crude", "adjusted"


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
        cls, pair: Pair, fit: PropensityResult, outcomes: Sequence[str], day: float | None,
        tau: float, relapse_tau: float, conf_level: float,
    ) -> CrudeAndAdjusted:  # fmt: skip
        """Return what is compared of a pair; an outcome that cannot be had leaves the others."""
        covariates = pair.covariates()
        derive: dict[str, Callable[[], Any]] = {
            RATE: lambda: None if day is None else pair.met(day),
            IN_RESPONSE: pair.history,
            DURABILITY: pair.durability,
        }
        found, unavailable = {}, {}
        for name in set(outcomes) & set(derive):
            try:
                found[name] = derive[name]()
            except (NotEstimableError, UnknownNameError) as error:
                unavailable[name] = str(error)
        durability = found.get(DURABILITY)
        whole = PairData(
            pair.labels, found.get(RATE), found.get(IN_RESPONSE), durability, day, tau,
            np.nan if durability is None else followed_to(durability, relapse_tau), conf_level,
            unavailable,
        )  # fmt: skip
        kept = fit.weights.loc[fit.weights["weight"] > 0, "subject"]
        inside = whole if len(kept) == len(covariates) else _restricted(whole, kept)
        return cls(covariates, whole, inside, fit)

    def checks(self, pair: Pair) -> list[Finding]:
        """Return what weights left unlike, and what makes a rate fragile."""
        data = self.inside
        found = [self._check_missing(), self._check_balance(pair)]
        if data.met is None or data.day is None:
            return found
        near = find_near(pair, data.met, data.day)
        return [*found, check_counts(data.met, self.fit), check_threshold(near, data, self.fit)]

    def _check_missing(self) -> Finding:
        filled = self.fit.covariates.filled
        if not filled:
            return Finding("missing covariates", "fine", "Every covariate is known of everybody.")
        listed = ", ".join(f"{k} ({n:,})" for k, n in filled.items())
        return Finding(
            "missing covariates",
            "limits",
            f"Covariates are missing: {listed}. Weights count each as a trait of its own.",
            "Right when what is missing says no more than that it is missing; missing='error' "
            "refuses instead.",
        )

    def _check_balance(self, pair: Pair) -> Finding:
        apart = self.fit.balance().set_index("term")["smd_after"].abs()
        far = apart[apart > UNBALANCED]
        if not len(far):
            return Finding("balance", "fine", "Weighted, they are alike in every covariate.")
        named = ", ".join(f"{k} ({v:.2f})" for k, v in far.items())
        return Finding(
            "balance",
            "caution" if pair.caveat else "limits",  # chance leaves differences in a trial
            f"Weighted, they still differ in {named}.",
            "A standardised difference above 0.1 can leave a bias: estimand='overlap' has none.",
        )

    def rows(
        self, verdict: Verdict, outcomes: Sequence[str], onsets: dict[str, CohortOnset]
    ) -> list[dict[str, Any]]:
        """Return one row an outcome and analysis, with balance, overlap and E-values.

        Parameters
        ----------
        verdict : Verdict
        outcomes : sequence of str
        onsets : dict of str to CohortOnset
            By cohort.
        """
        conf_level = self.whole.conf_level
        draws = self._draw(onsets) if ONSET in outcomes else {}
        weighted, shared = self.fit.glance().iloc[0], self.fit.common_area
        rows = []
        for name in outcomes:
            crude = estimate(self.whole, name, None, draws.get(CRUDE))
            adjusted = estimate(self.inside, name, self.fit, draws.get(ADJUSTED))
            # Days are standardised by their spread between all subjects, crude and adjusted alike.
            spread = float(crude.pop("sd", np.nan))
            adjusted.pop("sd", None)
            for kind, population, found, n, smd in (
                (CRUDE, "all", crude, len(self.covariates), weighted["smd_before"]),
                (
                    ADJUSTED,
                    self.fit.spec.estimand,
                    adjusted,
                    weighted["effective"],
                    weighted["smd_after"],
                ),
            ):
                base = {**_key(verdict, name, kind, self.whole.day_of(name)),
                        "population": population, "n": float(n), "smd": float(smd),
                        "overlap": shared}  # fmt: skip
                rows.append({**base, **found, **_strength(name, found, spread, conf_level)})
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
    verdict: Verdict, outcomes: Sequence[str], day: float | None, tau: float, relapse_tau: float
) -> list[dict[str, Any]]:
    """Return the rows of a pair that is not to be compared, with the reason."""
    days = {RATE: day, DURABILITY: relapse_tau if np.isfinite(relapse_tau) else None}
    why = " ".join(f.finding for f in verdict.objections) or "No weights could be made."
    return [
        {**_key(verdict, name, kind, days.get(name, tau)), "note": why}
        for name in outcomes
        for kind in (CRUDE, ADJUSTED)
    ]


def _key(verdict: Verdict, outcome: str, analysis: str, day: float | None) -> dict[str, Any]:
    return {
        "treatment": verdict.treatment,
        "reference": verdict.reference,
        "verdict": verdict.words,
        "outcome": outcome,
        "day": day,
        "analysis": analysis,
    }


def _restricted(data: PairData, kept: Any) -> PairData:
    """Return the same of those who have a weight."""
    met = None if data.met is None else data.met[data.met["subject"].isin(kept)]
    return replace(
        data,
        met=met,
        history=None if data.history is None else only_histories(data.history, kept),
        durability=None if data.durability is None else only_subjects(data.durability, kept),
    )


def _strength(
    outcome: str, found: dict[str, Any], spread: float, conf_level: float
) -> dict[str, float]:
    """Return the E-value of a contrast and of its limit."""
    none = {"e_value": np.nan, "e_value_limit": np.nan}
    if outcome == RATE:
        ratio = [found.get(k, np.nan) for k in ("risk_ratio", "risk_ratio_low", "risk_ratio_high")]
        measure = "risk ratio"
    elif outcome != DURABILITY and spread > 0 and np.isfinite(found["estimate"]):
        ratio = [found[k] / spread for k in ("estimate", "conf_low", "conf_high")]
        measure = "difference in means"
    else:
        return none
    # A ratio of 0, where nobody under the treatment responds, has no finite E-value.
    if not np.isfinite(ratio).all() or (outcome == RATE and min(ratio[0], ratio[2]) <= 0):
        return none
    value = e_value(*ratio, measure=measure, conf_level=conf_level)
    return {"e_value": value.estimate, "e_value_limit": value.limit}
