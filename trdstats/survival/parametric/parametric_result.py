"""What every fitted parametric model of times tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.estimates import Estimates
from trdstats.kernels.parametric.fitted import ParametricFit
from trdstats.survival.coefficients import Coefficients
from trdstats.survival.parametric.derived import Derived, derived_estimates, derived_table
from trdstats.survival.parametric.model_plot import curve_days, draw_proportions
from trdstats.survival.parametric.parametric_data import Analysed
from trdstats.tables import each_row


@checked_methods
class ParametricResult(Coefficients):
    """A fitted model; a subclass names its parameters and what is standardised."""

    title: ClassVar[str]

    spec: Any
    _data: Analysed
    _fit: ParametricFit

    @property
    def is_robust(self) -> bool:
        """Whether errors come from the influences of subjects."""
        return self._data.sample.weighted

    def _variance(self) -> FloatArray:
        if self.is_robust:
            return self._data.robust_covariance(self._fit.influence())
        return self._fit.covariance()

    def _standardised(self, by: str, days: Sequence[float]) -> list[Derived]:
        """Return the numbers standardised to the covariates of all subjects."""
        raise NotImplementedError

    def _proportions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return, of standardised numbers, the shares that had the event."""
        raise NotImplementedError

    def _as_estimates(self, rows: Sequence[Derived], by: str) -> Estimates:
        return derived_estimates(
            rows, self._variance(), title=f"{self.title}, standardised", data=self._data,
            effect=self._fit.influence(), notes=self._data.notes_beyond(by),
        )  # fmt: skip

    def _fit_statistics(self) -> dict[str, list[Any]]:
        """Return n, events, loglik, aic, bic (NaN with weights), converged, iterations."""
        fit = self._fit
        return {
            "n": [self._data.n],
            "events": [self._data.events],
            "loglik": [fit.loglik],
            **{k: [v] for k, v in self._data.criteria(fit.loglik, len(fit.theta)).items()},
            "converged": [fit.converged],
            "iterations": [fit.iterations],
        }

    def _fit_header(self, starts: str = "") -> tuple[tuple[str, str], ...]:
        """Return header lines on errors and likelihood."""
        g = next(each_row(pd.DataFrame(self._fit_statistics())))
        return (
            ("Errors", "robust" if self.is_robust else "model"),
            ("Log-likelihood",
             f"{g.loglik:.3f} ({'' if g.converged else 'not '}converged{starts})"),
            *(() if np.isnan(g.aic) else (("AIC, BIC", f"{g.aic:.1f}, {g.bic:.1f}"),)),
        )  # fmt: skip

    def plot(self, ax: Axes | None = None, *, by: str = "treatment", **options: Any) -> Axes:
        """Draw the standardised share that had the event, by group; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        by : str, default "treatment"
        **options
            Passed on to `trdstats.plots.plot_survival`.
        """
        rows = self._standardised(by, curve_days(self._data))
        frame = derived_table(rows, self._variance(), self.conf_level)
        return draw_proportions(self._proportions(frame), by, self._data, ax, options)
