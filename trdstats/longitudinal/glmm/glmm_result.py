"""Results of a generalised linear mixed model: tests, profiles, variances, fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.errors import unknown_name
from trdstats.kernels.glmm.modes import predict_effects
from trdstats.longitudinal.designs.term_tests import columns_by_term, joint_test_row, type3_table
from trdstats.longitudinal.glmm.glmm_effects import GLMMEffects
from trdstats.longitudinal.glmm.glmm_words import boundary_note, cautions_of, summary_of
from trdstats.longitudinal.glmm.likelihood_ratios import (
    compare_fits,
    test_odds,
    test_variance,
)
from trdstats.longitudinal.glmm.profiles import profile_table
from trdstats.tables import Summary


@checked_methods
@dataclass(frozen=True, repr=False)
class GLMMResult(GLMMEffects):
    """A fitted generalised linear mixed model.

    Attributes are those of `GLMMEffects`.
    """

    @property
    def boundary(self) -> tuple[str, ...]:
        """Variances estimated at 0, or a correlation at 1 or -1; empty inside the boundary."""
        return boundary_note(self)

    def variance_components(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return standard deviations and correlation of the random effects, with profile limits.

        Parameters
        ----------
        conf_level : float

        Returns
        -------
        pandas.DataFrame
            term, estimate, std_error (NaN at the boundary), conf_low, conf_high, conf_level,
            reason. A lower limit of 0 says that the data do not exclude a variance of 0; limits
            are NaN with weights, which have no likelihood ratio.
        """
        deviations = self.deviations
        limits = profile_table(self, list(deviations.names), conf_level, tests=False)
        error = np.sqrt(np.diag(deviations.covariance))
        limits.insert(2, "std_error", error)
        return limits

    def profile(
        self, terms: str | Sequence[str] | None = None, *, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """Return profile likelihood limits and likelihood-ratio tests of coefficients.

        Parameters
        ----------
        terms : str or sequence of str, optional
            Terms of `tidy()`. Default: all.
        conf_level : float

        Returns
        -------
        pandas.DataFrame
            term, estimate, conf_low, conf_high, conf_level, statistic (likelihood ratio), p_value,
            reason.

        Raises
        ------
        UnknownNameError
            When there is no such term.
        """
        known = list(self.estimates().keys["term"])
        chosen = known if terms is None else [terms] if isinstance(terms, str) else list(terms)
        for name in chosen:
            if name not in known:
                raise unknown_name("term", name, known)
        return profile_table(self, chosen, conf_level, tests=True)

    def joint_test(self, terms: str | Sequence[str]) -> pd.DataFrame:
        """Test several effects together by Wald's test.

        Parameters
        ----------
        terms : str or sequence of str
            Columns of the design; a term of the formula (``"treatment:visit"``) stands for all
            its columns.

        Returns
        -------
        pandas.DataFrame
            statistic (chi-squared over df_num), df_num, df_den (infinite), p_value, reason.

        Raises
        ------
        UnknownNameError
            When a term is not in the model.
        """
        groups, names = columns_by_term(self.design), self.design.terms
        columns: list[int] = []
        for name in [terms] if isinstance(terms, str) else terms:
            if name in groups:
                columns += groups[name]
            elif name in names:
                columns.append(names.index(name))
            else:
                raise unknown_name("term", name, [*groups, *names])
        L = np.eye(len(names))[columns]
        return joint_test_row(*self.identified.test(L))

    def type3(self) -> pd.DataFrame:
        """Test every term of the formula (type III) by Wald's test.

        Returns
        -------
        pandas.DataFrame
            term, statistic, df_num, df_den, p_value, reason.
        """
        return type3_table(
            self.design, self.spec.formula, lambda L: joint_test_row(*self.identified.test(L))
        )

    def likelihood_ratio(self, simpler: GLMMResult) -> pd.DataFrame:
        """Test what a simpler fit to the same ratings does not have.

        Fewer terms are tested by chi-squared; one random effect fewer by a half-and-half mixture
        of chi-squared distributions, for its variance lies on the boundary.

        Returns
        -------
        pandas.DataFrame
            statistic, df ("k-1:k" for a mixture), p_value.

        Raises
        ------
        SpecError
            When the fits are not nested or have weights.

        References
        ----------
        Self and Liang 1987, doi:10.1080/01621459.1987.10478472. Stram and Lee 1994,
        doi:10.2307/2533455.
        """
        return compare_fits(self, simpler)

    def test_random_effects(self) -> pd.DataFrame:
        """Test whether the last random effect has a variance of 0, by a mixture of chi-squared.

        Returns
        -------
        pandas.DataFrame
            term, statistic, df, p_value.
        """
        return test_variance(self)

    def test_proportional_odds(self, terms: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Test for terms of an ordinal model whether their odds ratios differ between thresholds.

        Parameters
        ----------
        terms : str or sequence of str, optional
            Terms of the formula, each tested by itself. Default: all.

        Returns
        -------
        pandas.DataFrame
            term, statistic (likelihood ratio of the model with a coefficient at each threshold),
            df, p_value, reason.

        Raises
        ------
        SpecError
            When the outcome is not ordinal or has two categories.

        References
        ----------
        Peterson and Harrell 1990, doi:10.2307/2347760.
        """
        return test_odds(self, terms)

    def random_effects(self) -> pd.DataFrame:
        """Return the predicted random effects of each subject: the modes given its ratings.

        Returns
        -------
        pandas.DataFrame
            subject; then for each effect its mode and its standard error (parameters taken as
            known).
        """
        fitted = self.fitted
        u, covariance = predict_effects(fitted.rows, fitted.fit.theta, fitted.fit.v)
        frame = pd.DataFrame({"subject": self.design.subjects[fitted.analysed]})
        for e, name in enumerate(self.effects.names):
            frame[name] = u[:, e]
            frame[f"std_error {name}"] = np.sqrt(covariance[:, e, e])
        return frame

    @property
    def loglik(self) -> float:
        """Log-likelihood; with weights of subjects a pseudo-likelihood."""
        return self.fitted.fit.loglik

    @property
    def aic(self) -> float:
        """Akaike's criterion; NaN with weights, whose likelihood is a pseudo-likelihood."""
        if self.is_weighted:
            return float("nan")
        return -2 * self.loglik + 2 * len(self.parameters.theta)

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of subjects; NaN as `aic`."""
        if self.is_weighted:
            return float("nan")
        count = len(self.parameters.theta)
        return -2 * self.loglik + float(np.log(len(self.design.subjects))) * count

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects, ratings, log-likelihood, AIC, BIC, and convergence."""
        fit = self.fitted.fit
        return pd.DataFrame(
            {
                "n": [len(self.design.subjects)],
                "n_obs": [self.design.n_obs],
                "n_left_out": [sum(self.design.left_out.values())],
                "loglik": [self.loglik],
                "deviance": [-2 * self.loglik],
                "aic": [self.aic],
                "bic": [self.bic],
                "n_parameters": [len(fit.theta)],
                "points": [self.fitted.points],
                "n_iterations": [fit.iterations],
                "gradient": [fit.gradient],
                "at_boundary": [bool(fit.at_zero.any())],
                "converged": [fit.converged],
            }
        )

    def cautions(self) -> list[str]:
        """Return what is left out of the fit, and why, one text a reason."""
        return cautions_of(self)

    def summary(self) -> Summary:
        """Return the fit and its effects as tables."""
        return summary_of(self)
