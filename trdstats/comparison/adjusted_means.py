"""Means or rates of treatments in one population, and what separates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.outcomes.weighted_rates import rate_rows
from trdstats.tables import (
    Face,
    Introduces,
    Table,
    each_row,
    format_estimate,
    format_p,
)

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class AdjustedMeansResult(Introduces):
    """Means of every treatment for one and the same population.

    Attributes
    ----------
    title, outcome : str
    labels : tuple of str
        Treatments; the reference by name in `reference`.
    reference : str
    mean : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    conf_level : float
    facts, notes : tuple
        What the face says beside the numbers.
    coefficients : pandas.DataFrame or None
        term, estimate, std_error, statistic, p_value of the outcome model, where there is one.
    """

    title: str
    outcome: str
    labels: tuple[str, ...]
    reference: str
    mean: FloatArray
    covariance: FloatArray
    binary: bool
    conf_level: float
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    coefficients: pd.DataFrame | None
    _subjects: Any
    _influence: FloatArray

    def tidy(self) -> pd.DataFrame:
        """Return means or rates, then comparisons with the reference.

        Returns
        -------
        pandas.DataFrame
            measure ("mean" and "difference"; of outcomes of 0 and 1 "rate", "difference", "ratio"
            and "odds ratio"), treatment, reference, estimate, std_error (log scale for ratios),
            statistic, p_value, conf_low, conf_high, conf_level.
        """
        base = self.labels.index(self.reference)
        if self.binary:
            rows = rate_rows(list(self.labels), self.mean, self.covariance, base, self.conf_level)
        else:
            rows = self._mean_rows(base)
        frame = pd.DataFrame(rows).assign(conf_level=self.conf_level)
        frame["reference"] = frame["reference"].astype(object).fillna("")
        order = ["measure", "treatment", "reference", "estimate", "std_error", "statistic",
                 "p_value", "conf_low", "conf_high", "conf_level"]  # fmt: skip
        return frame[order]

    def _mean_rows(self, base: int) -> list[dict[str, Any]]:
        z, rows = float(norm.isf((1 - self.conf_level) / 2)), []
        V = self.covariance
        for k, name in enumerate(self.labels):
            error = float(np.sqrt(V[k, k]))
            rows.append(_row("mean", name, "", self.mean[k], error, z, test=False))
        for k, name in enumerate(self.labels):
            if k != base:
                error = float(np.sqrt(max(V[k, k] + V[base, base] - 2 * V[k, base], 0.0)))
                gap = self.mean[k] - self.mean[base]
                rows.append(_row("difference", name, self.reference, gap, error, z, test=True))
        return rows

    def glance(self) -> pd.DataFrame:
        """Return one row: n, outcome, reference."""
        return pd.DataFrame({"n": [len(self._subjects)], "outcome": [self.outcome],
                             "reference": [self.reference]})  # fmt: skip

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each mean."""
        frame = pd.DataFrame(self._influence, columns=list(self.labels))
        frame.insert(0, "subject", self._subjects)
        return frame

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the means with their intervals; returns the Axes."""
        frame = self.tidy()
        frame = frame[frame["measure"] == ("rate" if self.binary else "mean")]
        settings = {"xlabel": self.outcome, "digits": 2, **options}
        return plots.plot_estimates(frame.assign(label=frame["treatment"]), ax=ax, **settings)

    def face(self) -> Face:
        """Return means and comparisons."""
        level = f"{100 * self.conf_level:g} % CI"
        scale, digits = (100.0, 1) if self.binary else (1.0, 2)
        own = {(r.measure, r.treatment): r for r in each_row(self.tidy())}
        first = "rate" if self.binary else "mean"
        measures = ["difference", "ratio", "odds ratio"] if self.binary else ["difference"]
        rows = []
        for name in self.labels:
            r = own[first, name]
            cells = [name, _shown(r, digits, scale)]
            for measure in measures:
                c = own.get((measure, name))
                plain = measure == "difference"
                shown = (digits, scale) if plain else (2, 1.0)
                cells.append("" if c is None else _shown(c, *shown))
            p = own.get(("difference", name))
            rows.append((*cells, "reference" if p is None else format_p(p.p_value)))
        unit = "%" if self.binary else "mean"
        header = ("Treatment", f"{self.outcome}, {unit} ({level})",
                  *(m.capitalize() for m in measures), "p")  # fmt: skip
        return Face(self.title, self.facts, (Table(header, tuple(rows)),), self.notes)


def _shown(row: Any, digits: int, scale: float) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)


def _row(
    measure: str, name: str, reference: str, value: float, error: float, z: float, *, test: bool
) -> dict[str, Any]:
    statistic = value / error if test and error > 0 else np.nan
    return {
        "measure": measure,
        "treatment": name,
        "reference": reference,
        "estimate": float(value),
        "std_error": error,
        "statistic": float(statistic),
        "p_value": float(2 * norm.sf(abs(statistic))),
        "conf_low": float(value - z * error),
        "conf_high": float(value + z * error),
    }
