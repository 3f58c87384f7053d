"""Marginal means and the differences between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, check_choice, check_level, unknown_name
from trdstats.estimates.adjusted_contrasts import ADJUST, adjust_family
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.longitudinal.estimable import notes_of
from trdstats.longitudinal.levels import cells_of, find_level, level_text
from trdstats.study.visit_order import days_of
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    format_estimate,
    format_number,
    format_p,
)

if TYPE_CHECKING:
    from trdstats.longitudinal.mixed_result import MixedResult

Adjust = Literal["none", "holm", "bonferroni", "tukey", "dunnett", "mvt"]


@checked_methods
@dataclass(frozen=True, repr=False)
class Margins(SummaryMixin):
    """Marginal means of a mixed model.

    Attributes
    ----------
    inference : Inference
    L : ndarray, shape (k, q)
        Coefficients of each mean on all columns of the design, aliased ones included.
    size : ndarray, shape (k, q)
        Sums of the absolute values that they were added up from.
    labels : pandas.DataFrame
        Levels each mean stands for.
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are.
    fit : MixedResult
    """

    inference: Inference
    L: FloatArray
    size: FloatArray
    labels: pd.DataFrame
    term: str
    by: str | None
    fit: MixedResult

    def tidy(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row a mean.

        Returns
        -------
        pandas.DataFrame
            The levels, then estimate, std_error, df, statistic, p_value, conf_low, conf_high,
            conf_level, reason. A mean that the data do not identify is NaN, and reason says why.
        """
        check_level(conf_level)
        table = self.fit.identified.table(
            self.L, conf_level, size=self.size, cells=cells_of(self.labels)
        )
        return pd.concat([self.labels, table], axis=1)

    def contrasts(
        self,
        *,
        reference: Level | None = None,
        pairwise: bool = False,
        matrix: Any = None,
        adjust: Adjust = "none",
        conf_level: float = 0.95,
    ) -> Contrasts:
        """Estimate differences of means within each level of `by`.

        Parameters
        ----------
        reference : object, optional
            Level all others are compared with, or its text. Default: the first level.
        pairwise : bool
            Compare all pairs instead, the later level minus the earlier.
        matrix : mapping of str to sequence, optional
            Contrasts of your own: label and one coefficient a level.
        adjust : {"none", "holm", "bonferroni", "tukey", "dunnett", "mvt"}
            Adjustment within each level of `by`, over the contrasts that are estimable there.
            "dunnett" and "mvt" use the joint t law of the contrasts, "tukey" the studentised
            range.
        conf_level : float
            Intervals are adjusted as the p values are ("holm": as "bonferroni").

        Raises
        ------
        SpecError, UnknownNameError
            When the arguments do not fit.
        """
        check_choice("adjust", adjust, ADJUST)
        check_level(conf_level)
        for name in (self.term, self.by):
            if name in ("contrast", "reference"):
                raise SpecError(
                    f"The column {name!r} has the name of a column of the result: rename it."
                )
        present = set(self.labels[self.term])
        levels = [v for v in self.labels[self.term].cat.categories if v in present]
        names, C = _coefficients(levels, reference, pairwise, matrix)
        if adjust == "tukey" and not pairwise:
            raise SpecError("adjust='tukey' belongs to all pairs: contrasts(pairwise=True).")
        blocks = self._blocks()
        L, size = self._summed([(C, at) for _, at in blocks])
        labels = dict(
            zip(("contrast", self.term, "reference"), zip(*names * len(blocks), strict=True),
                strict=True)
        )  # fmt: skip
        head = pd.DataFrame({k: list(v) for k, v in labels.items()})
        if self.by is not None:
            head.insert(0, self.by, [level for level, _ in blocks for _ in names])
        table = self._reasoned(C, L, size, conf_level)
        usable = L[:, self.fit.identified.columns.kept].copy()
        usable[table["estimate"].isna().to_numpy()] = np.nan
        table = adjust_family(table, usable, self.inference, names, adjust, conf_level)
        return Contrasts(pd.concat([head, table], axis=1), usable, self, adjust, len(names))

    def _summed(
        self, parts: Sequence[tuple[FloatArray, IntArray]]
    ) -> tuple[FloatArray, FloatArray]:
        """Return combinations C of some of the means: their coefficients, and their sizes."""
        L = np.concatenate([C @ self.L[at] for C, at in parts])
        size = np.concatenate([np.abs(C) @ self.size[at] for C, at in parts])
        # What cancels is 0, not a rounding error.
        return np.where(np.abs(L) > 1e-12 * size, L, 0.0), size

    def _reasoned(
        self, C: FloatArray, L: FloatArray, size: FloatArray, conf_level: float
    ) -> pd.DataFrame:
        """Return the tests of the contrasts, with the reasons of means that they lack."""
        table = self.fit.identified.table(L, conf_level, size=size)
        lacking = table["estimate"].isna().to_numpy()
        none = np.full(len(self.L), "", dtype=object)
        of_mean = self.tidy()["reason"].to_numpy() if lacking.any() else none
        reason = table["reason"].to_numpy(dtype=object)
        for b, (_, at) in enumerate(self._blocks()):
            for i, row in enumerate(C):
                k = b * len(C) + i
                own = [r for r in of_mean[at[row != 0]] if r]
                if lacking[k] and own:
                    reason[k] = "; ".join(dict.fromkeys(own))
                elif not L[k].any():
                    reason[k] = "it is 0 by the model"
        return table.assign(reason=reason)

    def average(self, weights: Sequence[float] | None = None) -> Margins:
        """Return means averaged over the levels of `by`, equally or by weights."""
        if self.by is None:
            raise SpecError("average() takes the mean over `by`, and these means have none.")
        n = len(self._blocks())
        w = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=float)
        if w.shape != (n,):
            raise SpecError(f"average() needs {n} weights, one a level of {self.by!r}.")
        if not (np.isfinite(w).all() and (w >= 0).all() and w.any()):
            raise SpecError(
                "average() needs weights of 0 or more that are not all 0; for differences use "
                "contrasts(matrix=...)."
            )
        return self._combined(w / w.sum())

    def area(self, start: float, end: float) -> Margins:
        """Return areas under the means between two days, by the trapezium rule.

        Parameters
        ----------
        start, end : float
            Days of visits between which the area is taken, both included; those of visits given
            as text are read from it ("2 weeks" is day 14).

        Raises
        ------
        SpecError, UnknownNameError
            When `by` does not hold days, or a day is no visit.
        """
        if self.by is None:
            raise SpecError("area() needs means by visit: margins(term, by='visit').")
        levels = [level for level, _ in self._blocks()]
        days = days_of(levels)
        if np.isnan(days).any():
            unnamed = ", ".join(str(v) for v, d in zip(levels, days, strict=True) if np.isnan(d))
            raise SpecError(f"area() needs days, and {unnamed} of {self.by!r} name none.")
        for day in (start, end):
            if day not in days:
                raise unknown_name("visit", day, [f"{d:g}" for d in days])
        in_order = np.argsort(days)
        w = np.zeros(len(days))
        used = in_order[(days[in_order] >= start) & (days[in_order] <= end)]
        for a, b in pairwise(used):
            w[[a, b]] += (days[b] - days[a]) / 2
        return self._combined(w)

    def _combined(self, w: FloatArray) -> Margins:
        blocks = self._blocks()
        k = len(blocks[0][1])
        rows = np.concatenate([at for _, at in blocks])
        L, size = self._summed([(np.asarray(np.kron(w, np.eye(k))), rows.astype(np.intp))])
        labels = self.labels.iloc[blocks[0][1]][[self.term]].reset_index(drop=True)
        return Margins(self.inference, L, size, labels, self.term, None, self.fit)

    def _blocks(self) -> list[tuple[Any, IntArray]]:
        """Return each level of `by` with its rows."""
        if self.by is None:
            return [("", np.arange(len(self.labels)))]
        return [
            (level, np.flatnonzero((self.labels[self.by] == level).to_numpy()))
            for level in self.labels[self.by].unique()
        ]

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the means by visit with their intervals; returns the Axes."""
        options = {"caveat": self.fit.design.caveat, **options}
        if self.by is None:
            frame = self.tidy().assign(label=lambda d: d[self.term].astype(str))
            return plots.plot_estimates(frame, ax=ax, **options)
        facts = self.fit.design.facts
        keys = list(zip(self.labels[self.by], self.labels[self.term], strict=True))
        days = days_of([b for b, _ in keys])
        if np.isnan(days).any():
            label = [f"{self.by} {level_text(b)}, {level_text(t)}" for b, t in keys]
            return plots.plot_estimates(self.tidy().assign(label=label), ax=ax, **options)
        frame = (
            self.tidy()
            .drop(columns=list(self.labels))
            .assign(
                n=[facts.count({self.by: b, self.term: t}) for b, t in keys],
                treatment=self.labels[self.term],
                day=days,
            )
        )
        outcome = self.fit.design.outcome
        settings = {
            "ylabel": f"Adjusted mean {outcome}",
            # Scores of a study, and changes of them, are symptoms; of other outcomes nobody knows.
            "better": "lower" if outcome in ("score", "change") else None,
            **options,
        }
        return plots.plot_trajectories(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the means as a table."""
        table = self.tidy()
        head = list(self.labels.columns)
        rows = tuple(
            (
                *(level_text(r[c]) for c in head),
                format_estimate(r["estimate"], r["conf_low"], r["conf_high"], 2),
                format_number(r["df"], 1),
            )
            for r in table.to_dict("records")
        )
        header = (*(c.capitalize() for c in head), "Mean (95 % CI)", "df")
        facts = (("Model", self.fit.spec.formula), ("Degrees of freedom", self.fit.spec.ddf))
        notes = (*self._caveat(), *notes_of(table))
        return Summary("Marginal means", facts, (Table(header, rows, len(head)),), notes)

    def _caveat(self) -> tuple[str, ...]:
        caveat = self.fit.design.caveat
        return (f"{caveat}.",) if caveat else ()


