"""Curves weighted for censoring, and how much the weights had to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arrays import FloatArray, IntArray
from trdstats.comparison.adjusted.by_treatment import ResultByTreatment
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.numerics.boundary import error_inside
from trdstats.kernels.risk_sets.censoring_curve import (
    CensoringModel,
    Observed,
    WeightedCurve,
    curve_influence,
)
from trdstats.kernels.risk_sets.survival_curve import survival_interval
from trdstats.outcomes import EventTimes
from trdstats.survival.groups import Sample, counts_header
from trdstats.tables import Summary, Table, each_row, format_count, format_number

if TYPE_CHECKING:
    from trdstats.comparison.censoring.ipcw import IPCW


_CHUNK = 64  # influences on so many days at a time


@dataclass(frozen=True, repr=False)
class IPCWResult(ResultByTreatment):
    """Survival and restricted means with those at risk weighted for those who left.

    Attributes
    ----------
    spec : IPCW
    times : EventTimes
    terms : tuple of str
        Terms of the model of censoring.
    horizon : float
        Last day asked for; censoring from it on is not modelled.
    """

    spec: IPCW
    times: EventTimes
    terms: tuple[str, ...]
    horizon: float
    _sample: Sample
    _row: IntArray
    _data: Observed
    _model: CensoringModel | None
    _curves: dict[str, WeightedCurve]
    _values: Estimates
    _reference: str

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, censored (before the horizon), largest_weight, reference."""
        left = ~self._data.event & (self._data.time < self.horizon)
        return pd.DataFrame(
            {
                "n": [len(self._row)],
                "events": [int(self._data.event.sum())],
                "censored": [int(left.sum())],
                "largest_weight": [float(self.weights()["largest"].max())],
                "reference": [self._reference],
            }
        )

    def coefficients(self) -> pd.DataFrame:
        """Return the model of censoring.

        Returns
        -------
        pandas.DataFrame
            term, then the columns of estimates: estimate is the log hazard ratio of being
            censored, std_error robust. No rows where no subject was censored before the horizon or
            the formula has no covariate.
        """
        terms, beta, covariance = self.terms, np.empty(0), np.empty((0, 0))
        if self._model is None:
            terms = ()
        else:
            laid_out = self._sample.lay_out(self._row, self._model.on_beta)
            influence = self._sample.stacked_influence(laid_out)
            beta, covariance = self._model.fit.fit.beta, influence.T @ influence
        estimates = estimates_of(
            pd.DataFrame({"term": list(terms)}), beta, covariance=covariance, null=0.0
        )
        return estimates.tidy(conf_level=self.conf_level)

    def weights(self) -> pd.DataFrame:
        """Return how unequal the weights of those at risk become.

        Returns
        -------
        pandas.DataFrame
            Group, time (every day with an event up to the horizon), at_risk, largest (weight over
            the mean weight), effective (number at risk that equal weights would be worth).
        """
        frames = []
        for label, curve in self._curves.items():
            used = curve.time <= self.horizon
            frames.append(
                pd.DataFrame(
                    {
                        self.spec.by: label,
                        "time": curve.time[used],
                        "at_risk": curve.at_risk[used],
                        "largest": curve.largest[used],
                        "effective": curve.effective[used],
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def curves(self) -> pd.DataFrame:
        """Return the whole curves.

        Returns
        -------
        pandas.DataFrame
            Group, time (0, then every day with an event up to the horizon), n_risk, estimate
            (probability of not having had the event), std_error, conf_low, conf_high (symmetric
            on the log(-log) scale), conf_level.
        """
        frames = []
        for label, curve in self._curves.items():
            used = int((curve.time <= self.horizon).sum())
            survival = curve.survival[:used]
            error = np.concatenate(
                [self._errors(curve, i, min(i + _CHUNK, used)) for i in range(0, used, _CHUNK)]
                or [np.empty(0)]
            )
            error = error_inside(survival, error)
            with np.errstate(divide="ignore", invalid="ignore"):
                low, high = survival_interval(
                    survival,
                    (error / survival) ** 2,
                    conf_type="log-log",
                    conf_level=self.spec.conf_level,
                )
            # The row of day 0, unless somebody had the event there: the curve then begins with it.
            first = slice(None) if not used or curve.time[0] > 0 else slice(1, None)
            start = float((self._data.entry[curve.members] <= 0).sum())
            frames.append(
                pd.DataFrame(
                    {
                        self.spec.by: label,
                        "time": np.append(0.0, curve.time[:used])[first],
                        "n_risk": np.append(start, curve.at_risk[:used])[first],
                        "estimate": np.append(1.0, survival)[first],
                        "std_error": np.append(0.0, error)[first],
                        "conf_low": np.append(np.nan, low)[first],
                        "conf_high": np.append(np.nan, high)[first],
                        "conf_level": self.spec.conf_level,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def _errors(self, curve: WeightedCurve, first: int, last: int) -> FloatArray:
        """Return the errors of survival at some of the event times."""
        here = np.arange(first, last)
        slope = curve.survival[here] * (np.arange(len(curve.time))[:, None] <= here)
        direct = curve_influence(self._data, self._model, curve, slope)
        influence = self._sample.stacked_influence(self._sample.lay_out(self._row, direct))
        return np.asarray(np.sqrt(np.einsum("nk,nk->k", influence, influence)))

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the share that had the event, by group; returns the Axes."""
        table = self.curves()
        table[self.spec.by] = pd.Categorical(table[self.spec.by], categories=list(self._curves))
        flipped: dict[str, Any] = {
            "estimate": 1 - table["estimate"],
            "conf_low": 1 - table["conf_high"],
            "conf_high": 1 - table["conf_low"],
            "n_event": 0.0, "n_censor": 0.0,
        }  # fmt: skip
        outcome = self.times.outcome
        settings = {
            "ylabel": f"{outcome[:1].upper()}{outcome[1:]}, weighted for censoring",
            "xlabel": "Day (0 is the start)"
            if self.times.origin == "day 0"
            else f"Days since {self.times.origin}",
            "caveat": self.times.caveat,
            **options,
        }
        return plots.plot_survival(
            table.assign(**flipped).rename(columns={self.spec.by: "treatment"}),
            ax=ax,
            cumulative=True,
            censor_marks=False,
            **settings,
        )

    def summary(self) -> Summary:
        """Return the estimates, the model of censoring and the weights at the end."""
        g = next(each_row(self.glance()))
        lines = (
            *counts_header(self.times, self._sample),
            ("Censored", f"{g.censored:,} before day {self.horizon:g}"),
            ("Censoring", f"{self.spec.formula}, baseline by {self.spec.by}"),
        )
        last = self.weights().groupby(self.spec.by, observed=True, sort=False).last().reset_index()
        rows = tuple(
            (
                str(getattr(r, self.spec.by)),
                f"{r.time:g}",
                format_count(r.at_risk),
                format_number(r.effective),
                format_number(r.largest, 2),
            )
            for r in each_row(last)
        )
        header = (self.spec.by.capitalize(), "Day", "At risk", "Worth", "Largest weight")
        notes = list(self._values.notes)
        notes.append("Right when, given the covariates, leaving says nothing more of the event.")
        if self._model is None:
            notes.append("No model of censoring was needed: these are Kaplan-Meier curves.")
        notes += self._notes()
        return Summary(
            "Inverse probability of censoring weighting",
            lines,
            (*self._tables(), Table(header, rows, title="Weights at the last event")),
            tuple(notes),
        )
