"""Treatments of two trials compared: the result that every indirect method returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.comparison.indirect.effect import RATIOS, Effect
from trdstats.errors import NotEstimableError
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level, format_p

_KEYS = ("comparison", "measure", "treatment", "reference")


@dataclass(frozen=True, repr=False)
class IndirectComparison(EstimateResult):
    """Two treatments that no trial compared.

    Attributes
    ----------
    title : str
        Method, in a few words.
    header : tuple of (str, str)
    notes : tuple of str
    subjects : pandas.DataFrame or None
        subject and influence of each subject on its IPD trial's estimate; None without patients.
    caveat : str
    conf_level : float
    """

    title: str
    header: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    subjects: pd.DataFrame | None = None
    caveat: str = ""
    conf_level: float = 0.95
    _values: Estimates = field(kw_only=True)

    def estimates(self) -> Estimates:
        """Return what each trial tells, then the indirect comparison.

        Returns
        -------
        Estimates
            Keys comparison ("IPD trial", "published", "first", "second", "direct", "indirect"),
            measure, treatment, reference (empty for the outcome of one arm), interval (how the
            standard error was found).
        """
        return self._values

    def effect(self) -> Effect:
        """Return the indirect comparison as an effect, for `e_value` or another comparison."""
        row = self.glance().iloc[0]
        return Effect(
            row["measure"], row["treatment"], row["reference"], row["estimate"], row["conf_low"],
            row["conf_high"], row["std_error"], row["conf_level"],
        )  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Return one row: the indirect comparison."""
        return self._values.only(comparison="indirect").tidy(conf_level=self.conf_level)

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on the indirect comparison (log scale).

        Its sum of squares is the part of the variance that comes from the IPD trial.

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

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw what each trial tells and the indirect comparison; returns the Axes."""
        frame = self.tidy()
        frame = frame[frame["reference"] != ""]
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
            for r in each_row(self.tidy())
        )
        level = f"{format_level(self.conf_level)} CI"
        header = ("", "Comparison", "Measure", f"Estimate ({level})", "p")
        return Summary(self.title, self.header, (Table(header, rows, 3),), self.notes)


@dataclass(frozen=True, slots=True)
class Piece:
    """One row of an indirect comparison: an effect, or the outcome of one arm.

    Attributes
    ----------
    comparison, measure, treatment, reference : str
        The reference of the outcome of one arm is empty.
    estimate : float
    errors : tuple of float
        Standard errors that come from each independent source, on the scale of analysis; a
        source that enters with the other sign has a negative one.
    interval : str
        How the standard error was found.
    """

    comparison: str
    measure: str
    treatment: str
    reference: str
    estimate: float
    errors: tuple[float, ...]
    interval: str = "normal"

    @classmethod
    def of(
        cls, e: Effect, comparison: str, errors: tuple[float, ...], interval: str = "normal"
    ) -> Piece:
        """Return an effect as a piece."""
        return cls(comparison, e.measure, e.treatment, e.reference, e.estimate, errors, interval)


def estimates_of_pieces(pieces: list[Piece], title: str, notes: tuple[str, ...]) -> Estimates:
    """Return the pieces with their joint covariance; two share what comes from one source."""
    keys = pd.DataFrame([{k: getattr(p, k) for k in (*_KEYS, "interval")} for p in pieces])
    errors = np.array([p.errors for p in pieces])
    is_ratio = keys["measure"].isin(RATIOS).to_numpy()
    return estimates_of(
        keys, [p.estimate for p in pieces], covariance=errors @ errors.T,
        scale=["log" if ratio else "identity" for ratio in is_ratio],
        null=np.where(keys["reference"] == "", np.nan, is_ratio), title=title, notes=notes,
    )  # fmt: skip