@checked_methods
@dataclass(frozen=True, repr=False)
class Contrasts(SummaryMixin):
    """Differences of marginal means.

    Attributes
    ----------
    frame : pandas.DataFrame
        As returned by `tidy`.
    L : ndarray, shape (k, q)
        On the columns of the design that were estimated; NaN where not estimable.
    margins : Margins
    adjust : str
    n_contrasts : int
        Contrasts within each level of `by`.
    """

    frame: pd.DataFrame
    L: FloatArray
    margins: Margins
    adjust: str
    n_contrasts: int

    def tidy(self) -> pd.DataFrame:
        """Return one row a difference.

        Returns
        -------
        pandas.DataFrame
            The level of `by`, contrast, the level and its reference, estimate, std_error, df,
            statistic, p_value, conf_low, conf_high, conf_level, reason. A difference that the
            data do not identify is NaN, and reason says why.
        """
        return self.frame.copy()

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
            When the contrasts are not by visit, or groups have covariances of their own.
        """
        check_level(conf_level)
        fit = self.margins.fit
        found = fit.visit_variances()
        if self.margins.by is None or self.margins.by != fit.design.visit or found is None:
            raise SpecError(
                "effect_sizes() needs means by visit of a model with one covariance for all."
            )
        visits = list(fit.design.visits)
        place = [visits.index(v) for v in self.frame[self.margins.by]]
        variance, of_variance = found
        v, spread = variance[place], of_variance[place]
        d = self.frame["estimate"].to_numpy() / np.sqrt(v)
        correction = 1 - 3 / (4 * self.frame["df"].to_numpy() - 1)
        error = correction * np.sqrt(
            self.frame["std_error"].to_numpy() ** 2 / v + d**2 * spread / (4 * v**2)
        )
        g = correction * d
        z = _normal(conf_level)
        head = list(self.frame.columns[: list(self.frame.columns).index("estimate")])
        return self.frame[head].assign(
            estimate=g, std_error=error, conf_low=g - z * error, conf_high=g + z * error,
            conf_level=conf_level, reason=self.frame["reason"],
        )  # fmt: skip

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the differences with their intervals; returns the Axes."""
        by = self.margins.by
        label = self.frame["contrast"].astype(str)
        if by is not None:
            label = f"{by} " + self.frame[by].astype(object).map(level_text) + ", " + label
        settings = {
            "xlabel": f"Difference of {self.margins.fit.design.outcome}",
            "reference_line": 0.0,
            "digits": 2,
            "caveat": self.margins.fit.design.caveat,
            **options,
        }
        return plots.plot_estimates(
            self.frame[["estimate", "conf_low", "conf_high"]].assign(label=label), ax=ax, **settings
        )

    def summary(self) -> Summary:
        """Return the differences as a table."""
        by = self.margins.by
        rows = tuple(
            (
                *([level_text(r[by])] if by else []),
                r["contrast"],
                format_estimate(r["estimate"], r["conf_low"], r["conf_high"], 2),
                format_number(r["df"], 1),
                format_p(r["p_value"]),
            )
            for r in self.frame.to_dict("records")
        )
        level = f"{100 * self.frame['conf_level'].iloc[0]:g} % CI"
        header = (
            *([by.capitalize()] if by else []),
            "Contrast",
            f"Difference ({level})",
            "df",
            "p",
        )
        facts = (("Model", self.margins.fit.spec.formula), ("Adjustment", self.adjust))
        notes = (*self.margins._caveat(), *notes_of(self.frame), *self._family_notes())
        table = Table(header, rows, 2 if by else 1)
        return Summary("Differences of marginal means", facts, (table,), notes)

    def _family_notes(self) -> tuple[str, ...]:
        """Say where an adjustment counts fewer differences than were asked for."""
        usable = np.isfinite(self.frame["statistic"].to_numpy()).reshape(-1, self.n_contrasts)
        if self.adjust == "none" or self.n_contrasts == 1 or usable.all():
            return ()
        by, n = self.margins.by, usable.sum(axis=1)
        levels = [level_text(v) for v in self.frame[by][:: self.n_contrasts]] if by else [""]
        fewer = [
            f"{k}" + (f" at {by} {level}" if by else "")
            for k, level in zip(n, levels, strict=True)
            if k < self.n_contrasts
        ]
        return (
            f"Adjusted for the differences that have a test: {', '.join(fewer)} of "
            f"{self.n_contrasts}.",
        )


