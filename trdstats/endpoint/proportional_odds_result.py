"""What a proportional odds model found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.endpoint.category_margins import CategoryMargins, standardised_categories
from trdstats.endpoint.odds_ratios import OddsRatioResult
from trdstats.errors import NotEstimableError
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.endpoint.cumulative_logit import CumulativeFit, fit_cumulative
from trdstats.kernels.numerics.tails import chi2_sf
from trdstats.tables import Summary, Table, each_row, format_p

if TYPE_CHECKING:
    from trdstats.endpoint.proportional_odds import ProportionalOdds

ALL = "all terms"
MOST_IN_SUMMARY = 10  # categories; a test of more of them costs many parameters


@checked_methods
@dataclass(frozen=True, repr=False)
class ProportionalOddsResult(OddsRatioResult):
    """Common odds ratios of a higher category.

    Attributes
    ----------
    spec : ProportionalOdds
    outcome : str
        The outcome in words.
    categories : tuple of str
        From the lowest to the highest.
    caveat : str
        What a crude comparison must say.
    switching : SwitchCounts or None
        Who had started another treatment.
    """

    spec: ProportionalOdds
    categories: tuple[str, ...]
    _notes_on: tuple[str, ...]
    _fit: CumulativeFit

    @property
    def _profiled(self) -> range:
        return range(len(self._data.terms))

    def estimates(self) -> Estimates:
        """Return the common odds ratio of every term; key ``term``.

        Standard errors are of the logarithms: from the observed information, with weights from
        the subjects' influences.
        """
        sample, at = self._data.sample, self._fit.effects
        covariance = None if sample.weighted else self._fit.covariance()[at, at]
        return estimates_of(
            pd.DataFrame({"term": self._data.terms}), np.exp(self._fit.theta[at]),
            influences=sample.stacked_influence(self._on_parameters())[:, at], subjects=sample.who,
            covariance=covariance, scale="log", null=1.0, limits=self._limits(),
            title="Common odds ratios", notes=self._notes(),
        )  # fmt: skip

    def cuts(self) -> pd.DataFrame:
        """Return the cuts between categories on the logit scale.

        Returns
        -------
        pandas.DataFrame
            below, above (categories), estimate and std_error: logit of P(at most `below`) for a
            subject whose covariates are 0 and levels the references.
        """
        k, sample = len(self.categories) - 1, self._data.sample
        effect = sample.stacked_influence(self._on_parameters())[:, :k]
        V = effect.T @ effect if sample.weighted else self._fit.covariance()[:k, :k]
        return pd.DataFrame(
            {
                "below": self.categories[:-1],
                "above": self.categories[1:],
                "estimate": self._fit.theta[:k],
                "std_error": np.sqrt(np.diag(V)),
            }
        )

    def test_proportional_odds(self) -> pd.DataFrame:
        """Test whether the odds ratios are the same at every cut.

        Returns
        -------
        pandas.DataFrame
            One row a term of the formula, then all of them: term, statistic, df, p_value and
            reason. Likelihood ratio of the model in which the effects of the term differ between
            cuts (partial proportional odds; `ordinal::nominal_test` in R). NaN with the reason
            where that model has no maximum.

        Raises
        ------
        NotEstimableError
            With two categories there is one cut, and with weights no likelihood.
        """
        if len(self.categories) < 3:
            raise NotEstimableError("With two categories there is one cut: nothing to test.")
        if self._data.sample.weighted:
            raise NotEstimableError("A weighted likelihood has no likelihood ratio test.")
        factors = self._data.design.factors
        named = [*dict.fromkeys(factors)]
        rows = [self._row(f, np.array([g == f for g in factors])) for f in named]
        if len(named) > 1:
            rows.append(self._row(ALL, np.ones(len(factors), dtype=bool)))
        return pd.DataFrame(rows)

    def _row(self, term: str, nominal: Any) -> dict[str, Any]:
        fit = self._fit
        wider = fit_cumulative(fit.X, fit.code, fit.weight, fit.n_categories, nominal)
        df = float(nominal.sum() * (fit.n_categories - 2))
        if not wider.converged or wider.separated.any():
            why = "the model with different odds ratios at each cut has no finite maximum"
            return {"term": term, "statistic": np.nan, "df": df, "p_value": np.nan, "reason": why}
        statistic = max(2 * (wider.loglik - fit.loglik), 0.0)
        p = float(chi2_sf(statistic, df))
        return {"term": term, "statistic": statistic, "df": df, "p_value": p, "reason": ""}

    def margins(self) -> CategoryMargins:
        """Return the probability of each category standardised to all subjects.

        Raises
        ------
        SpecError
            When nothing is compared (``by=None``).
        """
        self._check_compared()
        return standardised_categories(self)

    def _notes(self) -> tuple[str, ...]:
        return (*self._notes_on, *super()._notes())

    def glance(self) -> pd.DataFrame:
        """Return one row: n, categories, loglik, converged."""
        return pd.DataFrame(
            {
                "n": [int(self._data.sample.observed.sum())],
                "categories": [len(self.categories)],
                "loglik": [self._fit.loglik],
                "converged": [self._fit.converged],
            }
        )

    def summary(self) -> Summary:
        """Return the common odds ratios and the test of proportional odds as tables."""
        tables = [self._odds_table("Common odds ratio")]
        if 2 < len(self.categories) <= MOST_IN_SUMMARY and not self._data.sample.weighted:
            tests = tuple(
                (r.term, f"{r.statistic:.2f}" if r.reason == "" else "–", f"{r.df:.0f}",
                 format_p(r.p_value))
                for r in each_row(self.test_proportional_odds())
            )  # fmt: skip
            head = ("Proportional odds: test of", "Chi-squared", "df", "p")
            tables.append(Table(head, tests))
        return Summary(
            "Proportional odds",
            (
                ("Outcome", self.outcome),
                ("Categories", ", ".join(self.categories)),
                ("Odds ratio above 1", "a higher category is more likely"),
                ("Formula", self.spec.formula),
                ("Subjects", f"{int(self._data.sample.observed.sum()):,}"),
                *self._reference_line(),
                ("Limits and tests", self._method),
                *self._data.sample.header()[1:],
            ),
            tuple(tables),
            self._notes_of_summary(),
        )
