"""What a logistic regression at one time found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.endpoint.margins import EndpointMargins, standardised_rates
from trdstats.endpoint.odds_ratios import OddsRatioResult
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.endpoint.logistic import LogisticFit
from trdstats.tables import Summary

if TYPE_CHECKING:
    from trdstats.endpoint.logistic import Logistic


SEPARATED = "the outcomes are separated: with weights there is no error"


@checked_methods
@dataclass(frozen=True, repr=False)
class LogisticResult(OddsRatioResult):
    """Odds ratios given the covariates, and marginal rates beside them.

    Attributes
    ----------
    spec : Logistic
    outcome : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    switching : SwitchCounts or None
        Who had started another treatment.
    separated : tuple of str
        Terms without a finite maximum of the likelihood; the estimates are then Firth's.
    """

    spec: Logistic
    separated: tuple[str, ...]
    _without_maximum: tuple[str, ...]
    _fit: LogisticFit

    @property
    def is_penalised(self) -> bool:
        """Whether Firth's penalised likelihood was maximised."""
        return self._fit.penalised

    @property
    def _profiled(self) -> range:
        return range(1, len(self._fit.beta))

    @property
    def _method(self) -> str:
        method = super()._method
        return f"penalised {method}" if self.is_penalised and self.is_profile else method

    def estimates(self) -> Estimates:
        """Return the odds ratio of every term; key ``term``.

        Standard errors are of the logarithms: from the inverse information, with weights from the
        subjects' influences: none of terms that separate the outcomes.
        """
        sample = self._data.sample
        influence = sample.stacked_influence(self._on_parameters())[:, 1:]
        covariance = None if sample.weighted else self._fit.covariance()[1:, 1:]
        # Where the outcomes are separated the influences are far too small.
        lost = [sample.weighted and t in self._without_maximum for t in self._data.terms]
        return estimates_of(
            pd.DataFrame({"term": self._data.terms}), np.exp(self._fit.beta[1:]),
            influences=np.where(lost, np.nan, influence), subjects=sample.who,
            covariance=covariance, scale="log", null=1.0, limits=self._limits(),
            title="Odds ratios", notes=self._notes(),
            reasons=[SEPARATED if b else "" for b in lost],
        )  # fmt: skip

    def _notes(self) -> tuple[str, ...]:
        if not self.separated:
            return super()._notes()
        return (
            f"{', '.join(self.separated)} separates those with the outcome from those "
            "without: all odds ratios are those of Firth's penalised likelihood.",
            *super()._notes(),
        )

    def margins(self) -> EndpointMargins:
        """Return the rates standardised to all subjects, their differences and ratios.

        Every subject's probability under each treatment is predicted and averaged, the covariates
        sampled with the subjects (influence). Of a penalised fit the intercept is set so that the
        mean prediction is the observed rate (Puhr 2017).

        Raises
        ------
        SpecError
            When nothing is compared (``by=None``).
        """
        self._check_compared()
        return standardised_rates(self)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik (of the penalised likelihood where it is), penalised.

        The logarithm of a weighted likelihood is one of a pseudo-likelihood: nothing is tested
        with it.
        """
        analysed = self._data.sample.observed
        return pd.DataFrame(
            {
                "n": [int(analysed.sum())],
                "events": [int(self._data.sample.y[analysed].sum())],
                "loglik": [self._fit.loglik],
                "penalised": [self.is_penalised],
                "converged": [self._fit.converged],
            }
        )

    def summary(self) -> Summary:
        """Return odds ratios and, beside them, the marginal rates."""
        analysed = self._data.sample.observed
        n, events = int(analysed.sum()), int(self._data.sample.y[analysed].sum())
        header = [
            ("Outcome", self.outcome),
            ("Formula", self.spec.formula),
            ("Subjects", f"{n:,}, {events:,} with it"),
            *self._reference_line(),
            ("Likelihood", "penalised (Firth)" if self.is_penalised else "maximum"),
            ("Limits and tests", self._method),
            *self._data.sample.header()[1:],
        ]
        tables = [self._odds_table("Odds ratio")]
        if self.spec.by is not None:
            tables += self.margins().summary().tables
        notes = (*self._data.beyond, *self._notes_of_summary())
        return Summary("Logistic regression", tuple(header), tuple(tables), notes)
