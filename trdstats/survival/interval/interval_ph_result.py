"""What proportional hazards say of interval-censored times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.estimates import Estimates
from trdstats.formulas import CovariateDesign
from trdstats.kernels.interval.interval_ph import IntervalHazards, ProfileCurvature, interval_ph
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.outcomes import EventTimes
from trdstats.survival.coefficients import Coefficients, coefficients_of
from trdstats.survival.groups import Group, Sample, counts_header
from trdstats.survival.interval_sample import interval_notes
from trdstats.tables import Summary, Table, each_row, format_level, format_number, format_p

if TYPE_CHECKING:
    from trdstats.survival.interval.interval_ph import IntervalPH


@dataclass(frozen=True, slots=True)
class Analysed:
    """The subjects that are analysed."""

    left: FloatArray
    right: FloatArray
    X: FloatArray
    weight: FloatArray
    entry: FloatArray


@dataclass(frozen=True, repr=False)
class IntervalPHResult(Coefficients):
    """A fitted model.

    Attributes
    ----------
    spec : IntervalPH
    times : EventTimes
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: IntervalPH
    times: EventTimes
    _sample: Sample
    _all_subjects: Group
    _design: CovariateDesign
    _analysed: Analysed
    _fit: IntervalHazards
    _curvature: ProfileCurvature
    _drawn: FloatArray | None

    def estimates(self) -> Estimates:
        """Return the log hazard ratios.

        Their covariance is that of the bootstrap, robust with weights, or the profile's. The
        influences are of first order, from the differences of the subject's own log-likelihood
        along the profile, in which the baseline follows the coefficients (Zeng, Gao and Lin 2017,
        doi:10.1093/biomet/asx029).
        """
        effect = (self._curvature.scores * self._analysed.weight[:, None]) @ self._inverse()
        row = self._all_subjects.row[self._design.kept]
        values = self._inverse()
        if self._drawn is not None:
            values = np.cov(self._usable(), rowvar=False).reshape(len(values), -1)
        elif self._sample.weighted:
            values = self._sample.robust_covariance(row, effect)
        return coefficients_of(
            pd.DataFrame({"term": self._design.terms}), self._fit.beta, values,
            effect, row, self._sample,
            lost=("", "the likelihood has no clear maximum"),
            title="Proportional hazards for interval-censored times",
            notes=(*interval_notes(self.times, self._sample), *self._warnings()),
        )  # fmt: skip

    def _inverse(self) -> FloatArray:
        """Return the inverse of the profile information; NaN where there is none."""
        information = self._curvature.information
        if not self._fit.converged or not np.linalg.eigvalsh(information)[0] > 0:
            return np.full_like(information, np.nan)
        return np.asarray(np.linalg.inv(information), dtype=np.float64)

    def _usable(self) -> FloatArray:
        """Return the coefficients of the replicates that converged."""
        assert self._drawn is not None
        return self._drawn[np.isfinite(self._drawn).all(axis=1)]

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik, its test against no covariates, how it was found."""
        fit = self._fit
        statistic, df, p = self._likelihood_ratio(fit.loglik_null, len(self._design.terms))
        return pd.DataFrame(
            {
                "n": [len(self._analysed.left)],
                "events": [int(np.isfinite(self._analysed.right).sum())],
                "loglik": [fit.loglik],
                "loglik_null": [fit.loglik_null],
                "statistic": [statistic],
                "df": [df],
                "p_value": [p],
                "gap": [fit.gap],
                "iterations": [fit.iterations],
                "converged": [fit.converged],
            }
        )

    def _likelihood_ratio(self, loglik: float, df: int) -> tuple[float, int, float]:
        """Return the test against a smaller model; NaN with weights, whose likelihood is none."""
        if self._sample.weighted or not self._fit.converged:
            return float("nan"), df, float("nan")
        statistic = max(2 * (self._fit.loglik - loglik), 0.0)
        return statistic, df, float(chi2_sf(statistic, df))

    def likelihood_ratio(self) -> pd.DataFrame:
        """Test each term of the formula by refitting without it.

        Returns
        -------
        pandas.DataFrame
            term (of the formula), statistic (chi-squared), df, p_value; NaN with weights.
        """
        factors = np.array(self._design.factors)
        rows = []
        for name in dict.fromkeys(self._design.factors):
            without = self._analysed.X[:, factors != name]
            loglik = self._fit.loglik_null
            if without.shape[1]:
                smaller = interval_ph(
                    self._analysed.left, self._analysed.right, without, self._analysed.weight,
                    entry=self._analysed.entry,
                )  # fmt: skip
                loglik = smaller.loglik
            statistic, df, p = self._likelihood_ratio(loglik, int((factors == name).sum()))
            rows.append({"term": name, "statistic": statistic, "df": df, "p_value": p})
        return pd.DataFrame(rows)

    def baseline(self) -> pd.DataFrame:
        """Return the baseline, where all columns of the design are 0.

        Returns
        -------
        pandas.DataFrame
            lower, upper (days), hazard (growth of the cumulative hazard between them),
            cumulative_hazard (at `upper`), estimate (probability of having had the event by
            `upper`). Beyond the last row it is not known.
        """
        total = np.cumsum(self._fit.hazard)
        return pd.DataFrame(
            {
                "lower": self._fit.lower,
                "upper": self._fit.upper,
                "hazard": self._fit.hazard,
                "cumulative_hazard": total,
                "estimate": -np.expm1(-total),
            }
        )

    def summary(self) -> Summary:
        """Return the model, how it was found, and hazard ratios."""
        fit = self._fit
        overall = next(each_row(self.glance()))
        errors = "profile likelihood"
        if self._drawn is not None:
            errors = f"{self.spec.n_boot:,} bootstrap replicates, seed {self.spec.seed}"
        elif self._sample.weighted:
            errors = "robust"
        lines = [
            ("Model", f"hazard ratios of {self.spec.formula}, baseline free"),
            *(("Left out", f"{n:,}: {reason}") for reason, n in self._design.left_out.items()),
            *self._design.spec.header(),
            ("Log-likelihood", format_number(fit.loglik, 2) + ", gap below 1e-9" * fit.converged),
            ("Standard errors", errors),
        ]
        if not np.isnan(overall.statistic):
            lines.append(
                ("Against none", f"chi-squared {format_number(overall.statistic, 2)} on "
                 f"{overall.df} df, p {format_p(overall.p_value)}")
            )  # fmt: skip
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Term", "Log hazard ratio", "SE", "Hazard ratio", level, "p")
        estimates = self.estimates()
        return Summary(
            estimates.title,
            (*counts_header(self.times, self._sample), *lines),
            (Table(header, self._rows_by_coefficient()),),
            estimates.notes,
        )

    def _warnings(self) -> list[str]:
        notes = []
        if np.isnan(self._inverse()).any():
            notes.append(
                "The likelihood has no clear maximum: a coefficient may be infinite (all events, "
                "or none, on one side of a covariate) or not identified. Standard errors cannot be "
                "estimated."
            )
        if self._drawn is not None:
            lost = len(self._drawn) - len(self._usable())
            if lost:
                notes.append(f"{lost:,} replicates without a maximum were left out.")
        return notes
