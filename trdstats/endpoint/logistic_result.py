"""What a logistic regression at one time found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.endpoint.margins import EndpointMargins, standardised_rates
from trdstats.endpoint.profile_limits import ProfileLimits
from trdstats.endpoint.subjects import EndpointData
from trdstats.errors import SpecError
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.kernels.endpoint.logistic import LogisticFit
from trdstats.outcomes.switching import SwitchCounts, notes_on
from trdstats.tables import (
    Summary,
    Table,
    as_label,
    each_row,
    format_estimate,
    format_level,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.endpoint.logistic import Logistic


SEPARATED = "the outcomes are separated: with weights there is no error"


@checked_methods
@dataclass(frozen=True, repr=False)
class LogisticResult(EstimateResult):
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
    outcome: str
    caveat: str
    switching: SwitchCounts | None
    separated: tuple[str, ...]
    _without_maximum: tuple[str, ...]
    _data: EndpointData
    _fit: LogisticFit

    @property
    def is_penalised(self) -> bool:
        """Whether Firth's penalised likelihood was maximised."""
        return self._fit.penalised

    @property
    def is_profile(self) -> bool:
        """Whether limits and tests come from the profile of the likelihood."""
        return self.spec.limits == "profile" and not self._data.sample.weighted

    def _on_beta(self) -> FloatArray:
        """Return the influence of every subject on the coefficients, shape (n, q)."""
        sample = self._data.sample
        direct = np.zeros((len(sample.y), len(self._fit.beta)))
        direct[sample.observed] = self._fit.influence()
        return direct

    def _limits(self) -> ProfileLimits | None:
        if not self.is_profile:
            return None
        return ProfileLimits(self._fit, tuple(range(1, len(self._fit.beta))))

    def estimates(self) -> Estimates:
        """Return the odds ratio of every term; key ``term``.

        Standard errors are of the logarithms: from the inverse information, with weights from the
        subjects' influences: none of terms that separate the outcomes.
        """
        sample = self._data.sample
        influence = sample.stacked_influence(self._on_beta())[:, 1:]
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

    def _table_columns(self, table: pd.DataFrame, conf_level: float) -> dict[str, Any]:
        limits = self._limits()
        # The statistic beside a p value is that of its test.
        test_columns = (
            {} if limits is None else {"statistic": limits.roots(table["estimate"].to_numpy())}
        )
        return {"method": self._method, **test_columns}

    @property
    def _method(self) -> str:
        likelihood = "penalised profile" if self.is_penalised else "profile"
        return likelihood if self.is_profile else "wald"

    def _notes(self) -> tuple[str, ...]:
        sentences: tuple[str, ...] = ()
        if self.separated:
            sentences = (
                f"{', '.join(self.separated)} separates those with the outcome from those "
                "without: all odds ratios are those of Firth's penalised likelihood.",
            )
        caveat = (as_label(f"{self.caveat}; adjusted for {self.spec.formula}."),)
        return (
            *sentences, *self._data.notes, *(caveat if self.caveat else ()),
            *notes_on(self.switching),
        )  # fmt: skip

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
        if self.spec.by is None:
            raise SpecError("margins() needs a column whose levels are compared: give by=.")
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
        level = f"{format_level(self.conf_level)} CI"
        rows = tuple(
            (r.term, format_estimate(r.estimate, r.conf_low, r.conf_high, 2), format_p(r.p_value))
            for r in each_row(self.tidy())
        )
        analysed, by = self._data.sample.observed, self.spec.by
        n, events = int(analysed.sum()), int(self._data.sample.y[analysed].sum())
        header = [
            ("Outcome", self.outcome),
            ("Formula", self.spec.formula),
            ("Subjects", f"{n:,}, {events:,} with it"),
            *((("Reference", f"{by} = {self._data.reference}"),) if by else ()),
            ("Likelihood", "penalised (Firth)" if self.is_penalised else "maximum"),
            ("Limits and tests", self._method),
            *self._data.sample.header()[1:],
        ]
        tables = [Table(("Term", f"Odds ratio ({level})", "p"), rows)]
        if by is not None:
            tables += self.margins().summary().tables
        notes = self._notes() if self._fit.converged else (*self._notes(), "Not converged.")
        return Summary("Logistic regression", tuple(header), tuple(tables), notes)
