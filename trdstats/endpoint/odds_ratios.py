"""What regressions of an outcome at one time share: odds ratios, their limits and their tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.comparison.adjusted.standardisation_result import adjusted_caveat
from trdstats.endpoint.profile_limits import Profiled, ProfileLimits
from trdstats.endpoint.subjects import EndpointData
from trdstats.errors import SpecError
from trdstats.estimates import EstimateResult
from trdstats.estimates.table import Columns
from trdstats.outcomes.switching import SwitchCounts, notes_on
from trdstats.tables import (
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_level,
    format_p,
)


class Specified(Protocol):
    """A regression of an outcome at one time."""

    @property
    def formula(self) -> str:
        """Covariates, with the outcome on the left or without."""

    @property
    def by(self) -> str | None:
        """Column whose levels are compared."""

    @property
    def limits(self) -> str:
        """Whence limits and tests are taken: "profile" or "wald"."""

    @property
    def conf_level(self) -> float:
        """Confidence level."""


class Fitted(Profiled, Protocol):
    """A fitted likelihood of log odds ratios and intercepts."""

    @property
    def converged(self) -> bool:
        """Whether a maximum was reached."""

    def influence(self) -> FloatArray:
        """Return the first-order effect of each subject on the parameters."""


@dataclass(frozen=True, repr=False)
class OddsRatioResult(EstimateResult):
    """Odds ratios given the covariates: a subclass names its parameters.

    Attributes
    ----------
    outcome : str
        The outcome in words.
    caveat : str
        What a crude comparison must say.
    switching : SwitchCounts or None
        Who had started another treatment.
    """

    spec: Specified
    outcome: str
    caveat: str
    switching: SwitchCounts | None
    _data: EndpointData
    _fit: Fitted

    @property
    def is_profile(self) -> bool:
        """Whether limits and tests come from the profile of the likelihood."""
        return self.spec.limits == "profile" and not self._data.sample.weighted

    @property
    def _profiled(self) -> range:
        """Numbers by which the likelihood knows the terms."""
        raise NotImplementedError

    @property
    def _method(self) -> str:
        return "profile" if self.is_profile else "wald"

    def _on_parameters(self) -> FloatArray:
        """Return the influence of every subject on the parameters; 0 of those not analysed."""
        sample, analysed = self._data.sample, self._fit.influence()
        direct = np.zeros((len(sample.y), analysed.shape[1]))
        direct[sample.observed] = analysed
        return direct

    def _limits(self) -> ProfileLimits | None:
        return ProfileLimits(self._fit, self._profiled) if self.is_profile else None

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        limits = self._limits()
        # The statistic beside a p value is that of its test.
        test_columns = {} if limits is None else {"statistic": limits.roots(held["estimate"])}
        return {"method": self._method, **test_columns}

    @property
    def _caveat(self) -> str:
        """What the comparison must say, given the covariates beside what is compared."""
        covariates = [f for f in dict.fromkeys(self._data.design.factors) if f != self.spec.by]
        return adjusted_caveat(self.caveat, " + ".join(covariates)) if covariates else self.caveat

    def _notes(self) -> tuple[str, ...]:
        return (*self._data.notes, *caveat_notes(self._caveat), *notes_on(self.switching))

    def _notes_of_summary(self) -> tuple[str, ...]:
        return self._notes() if self._fit.converged else (*self._notes(), "Not converged.")

    def _odds_table(self, name: str) -> Table:
        level = f"{format_level(self.conf_level)} CI"
        rows = tuple(
            (r.term, format_estimate(r.estimate, r.conf_low, r.conf_high, 2), format_p(r.p_value))
            for r in each_row(self.tidy())
        )
        return Table(("Term", f"{name} ({level})", "p"), rows)

    def _reference_line(self) -> tuple[tuple[str, str], ...]:
        by = self.spec.by
        return (("Reference", f"{by} = {self._data.reference}"),) if by else ()

    def _check_compared(self) -> None:
        """Raise `SpecError` when nothing is compared."""
        if self.spec.by is None:
            raise SpecError("margins() needs a column whose levels are compared: give by=.")
