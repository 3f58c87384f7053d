"""What a Cox regression found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError, check_choice
from trdstats.estimates import Estimates
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics.grouped import grouped_sums
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.kernels.risk_sets.cox_checks import concordance
from trdstats.kernels.risk_sets.cox_leverage import information_parts, leave_out
from trdstats.kernels.risk_sets.firth import FirthFit
from trdstats.kernels.risk_sets.partial_likelihood import CoxFit, Fit, score_residuals
from trdstats.outcomes import Episodes, EventTimes
from trdstats.survival.coefficients import Coefficients, coefficients_of
from trdstats.survival.groups import notes_of
from trdstats.survival.regression.cox_curves import MarginalCurves, marginal_curves
from trdstats.survival.regression.firth_limits import FirthLimits
from trdstats.survival.regression.lifelines_bridge import cox_of_lifelines
from trdstats.survival.regression.proportional import ProportionalHazardsTest, judge_proportional
from trdstats.survival.regression.regression_data import Regressed
from trdstats.tables import Summary, Table, each_row, format_level, format_p

if TYPE_CHECKING:
    from trdstats.survival.regression.cox import CoxPH


TRANSFORMS = ("km", "rank", "identity", "log")
Transform = Literal["km", "rank", "identity", "log"]


@checked_methods
@dataclass(frozen=True, repr=False)
class CoxResult(Coefficients):
    """A fitted Cox regression.

    Attributes
    ----------
    spec : CoxPH
    times : EventTimes or Episodes
    terms : tuple of str
    """

    ratio: ClassVar[str] = "hazard_ratio"

    spec: CoxPH
    times: EventTimes | Episodes
    terms: tuple[str, ...]
    _regressed: Regressed
    _best: CoxFit
    _owner: IntArray
    _cluster: IntArray
    _penalised: FirthFit | None = None

    @property
    def is_robust(self) -> bool:
        """Whether the variance comes from the subjects' influences."""
        return self.spec.robust or not self._is_likelihood

    @property
    def _is_likelihood(self) -> bool:
        """Whether the partial likelihood is one: not with weights, nor of dependent events."""
        recurrent = isinstance(self.times, Episodes) and self.times.is_recurrent
        return self.spec.cluster is None and not self._regressed.sample.weighted and not recurrent

    def _scores(self, fit: Fit) -> FloatArray:
        """Return the weighted part of each analysed subject in the score, shape (n, q)."""
        data = self._best.data
        part = score_residuals(data, fit) * data.weight[:, None]
        return grouped_sums(self._owner, part, len(self._regressed.row))

    def _on_beta(self) -> FloatArray:
        """Return the first-order influence of each analysed subject on the coefficients, (n, q)."""
        return self._scores(self._best.fit) @ np.linalg.inv(self._best.fit.information)

    def _robust(self, effect: FloatArray) -> FloatArray:
        """Return the covariance of sums from the part of each analysed subject, shape (n, k)."""
        return self._regressed.sample.robust_covariance(self._regressed.row, effect, self._cluster)

    @property
    def is_corrected(self) -> bool:
        """Whether the robust variance has the leverage of subjects in it."""
        # Weights with their model have its correction, or none where first order was asked for.
        known = self._regressed.sample.model is None
        return self.is_robust and known and self.spec.correction == "jackknife"

    def _left_out(self) -> FloatArray:
        """Return the influences of which the variance is made, shape (n, q)."""
        if not self.is_corrected:
            return self._on_beta()
        fit = self._best.fit
        each = information_parts(self._best.data, fit)
        parts = grouped_sums(self._owner, each, len(self._regressed.row))
        return leave_out(self._scores(fit), parts, self._cluster, fit.information)

    def estimates(self) -> Estimates:
        """Return the log hazard ratios.

        Influences are of first order; where the variance is corrected, those of leaving the
        subject, or its cluster, out.
        """
        return self._estimates(None if self.spec.firth else self._left_out())

    def _table(self) -> Estimates:
        return self._estimates(self._left_out() if self.is_robust else None)

    def _estimates(self, effect: FloatArray | None) -> Estimates:
        regressed, cluster = self._regressed, self.spec.cluster
        covariance = np.asarray(np.linalg.inv(self._best.fit.information), dtype=np.float64)
        if effect is not None and self.is_robust:
            covariance = self._robust(effect)
        return coefficients_of(
            pd.DataFrame({"term": self.terms}), self._best.fit.beta, covariance,
            effect, regressed.row, regressed.sample,
            title="Cox regression", notes=notes_of(self.times, regressed.sample),
            limits=None if self._penalised is None else FirthLimits(self._penalised),
            clusters=None if cluster is None else regressed.frame[cluster].to_numpy(dtype=object),
        )  # fmt: skip

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        columns = super()._table_columns(held, conf_level)
        if self._penalised is not None:
            # The root of the likelihood ratio statistic that the p value belongs to.
            columns["statistic"] = FirthLimits(self._penalised).roots()
        return columns

    def glance(self) -> pd.DataFrame:
        """Return one row.

        Returns
        -------
        pandas.DataFrame
            n (subjects), events, n_left_out (rows that lack a covariate), loglik_null, loglik,
            likelihood_ratio, score and wald with p values and df, concordance with its std_error,
            iterations. With weights, clusters or events that come again loglik is that of a
            pseudo-likelihood and its ratio is NaN; score and wald are robust whenever the errors
            are. Concordance is NaN with effects that change with time.
        """
        best, regressed = self._best, self._regressed
        beta, df = best.fit.beta, len(self.terms)
        ends = (best.null.loglik, best.fit.loglik)
        if self._penalised is not None:
            ends = (self._penalised.loglik_null, self._penalised.loglik)
        ratio = 2 * (ends[1] - ends[0]) if self._is_likelihood else np.nan
        spread = self._robust(self._scores(best.null)) if self.is_robust else best.null.information
        score = float(best.null.score @ np.linalg.solve(spread, best.null.score))
        wald = float(beta @ np.linalg.solve(self._table().covariance, beta))
        estimate, error = self._concordance()
        return pd.DataFrame(
            {
                "n": [regressed.sample.n],
                "events": [int((regressed.status == self.spec.cause).sum())],
                "n_left_out": [regressed.left_out],
                "loglik_null": [ends[0]],
                "loglik": [ends[1]],
                "df": [df],
                "likelihood_ratio": [ratio],
                "likelihood_ratio_p": [float(chi2_sf(ratio, df))],
                "score": [score],
                "score_p": [float(chi2_sf(score, df))],
                "wald": [wald],
                "wald_p": [float(chi2_sf(wald, df))],
                "concordance": [estimate],
                "concordance_std_error": [error],
                "iterations": [best.iterations],
            }
        )

    def _concordance(self) -> tuple[float, float]:
        """Return the concordance of the linear predictor and its error."""
        regressed = self._regressed
        if self.spec.time_varying:
            return np.nan, np.nan
        event, stratum = regressed.status == self.spec.cause, regressed.codes(self.spec.strata)
        # Row by row, so that rows with the same covariates tie to the last digit.
        risk = (regressed.X * self._best.fit.beta).sum(axis=1)
        agreement = concordance(
            regressed.time, event, risk, stratum, regressed.entry, regressed.weight
        )
        variance = self._robust(agreement.influence[:, None])
        return agreement.estimate, float(np.sqrt(variance[0, 0]))

    def proportional_hazards(self, transform: Transform = "km") -> ProportionalHazardsTest:
        """Test that hazard ratios do not change with time.

        Parameters
        ----------
        transform : {"km", "rank", "identity", "log"}
            Function of time along which they may change: one minus the Kaplan-Meier curve, the
            rank of the event time, the day, or its logarithm.

        Raises
        ------
        NotEstimableError
            When effects that change with time are in the model already.

        References
        ----------
        Grambsch and Therneau 1994, doi:10.1093/biomet/81.3.515; in the form of cox.zph of R
        survival 3, the score test; robust (Lin and Wei 1989) where the errors are, as weights are
        no counts.
        """
        check_choice("transform", transform, TRANSFORMS)
        self._check_constant("The test of proportional hazards")
        self._check_plain("The test of proportional hazards")
        robust = self._robust if self.is_robust else None
        return judge_proportional(self, self._best, self._regressed, transform, robust)

    def marginal(
        self,
        by: str = "treatment",
        *,
        days: Sequence[float] | None = None,
        among: Level | None = None,
    ) -> MarginalCurves:
        """Average the curves of all subjects, each given every level of a covariate in turn.

        Parameters
        ----------
        by : str, default "treatment"
            Column of the formula with categories.
        days : sequence of float, optional
            Default: all days with an event.
        among : str, optional
            Level whose own subjects are averaged over, instead of every subject.

        Returns
        -------
        MarginalCurves

        Raises
        ------
        UnknownNameError, NotEstimableError
            When the column is not in the formula or has no levels.
        """
        self._check_constant("A marginal curve")
        self._check_plain("A marginal curve")
        if isinstance(self.times, Episodes):
            raise NotEstimableError(
                "A marginal curve follows one covariate pattern through time; the covariates of "
                "episodes change. Fit time_to(...) with covariates of the start."
            )
        return marginal_curves(self, self._best, self._regressed, self._on_beta(), by, days, among)

    def _check_constant(self, what: str) -> None:
        if self.spec.time_varying:
            raise NotEstimableError(
                f"{what} needs effects that do not change with time; leave out time_varying."
            )

    def _check_plain(self, what: str) -> None:
        if self.spec.firth:
            raise NotEstimableError(
                f"{what} needs a maximum of the likelihood itself; fit without firth=True."
            )

    def to_lifelines(self) -> Any:
        """Return the same regression as a fitted ``lifelines.CoxPHFitter``.

        Its covariates are the columns of the design, by their names here. Its baseline with
        Efron's ties, and robust errors, are its own; it stops its search early, up to 5e-5 away.

        Raises
        ------
        MissingDependencyError
            When lifelines is not installed.
        NotEstimableError
            With effects that change with time, weights of subjects or episodes, which
            CoxPHFitter does not take.
        """
        return cox_of_lifelines(self)

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the hazard ratios with their intervals; returns the Axes."""
        event = self.times.causes.get(self.spec.cause, "")
        return self._draw(f"Hazard ratio of {event}", self.times.figure_caveat, ax, options)

    def summary(self) -> Summary:
        """Return the hazard ratios and the tests of the whole."""
        g = next(each_row(self.glance()))
        spec = self.spec
        lines = [*self._regressed.header(), *spec.summary().header]
        words = "robust, jackknife" if self.is_corrected else "robust"
        lines.append(("Variance", words if self.is_robust else "model"))
        test = ("Likelihood ratio", g.likelihood_ratio, g.likelihood_ratio_p)
        if self.is_robust:
            test = ("Wald test", g.wald, g.wald_p)
        lines.append((test[0], f"{test[1]:.2f} on {g.df} df, p {format_p(test[2])}"))
        if np.isfinite(g.concordance):
            lines.append(("Concordance", f"{g.concordance:.3f} (SE {g.concordance_std_error:.3f})"))
        level = f"{format_level(spec.conf_level)} CI"
        header = ("Term", f"Hazard ratio ({level})", "Coefficient", "SE", "p")
        return Summary(
            "Cox regression",
            tuple(lines),
            (Table(header, self._rows()),),
            notes_of(self.times, self._regressed.sample),
        )
