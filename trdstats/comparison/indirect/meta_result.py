"""The pooled effect of several trials: rows, forest, face."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isnan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.comparison.indirect.effect import Effect
from trdstats.kernels.numerics import meta_analysis as kernel
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_estimate,
    format_number,
    format_p,
)


@dataclass(frozen=True, repr=False)
class PooledEffect(SummaryMixin):
    """The pooled effect of several trials.

    Attributes
    ----------
    effects : tuple of Effect
    method : str
    hartung_knapp : bool or "truncated"
        As used.
    conf_level : float
    warning : str
        What separates the trials, in words; empty when they agree.
    notes : tuple of str
    """

    effects: tuple[Effect, ...]
    method: str
    hartung_knapp: bool | str
    conf_level: float
    warning: str
    notes: tuple[str, ...]
    _found: kernel.Pooled

    def tidy(self) -> pd.DataFrame:
        """Return the trials, the pooled effect, and the range of a new trial's effect.

        Returns
        -------
        pandas.DataFrame
            row ("trial", "pooled", "prediction"), trial, measure, treatment, reference, estimate,
            std_error (log scale for ratios), statistic, df, p_value, conf_low, conf_high,
            conf_level, weight (share of 1).
        """
        first, f = self.effects[0], self._found
        back = exp if first.is_ratio else float
        keys = {
            "measure": first.measure, "treatment": first.treatment, "reference": first.reference
        }  # fmt: skip
        rows = []
        for e, weight in zip(self.effects, f.weight, strict=True):
            z = e.value / e.error
            low, high = e.limits(self.conf_level)
            rows.append(
                {
                    "row": "trial", "trial": e.trial, **keys, "estimate": e.estimate,
                    "std_error": e.error, "statistic": z, "df": np.inf,
                    "p_value": float(2 * norm.sf(abs(z))), "conf_low": low, "conf_high": high,
                    "weight": float(weight),
                }
            )  # fmt: skip
        rows.append(
            {
                "row": "pooled", "trial": "", **keys, "estimate": back(f.estimate),
                "std_error": f.std_error, "statistic": f.statistic, "df": f.df,
                "p_value": f.p_value, "conf_low": back(f.low), "conf_high": back(f.high),
                "weight": 1.0,
            }
        )  # fmt: skip
        rows.append(
            {
                "row": "prediction", "trial": "", **keys, "estimate": np.nan,
                "std_error": np.nan, "statistic": np.nan, "df": f.df, "p_value": np.nan,
                "conf_low": back(f.prediction_low), "conf_high": back(f.prediction_high),
                "weight": np.nan,
            }
        )  # fmt: skip
        frame = pd.DataFrame(rows)
        frame.insert(list(frame.columns).index("weight"), "conf_level", self.conf_level)
        return frame

    def glance(self) -> pd.DataFrame:
        """Return one row: k, tau2, tau, I2 (share of 1), Q, Q_df, Q_p, interval (in words)."""
        f = self._found
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
        return f"Hartung-Knapp interval (t, {self._found.df:g} df{kind})"

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

    def plot(self, ax: Any = None, **options: Any) -> Any:
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
        table["estimate"] = table["estimate"].where(
            table["row"] != "prediction", frame.loc[frame["row"] == "pooled", "estimate"].item()
        )
        return plots.plot_estimates(table, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return trials, pooled effect and what separates the trials."""
        one, first = self._found, self.effects[0]
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
        facts = (
            ("Comparison", f"{first.treatment} v {first.reference}, {first.measure}"),
            ("Method", how),
            (
                "Heterogeneity",
                f"Q {one.Q:.2f} on {one.Q_df:g} df (p {format_p(one.Q_p)}), "
                f"I2 {100 * one.I2:.0f} %, tau {sqrt(one.tau2):.3f}",
            ),
        )
        level = f"{100 * self.conf_level:g} % CI"
        notes = (*((self.warning,) if self.warning else ()), *self.notes)
        table = Table(("Trial", f"Estimate ({level})", "Weight", "p"), tuple(rows))
        return Summary(f"Pooled effect of {len(self.effects)} trials", facts, (table,), notes)


def _apart(labels: list[str]) -> list[str]:
    """Return labels told apart by a number where they repeat."""
    seen: dict[str, int] = {}
    told = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        told.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return told
