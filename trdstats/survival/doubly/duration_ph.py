"""Proportional hazards for durations whose start and end both lie between visits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import check_instance, checked, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, check_level
from trdstats.estimates import Estimates
from trdstats.formulas import CovariateDesign, check_full_rank, read_covariates, read_right_side
from trdstats.kernels.parametric.mixed_times import MixedTimes
from trdstats.kernels.parametric.piecewise_hazards import PiecewiseFit, fit_piecewise
from trdstats.survival.coefficients import Coefficients, coefficients_of
from trdstats.survival.doubly.duration_sample import DurationSample, choose_breaks, mixed_times
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import counts_header
from trdstats.survival.regression.regression_data import no_finite_estimate
from trdstats.tables import Summary, Table, format_level, format_number

MOST_PIECES = 20
# Standard error of a log rate, or of a log hazard ratio over the range of its covariate.
_UNKNOWN = 100.0
_RUNAWAY = 12.0  # log hazard ratio over the range of a covariate at which there is no maximum


@checked
@dataclass(frozen=True, slots=True)
class DurationPH:
    """Proportional hazards of losing a response, from visits that miss its start and its end.

    The baseline hazard is constant between breaks, which hold about the same number of losses.
    Causes that compete with the loss count as censored.

    Parameters
    ----------
    formula : str
        Covariates, such as ``"treatment + age"``.
    pieces : int, default 5
        Largest number of pieces of the baseline; fewer where a piece has too few losses, or its
        hazard is not identified by the visits.
    robust : bool, default False
        Take the covariance from the influences of subjects.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When the formula cannot be read or an argument is not usable.

    References
    ----------
    Kim, De Gruttola and Lagakos 1993, doi:10.2307/2532596; Friedman 1982,
    doi:10.1214/aos/1176345693.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.time_to(study, trd.Relapse(22), since=trd.Response())
    >>> fit = trd.DurationPH("treatment").fit(trd.DoublyCensored(relapse))
    >>> fit.tidy()["term"].tolist()
    ['treatment[T.ECT]', 'treatment[T.IV ketamine]']
    """

    formula: str
    pieces: int = 5
    robust: bool = False
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        read_right_side(self.formula)
        check_level(self.conf_level)
        if not 1 <= self.pieces <= MOST_PIECES:
            raise SpecError(f"pieces must be between 1 and {MOST_PIECES}; got {self.pieces}.")

    def fit(self, durations: DoublyCensored) -> DurationPHResult:
        """Fit by maximum likelihood.

        Parameters
        ----------
        durations : DoublyCensored

        Raises
        ------
        NotEstimableError
            When no subject lost the response, columns are collinear, or a coefficient has no finite
            estimate.
        SpecError, DataError
            When the formula does not fit the data.
        """
        check_instance("durations", durations, DoublyCensored)
        data = DurationSample.of(durations, None)
        group = data.sample.groups[0]
        frame = durations.times.at_risk().iloc[group.row].reset_index(drop=True)
        design = read_covariates(frame, self.formula, what="durations")
        check_full_rank(
            np.hstack((np.ones((len(design.X), 1)), design.X)), ["the baseline", *design.terms]
        )
        row = group.row[design.kept]
        times = mixed_times(durations, row)
        # Centred columns keep rates near those of the data.
        centre = design.X.mean(axis=0)
        fit = fit_durations(times, design.X - centre, self.pieces)
        if fit is None:
            raise no_finite_estimate(design.terms, durations.times.outcome)
        spread = np.ptp(design.X, axis=0)
        error = np.sqrt(np.maximum(np.diag(fit.covariance())[: fit.q], 0.0))
        far = (np.abs(fit.theta[: fit.q]) * spread > _RUNAWAY) | (error * spread > _UNKNOWN)
        if far.any():
            named = [t for t, f in zip(design.terms, far, strict=True) if f]
            raise no_finite_estimate(named, durations.times.outcome)
        return DurationPHResult(self, durations, data, design, row, fit, centre)


def fit_durations(times: MixedTimes, X: FloatArray, pieces: int) -> PiecewiseFit | None:
    """Fit with as many pieces as the visits identify the hazard of.

    Raises
    ------
    NotEstimableError
        When no subject lost the response.
    """
    weight = np.ones(len(times.log_left))
    for k in range(pieces, 0, -1):
        fit = fit_piecewise(times, X, weight, choose_breaks(times, k))
        if fit is not None and _rates_known(fit):
            return fit
    return None


def _rates_known(fit: PiecewiseFit) -> bool:
    """Return whether the log rates have errors of use: one that runs away has none."""
    variance = np.diag(fit.covariance())[fit.q :]
    return bool(np.isfinite(variance).all() and (variance < _UNKNOWN**2).all())


@checked_methods
@dataclass(frozen=True, repr=False)
class DurationPHResult(Coefficients):
    """A fitted model.

    Attributes
    ----------
    spec : DurationPH
    durations : DoublyCensored
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: DurationPH
    durations: DoublyCensored
    _data: DurationSample
    _design: CovariateDesign
    _row: IntArray
    _fit: PiecewiseFit
    _centre: FloatArray

    def estimates(self) -> Estimates:
        """Return the log hazard ratios, with the influence of every subject."""
        q = self._fit.q
        effect = self._fit.influence()[:, :q]
        covariance = self._fit.covariance()[:q, :q]
        if self.spec.robust:
            covariance = self._data.sample.robust_covariance(self._row, effect)
        return coefficients_of(
            pd.DataFrame({"term": self._design.terms}), self._fit.theta[:q], covariance, effect,
            self._row, self._data.sample,
            title="Proportional hazards for doubly interval-censored durations",
            notes=self._data.notes(),
        )  # fmt: skip

    def baseline(self) -> pd.DataFrame:
        """Return the baseline hazard, where all columns of the design are 0.

        Returns
        -------
        pandas.DataFrame
            lower, upper (days since the response began), rate (losses a day).
        """
        fit = self._fit
        shift = float(self._centre @ fit.theta[: fit.q])
        edges = np.r_[0.0, fit.breaks, np.inf]
        return pd.DataFrame(
            {"lower": edges[:-1], "upper": edges[1:], "rate": np.exp(fit.theta[fit.q :] - shift)}
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik, pieces, converged."""
        seen = self.durations.times.at_risk()["status"].to_numpy()[self._row] == 1
        return pd.DataFrame(
            {
                "n": [len(self._row)],
                "events": [int(seen.sum())],
                "loglik": [self._fit.loglik],
                "pieces": [len(self._fit.breaks) + 1],
                "converged": [self._fit.converged],
            }
        )

    def plot(self, ax: Axes | None = None, **options: object) -> Axes:
        """Draw the hazard ratios with their intervals; returns the Axes."""
        label = "Hazard ratio of losing the response"
        return self._draw(label, self.durations.times.figure_caveat, ax, dict(options))

    def summary(self) -> Summary:
        """Return the model and hazard ratios."""
        fit = self._fit
        breaks = ", ".join(f"{b:.0f}" for b in fit.breaks)
        baseline = f"constant hazard between days {breaks}" if breaks else "constant hazard"
        lines = [
            ("Model", f"hazard ratios of {self.spec.formula}, {baseline}"),
            *(("Left out", f"{n:,}: {reason}") for reason, n in self._design.left_out.items()),
            *self._design.spec.header(),
            ("Day of the origin", self.durations.assumption),
            ("Log-likelihood", format_number(fit.loglik, 2)),
            ("Standard errors", "robust" if self.spec.robust else "model"),
        ]
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Term", "Log hazard ratio", "SE", "Hazard ratio", level, "p")
        estimates = self.estimates()
        return Summary(
            estimates.title,
            (*counts_header(self.durations.times, self._data.sample), *lines),
            (Table(header, self._rows_by_coefficient()),),
            estimates.notes,
        )
