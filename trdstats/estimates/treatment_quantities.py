"""What the same subjects would have under each treatment, and what separates the treatments.

Every adjusted comparison ends here: estimates of one or several quantities by treatment with their
joint covariance become a tidy table, cells and a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit
from scipy.stats import norm

from trdstats import plots
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, check_choice, no_error_known
from trdstats.estimates.wald import Scale, delta_row
from trdstats.kernels.numerics.boundary import at_boundary, variance_of_mean, without
from trdstats.tables import Table, each_row, format_estimate, format_p

Quantity = Literal["rate", "mean", "survival", "restricted mean"]

# Scale of the interval of a quantity, and which ratios it has besides the difference.
_SCALES: dict[str, Scale] = {
    "rate": "logit", "mean": "plain", "survival": "log-log", "restricted mean": "plain"
}  # fmt: skip
_CONTRASTS = {
    "rate": ("difference", "ratio", "odds ratio"),
    "mean": ("difference",),
    "survival": ("difference", "ratio"),
    "restricted mean": ("difference", "ratio"),
}
_SHARES = ("rate", "survival")


@dataclass(frozen=True)
class Marginal:
    """One quantity under every treatment.

    Attributes
    ----------
    quantity : {"rate", "mean", "survival", "restricted mean"}
    time : float
        Day it belongs to; NaN where it has none.
    labels : tuple of str
    estimate : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        NaN for treatments under which nobody or everybody had the outcome, or all were alike.
    """

    quantity: Quantity
    time: float
    labels: tuple[str, ...]
    estimate: FloatArray
    covariance: FloatArray

    @property
    def title(self) -> str:
        """What it is, in words."""
        words = self.quantity[:1].upper() + self.quantity[1:]
        if np.isnan(self.time):
            return words
        return f"{words} {'to' if self.quantity == 'restricted mean' else 'at'} day {self.time:g}"

    @property
    def unit(self) -> str:
        """Unit of its figures, in brackets."""
        return " (%)" if self.quantity in _SHARES else ""

    def columns(self) -> list[str]:
        """Return the names of its influences."""
        day = "" if np.isnan(self.time) else f" day {self.time:g}"
        return [f"{label} {self.quantity}{day}" for label in self.labels]

    def rows(self, reference: str, conf_level: float) -> list[dict[str, Any]]:
        """Return estimates, then comparisons with the reference."""
        key = {"quantity": self.quantity, "time": self.time}
        rows = []
        for k, label in enumerate(self.labels):
            own = self.covariance[k : k + 1, k : k + 1]
            value, scale = float(self.estimate[k]), _SCALES[self.quantity]
            row = delta_row(value, np.ones(1), own, conf_level, scale)
            rows.append({"measure": self.quantity, "label": label, "reference": "", **key, **row})
        base = self.labels.index(reference)
        for measure in _CONTRASTS[self.quantity]:
            for k, label in enumerate(self.labels):
                if k != base:
                    row = self._contrast(measure, k, base, conf_level)
                    rows.append(
                        {"measure": measure, "label": label, "reference": reference, **key, **row}
                    )
        return rows

    def _contrast(self, measure: str, k: int, base: int, conf_level: float) -> dict[str, Any]:
        value, slope = _compare(measure, float(self.estimate[k]), float(self.estimate[base]))
        own = np.ix_([k, base], [k, base])
        error = float(np.sqrt(max(float(slope @ self.covariance[own] @ slope), 0.0)))
        half = float(norm.isf((1 - conf_level) / 2)) * error
        statistic = value / error if error > 0 else np.nan
        ends = np.array([value, value - half, value + half])
        estimate, low, high = ends if measure == "difference" else np.exp(ends)
        return {
            "estimate": float(estimate),
            "std_error": error,
            "statistic": statistic,
            "p_value": float(2 * norm.sf(abs(statistic))),
            "conf_low": float(low),
            "conf_high": float(high),
        }


def _compare(measure: str, a: float, b: float) -> tuple[float, FloatArray]:
    """Return a comparison, ratios on the log scale, and its slopes; NaN where it has none."""
    if measure == "difference":
        return a - b, np.array([1.0, -1.0])
    if a <= 0 or b <= 0 or (measure == "odds ratio" and (a >= 1 or b >= 1)):
        return np.nan, np.full(2, np.nan)
    if measure == "ratio":
        return float(np.log(a / b)), np.array([1 / a, -1 / b])
    return float(logit(a) - logit(b)), np.array([1 / (a * (1 - a)), -1 / (b * (1 - b))])


@dataclass(frozen=True)
class Marginals:
    """Quantities under every treatment with the influences of subjects.

    Attributes
    ----------
    parts : tuple of Marginal
    by : str
        Column that names the treatments.
    reference : str
    conf_level : float
    subjects : ndarray of object, shape (n,)
    moved : ndarray, shape (n, k) or None
        Influence of each subject on each estimate, in the order of the parts; None where the
        covariance does not come from influences of subjects.
    """

    parts: tuple[Marginal, ...]
    by: str
    reference: str
    conf_level: float
    subjects: npt.NDArray[np.object_]
    moved: FloatArray | None

    def tidy(self) -> pd.DataFrame:
        """Return measure, `by`, reference, quantity, time, estimate and what is known of it."""
        rows = [r for p in self.parts for r in p.rows(self.reference, self.conf_level)]
        columns = [
            "measure", "label", "reference", "quantity", "time", "estimate", "std_error",
            "statistic", "p_value", "conf_low", "conf_high",
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=columns).assign(conf_level=self.conf_level)
        return frame.rename(columns={"label": self.by})

    def influence(self) -> pd.DataFrame:
        """Return subject, then a column an estimate.

        Raises
        ------
        NotEstimableError
            When the variance is not a sum over subjects.
        """
        if self.moved is None:
            raise NotEstimableError(
                "Subjects matched with replacement, or to controls of equal score, have no "
                "influences that sum to the variance."
            )
        frame = pd.DataFrame(self.moved, columns=[c for p in self.parts for c in p.columns()])
        frame.insert(0, "subject", self.subjects)
        return frame

    def notes(self) -> tuple[str, ...]:
        """Return which treatments have no standard error, and why."""
        return no_error_known(
            [
                label
                for part in self.parts
                for label, v in zip(part.labels, np.diag(part.covariance), strict=True)
                if np.isnan(v)
            ]
        )

    def tables(self) -> tuple[Table, ...]:
        """Return one table a quantity; p is that of the difference."""
        frame = self.tidy()
        return tuple(self._table(frame, part) for part in self.parts)

    def _table(self, frame: pd.DataFrame, part: Marginal) -> Table:
        scale = 100 if part.quantity in _SHARES else 1
        same = frame["time"].isna() if np.isnan(part.time) else frame["time"] == part.time
        own = frame[(frame["quantity"] == part.quantity) & same]
        rows = []
        for label in part.labels:
            found = {r.measure: r for r in each_row(own[own[self.by] == label])}
            cells = [label, _shown(found[part.quantity], scale, 1)]
            for measure in _CONTRASTS[part.quantity]:
                if measure not in found:
                    cells.append("")
                elif measure == "difference":
                    cells.append(_shown(found[measure], scale, 1))
                else:
                    cells.append(_shown(found[measure], 1, 2))
            p = format_p(found["difference"].p_value) if "difference" in found else "reference"
            rows.append((*cells, p))
        level = f"{100 * self.conf_level:g} % CI"
        unit = "%, " if scale == 100 else "days, " if part.quantity == "restricted mean" else ""
        names = [m[:1].upper() + m[1:] for m in _CONTRASTS[part.quantity]]
        return Table((self.by.capitalize(), f"{part.title} ({unit}{level})", *names, "p"),
                     tuple(rows))  # fmt: skip

    def draw(self, ax: Any, measure: str | None, outcome: str, options: dict[str, Any]) -> Any:
        """Draw the first quantity under each treatment, or one of its comparisons."""
        part = self.parts[0]
        wanted = part.quantity if measure is None else measure
        check_choice("measure", wanted, (part.quantity, *_CONTRASTS[part.quantity]))
        frame = self.tidy()
        same = frame["time"].isna() if np.isnan(part.time) else frame["time"] == part.time
        frame = frame[(frame["measure"] == wanted) & (frame["quantity"] == part.quantity) & same]
        in_percent = part.quantity in _SHARES and wanted in (part.quantity, "difference")
        scale = 100 if in_percent else 1
        shown = frame[["estimate", "conf_low", "conf_high"]] * scale
        shown = shown.assign(label=frame[self.by])
        settings: dict[str, Any] = {"xlabel": f"{self._words(part, outcome)}{part.unit}"}
        if wanted == part.quantity:
            shown = shown.assign(treatment=frame[self.by])
        elif wanted == "difference":
            points = " (percentage points)" if scale == 100 else part.unit
            words = self._words(part, outcome)
            settings["xlabel"] = f"{words}: difference from {self.reference}{points}"
            settings["reference_line"] = 0.0
        else:
            settings["xlabel"] = f"{self._words(part, outcome)}: {wanted} to {self.reference}"
            settings |= {"reference_line": 1.0, "xscale": "log", "digits": 2}
        return plots.plot_estimates(shown, ax=ax, **{**settings, **options})

    @staticmethod
    def _words(part: Marginal, outcome: str) -> str:
        """Name a quantity of an outcome; rates and means have their day in the outcome."""
        if part.quantity in ("rate", "mean"):
            return outcome[:1].upper() + outcome[1:]
        if part.quantity == "survival":
            return f"Without {outcome} at day {part.time:g}"
        return f"Mean days without {outcome} to day {part.time:g}"


def _shown(row: Any, scale: float, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)


def slice_parts(
    quantities: Sequence[tuple[Quantity, float]],
    labels: tuple[str, ...],
    estimate: FloatArray,
    covariance: FloatArray,
) -> tuple[Marginal, ...]:
    """Return the quantities of estimates laid quantity by quantity, treatments within.

    Parameters
    ----------
    quantities : sequence of (str, float)
    labels : tuple of str, length k
    estimate : ndarray, shape (m k,)
    covariance : ndarray, shape (m k, m k)
    """
    k = len(labels)
    parts = []
    for j, (quantity, time) in enumerate(quantities):
        own = slice(j * k, (j + 1) * k)
        known = _known(quantity, estimate[own], covariance[own, own])
        parts.append(Marginal(quantity, time, labels, estimate[own], known))
    return tuple(parts)


def _known(quantity: Quantity, estimate: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return a covariance without what subjects that are all alike cannot tell."""
    if quantity in _SHARES:
        return without(at_boundary(estimate), covariance)
    return without(np.isnan(variance_of_mean(estimate, np.diag(covariance))), covariance)
