"""The estimates that the last round leads to."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, no_error_reason
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.kernels.numerics.boundary import at_boundary, error_inside, without
from trdstats.outcomes.weighted_rates import NO_RATE
from trdstats.sites.rounds.messages import Question
from trdstats.sites.rounds.positivity import WeightChecks, checks_of
from trdstats.sites.rounds.rows import columns_of
from trdstats.sites.rounds.sums import Sums
from trdstats.study.caveats import Caveat
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_p,
)

_LARGEST = 700.0  # of a log hazard ratio, beyond which the ratio cannot be written


@dataclass(frozen=True, repr=False, eq=False)
class SiteEstimates(EstimateResult):
    """Estimates over sites that shared no rows.

    Attributes
    ----------
    question : Question
        The last one: plan, formula, sites that took part and that did not, caveat.
    """

    question: Question
    _values: Estimates
    _checks: WeightChecks | None = None

    def estimates(self) -> Estimates:
        """Return hazard ratios (key term) or rates (outcome, label, day, treatment)."""
        return self._values

    @property
    def conf_level(self) -> float:
        """Confidence level of the plan."""
        return self.question.conf_level

    @property
    def caveat(self) -> str:
        """What every comparison must say."""
        return _caveat(self.question)

    def effective_size(self) -> pd.DataFrame:
        """Return the effective sample size of each treatment, exactly that of all rows together.

        Returns
        -------
        pandas.DataFrame
            treatment, n, effective (the number of unweighted subjects they are worth), share
            (effective of n), largest (the most of the weight that one subject can carry).

        Raises
        ------
        NotEstimableError
            When the subjects have no weights.
        """
        return self._weight_checks().sizes.copy()

    def balance(self) -> pd.DataFrame:
        """Return the balance of the covariates, before and after weighting.

        Returns
        -------
        pandas.DataFrame
            As `PropensityResult.balance`, without Kolmogorov-Smirnov distances, which are no sums.

        Raises
        ------
        NotEstimableError
            When the subjects have no weights.
        """
        return self._weight_checks().balance.copy()

    def overlap(self) -> pd.DataFrame:
        """Return bounds of how far the treatments of each pair overlap in their scores.

        Scores are counted in bins with edges at 0, 0.01, 0.025, 0.05, then every 0.05, 0.975, 0.99
        and 1; sites join bins with few subjects.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, outside_low and outside_high (proportion of subjects whose score
            for the pair lies beyond all of the other treatment: at least, at most), c_low and
            c_high (c statistic: at least, at most).

        Raises
        ------
        NotEstimableError
            When the subjects have no weights.
        """
        return self._weight_checks().overlap.copy()

    def weight_tables(self) -> dict[str, pd.DataFrame]:
        """Return balance, overlap and effective sizes by name; none where there are no weights."""
        if self._checks is None:
            return {}
        checks = self._checks
        return {
            "balance": checks.balance, "overlap": checks.overlap, "effective_size": checks.sizes,
        }  # fmt: skip

    def _weight_checks(self) -> WeightChecks:
        if self._checks is None:
            raise NotEstimableError(f"{self._values.title}: subjects have no weights.")
        return self._checks

    def summary(self) -> Summary:
        """Return the estimates with sites, subjects and notes."""
        table = self.tidy()
        keys = [c for c in self._values.keys.columns if c != "outcome"]
        digits = 2 if self.question.analysis == "hazards" else 3
        rows = tuple(
            (
                *(f"{v:g}" if isinstance(v, float) else str(v) for v in r[: len(keys)]),
                format_estimate(r.estimate, r.conf_low, r.conf_high, digits),
                format_p(r.p_value) if np.isfinite(r.p_value) else "",
            )
            for r in each_row(table[[*keys, "estimate", "conf_low", "conf_high", "p_value"]])
        )
        shown = f"{100 * self.conf_level:g} % CI"
        head = (*(k.capitalize() for k in keys), f"Estimate ({shown})", "p")
        return Summary(
            self._values.title,
            (
                ("Plan", self.question.plan),
                ("Covariates", self.question.formula),
                ("Sites", ", ".join(self.question.sites)),
                ("Subjects", format_count(int(self.question.numbers["n"].sum()))),
            ),
            (Table(head, rows, len(keys)), *(self._checks.tables() if self._checks else ())),
            (*caveat_notes(self.caveat), *self._values.notes),
        )


def _caveat(question: Question) -> str:
    """Return the caution: of treatments that were not randomised, what was done about it."""
    if not question.caveat:
        return ""
    given = Caveat.read(question.caveat)
    if question.analysis != "hazards":
        return given.under_adjusting_weights()
    covariates = [c for c in columns_of(question.formula) if c != "treatment"]
    return given.adjusted_for(" + ".join(covariates)) if covariates else given


def hazards_of(question: Question, at: FloatArray, information: FloatArray) -> SiteEstimates:
    """Return the hazard ratios, stratified by site.

    Raises
    ------
    NotEstimableError
        When a covariate has units in which its ratio cannot be written.
    """
    scale = question.numbers["scale"]
    large = np.abs(at / scale) > _LARGEST
    if large.any():
        names = ", ".join(t for t, big in zip(question.terms, large, strict=True) if big)
        raise NotEstimableError(
            f"The hazard ratio of one unit of {names} cannot be written: give it in smaller units."
        )
    covariance = np.linalg.inv(information) / np.outer(scale, scale)
    values = estimates_of(
        pd.DataFrame({"term": list(question.terms)}), np.exp(at / scale), covariance=covariance,
        scale="log", null=np.ones(len(at)),
        title=f"Hazard ratios of {question.outcome}, stratified by site",
        notes=(*_notes(question), f"{int(question.numbers['events'][0]):,} events."),
    )  # fmt: skip
    return SiteEstimates(question, values)


def rates_of(question: Question, total: Sums) -> SiteEstimates:
    """Return the weighted rates of each outcome, day and treatment."""
    numbers, arms = question.numbers, question.labels
    rate = np.where(numbers["n_met"] > 0, numbers["rate"], np.nan)
    keys = [
        {"outcome": name, "label": label, "day": day, "treatment": arm}
        for name, label, day in map(json.loads, question.outcomes)
        for arm in arms
    ]
    value = rate.T.ravel()
    checks = checks_of(arms, question.columns, numbers, total)
    checks.warn()
    values = estimates_of(
        pd.DataFrame(keys), value,
        covariance=without(at_boundary(value), total["cross_products"]), limits_scale="logit",
        reasons=[
            NO_RATE if np.isnan(p) else no_error_reason(float(error_inside(p, p))) for p in value
        ],
        title=f"Rates over sites, subjects weighted (estimand: {question.estimand})",
        notes=(*_notes(question), *checks.notes()),
    )  # fmt: skip
    return SiteEstimates(question, values, checks)


def _notes(question: Question) -> tuple[str, ...]:
    return (*(f"Without {words}" for words in question.without), *question.notes)
