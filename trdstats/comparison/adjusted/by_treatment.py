"""Results that say what the same subjects would have under each treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_choice, no_error_known, no_error_reason
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.scales import ScaleName
from trdstats.estimates.stacked import below, with_root, without_root
from trdstats.kernels.numerics.boundary import at_boundary, variance_of_mean, without
from trdstats.tables import Table, each_row, format_estimate, format_level, format_p

Estimand = Literal["ate", "att"]
Quantity = Literal["rate", "mean", "survival", "restricted mean"]


def check_estimand(estimand: str, treated: Level | None) -> None:
    """Raise `SpecError` unless the estimand is known and "att" names whose effect it is."""
    check_choice("estimand", estimand, get_args(Estimand))
    if (estimand == "att") == (treated is None):
        raise SpecError(
            "estimand='att' is about the subjects of one treatment: name it with treated=..., "
            "and only there."
        )


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a quantity is compared and shown."""

    limits: ScaleName
    measures: tuple[Measure, ...]
    is_proportion: bool


_KINDS: dict[str, _Kind] = {
    "rate": _Kind("logit", ("difference", "ratio", "odds ratio"), True),
    "mean": _Kind("identity", ("difference",), False),
    "survival": _Kind("log-log", ("difference", "ratio"), True),
    "restricted mean": _Kind("identity", ("difference", "ratio"), False),
}


def values_by_treatment(
    quantities: Sequence[tuple[Quantity, float]],
    by: str,
    labels: Sequence[str],
    estimate: FloatArray,
    *,
    influence: FloatArray | None,
    subjects: npt.ArrayLike,
    covariance: FloatArray | None = None,
    title: str,
    notes: tuple[str, ...] = (),
) -> Estimates:
    """Return quantities under every treatment.

    Parameters
    ----------
    quantities : sequence of (str, float), length m
        Each with its day; NaN where it has none.
    by : str
        Column that names the treatments.
    labels : sequence of str, length k
    estimate : ndarray, shape (m k,)
        Quantity by quantity, treatments within.
    influence : ndarray, shape (n, m k), or None
        Of each subject; None where the covariance is not a sum over subjects.
    subjects : array_like, shape (n,)
    covariance : ndarray, shape (m k, m k), optional
        Default: that of the influences.
    title : str
    notes : tuple of str

    Returns
    -------
    Estimates
        Keys `by`, quantity, time. No standard error under a treatment in which no subject or
        every subject had the outcome, or all had the same.
    """
    if covariance is None:
        assert influence is not None
        covariance = influence.T @ influence
    cells = [(label, quantity, time) for quantity, time in quantities for label in labels]
    kinds = [_KINDS[quantity] for _, quantity, _ in cells]
    is_proportion = np.array([kind.is_proportion for kind in kinds])
    no_error = np.where(
        is_proportion, at_boundary(estimate),
        np.isnan(variance_of_mean(estimate, np.diag(covariance))),
    )  # fmt: skip
    known = without(no_error, covariance)
    return estimates_of(
        pd.DataFrame(cells, columns=[by, "quantity", "time"]), estimate,
        influences=influence, subjects=None if influence is None else subjects, covariance=known,
        limits_scale=[kind.limits for kind in kinds],
        reasons=[no_error_reason(v) for v in np.diag(known)], title=title, notes=notes,
    )  # fmt: skip


