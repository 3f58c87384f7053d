"""What a fitted accelerated failure time model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked_methods
from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError
from trdstats.estimates import Estimates
from trdstats.formulas import CovariateDesign
from trdstats.kernels.parametric.aft import AFTFit, standard_distribution, unpack
from trdstats.kernels.parametric.standardised_survival import (
    Population,
    log_quantile,
    mean_survival,
    restricted_mean_time,
)
from trdstats.survival.coefficients import coefficients_of, ratios_of
from trdstats.survival.parametric.derived import (
    NO_ERROR,
    Derived,
    derived_estimates,
    derived_table,
)
from trdstats.survival.parametric.parametric_data import (
    Analysed,
    categories_of,
    design_at,
    levels_of,
    rows_like,
    with_intercept,
)
from trdstats.survival.parametric.parametric_result import ParametricResult
from trdstats.survival.reported_days import check_days
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level

if TYPE_CHECKING:
    from trdstats.survival.parametric.aft import AFT

TITLE = "Accelerated failure time model"


@checked_methods
@dataclass(frozen=True, repr=False)
class AFTResult(ParametricResult):
    """A fitted accelerated failure time model.

    Attributes
    ----------
    spec : AFT
    """

    ratio: ClassVar[str] = "time_ratio"
    title: ClassVar[str] = TITLE

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

    def estimates(self) -> Estimates:
        """Return the parameters, on the scale of log time.

        "log(scale)" is the logarithm of sigma, "Q" the shape of the generalised gamma.
        """
        return self._estimates(self._fit.influence())

    def _table(self) -> Estimates:
        return self._estimates(None)

    def _estimates(self, effect: FloatArray | None) -> Estimates:
        data = self._data
        return coefficients_of(
            pd.DataFrame({"term": self.terms}), self._fit.theta, self._variance(), effect,
            data.row, data.sample, lost=("", NO_ERROR), title=TITLE, notes=data.notes(),
        )  # fmt: skip

    def _has_ratio(self, terms: Sequence[str]) -> BoolArray:
        at = np.arange(len(terms))
        return (at > 0) & (at < self._fit.q)

    @property
    def scale(self) -> float:
        """Sigma; a Weibull shape is 1 / sigma. 1 for the exponential distribution."""
        return float(np.exp(unpack(self._fit.theta, self._fit.q)[1]))

    def hazard_ratios(self) -> pd.DataFrame:
        """Return the covariates as effects on the hazard, which a Weibull model has as well.

        Returns
        -------
        pandas.DataFrame
            term, hazard_ratio, hazard_ratio_low, hazard_ratio_high, then estimate (log hazard
            ratio, -beta / sigma), std_error (delta method) and the columns of every table of
            estimates.

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
        rows = [
            Derived({"term": name}, value, slope, "identity")
            for name, value, slope in zip(self.terms[1:q], estimate, J, strict=True)
        ]
        estimates = derived_estimates(rows, self._variance(), null=0.0)
        table = estimates.tidy(conf_level=self.spec.conf_level)
        ratios = ratios_of(table, "hazard_ratio", np.ones(len(rows), dtype=bool))
        return pd.concat(
            [table[["term"]], pd.DataFrame(ratios), table.drop(columns="term")], axis=1
        )

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik, aic, bic (NaN with weights), converged, iterations."""
        return pd.DataFrame(self._fit_statistics())

    def _population(self, X: FloatArray, weight: FloatArray) -> Population:
        fit = self._fit
        beta, log_sigma, Q = unpack(fit.theta, fit.q)
        return Population(
            distribution_at=partial(standard_distribution, fit.distribution),
            X=X,
            weight=weight / weight.sum(),
            beta=beta,
            log_sigma=log_sigma,
            Q=Q,
            n_scale=len(fit.theta) - fit.q,
        )

    def _derived(
        self,
        population: Population,
        keys: dict[str, object],
        days: Sequence[float],
        tau: float | None,
    ) -> list[Derived]:
        middle = log_quantile(population)
        median = float(np.exp(middle.value))
        key = keys | {"measure": "median", "time": np.nan}
        rows = [Derived(key, median, median * middle.gradient, "log")]
        for day in days:
            with np.errstate(divide="ignore"):
                means = mean_survival(population, float(np.log(day)))
            key = keys | {"measure": "survival", "time": float(day)}
            rows.append(Derived(key, means.value, means.gradient, "log-log"))
        if tau is not None:
            means = restricted_mean_time(population, tau)
            key = keys | {"measure": "restricted mean", "time": float(tau)}
            rows.append(Derived(key, means.value, means.gradient, "identity"))
        return rows

    def _standardised(
        self, by: str, days: Sequence[float], tau: float | None = None
    ) -> list[Derived]:
        check_days(days, tau)
        design, weight = self._data.designs[0], self._data.weight
        rows = []
        for name in levels_of(self._data.designs, by):
            population = self._population(design_at(design, by, name), weight)
            rows += self._derived(population, {by: name}, days, tau)
        return rows

    def marginal(
        self, by: str = "treatment", *, days: Sequence[float] = (), tau: float | None = None
    ) -> Estimates:
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
        Estimates
            Keys `by`, measure ("median", "survival", "restricted mean"), time (days). Delta
            method with covariates as they are; limits of medians are symmetric on the log scale,
            of survival on the log(-log) scale. ``marginal().compare(measures=("ratio",))``
            compares the levels.

        Raises
        ------
        UnknownNameError
            When the formula has no such category.
        SpecError
            When a day is negative or tau is not positive.
        """
        return self._as_estimates(self._standardised(by, days, tau), by)

    def predict(self, frame: FrameLike, *, days: Sequence[float] = ()) -> pd.DataFrame:
        """Return the median, and survival at chosen days, of subjects with given covariates.

        Parameters
        ----------
        frame : DataFrame
            Has the columns of the formula.
        days : sequence of float, optional

        Returns
        -------
        pandas.DataFrame
            row (position in `frame`), measure ("median", "survival"), time, then the columns of
            every table of estimates; NaN for rows that lack a covariate.

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
        nothing = np.zeros(len(self._fit.theta))
        rows: list[Derived] = []
        for i in range(len(table)):
            if complete[i]:
                population = self._population(X[place[i]][None, :], np.ones(1))
                rows += self._derived(population, {"row": i}, days, None)
                continue
            for measure, day in [("median", np.nan), *(("survival", float(d)) for d in days)]:
                key = {"row": i, "measure": measure, "time": day}
                rows.append(Derived(key, np.nan, nothing, "identity", "a covariate is missing"))
        return derived_table(rows, self._variance(), self.spec.conf_level)

    def _proportions(self, frame: pd.DataFrame) -> pd.DataFrame:
        survival = frame[frame["measure"] == "survival"]
        return survival.assign(
            estimate=1 - survival["estimate"],
            conf_low=1 - survival["conf_high"],
            conf_high=1 - survival["conf_low"],
        )

    def summary(self) -> Summary:
        """Return the fit and its parameters as a table."""
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Term", "Estimate (log time)", "SE", "Time ratio", level, "p")
        lines = (
            *self._data.header(),
            ("Distribution", self.spec.distribution),
            ("Formula", self.spec.formula),
            *self._fit_header(),
        )
        tables = [Table(header, self._rows_by_coefficient())]
        notes = [*self._data.notes(), "A time ratio below 1 is an earlier event."]
        if "treatment" in categories_of(self._data.designs):
            medians = self.marginal().tidy(conf_level=self.spec.conf_level)
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
        return Summary(TITLE, lines, tuple(tables), tuple(notes))


def parameter_names(design: CovariateDesign, n_scale: int) -> tuple[str, ...]:
    """Return the names of the parameters, of which `n_scale` are no coefficients."""
    return ("Intercept", *design.terms, *("log(scale)", "Q")[:n_scale])