def _coefficients(
    levels: list[Any], reference: Any, pairwise: bool, matrix: Any
) -> tuple[list[tuple[str, str, str]], FloatArray]:
    """Return names (contrast, level, reference) and coefficients on the levels."""
    if sum((reference is not None, pairwise, matrix is not None)) > 1:
        raise SpecError("Give one of reference, pairwise and matrix.")
    k = len(levels)
    eye, texts = np.eye(k), [level_text(v) for v in levels]
    if matrix is not None:
        given = [np.asarray(v, dtype=float) for v in dict(matrix).values()]
        if not given or any(v.shape != (k,) for v in given):
            raise SpecError(f"Each contrast needs {k} coefficients, for {', '.join(texts)}.")
        return [(str(name), "", "") for name in dict(matrix)], np.stack(given)
    if k < 2:
        raise SpecError(f"There is nothing to compare: the means are of {texts[0]} alone.")
    if pairwise:
        pairs = [(i, j) for i in range(k) for j in range(i)]
        pairs.sort(key=lambda p: (p[1], p[0]))
    else:
        base = levels[0] if reference is None else find_level("level", reference, levels)
        j = levels.index(base)
        pairs = [(i, j) for i in range(k) if i != j]
    names = [(f"{texts[i]} - {texts[j]}", texts[i], texts[j]) for i, j in pairs]
    return names, np.stack([eye[i] - eye[j] for i, j in pairs])


def _normal(conf_level: float) -> float:
    return float(norm.isf((1 - conf_level) / 2))
