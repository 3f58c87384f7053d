"""Treatments of two trials compared: the result that every indirect method returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.comparison.indirect.effect import RATIOS, Effect
from trdstats.errors import NotEstimableError
from trdstats.tables import Summary, SummaryMixin, Table, each_row, format_estimate, format_p

_ORDER = [
    "comparison", "measure", "treatment", "reference", "estimate", "std_error", "statistic",
    "p_value", "conf_low", "conf_high", "conf_level", "interval",
]  # fmt: skip


@dataclass(frozen=True, repr=False)
class IndirectComparison(SummaryMixin):
    """Two treatments that no trial compared.

    Attributes
    ----------
    title : str
        Method, in a few words.
    frame : pandas.DataFrame
        As `tidy` returns it.
    facts : tuple of (str, str)
    notes : tuple of str
    subjects : pandas.DataFrame or None
        subject and influence of each subject on its own trial's estimate; None without patients.
    caveat : str
    """

    title: str
    frame: pd.DataFrame
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    subjects: pd.DataFrame | None = None
    caveat: str = ""

    def tidy(self) -> pd.DataFrame:
        """Return what each trial tells, then the indirect comparison.

        Returns
        -------
        pandas.DataFrame
            comparison ("own trial", "published", "first", "second", "direct", "indirect"),
            measure, treatment, reference (empty for the outcome of one arm), estimate, std_error
            (on the log scale for ratios), statistic, p_value, conf_low, conf_high, conf_level,
            interval (how the limits were found).
        """
        return self.frame.copy()

    def effect(self) -> Effect:
        """Return the indirect comparison as an effect, for `e_value` or another comparison."""
        row = self.frame[self.frame["comparison"] == "indirect"].iloc[0]
        return Effect(
            row["measure"], row["treatment"], row["reference"], row["estimate"], row["conf_low"],
            row["conf_high"], row["std_error"], row["conf_level"],
        )  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Return one row: the indirect comparison."""
        return self.frame[self.frame["comparison"] == "indirect"].reset_index(drop=True)

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on the indirect comparison (log scale).

        Its sum of squares is the part of the variance that comes from the own trial.

        Raises
        ------
        NotEstimableError
            When no patients were analysed.
        """
        if self.subjects is None:
            raise NotEstimableError(
                "No patients were analysed: published effects have no influence."
            )
        return self.subjects.copy()

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw what each trial tells and the indirect comparison; returns the Axes."""
        frame = self.frame[self.frame["reference"] != ""]
        measure = str(frame["measure"].iloc[-1])
        labels = [f"{r.treatment} v {r.reference} ({r.comparison})" for r in each_row(frame)]
        settings = {
            "xlabel": measure[0].upper() + measure[1:],
            "reference_line": 1.0 if measure in RATIOS else 0.0,
            "xscale": "log" if measure in RATIOS else "linear",
            "digits": 2,
            "caveat": self.caveat,
            **options,
        }
        table = frame.drop(columns="treatment").assign(label=labels)
        return plots.plot_estimates(table, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return every comparison as a table, with what it rests on."""
        rows = tuple(
            (
                r.comparison,
                f"{r.treatment} v {r.reference}" if r.reference else r.treatment,
                r.measure,
                format_estimate(r.estimate, r.conf_low, r.conf_high, 2),
                "" if np.isnan(r.p_value) else format_p(r.p_value),
            )
            for r in each_row(self.frame)
        )
        level = f"{100 * self.frame['conf_level'].iloc[0]:g} % CI"
        header = ("", "Comparison", "Measure", f"Estimate ({level})", "p")
        notes = (*self.notes, *((f"{self.caveat}.",) if self.caveat else ()))
        return Summary(self.title, self.facts, (Table(header, rows, 3),), notes)


def effect_row(comparison: str, e: Effect, conf_level: float, interval: str) -> dict[str, Any]:
    """Return one effect in the vocabulary of the table, with limits from its standard error."""
    low, high = e.limits(conf_level)
    z = e.value / e.error
    return {
        "comparison": comparison,
        "measure": e.measure,
        "treatment": e.treatment,
        "reference": e.reference,
        "estimate": e.estimate,
        "std_error": e.error,
        "statistic": z,
        "p_value": float(2 * norm.sf(abs(z))),
        "conf_low": low,
        "conf_high": high,
        "conf_level": conf_level,
        "interval": interval,
    }


def arm_row(
    comparison: str, measure: str, treatment: str, estimate: float, error: float,
    conf_level: float, interval: str,
) -> dict[str, Any]:  # fmt: skip
    """Return the rate or mean of one arm, limits symmetric on its own scale."""
    half = float(norm.isf((1 - conf_level) / 2)) * error
    return {
        "comparison": comparison,
        "measure": measure,
        "treatment": treatment,
        "reference": "",
        "estimate": estimate,
        "std_error": error,
        "statistic": np.nan,
        "p_value": np.nan,
        "conf_low": estimate - half,
        "conf_high": estimate + half,
        "conf_level": conf_level,
        "interval": interval,
    }


def as_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows with their columns in order."""
    return pd.DataFrame(rows)[_ORDER]
