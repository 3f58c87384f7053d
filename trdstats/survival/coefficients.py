"""Coefficients of a regression of times, with the ratios they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.rules import Limits
from trdstats.estimates.table import Columns
from trdstats.survival.groups import Sample
from trdstats.tables import each_row, format_estimate, format_interval, format_number, format_p


class Coefficients(EstimateResult):
    """A result whose estimates are coefficients on the log scale of ratios.

    `tidy` has the keys; the ratio (``hazard_ratio``, ``time_ratio`` or ``ratio``) with its limits
    (``_low``, ``_high``), NaN for what stands for none; then estimate (its logarithm) and the
    columns of every table of estimates. Tests are of a coefficient of 0.
    """

    # Name of the ratio: the first word of three columns.
    ratio: ClassVar[str]

    def _has_ratio(self, terms: Sequence[str]) -> BoolArray:
        """Return which rows, by their terms, stand for a ratio; shape (k,)."""
        return np.ones(len(terms), dtype=bool)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the coefficients, rows and columns named by their keys."""
        estimates = self._table()
        return pd.DataFrame(
            estimates.covariance, index=estimates.labels(), columns=estimates.labels()
        )

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        return ratios_of(held, self.ratio, self._has_ratio(held["term"]))

    def _ratios(self) -> pd.DataFrame:
        """Return the coefficients with their ratios as estimate, conf_low, conf_high."""
        table = self.tidy()
        names = {f"{self.ratio}{e}": f"exp{e}" for e in ("", "_low", "_high")}
        return table.rename(columns=names)

    def _draw(self, xlabel: str, caveat: str, ax: Axes | None, options: dict[str, Any]) -> Axes:
        """Draw the ratios with their intervals."""
        table = self._ratios()
        of = table["event"] + ": " if "event" in table else ""
        frame = pd.DataFrame(
            {
                "label": of + table["term"],
                "estimate": table["exp"],
                "conf_low": table["exp_low"],
                "conf_high": table["exp_high"],
            }
        )
        settings = {
            "xlabel": xlabel, "reference_line": 1.0, "xscale": "log", "digits": 2,
            "caveat": caveat, **options,
        }  # fmt: skip
        return plots.plot_estimates(frame, ax=ax, **settings)

    def _rows(self) -> tuple[tuple[str, ...], ...]:
        """Return for print: ratio with interval, coefficient, error, p."""
        return tuple(
            (
                r.term,
                format_estimate(r.exp, r.exp_low, r.exp_high, 2),
                format_number(r.estimate, 3),
                format_number(r.std_error, 3),
                format_p(r.p_value),
            )
            for r in each_row(self._ratios())
        )

    def _rows_by_coefficient(self) -> tuple[tuple[str, ...], ...]:
        """Return for print: keys, coefficient, error, then ratio, interval and p of a ratio."""
        table, rows = self._ratios(), []
        heads = list(table.columns[: table.columns.get_loc("exp")])
        for r, shown in zip(each_row(table), self._has_ratio(table["term"].tolist()), strict=True):
            ratio = (
                format_number(r.exp, 2),
                format_interval(r.exp_low, r.exp_high, 2),
                format_p(r.p_value),
            )
            coefficient = (format_number(r.estimate, 3), format_number(r.std_error, 3))
            rows.append(
                (*(getattr(r, h) for h in heads), *coefficient, *(ratio if shown else ("",) * 3))
            )
        return tuple(rows)


def ratios_of(table: Columns | pd.DataFrame, name: str, shown: BoolArray) -> dict[str, FloatArray]:
    """Return the ratios that estimates are logarithms of, and their limits, as columns.

    Parameters
    ----------
    table : DataFrame or mapping of columns
    name : str
        Of the ratio; its limits are "<name>_low" and "<name>_high".
    shown : ndarray of bool, shape (k,)
        Which estimates stand for one.
    """
    ends = {"": "estimate", "_low": "conf_low", "_high": "conf_high"}
    with np.errstate(over="ignore"):
        logs = {f"{name}{end}": np.asarray(table[column]) for end, column in ends.items()}
        return {k: np.where(shown, np.exp(v), np.nan) for k, v in logs.items()}


def coefficients_of(
    keys: pd.DataFrame,
    value: FloatArray,
    covariance: FloatArray,
    effect: FloatArray | None,
    row: IntArray,
    sample: Sample,
    *,
    lost: tuple[str, str] = ("not estimable", "the data say nothing of its error"),
    title: str,
    notes: tuple[str, ...],
    clusters: ObjectArray | None = None,
    limits: Limits | None = None,
) -> Estimates:
    """Return the coefficients of a regression as estimates.

    Parameters
    ----------
    keys : pandas.DataFrame
    value : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    effect : ndarray, shape (n, k)
        Influence of each analysed row, the weights taken as known; None to leave it out.
    row : ndarray of int, shape (n,)
        Their positions among all rows with follow-up.
    sample : Sample
    lost : tuple of str
        Why a coefficient, and why only its error, could not be had where it is NaN.
    title : str
    notes : tuple of str
    clusters : ndarray of object, shape (n,), optional
        Groups of subjects that are not independent, the same on all rows of one.
    limits : Limits, optional
        Limits and tests that are not Wald's.
    """
    subjects = sample.influence_subjects()
    groups = None
    if clusters is not None:
        # Subjects outside the estimate stand alone.
        groups = np.full(len(subjects), None, dtype=object)
        groups[sample.owner[row]] = clusters
    influence = None if effect is None else sample.stacked_influence(sample.lay_out(row, effect))
    has_influence = influence is not None and bool(np.isfinite(influence).all())
    known, certain = np.isfinite(value), np.diag(covariance) > 0
    return estimates_of(
        keys, value, covariance=covariance, null=0.0, title=title, notes=notes, limits=limits,
        influences=influence if has_influence else None,
        subjects=subjects if has_influence else None, clusters=groups if has_influence else None,
        reasons=[
            lost[0] if not k else "" if c else lost[1] for k, c in zip(known, certain, strict=True)
        ],
    )  # fmt: skip