class ResultByTreatment(EstimateResult):
    """A result with quantities under every treatment, and their comparisons with a reference."""

    __slots__ = ()

    _values: Estimates
    _reference: str

    def estimates(self) -> Estimates:
        """Return each quantity under every treatment, then its comparisons with the reference.

        Returns
        -------
        Estimates
            Keys measure (the quantity itself, "difference", "ratio", "odds ratio"), treatment,
            reference, quantity ("rate", "mean", "survival", "restricted mean"), time (day). A
            difference of rates is a proportion. Limits of rates are symmetric on the logit scale,
            of survival on the log(-log) scale, of ratios on the log scale.
        """
        return self._compared(self._values)

    def _table(self) -> Estimates:
        # A table needs the covariance alone, not what every subject does.
        return self._compared(replace(self._values, influences=None, subjects=None))

    def _compared(self, estimates: Estimates) -> Estimates:
        values, parts = with_root(estimates), []
        for quantity, rows in self._quantities():
            of_quantity = values.select(rows)
            keys = of_quantity.keys.assign(measure=quantity, reference="")
            keys = keys[["measure", self._by, "reference", "quantity", "time"]]
            parts.append(replace(of_quantity, keys=keys))
            if len(of_quantity) > 1:
                measures = _KINDS[quantity].measures
                parts.append(
                    of_quantity.compare(self._by, reference=self._reference, measures=measures)
                )
        return without_root(below(parts), estimates)

    def _quantities(self) -> list[tuple[str, npt.NDArray[np.intp]]]:
        """Return the quantities and the rows of each."""
        cell = self._values.keys.groupby(["quantity", "time"], sort=False, dropna=False)
        code = cell.ngroup().to_numpy()
        rows = [np.flatnonzero(code == j) for j in dict.fromkeys(code)]
        return [(str(self._values.keys["quantity"].iloc[r[0]]), r) for r in rows]

    @property
    def _by(self) -> str:
        return str(self._values.keys.columns[0])

    def _notes(self) -> tuple[str, ...]:
        """Return which treatments have no standard error, and why."""
        lost = np.isnan(self._values.std_error)
        return no_error_known(self._values.keys.loc[lost, self._by].tolist())

    def _tables(self) -> tuple[Table, ...]:
        """Return one table a quantity; p is that of the difference."""
        frame = self.tidy()
        cells = frame.groupby(["quantity", "time"], sort=False, dropna=False)
        return tuple(
            self._table_of(cell, _KINDS[str(cell["quantity"].iloc[0])]) for _, cell in cells
        )

    def _table_of(self, frame: pd.DataFrame, kind: _Kind) -> Table:
        quantity, time = str(frame["quantity"].iloc[0]), float(frame["time"].iloc[0])
        scale, rows = 100 if kind.is_proportion else 1, []
        for label, of_label in frame.groupby(self._by, sort=False):
            by_measure = {r.measure: r for r in each_row(of_label)}
            cells = [str(label), _shown(by_measure[quantity], scale, 1)]
            for measure in kind.measures:
                digits = (scale, 1) if measure == "difference" else (1, 2)
                cells.append(_shown(by_measure[measure], *digits) if measure in by_measure else "")
            p = (
                format_p(by_measure["difference"].p_value)
                if "difference" in by_measure
                else "reference"
            )
            rows.append((*cells, p))
        level = f"{format_level(self.conf_level)} CI"
        unit = "%, " if scale == 100 else "days, " if quantity == "restricted mean" else ""
        names = [m[:1].upper() + m[1:] for m in kind.measures]
        head = f"{_title(quantity, time)} ({unit}{level})"
        return Table((self._by.capitalize(), head, *names, "p"), tuple(rows))

    def _draw(
        self, ax: Axes | None, measure: str | None, outcome: str, options: dict[str, Any]
    ) -> Axes:
        """Draw the first quantity under each treatment, or one of its comparisons."""
        quantity, time = self._values.keys[["quantity", "time"]].iloc[0]
        kind = _KINDS[quantity]
        wanted = quantity if measure is None else measure
        check_choice("measure", wanted, (quantity, *kind.measures))
        frame = self.tidy()
        same = frame["time"].isna() if np.isnan(time) else frame["time"] == time
        frame = frame[(frame["measure"] == wanted) & (frame["quantity"] == quantity) & same]
        in_percent = kind.is_proportion and wanted in (quantity, "difference")
        shown = frame[["estimate", "conf_low", "conf_high"]] * (100 if in_percent else 1)
        shown = shown.assign(label=frame[self._by])
        words = _in_words(quantity, time, outcome)
        settings: dict[str, Any] = {"xlabel": f"{words}{' (%)' if kind.is_proportion else ''}"}
        if wanted == quantity:
            shown = shown.assign(treatment=frame[self._by])
        elif wanted == "difference":
            points = " (percentage points)" if in_percent else ""
            settings["xlabel"] = f"{words}: difference from {self._reference}{points}"
            settings["reference_line"] = 0.0
        else:
            settings["xlabel"] = f"{words}: {wanted} to {self._reference}"
            settings |= {"reference_line": 1.0, "xscale": "log", "digits": 2}
        return plots.plot_estimates(shown, ax=ax, **{**settings, **options})


def _title(quantity: str, time: float) -> str:
    words = quantity[:1].upper() + quantity[1:]
    if np.isnan(time):
        return words
    return f"{words} {'to' if quantity == 'restricted mean' else 'at'} day {time:g}"


def _in_words(quantity: str, time: float, outcome: str) -> str:
    """Name a quantity of an outcome; rates and means have their day in the outcome."""
    if quantity in ("rate", "mean"):
        return outcome[:1].upper() + outcome[1:]
    if quantity == "survival":
        return f"Without {outcome} at day {time:g}"
    return f"Mean days without {outcome} to day {time:g}"


def _shown(row: Any, scale: float, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits, scale=scale)
