"""Proportional hazards for events that are only known to lie between two visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import chi2, norm

from trdstats.errors import NotEstimableError, check_level
from trdstats.formulas import CovariateDesign, check_full_rank, read_covariates, read_right_side
from trdstats.kernels.innermost import innermost_intervals
from trdstats.kernels.interval_ph import IntervalHazards, ProfileCurvature, interval_ph
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Group, Sample, counts_facts
from trdstats.survival.interval_bootstrap import check_bootstrap, draw_counts
from trdstats.survival.interval_sample import interval_notes, split_intervals
from trdstats.tables import (
    Face,
    Introduces,
    Table,
    each_row,
    format_interval,
    format_number,
    format_p,
)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class IntervalPH:
    """Proportional hazards for times that visits enclose in (left, right].

    The baseline is free: any distribution on the innermost intervals of all subjects.

    Parameters
    ----------
    formula : str
        Covariates, such as ``"treatment + age"``; the first category of a text is the reference.
    conf_level : float, default 0.95
    n_boot : int, default 0
        Bootstrap replicates for the standard errors; 0 takes them from the profile likelihood.
    seed : int, default 0
        Of the bootstrap. The result does not depend on the number of workers.
    n_jobs : int, default 1
        Workers of the bootstrap, as joblib takes them.

    Raises
    ------
    SpecError
        When the formula cannot be read or an argument is not usable.

    References
    ----------
    Finkelstein 1986, Biometrics 42:845-854, doi:10.2307/2530698; Zeng, Mao and Lin 2016,
    Biometrika 103:253-271, doi:10.1093/biomet/asw013.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> fit = trd.IntervalPH("treatment + age").fit(onset)
    >>> fit.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]', 'age']
    """

    formula: str
    conf_level: float = 0.95
    n_boot: int = 0
    seed: int = 0
    n_jobs: int = 1

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        check_bootstrap(self.n_boot, self.seed)

    def fit(self, times: Any, *, weights: Any = None) -> IntervalPHResult:
        """Fit the model.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Each time lies in (left, right]; left == right is an exact time. Competing causes
            count as censored.
        weights : str, Series or DataFrame, optional
            Weights of subjects, as in `KaplanMeier.fit`. Standard errors are then robust: from
            the influence of each subject, the weights taken as known.

        Raises
        ------
        NotEstimableError
            When nobody had the event, no event is seen to come before another time, columns
            explain each other, or some entered late.
        SpecError, DataError
            When the formula does not fit the event times.
        """
        times = as_event_times(times)
        sample = split_intervals(times, None, weights)
        everyone = sample.groups[0]
        frame = times.at_risk().iloc[everyone.row].reset_index(drop=True)
        design = read_covariates(frame, self.formula, what="event times")
        _check_rank(design)
        kept = design.kept
        own = _Data(everyone.left[kept], everyone.right[kept], design.X, everyone.weight[kept])
        _check_events(times, own)
        fit, curvature = interval_ph(own.left, own.right, own.X, own.weight)
        assert curvature is not None  # it was asked for
        drawn = _redraw(own, self) if self.n_boot else None
        return IntervalPHResult(self, times, sample, everyone, design, own, fit, curvature, drawn)


@dataclass(frozen=True, slots=True)
class _Data:
    """The subjects that are analysed."""

    left: FloatArray
    right: FloatArray
    X: FloatArray
    weight: FloatArray


@dataclass(frozen=True, repr=False)
class IntervalPHResult(Introduces):
    """A fitted model.

    Attributes
    ----------
    spec : IntervalPH
    times : EventTimes
    """

    spec: IntervalPH
    times: EventTimes
    _sample: Sample
    _everyone: Group
    _design: CovariateDesign
    _own: _Data
    _fit: IntervalHazards
    _curvature: ProfileCurvature
    _drawn: FloatArray | None

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the coefficients: bootstrap, robust with weights, or the profile's."""
        if self._drawn is not None:
            values = np.cov(self._usable(), rowvar=False).reshape(len(self._design.terms), -1)
        elif self._sample.weighted:
            each = self._influences()
            values = each.T @ each
        else:
            values = self._inverse()
        return pd.DataFrame(values, index=self._design.terms, columns=self._design.terms)

    def _inverse(self) -> FloatArray:
        """Return the inverse of the profile information; NaN where there is none."""
        information = self._curvature.information
        if not self._fit.converged or not np.linalg.eigvalsh(information)[0] > 0:
            return np.full_like(information, np.nan)
        return np.asarray(np.linalg.inv(information), dtype=np.float64)

    def _influences(self) -> FloatArray:
        return (self._curvature.scores * self._own.weight[:, None]) @ self._inverse()

    def _usable(self) -> FloatArray:
        """Return the coefficients of the replicates that converged."""
        assert self._drawn is not None
        return self._drawn[np.isfinite(self._drawn).all(axis=1)]

    def tidy(self) -> pd.DataFrame:
        """Return the coefficients.

        Returns
        -------
        pandas.DataFrame
            term, estimate (log hazard ratio), std_error, statistic (z), p_value, conf_low,
            conf_high, conf_level.
        """
        z = norm.isf((1 - self.spec.conf_level) / 2)
        estimate = self._fit.beta
        error = np.sqrt(np.diag(self.covariance.to_numpy()))
        statistic = estimate / error
        return pd.DataFrame(
            {
                "term": self._design.terms,
                "estimate": estimate,
                "std_error": error,
                "statistic": statistic,
                "p_value": 2 * norm.sf(np.abs(statistic)),
                "conf_low": estimate - z * error,
                "conf_high": estimate + z * error,
                "conf_level": self.spec.conf_level,
            }
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik, its test against no covariates, how it was found."""
        fit = self._fit
        statistic, df, p = self._likelihood_ratio(fit.loglik_null, len(self._design.terms))
        return pd.DataFrame(
            {
                "n": [len(self._own.left)],
                "events": [int(np.isfinite(self._own.right).sum())],
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
        return statistic, df, float(chi2.sf(statistic, df))

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
            without = self._own.X[:, factors != name]
            loglik = self._fit.loglik_null
            if without.shape[1]:
                smaller, _ = interval_ph(
                    self._own.left, self._own.right, without, self._own.weight, curvature=False
                )
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

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each coefficient.

        From the differences of the subject's own log-likelihood along the profile, in which the
        baseline follows the coefficients (Zeng, Gao and Lin 2017, doi:10.1093/biomet/asx029).

        Returns
        -------
        pandas.DataFrame
            subject, then one column a term; 0 for subjects that were not analysed.
        """
        rows = np.zeros((len(self._sample.subjects), len(self._design.terms)))
        rows[self._everyone.row[self._design.kept]] = self._influences()
        frame = pd.DataFrame(rows, columns=self._design.terms)
        frame.insert(0, "subject", self._sample.subjects)
        return frame

    def face(self) -> Face:
        """Return the model, how it was found, and hazard ratios."""
        fit = self._fit
        row = each_row(self.glance())
        overall = next(row)
        errors = "profile likelihood"
        if self._drawn is not None:
            errors = f"{self.spec.n_boot:,} bootstrap replicates, seed {self.spec.seed}"
        elif self._sample.weighted:
            errors = "robust"
        facts = [
            ("Model", f"hazard ratios of {self.spec.formula}, baseline free"),
            *(("Left out", f"{n:,}: {reason}") for reason, n in self._design.left_out.items()),
            ("Log-likelihood", f"{format_number(fit.loglik, 2)}, gap {fit.gap:.0e}"),
            ("Standard errors", errors),
        ]
        if not np.isnan(overall.statistic):
            facts.append(
                ("Against none", f"chi-squared {format_number(overall.statistic, 2)} on "
                 f"{overall.df} df, p {format_p(overall.p_value)}")
            )  # fmt: skip
        rows = tuple(
            (
                r.term,
                format_number(r.estimate, 3),
                format_number(r.std_error, 3),
                format_number(np.exp(r.estimate), 2),
                format_interval(np.exp(r.conf_low), np.exp(r.conf_high), 2),
                format_p(r.p_value),
            )
            for r in each_row(self.tidy())
        )
        level = f"{100 * self.spec.conf_level:g} % CI"
        return Face(
            "Proportional hazards for interval-censored times",
            (*counts_facts(self.times, self._sample), *facts),
            (Table(("Term", "Log hazard ratio", "SE", "Hazard ratio", level, "p"), rows),),
            (*interval_notes(self.times, self._sample), *self._warnings()),
        )

    def _warnings(self) -> list[str]:
        notes = []
        if not self._fit.converged:
            notes.append(
                "The likelihood has no clear maximum: a coefficient may be infinite (all events, "
                "or none, on one side of a covariate). Its standard error cannot be estimated."
            )
        if self._drawn is not None:
            lost = len(self._drawn) - len(self._usable())
            if lost:
                notes.append(f"{lost:,} replicates without a maximum were left out.")
        return notes


def _check_rank(design: CovariateDesign) -> None:
    constant = np.ones((len(design.X), 1))
    check_full_rank(np.hstack((constant, design.X)), ["the baseline", *design.terms])


def _check_events(times: EventTimes, own: _Data) -> None:
    if not np.isfinite(own.right).any():
        raise NotEstimableError(f"Nobody had the event ({times.outcome}): nothing to estimate.")
    if not _tells_apart(own.left, own.right):
        raise NotEstimableError(
            "All intervals (left, right] overlap: no event is known to come before the time of "
            "anybody else, so that hazards cannot be compared."
        )


def _tells_apart(left: FloatArray, right: FloatArray) -> bool:
    """Return whether somebody had the event before somebody else."""
    return len(innermost_intervals(left, right).lower) > 1


def _redraw(own: _Data, spec: IntervalPH) -> FloatArray:
    """Return the coefficients of every replicate, NaN where there was no maximum."""
    seeds = np.random.SeedSequence(spec.seed).spawn(spec.n_boot)
    rows = Parallel(n_jobs=spec.n_jobs)(delayed(_replicate)(own, s) for s in seeds)
    return np.array(rows)


def _replicate(own: _Data, seed: np.random.SeedSequence) -> FloatArray:
    weight = own.weight * draw_counts(len(own.weight), np.random.default_rng(seed))
    drawn = weight > 0
    left, right, X = own.left[drawn], own.right[drawn], own.X[drawn]
    nothing = np.full(X.shape[1], np.nan)
    if not _tells_apart(left, right) or np.linalg.matrix_rank(X - X.mean(axis=0)) < X.shape[1]:
        return nothing
    fit, _ = interval_ph(left, right, X, weight[drawn], curvature=False)
    return fit.beta if fit.converged else nothing
