"""What a fitted accelerated failure time model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates.wald import delta_row, wald_table
from trdstats.formulas import CovariateDesign
from trdstats.kernels.parametric.aft import AFTFit, law_of, unpack
from trdstats.kernels.parametric.standardised_survival import (
    Population,
    log_quantile,
    mean_survival,
    restricted_mean_time,
)
from trdstats.survival.parametric.model_plot import curve_days, draw_shares
from trdstats.survival.parametric.parametric_data import (
    Analysed,
    categories_of,
    design_at,
    levels_of,
    rows_like,
    with_intercept,
)
from trdstats.survival.reported_days import check_days
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_estimate,
    format_interval,
    format_number,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.survival.parametric.aft import AFT


@checked_methods
@dataclass(frozen=True, repr=False)
class AFTResult(SummaryMixin):
    """A fitted accelerated failure time model.

    Attributes
    ----------
    spec : AFT
    """

    spec: AFT
    _data: Analysed
    _fit: AFTFit

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the parameters: Intercept, covariates, log(scale), Q."""
        return parameter_names(self._data.designs[0], len(self._fit.theta) - self._fit.q)

    @property
    def is_robust(self) -> bool:
        """Whether errors come from the influences of subjects."""
        return self.spec.robust or self._data.sample.weighted

    def _variance(self) -> FloatArray:
        if self.is_robust:
            return self._data.robust_covariance(self._fit.influence())
        return self._fit.covariance()

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the parameters, rows and columns named by `terms`."""
        return pd.DataFrame(self._variance(), index=list(self.terms), columns=list(self.terms))

    @property
    def scale(self) -> float:
        """Sigma; a Weibull shape is 1 / sigma. 1 for the exponential distribution."""
        return float(np.exp(unpack(self._fit.theta, self._fit.q)[1]))

    def tidy(self) -> pd.DataFrame:
        """Return the parameters.

        Returns
        -------
        pandas.DataFrame
            term, estimate (scale of log time), std_error, statistic, p_value, conf_low,
            conf_high, conf_level, time_ratio (exp of the estimate; NaN for what is no
            covariate). "log(scale)" is the logarithm of sigma, "Q" the shape of the generalised
            gamma; their tests are of 0.
        """
        frame = wald_table(self.terms, self._fit.theta, self._variance(), self.spec.conf_level)
        ratio = np.exp(self._fit.theta)
        ratio[[0, *range(self._fit.q, len(ratio))]] = np.nan
        return frame.assign(time_ratio=ratio)

    def hazard_ratios(self) -> pd.DataFrame:
        """Return the covariates as effects on the hazard, which a Weibull model has as well.

        Returns
        -------
        pandas.DataFrame
            term, estimate (log hazard ratio, -beta / sigma), std_error (delta method),
            statistic, p_value, conf_low, conf_high, conf_level, hazard_ratio.

        Raises
        ------
        NotEstimableError
            For other distributions, whose hazards are not proportional.
        """
        if self.spec.distribution not in ("weibull", "exponential"):
            raise NotEstimableError(
                f"Hazards of {self.spec.distribution} times are not proportional: there is no "
                "hazard ratio. Use distribution='weibull', or time ratios."
            )
        q, theta = self._fit.q, self._fit.theta
        estimate = -theta[1:q] / self.scale
        J = np.zeros((q - 1, len(theta)))
        J[:, 1:q] = -np.eye(q - 1) / self.scale
        if len(theta) > q:
            J[:, q] = -estimate
        terms = self.terms[1:q]
        frame = wald_table(terms, estimate, J @ self._variance() @ J.T, self.spec.conf_level)
        return frame.assign(hazard_ratio=np.exp(estimate))

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik, aic, bic (NaN with weights), converged, iterations."""
        criteria = self._data.criteria(self._fit.loglik, len(self._fit.theta))
        return pd.DataFrame(
            {
                "n": [self._data.n],
                "events": [self._data.events],
                "loglik": [self._fit.loglik],
                **{name: [value] for name, value in criteria.items()},
                "converged": [self._fit.converged],
                "iterations": [self._fit.iterations],
            }
        )

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each parameter.

        Returns
        -------
        pandas.DataFrame
            subject, then one column a term; 0 for those with follow-up who were not analysed.
        """
        return self._data.influence(self.terms, self._fit.influence())

    def _population(self, X: FloatArray, weight: FloatArray) -> Population:
        fit = self._fit
        beta, log_sigma, Q = unpack(fit.theta, fit.q)
        return Population(
            law_at=partial(law_of, fit.distribution),
            X=X,
            weight=weight / weight.sum(),
            beta=beta,
            log_sigma=log_sigma,
            Q=Q,
            n_scale=len(fit.theta) - fit.q,
        )

    def _rows(
        self, people: Population, days: Sequence[float], tau: float | None
    ) -> list[dict[str, Any]]:
        V, level = self._variance(), self.spec.conf_level
        middle = log_quantile(people)
        median = float(np.exp(middle.value))
        rows = [
            {"measure": "median", "time": np.nan}
            | delta_row(median, median * middle.gradient, V, level, "log")
        ]
        for day in days:
            with np.errstate(divide="ignore"):
                found = mean_survival(people, float(np.log(day)))
            rows.append(
                {"measure": "survival", "time": float(day)}
                | delta_row(found.value, found.gradient, V, level, "log-log")
            )
        if tau is not None:
            found = restricted_mean_time(people, tau)
            rows.append(
                {"measure": "restricted mean", "time": float(tau)}
                | delta_row(found.value, found.gradient, V, level, "plain")
            )
        return [{**r, "conf_level": level} for r in rows]

    def marginal(
        self, by: str = "treatment", *, days: Sequence[float] = (), tau: float | None = None
    ) -> pd.DataFrame:
        """Return times standardised to the covariates of all analysed subjects.

        Parameters
        ----------
        by : str, default "treatment"
            A category of the formula: every subject is given each of its values in turn.
        days : sequence of float, optional
            Days at which the probability of not yet having had the event is wanted.
        tau : float, optional
            Horizon in days of the restricted mean.

        Returns
        -------
        pandas.DataFrame
            `by`, measure ("median", "survival", "restricted mean"), time (days), estimate,
            std_error, conf_low, conf_high, conf_level. Delta method with covariates as they
            are; limits of medians are symmetric on the log scale, of survival on the
            log(-log) scale.

        Raises
        ------
        UnknownNameError
            When the formula has no such category.
        SpecError
            When a day is negative or tau is not positive.
        """
        check_days(days, tau)
        design = self._data.designs[0]
        rows = []
        for name in levels_of(self._data.designs, by):
            people = self._population(design_at(design, by, name), self._data.weight)
            rows += [{by: name, **r} for r in self._rows(people, days, tau)]
        return pd.DataFrame(rows)

    def predict(self, frame: Any, *, days: Sequence[float] = ()) -> pd.DataFrame:
        """Return the median, and survival at chosen days, of subjects with given covariates.

        Parameters
        ----------
        frame : DataFrame
            Has the columns of the formula.
        days : sequence of float, optional

        Returns
        -------
        pandas.DataFrame
            row (position in `frame`), measure ("median", "survival"), time, estimate,
            std_error, conf_low, conf_high, conf_level; NaN for rows that lack a covariate.

        Raises
        ------
        UnknownNameError
            When a column is missing, or a category the model has not seen.
        SpecError
            When a day is negative.
        """
        check_days(days)
        design = self._data.designs[0]
        table, complete = rows_like(design, frame)
        X = with_intercept(design.matrix(table[complete])) if complete.any() else np.empty((0, 0))
        place = np.cumsum(complete) - 1
        unknown = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
        rows = []
        for i in range(len(table)):
            if complete[i]:
                people = self._population(X[place[i]][None, :], np.ones(1))
                rows += [{"row": i, **r} for r in self._rows(people, days, None)]
                continue
            for measure, day in [("median", np.nan), *(("survival", d) for d in days)]:
                rows.append(
                    {"row": i, "measure": measure, "time": day, **unknown,
                     "conf_level": self.spec.conf_level}
                )  # fmt: skip
        return pd.DataFrame(rows)

    def plot(self, ax: Any = None, *, by: str = "treatment", **options: Any) -> Any:
        """Draw the standardised share that had the event, by group; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        by : str, default "treatment"
        **options
            Passed on to `trdstats.plots.plot_survival`.
        """
        frame = self.marginal(by, days=curve_days(self._data))
        frame = frame[frame["measure"] == "survival"]
        share = frame.assign(
            estimate=1 - frame["estimate"],
            conf_low=1 - frame["conf_high"],
            conf_high=1 - frame["conf_low"],
        )
        return draw_shares(share, by, self._data, ax, options)

    def summary(self) -> Summary:
        """Return the fit and its parameters as a table."""
        g = next(each_row(self.glance()))
        level = f"{100 * self.spec.conf_level:g} % CI"
        rows = []
        for r in each_row(self.tidy()):
            covariate = not np.isnan(r.time_ratio)
            rows.append(
                (
                    r.term,
                    format_number(r.estimate, 3),
                    format_number(r.std_error, 3),
                    format_number(r.time_ratio, 2) if covariate else "",
                    format_interval(np.exp(r.conf_low), np.exp(r.conf_high), 2)
                    if covariate
                    else "",
                    format_p(r.p_value) if covariate else "",
                )
            )
        header = ("Term", "Estimate (log time)", "SE", "Time ratio", level, "p")
        facts = (
            *self._data.facts(),
            ("Distribution", self.spec.distribution),
            ("Formula", self.spec.formula),
            ("Errors", "robust" if self.is_robust else "model"),
            ("Log-likelihood", f"{g.loglik:.3f} ({'' if g.converged else 'not '}converged)"),
            *(() if np.isnan(g.aic) else (("AIC, BIC", f"{g.aic:.1f}, {g.bic:.1f}"),)),
        )
        tables = [Table(header, tuple(rows))]
        notes = [*self._data.notes(), "A time ratio below 1 is an earlier event."]
        if "treatment" in categories_of(self._data.designs):
            medians = self.marginal()
            cells = tuple(
                (str(r.treatment), format_estimate(r.estimate, r.conf_low, r.conf_high, 1))
                for r in each_row(medians)
            )
            tables.append(Table(("Group", f"Median days ({level}), standardised"), cells))
            far = medians[medians["estimate"] > self._data.longest]["treatment"]
            if len(far):
                notes.append(
                    f"The median under {', '.join(map(str, far))} lies beyond the last visit, day "
                    f"{self._data.longest:g}: it rests on the tail of the distribution."
                )
        return Summary("Accelerated failure time model", facts, tuple(tables), tuple(notes))


def parameter_names(design: CovariateDesign, n_scale: int) -> tuple[str, ...]:
    """Return the names of the parameters, of which `n_scale` are no coefficients."""
    return ("Intercept", *design.terms, *("log(scale)", "Q")[:n_scale])
