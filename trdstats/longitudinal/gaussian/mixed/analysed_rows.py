"""Rows of a mixed model: residuals and their correlation, predictions, simulated outcomes."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked_methods
from trdstats.errors import check_choice
from trdstats.longitudinal.gaussian.autocorrelation import residual_autocorrelation
from trdstats.longitudinal.gaussian.mixed.fitted import FittedModel
from trdstats.longitudinal.gaussian.predict import (
    Kind,
    predicted,
    residual_table,
    simulated_outcomes,
)


@checked_methods
class AnalysedRows(FittedModel):
    """What a fitted model says of rows: see `MixedResult`."""

    def residuals(self, kind: Kind = "marginal") -> pd.DataFrame:
        """Return fitted values and residuals of every analysed row.

        Parameters
        ----------
        kind : {"marginal", "conditional", "normalised"}
            From the population mean; from each subject's own line (models with random
            effects); or marginal residuals made independent with variance 1 by the inverse
            Cholesky factor of their covariance.

        Returns
        -------
        pandas.DataFrame
            subject, visit, outcome, fitted, residual.

        Raises
        ------
        SpecError
            When conditional residuals are requested of a model without random effects.
        """
        return residual_table(self, kind)

    def residual_autocorrelation(
        self, kind: Kind = "normalised", *, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """Return the correlation of residuals of a subject by how many visits lie between them.

        Parameters
        ----------
        kind : {"normalised", "conditional", "marginal"}
            As in `residuals`. Normalised residuals have no correlation where the covariance fits.
        conf_level : float
            Of the band.

        Returns
        -------
        pandas.DataFrame
            lag (visits, or with random effects ratings of the subject in the order of the table),
            autocorrelation, n_pairs, conf_low and conf_high: the band of residuals without
            correlation, z / sqrt(n_pairs) on both sides of 0.

        Raises
        ------
        NotEstimableError
            When no subject has two ratings.
        SpecError
            When the model has several instruments at a visit.
        """
        return residual_autocorrelation(self, kind, conf_level)

    def plot_autocorrelation(
        self, kind: Kind = "normalised", ax: Axes | None = None, **options: Any
    ) -> Axes:
        """Draw the autocorrelation of residuals by distance; returns the Axes."""
        frame = self.residual_autocorrelation(kind)
        unit = "ratings" if self.design.by_row else "visits"
        settings = {
            "xlabel": f"Distance in {unit}", "ylabel": f"Autocorrelation of {kind} residuals",
            **options,
        }  # fmt: skip
        return plots.plot_autocorrelation(frame, ax=ax, **settings)

    def predict(
        self,
        data: FrameLike | None = None,
        *,
        interval: Literal["mean", "new subject"] = "mean",
        conf_level: float = 0.95,
    ) -> pd.DataFrame:
        """Estimate the mean outcome of new rows, or predict ratings of new subjects.

        Parameters
        ----------
        data : DataFrame, optional
            Columns of the formula; levels must be those the model was fitted to. Default: the
            analysed rows, beside which their subject stands.
        interval : {"mean", "new subject"}
            Whether the limits are for the mean of all such subjects, or for the rating of one new
            subject: its variance is then added. For an `MMRM` the rows need the column of the
            visits (and of the `group`), for an `LMM` those of the random effects.
        conf_level : float

        Returns
        -------
        pandas.DataFrame
            The columns of the formula, estimate, std_error, df, conf_low, conf_high, conf_level,
            reason. A mean that is not estimable is NaN, and reason says why. Of a new subject
            std_error is that of the prediction; its covariance parameters are taken as known.

        Raises
        ------
        SpecError
            When columns or levels are missing or unknown.
        """
        check_choice("interval", interval, ("mean", "new subject"))
        return predicted(self, data, conf_level, new_subject=interval == "new subject")

    def simulate(self, n: int = 1, *, seed: int) -> pd.DataFrame:
        """Draw outcomes of the analysed rows from the fitted model.

        Returns
        -------
        pandas.DataFrame
            subject, visit, then one column a draw.
        """
        return simulated_outcomes(self, n, seed)
