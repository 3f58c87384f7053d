"""An effect judged by a margin: tests, verdict, picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any

import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.comparison.indirect.effect import RATIOS
from trdstats.errors import NotEstimableError
from trdstats.kernels.proportions.margin_tests import Located
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    format_estimate,
    format_level,
    format_number,
    format_p,
)


@dataclass(frozen=True, repr=False)
class NoninferiorityResult(SummaryMixin):
    """An effect judged by a margin.

    Attributes
    ----------
    spec : Margin
    measure, treatment, reference : str
    located : Located
        Estimate, limits and one-sided tests.
    bounds : tuple of float or None
        Lower and upper bound; None for a side that is not tested.
    method : str
    words : str
        What was compared.
    """

    spec: Any
    measure: str
    treatment: str
    reference: str
    located: Located
    bounds: tuple[float | None, float | None]
    method: str
    words: str = ""

    @property
    def p_value(self) -> float:
        """One-sided p of the hypothesis; of two tests the larger one."""
        tests = zip(self.bounds, (self.located.below_p, self.located.above_p), strict=True)
        p_values = [p for bound, p in tests if bound is not None]
        if any(isnan(p) for p in p_values):
            raise NotEstimableError(
                f"The {self.measure} cannot be estimated: no group has an event, or all do."
            )
        return max(p_values)

    @property
    def shown(self) -> bool:
        """Whether the hypothesis is shown."""
        return bool(self.p_value < (1 - self.spec.conf_level) / 2)

    def tidy(self) -> pd.DataFrame:
        """Return one row a bound.

        Returns
        -------
        pandas.DataFrame
            hypothesis, measure, treatment, reference, side ("lower", "upper"), bound, estimate,
            std_error (log scale for ratios), df, statistic, p_value (one-sided), conf_low,
            conf_high, conf_level, method, shown (of this side).
        """
        f = self.located
        level = (1 - self.spec.conf_level) / 2
        sides = (("lower", f.below, f.below_p), ("upper", f.above, f.above_p))
        rows = [
            {
                "hypothesis": self.spec.hypothesis,
                "measure": self.measure,
                "treatment": self.treatment,
                "reference": self.reference,
                "side": side,
                "bound": bound,
                "estimate": f.estimate,
                "std_error": f.std_error,
                "df": f.df,
                "statistic": statistic,
                "p_value": p,
                "conf_low": f.low,
                "conf_high": f.high,
                "conf_level": self.spec.conf_level,
                "method": self.method,
                "shown": p < level,
            }
            for bound, (side, statistic, p) in zip(self.bounds, sides, strict=True)
            if bound is not None
        ]
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Return one row: hypothesis, margin, p_value (the larger one of two), shown."""
        return pd.DataFrame(
            {
                "hypothesis": [self.spec.hypothesis],
                "margin": [self.spec.margin],
                "p_value": [self.p_value],
                "shown": [self.shown],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the estimate with its interval and the margin; returns the Axes."""
        f = self.located
        ratio = self.measure in RATIOS
        frame = pd.DataFrame(
            {
                "label": [f"{self.treatment} v {self.reference}"],
                "estimate": [f.estimate],
                "conf_low": [f.low],
                "conf_high": [f.high],
            }
        )
        settings = {
            "xlabel": f"{self.measure[0].upper()}{self.measure[1:]} (solid lines: margin)",
            "reference_line": 1.0 if ratio else 0.0,
            "xscale": "log" if ratio else "linear",
            "digits": 2,
            **options,
        }
        ax = plots.plot_estimates(frame, ax=ax, **settings)
        for bound in self.bounds:
            if bound is not None:
                ax.axvline(bound, color="#EA7111", linewidth=1.8)
        return ax

    def summary(self) -> Summary:
        """Return estimate, margin, test and verdict."""
        f = self.located
        digits = 3 if self.measure == "risk difference" else 2
        margin = " and ".join(format_number(b, digits) for b in self.bounds if b is not None)
        row = (
            f"{self.treatment} v {self.reference}",
            self.measure,
            format_estimate(f.estimate, f.low, f.high, digits),
            margin,
            format_p(self.p_value),
        )
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Comparison", "Measure", f"Estimate ({level})", "Margin", "One-sided p")
        lines = [("Better", self.spec.better), ("Method", self.method)]
        if self.words:
            lines.insert(0, ("Compared", self.words))
        return Summary(
            f"{self.spec.hypothesis[0].upper()}{self.spec.hypothesis[1:]}: "
            + ("shown" if self.shown else "not shown"),
            tuple(lines),
            (Table(header, (row,), 2),),
            (self._verdict(), "Not shown is not the same as shown to be worse.")
            if not self.shown
            else (self._verdict(),),
        )

    def _verdict(self) -> str:
        level = (1 - self.spec.conf_level) / 2
        where = "keeps clear of" if self.shown else "reaches"
        return (
            f"The interval {where} the margin; each one-sided test has level {level:g}. A margin "
            "is chosen before the data are seen."
        )
