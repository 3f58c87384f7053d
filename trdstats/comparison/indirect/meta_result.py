"""The pooled effect of several trials: rows, forest, face."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, sqrt
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.comparison.indirect.effect import Effect
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics import meta_analysis as kernel
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_estimate,
    format_level,
    format_number,
    format_p,
)


@dataclass(frozen=True, repr=False)
class PooledEffect(EstimateResult):
    """The pooled effect of several trials.

    `tidy` has the trials, the pooled effect and the range of a new trial's effect: the keys of
    `estimates`, weight (proportion of 1; NaN of a new trial), then the columns of estimates.

    Attributes
    ----------
    effects : tuple of Effect
    method : str
    hartung_knapp : bool or "truncated"
        As used.
    warning : str
        What separates the trials, in words; empty when they agree.
    notes : tuple of str
    conf_level : float
    """

    effects: tuple[Effect, ...]
    method: str
    hartung_knapp: bool | str
    warning: str
    notes: tuple[str, ...]
    _pooled: kernel.Pooled
    conf_level: float = 0.95

    def estimates(self) -> Estimates:
        """Return the trials, the pooled effect, and the effect of a new trial.

        Returns
        -------
        Estimates
            Keys row ("trial", "pooled", "prediction"), trial, measure, treatment, reference. The
            limits of the prediction are the range of a new trial's effect; it is not tested.
        """
        first, f, k = self.effects[0], self._pooled, len(self.effects)
        keys = pd.DataFrame(
            {
                "row": ["trial"] * k + ["pooled", "prediction"],
                "trial": [*(e.trial for e in self.effects), "", ""],
                "measure": first.measure, "treatment": first.treatment,
                "reference": first.reference,
            }
        )  # fmt: skip
        is_known = self.method != "fixed"
        value = np.array([*(e.value for e in self.effects), f.estimate, f.estimate])
        squared = np.array([e.error**2 for e in self.effects])
        covariance = np.diag([*squared, f.std_error**2, f.std_error**2 + f.tau2])
        # The pooled effect is a weighted mean of the trials.
        covariance[:k, k:] = (f.weight * squared)[:, None]
        covariance[k:, :k] = covariance[:k, k:].T
        covariance[k, k + 1] = covariance[k + 1, k] = f.std_error**2
        if not is_known:
            value[-1] = covariance[-1, -1] = np.nan
        return estimates_of(
            keys, np.exp(value) if first.is_ratio else value, covariance=covariance,
            scale="log" if first.is_ratio else "identity",
            null=[*np.full(k + 1, first.null), np.nan], df=[*np.full(k, np.inf), f.df, f.df],
            reasons=[*("",) * (k + 1), "" if is_known else "one common effect is assumed"],
            title=self._title, notes=self._notes(),
        )  # fmt: skip

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        return {"weight": np.append(self._pooled.weight, [1.0, np.nan])}

    @property
    def _title(self) -> str:
        return f"Pooled effect of {len(self.effects)} trials"

    def _notes(self) -> tuple[str, ...]:
        return (*((self.warning,) if self.warning else ()), *self.notes)

    def glance(self) -> pd.DataFrame:
        """Return one row: k, tau2, tau, I2 (share of 1), Q, Q_df, Q_p, interval (in words)."""
        f = self._pooled
        return pd.DataFrame(
            [
                {
                    "k": len(self.effects), "tau2": f.tau2, "tau": sqrt(f.tau2), "I2": f.I2,
                    "Q": f.Q, "Q_df": f.Q_df, "Q_p": f.Q_p,
                    "interval": self._interval_in_words(),
                }
            ]
        )  # fmt: skip

    def _interval_in_words(self) -> str:
        if self.hartung_knapp is False:
            return "normal interval"
        kind = ", factor at least 1" if self.hartung_knapp == "truncated" else ""
        return f"Hartung-Knapp interval (t, {self._pooled.df:g} df{kind})"

    def effect(self) -> Effect:
        """Return the pooled effect, for `e_value` or `Bucher`.

        Its limits are those of `tidy`, its standard error the one of the pooled effect.
        """
        row = self.tidy().query("row == 'pooled'").iloc[0]
        return Effect(
            row["measure"], row["treatment"], row["reference"], row["estimate"], row["conf_low"],
            row["conf_high"], row["std_error"], self.conf_level,
            f"{len(self.effects)} trials pooled",
        )  # fmt: skip

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the forest of trials, the pooled effect and the prediction; returns the Axes."""
        frame = self.tidy()
        if self.method == "fixed":
            frame = frame[frame["row"] != "prediction"]
        names = {"pooled": "Pooled", "prediction": "A new trial"}
        label = [names.get(r.row, r.trial or "trial") for r in each_row(frame)]
        first = self.effects[0]
        settings = {
            "xlabel": f"{first.measure[0].upper()}{first.measure[1:]}, "
            f"{first.treatment} v {first.reference}",
            "reference_line": first.null,
            "xscale": "log" if first.is_ratio else "linear",
            "digits": 2,
            "caveat": self.warning,
            **options,
        }
        table = frame.assign(label=_apart(label)).drop(columns="treatment")
        return plots.plot_estimates(table, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return trials, pooled effect and what separates the trials."""
        one, first = self._pooled, self.effects[0]
        rows = []
        for r in each_row(self.tidy()):
            name = {"pooled": "Pooled", "prediction": "A new trial"}.get(r.row, r.trial or "trial")
            if r.row == "prediction":
                if isnan(r.conf_low):
                    continue
                shown = f"{format_number(r.conf_low, 2)} to {format_number(r.conf_high, 2)}"
                rows.append((name, shown, "", ""))
                continue
            weight = f"{100 * r.weight:.1f} %" if r.row == "trial" else ""
            shown = format_estimate(r.estimate, r.conf_low, r.conf_high, 2)
            rows.append((name, shown, weight, format_p(r.p_value)))
        how = f"{self.method}, {self._interval_in_words()}"
        header = (
            ("Comparison", f"{first.treatment} v {first.reference}, {first.measure}"),
            ("Method", how),
            (
                "Heterogeneity",
                f"Q {one.Q:.2f} on {one.Q_df:g} df (p {format_p(one.Q_p)}), "
                f"I2 {100 * one.I2:.0f} %, tau {sqrt(one.tau2):.3f}",
            ),
        )
        level = f"{format_level(self.conf_level)} CI"
        table = Table(("Trial", f"Estimate ({level})", "Weight", "p"), tuple(rows))
        return Summary(self._title, header, (table,), self._notes())


def _apart(labels: list[str]) -> list[str]:
    """Return labels told apart by a number where they repeat."""
    seen: dict[str, int] = {}
    stated = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        stated.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return stated
