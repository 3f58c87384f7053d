"""Differences of marginal means, adjusted for how many they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_level, known_level
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics.critical import critical_value
from trdstats.longitudinal.designs.estimable import ZERO, notes_of
from trdstats.longitudinal.designs.levels import level_text
from trdstats.plots.layout.direction import say_direction
from trdstats.tables import Summary, Table, format_estimate, format_level, format_number, format_p

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.margins import Margins


@checked_methods
@dataclass(frozen=True, repr=False)
class Contrasts(EstimateResult):
    """Differences of marginal means.

    Attributes
    ----------
    L : ndarray, shape (k, q)
        On the columns of the design that were estimated; NaN where not estimable.
    margins : Margins
    adjustment : str
    n_contrasts : int
        Contrasts within each level of `by`.
    sampled : ndarray, shape (n, k), or None
        As in `Margins`.
    """

    _plain: Estimates
    L: FloatArray
    margins: Margins
    adjustment: str
    n_contrasts: int
    _conf_level: float
    sampled: FloatArray | None = None

    def estimates(self) -> Estimates:
        """Return the adjusted differences; one that is not estimable is NaN, with the reason."""
        return self.margins.fit.with_influence(self._table(), self.L, self.sampled)

    def _table(self) -> Estimates:
        method = "max-t" if self.adjustment == "mvt" else self.adjustment
        by = self.margins.by
        return self._plain.adjust(method, within=() if by is None else by)  # type: ignore[arg-type]

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        # A difference that is 0 by the model has no error to be estimated: it is 0.
        is_zero = np.array(held["reason"], dtype=object) == ZERO
        return {"std_error": np.where(is_zero, 0.0, held["std_error"])}

    def effect_sizes(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return standardised differences: Hedges' g with the model's standard deviation.

        The difference at a visit is divided by the model's standard deviation there and multiplied
        by 1 - 3 / (4 df - 1); its error allows for that of the standard deviation.

        Returns
        -------
        pandas.DataFrame
            The labels, then estimate (g), std_error, conf_low, conf_high, conf_level, reason.

        Raises
        ------
        SpecError
            When the contrasts are not by visit, or groups have their own covariances.
        """
        check_level(conf_level)
        fit = self.margins.fit
        variances = fit.visit_variances()
        if self.margins.by is None or self.margins.by != fit.design.visit or variances is None:
            raise SpecError(
                "effect_sizes() needs means by visit of a model with one covariance for all."
            )
        visits = list(fit.design.visits)
        place = [visits.index(v) for v in self._plain.keys[self.margins.by]]
        variance, of_variance = variances
        v, spread = variance[place], of_variance[place]
        d = self._plain.value / np.sqrt(v)
        correction = 1 - 3 / (4 * self._plain.degrees - 1)
        error = correction * np.sqrt(self._plain.std_error**2 / v + d**2 * spread / (4 * v**2))
        g = correction * d
        z = critical_value(conf_level)
        return self._plain.keys.assign(
            estimate=g, std_error=error, conf_low=g - z * error, conf_high=g + z * error,
            conf_level=conf_level, reason=list(self._plain.reasons),
        )  # fmt: skip

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the differences with their intervals; returns the Axes."""
        by, frame = self.margins.by, self.tidy()
        label = frame["contrast"].astype(str)
        if by is not None:
            label = f"{by} " + frame[by].astype(object).map(level_text) + ", " + label
        design = self.margins.fit.design
        settings = {
            "xlabel": say_direction(f"Difference of {design.outcome}", design.better),
            "reference_line": 0.0,
            "digits": 2,
            "caveat": design.caveat,
            **options,
        }
        return plots.plot_estimates(
            frame[["estimate", "conf_low", "conf_high"]].assign(label=label), ax=ax, **settings
        )

    def summary(self) -> Summary:
        """Return the differences as a table."""
        by, frame = self.margins.by, self.tidy()
        rows = tuple(
            (
                *([level_text(r[by])] if by else []),
                r["contrast"],
                format_estimate(r["estimate"], r["conf_low"], r["conf_high"], 2),
                format_number(r["df"], 1),
                format_p(r["p_value"]),
            )
            for r in frame.to_dict("records")
        )
        level = f"{format_level(self.conf_level)} CI"
        columns = (
            *([by.capitalize()] if by else []),
            "Contrast",
            f"Difference ({level})",
            "df",
            "p",
        )
        design = self.margins.fit.design
        header = [("Model", self.margins.fit.spec.formula), ("Adjustment", self.adjustment)]
        if design.better is not None:
            side = "negative" if design.better == "lower" else "positive"
            header.append(("Better", f"{side} differences: {design.better} {design.outcome}"))
        notes = (*self._plain.notes, *notes_of(frame), *self._family_notes())
        table = Table(columns, rows, 2 if by else 1)
        return Summary(self._plain.title, tuple(header), (table,), notes)

    def _family_notes(self) -> tuple[str, ...]:
        """Return a note where an adjustment counts fewer differences than were requested."""
        usable = np.isfinite(self._plain.statistic).reshape(-1, self.n_contrasts)
        if self.adjustment == "none" or self.n_contrasts == 1 or usable.all():
            return ()
        by, n = self.margins.by, usable.sum(axis=1)
        levels = [level_text(v) for v in self._plain.keys[by][:: self.n_contrasts]] if by else [""]
        fewer = [
            f"{k}" + (f" at {by} {level}" if by else "")
            for k, level in zip(n, levels, strict=True)
            if k < self.n_contrasts
        ]
        return (
            f"Adjusted for the differences that have a test: {', '.join(fewer)} of "
            f"{self.n_contrasts}.",
        )


def coefficients_of(
    levels: list[Any], reference: Any, pairwise: bool, matrix: Any
) -> tuple[list[tuple[str, str, str]], FloatArray]:
    """Return names (contrast, level, reference) and coefficients on the levels."""
    if sum((reference is not None, pairwise, matrix is not None)) > 1:
        raise SpecError("Give one of reference, pairwise and matrix.")
    k = len(levels)
    eye, texts = np.eye(k), [level_text(v) for v in levels]
    if matrix is not None:
        contrasts = [np.asarray(v, dtype=float) for v in dict(matrix).values()]
        if not contrasts or any(v.shape != (k,) for v in contrasts):
            raise SpecError(f"Each contrast needs {k} coefficients, for {', '.join(texts)}.")
        return [(str(name), "", "") for name in dict(matrix)], np.stack(contrasts)
    if k < 2:
        raise SpecError(f"There is no comparison: the means are of {texts[0]} alone.")
    if pairwise:
        pairs = [(i, j) for i in range(k) for j in range(i)]
        pairs.sort(key=lambda p: (p[1], p[0]))
    else:
        j = 0 if reference is None else known_level("level", reference, texts)
        pairs = [(i, j) for i in range(k) if i != j]
    names = [(f"{texts[i]} - {texts[j]}", texts[i], texts[j]) for i, j in pairs]
    return names, np.stack([eye[i] - eye[j] for i, j in pairs])
