"""Marginal means of a mixed model, and averages of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import SpecError, check_choice, check_level, unknown_name
from trdstats.estimates import EstimateResult, Estimates
from trdstats.kernels.gaussian.mixed_tests import Inference
from trdstats.longitudinal.designs.estimable import ZERO, notes_of
from trdstats.longitudinal.designs.levels import cells_of, level_text
from trdstats.longitudinal.gaussian.mixed.contrasts import Contrasts, coefficients_of
from trdstats.study.visit_order import days_of
from trdstats.tables import Summary, Table, format_estimate, format_level, format_number

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mixed_result import MixedResult

AVERAGED = ", averaged over the subjects of the study"

Adjust = Literal[
    "none", "bonferroni", "holm", "hochberg", "hommel", "fixed sequence", "tukey", "dunnett",
    "max-t", "mvt",
]  # fmt: skip


@checked_methods
@dataclass(frozen=True, repr=False)
class Margins(EstimateResult):
    """Marginal means of a mixed model.

    Attributes
    ----------
    inference : Inference
    L : ndarray, shape (k, q)
        Coefficients of each mean on all columns of the design, aliased ones included.
    size : ndarray, shape (k, q)
        Sums of the absolute values of their addends.
    labels : pandas.DataFrame
        Levels each mean stands for.
    term : str
        Column whose levels are compared.
    by : str or None
        Column within whose levels they are estimated.
    fit : MixedResult
    sampled : ndarray, shape (n, k), or None
        What each subject adds by being in the study, where the means are averaged over it.
    what : str
        What they are, as title.
    """

    inference: Inference
    L: FloatArray
    size: FloatArray
    labels: pd.DataFrame
    term: str
    by: str | None
    fit: MixedResult
    sampled: FloatArray | None = None
    what: str = "Marginal means"

    def estimates(self) -> Estimates:
        """Return the means; one that is not estimable is NaN, with the reason."""
        rows = self.L[:, self.fit.identified.columns.kept]
        return self.fit.with_influence(self._table(), rows, self.sampled)

    def _table(self) -> Estimates:
        means = self.fit.identified.estimates(
            self.L, self.labels, size=self.size, cells=cells_of(self.labels), title=self._title,
        )  # fmt: skip
        return self.fit.with_sampling(means, self.L, self.sampled)

    @property
    def _title(self) -> str:
        return self.what + ("" if self.sampled is None else AVERAGED)

    def contrasts(
        self,
        *,
        reference: Level | None = None,
        pairwise: bool = False,
        matrix: Mapping[str, Sequence[float]] | None = None,
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
            Contrasts by label, each with one coefficient a level.
        adjust : {"none", "bonferroni", "holm", "hochberg", "hommel", "fixed sequence", "tukey", \
"dunnett", "max-t", "mvt"}
            Adjustment within each level of `by`, over the contrasts that are estimable there: see
            `Estimates.adjust`. "mvt" is another name of "max-t".
        conf_level : float
            Intervals are adjusted as the p values are ("holm": as "bonferroni").

        Raises
        ------
        SpecError, UnknownNameError
            When the arguments do not fit.
        """
        check_choice("adjust", adjust, get_args(Adjust))
        check_level(conf_level)
        for name in (self.term, self.by):
            if name in ("contrast", "reference"):
                raise SpecError(
                    f"The column {name!r} has the name of a column of the result: rename it."
                )
        present = set(self.labels[self.term])
        levels = [v for v in self.labels[self.term].cat.categories if v in present]
        names, C = coefficients_of(levels, reference, pairwise, matrix)
        if adjust == "tukey" and not pairwise:
            raise SpecError("adjust='tukey' belongs to all pairs: contrasts(pairwise=True).")
        blocks = self._blocks()
        parts = [(C, at) for _, at in blocks]
        L, size = self._summed(parts)
        sampled = self._sampled(parts)
        columns = zip(*names * len(blocks), strict=True)
        keys = pd.DataFrame(
            dict(zip(("contrast", self.term, "reference"), map(list, columns), strict=True))
        )
        if self.by is not None:
            keys.insert(0, self.by, [level for level, _ in blocks for _ in names])
        estimates = self.fit.identified.estimates(
            L, keys, size=size,
            title=f"Differences of {self.what[0].lower()}{self.what[1:]}"
            + ("" if sampled is None else AVERAGED),
        )  # fmt: skip
        estimates = self.fit.with_sampling(estimates, L, sampled)
        estimates = replace(estimates, reasons=self._reasons(C, L, estimates))
        usable = L[:, self.fit.identified.columns.kept].copy()
        usable[np.isnan(estimates.value)] = np.nan
        return Contrasts(estimates, usable, self, adjust, len(names), conf_level, sampled)

    def _summed(
        self, parts: Sequence[tuple[FloatArray, IntArray]]
    ) -> tuple[FloatArray, FloatArray]:
        """Return combinations C of some of the means: their coefficients, and their sizes."""
        L = np.concatenate([C @ self.L[at] for C, at in parts])
        size = np.concatenate([np.abs(C) @ self.size[at] for C, at in parts])
        # What cancels is set to exactly 0.
        return np.where(np.abs(L) > 1e-12 * size, L, 0.0), size

    def _sampled(self, parts: Sequence[tuple[FloatArray, IntArray]]) -> FloatArray | None:
        """Return what subjects add to combinations C of some of the means by being in the study."""
        if self.sampled is None:
            return None
        return np.concatenate([self.sampled[:, at] @ C.T for C, at in parts], axis=1)

    def _reasons(self, C: FloatArray, L: FloatArray, estimates: Estimates) -> tuple[str, ...]:
        """Return why contrasts are not estimable: because of their means, or 0 by the model."""
        not_estimable = np.isnan(estimates.value)
        none = ("",) * len(self.L)
        of_mean = np.array(self._table().reasons if not_estimable.any() else none, dtype=object)
        reasons = list(estimates.reasons)
        for b, (_, at) in enumerate(self._blocks()):
            for i, row in enumerate(C):
                k = b * len(C) + i
                of_means = [r for r in of_mean[at[row != 0]] if r]
                if not_estimable[k] and of_means:
                    reasons[k] = "; ".join(dict.fromkeys(of_means))
                elif not L[k].any():
                    reasons[k] = ZERO
        return tuple(reasons)

    def average(self, weights: Sequence[float] | None = None) -> Margins:
        """Return means averaged over the levels of `by`, equally or by weights."""
        if self.by is None:
            raise SpecError("average() takes the mean over `by`, and these means have none.")
        n = len(self._blocks())
        weight = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=float)
        if weight.shape != (n,):
            raise SpecError(f"average() needs {n} weights, one a level of {self.by!r}.")
        if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
            raise SpecError(
                "average() needs weights of 0 or more that are not all 0; for differences use "
                "contrasts(matrix=...)."
            )
        return self._combined(weight / weight.sum())

    def area(self, start: float, end: float) -> Margins:
        """Return areas under the means between two days, by the trapezoidal rule.

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
            raise SpecError(f"area() needs days, and {unnamed} of {self.by!r} do not name a day.")
        for day in (start, end):
            if day not in days:
                raise unknown_name("visit", day, [f"{d:g}" for d in days])
        in_order = np.argsort(days)
        weight = np.zeros(len(days))
        used = in_order[(days[in_order] >= start) & (days[in_order] <= end)]
        for a, b in pairwise(used):
            weight[[a, b]] += (days[b] - days[a]) / 2
        return self._combined(weight)

    def _combined(self, weight: FloatArray) -> Margins:
        blocks = self._blocks()
        k = len(blocks[0][1])
        rows = np.concatenate([at for _, at in blocks])
        parts = [(np.asarray(np.kron(weight, np.eye(k))), rows.astype(np.intp))]
        L, size = self._summed(parts)
        labels = self.labels.iloc[blocks[0][1]][[self.term]].reset_index(drop=True)
        sampled = self._sampled(parts)
        return Margins(self.inference, L, size, labels, self.term, None, self.fit, sampled)

    def _blocks(self) -> list[tuple[Any, IntArray]]:
        """Return each level of `by` with its rows."""
        if self.by is None:
            return [("", np.arange(len(self.labels)))]
        return [
            (level, np.flatnonzero((self.labels[self.by] == level).to_numpy()))
            for level in self.labels[self.by].unique()
        ]

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the means by visit with their intervals; returns the Axes."""
        options = {"caveat": self.fit.design.caveat, **options}
        if self.by is None:
            frame = self.tidy().assign(label=lambda d: d[self.term].astype(str))
            return plots.plot_estimates(frame, ax=ax, **options)
        totals = self.fit.design.totals
        keys = list(zip(self.labels[self.by], self.labels[self.term], strict=True))
        days = days_of([b for b, _ in keys])
        if np.isnan(days).any():
            label = [f"{self.by} {level_text(b)}, {level_text(t)}" for b, t in keys]
            return plots.plot_estimates(self.tidy().assign(label=label), ax=ax, **options)
        frame = (
            self.tidy()
            .drop(columns=list(self.labels))
            .assign(
                n=[totals.count({self.by: b, self.term: t}) for b, t in keys],
                treatment=self.labels[self.term],
                day=days,
            )
        )
        outcome = self.fit.design.outcome
        settings = {
            "ylabel": f"Adjusted mean {outcome}",
            "better": self.fit.design.better,
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
        columns = (
            *(c.capitalize() for c in head),
            f"{_word(self.what)} ({format_level(0.95)} CI)",
            "df",
        )
        header = (("Model", self.fit.spec.formula), ("Degrees of freedom", self.fit.spec.ddf))
        notes = (*self._table().notes, *notes_of(table))
        return Summary(self._title, header, (Table(columns, rows, len(head)),), notes)


def _word(what: str) -> str:
    """Return the heading of the column of estimates."""
    return "Slope" if what.startswith("Slopes") else "Mean"
