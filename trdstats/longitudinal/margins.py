"""Marginal means and the differences between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.errors import SpecError, check_choice, check_level, unknown_name
from trdstats.kernels.mixed_tests import Inference
from trdstats.longitudinal.adjust import ADJUST, adjust_family
from trdstats.longitudinal.tests_table import t_table
from trdstats.study.visit_order import days_of
from trdstats.tables import Face, Introduces, Table, each_row, format_estimate, format_p

if TYPE_CHECKING:
    from trdstats.longitudinal.mixed_result import MixedResult

FloatArray = npt.NDArray[np.float64]
Adjust = Literal["none", "holm", "bonferroni", "tukey", "dunnett", "mvt"]


@dataclass(frozen=True, repr=False)
class Margins(Introduces):
    """Marginal means of a mixed model.

    Attributes
    ----------
    inference : Inference
    L : ndarray, shape (k, q)
        Coefficients of each mean.
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
            conf_level.
        """
        check_level(conf_level)
        table = t_table(self.inference, self.L, conf_level)
        return pd.concat([self.labels, table], axis=1)

    def contrasts(
        self,
        *,
        reference: str | None = None,
        pairwise: bool = False,
        matrix: Any = None,
        adjust: Adjust = "none",
        conf_level: float = 0.95,
    ) -> Contrasts:
        """Estimate differences of means within each level of `by`.

        Parameters
        ----------
        reference : str, optional
            Level all others are compared with. Default: the first level.
        pairwise : bool
            Compare all pairs instead, the later level minus the earlier.
        matrix : mapping of str to sequence, optional
            Contrasts of your own: label and one coefficient a level.
        adjust : {"none", "holm", "bonferroni", "tukey", "dunnett", "mvt"}
            Adjustment within each level of `by`. "dunnett" and "mvt" use the joint t law of the
            contrasts, "tukey" the studentised range.
        conf_level : float
            Intervals are adjusted as the p values are ("holm": as "bonferroni").

        Raises
        ------
        SpecError, UnknownNameError
            When the arguments do not fit.
        """
        check_choice("adjust", adjust, ADJUST)
        check_level(conf_level)
        levels = [str(v) for v in self.labels[self.term].cat.categories]
        present = [str(v) for v in self.labels[self.term].unique()]
        levels = [v for v in levels if v in present]
        names, C = _coefficients(levels, reference, pairwise, matrix)
        if adjust == "tukey" and not pairwise:
            raise SpecError("adjust='tukey' belongs to all pairs: contrasts(pairwise=True).")
        rows, labels = [], []
        for level, at in self._blocks():
            rows.append(C @ self.L[at])
            labels += [(level, *name) for name in names]
        L = np.concatenate(rows)
        frame = pd.DataFrame(labels, columns=["level", "contrast", self.term, "reference"])
        head = frame[["contrast", self.term, "reference"]]
        if self.by is not None:
            head.insert(0, self.by, frame["level"])
        table = t_table(self.inference, L, conf_level)
        table = adjust_family(table, L, self.inference, len(names), len(levels), adjust, conf_level)
        return Contrasts(pd.concat([head, table], axis=1), L, self, adjust, len(levels))

    def average(self, weights: Sequence[float] | None = None) -> Margins:
        """Return means averaged over the levels of `by`, equally or by weights."""
        if self.by is None:
            raise SpecError("average() takes the mean over `by`, and these means have none.")
        n = len(self._blocks())
        w = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=float)
        if len(w) != n:
            raise SpecError(f"average() needs {n} weights, one a level of {self.by!r}.")
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
        L = sum(weight * self.L[at] for weight, (_, at) in zip(w, self._blocks(), strict=True))
        first = self._blocks()[0][1]
        labels = self.labels.iloc[first][[self.term]].reset_index(drop=True)
        return Margins(self.inference, np.asarray(L), labels, self.term, None, self.fit)

    def _blocks(self) -> list[tuple[Any, npt.NDArray[np.intp]]]:
        """Return each level of `by` with its rows."""
        if self.by is None:
            return [("", np.arange(len(self.labels)))]
        return [
            (level, np.flatnonzero((self.labels[self.by] == level).to_numpy()))
            for level in self.labels[self.by].unique()
        ]

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the means by visit with their intervals; returns the Axes."""
        if self.by is None:
            frame = self.tidy().assign(label=lambda d: d[self.term].astype(str))
            return plots.plot_estimates(frame, ax=ax, **options)
        seen = self.fit.design.facts.size([self.by, self.term])
        frame = self.tidy().assign(
            n=[
                int(seen.loc[key])
                for key in self.labels[[self.by, self.term]].itertuples(index=False)
            ]
        )
        frame = frame.rename(columns={self.term: "treatment", self.by: "day"})
        days = days_of(list(frame["day"]))
        if np.isnan(days).any():  # visits without days stand one step apart
            days = np.asarray(frame["day"].cat.codes, dtype=float)
        frame = frame.assign(day=days)
        outcome = self.fit.design.outcome
        settings = {
            "ylabel": f"Adjusted mean {outcome}",
            # Scores of a study, and changes of them, are symptoms; of other outcomes nobody knows.
            "better": "lower" if outcome in ("score", "change") else None,
            **options,
        }
        return plots.plot_trajectories(frame, ax=ax, **settings)

    def face(self) -> Face:
        """Return the means as a table."""
        head = list(self.labels.columns)
        rows = tuple(
            (
                *(_level(getattr(r, c)) for c in head),
                format_estimate(r.estimate, r.conf_low, r.conf_high, 2),
                f"{r.df:.1f}",
            )
            for r in each_row(self.tidy())
        )
        header = (*(c.capitalize() for c in head), "Mean (95 % CI)", "df")
        facts = (("Model", self.fit.spec.formula), ("Degrees of freedom", self.fit.spec.ddf))
        return Face("Marginal means", facts, (Table(header, rows, len(head)),))


@dataclass(frozen=True, repr=False)
class Contrasts(Introduces):
    """Differences of marginal means.

    Attributes
    ----------
    frame : pandas.DataFrame
        As returned by `tidy`.
    L : ndarray, shape (k, q)
    margins : Margins
    adjust : str
    n_levels : int
    """

    frame: pd.DataFrame
    L: FloatArray
    margins: Margins
    adjust: str
    n_levels: int

    def tidy(self) -> pd.DataFrame:
        """Return one row a difference.

        Returns
        -------
        pandas.DataFrame
            The level of `by`, contrast, the level and its reference, estimate, std_error, df,
            statistic, p_value, conf_low, conf_high, conf_level.
        """
        return self.frame.copy()

    def effect_sizes(self, *, conf_level: float = 0.95) -> pd.DataFrame:
        """Return standardised differences: Hedges' g with the model's standard deviation.

        The difference at a visit is divided by the model's standard deviation there and multiplied
        by 1 - 3 / (4 df - 1); its error allows for that of the standard deviation.

        Returns
        -------
        pandas.DataFrame
            The labels, then estimate (g), std_error, conf_low, conf_high, conf_level.

        Raises
        ------
        SpecError
            When the contrasts are not by visit, or groups have covariances of their own.
        """
        check_level(conf_level)
        fit = self.margins.fit
        found = fit.visit_variances()
        if self.margins.by is None or found is None:
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
            conf_level=conf_level,
        )  # fmt: skip

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the differences with their intervals; returns the Axes."""
        by = self.margins.by
        label = self.frame["contrast"].astype(str)
        if by is not None:
            label = f"{by} " + self.frame[by].astype(object).map(_level) + ", " + label
        settings = {
            "xlabel": f"Difference of {self.margins.fit.design.outcome}",
            "reference_line": 0.0,
            "digits": 2,
            **options,
        }
        return plots.plot_estimates(
            self.frame[["estimate", "conf_low", "conf_high"]].assign(label=label), ax=ax, **settings
        )

    def face(self) -> Face:
        """Return the differences as a table."""
        by = self.margins.by
        rows = tuple(
            (
                *([_level(getattr(r, by))] if by else []),
                r.contrast,
                format_estimate(r.estimate, r.conf_low, r.conf_high, 2),
                f"{r.df:.1f}",
                format_p(r.p_value),
            )
            for r in each_row(self.frame)
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
        return Face("Differences of marginal means", facts, (Table(header, rows, 2 if by else 1),))


def _coefficients(
    levels: list[str], reference: str | None, pairwise: bool, matrix: Any
) -> tuple[list[tuple[str, str, str]], FloatArray]:
    """Return names (contrast, level, reference) and coefficients on the levels."""
    if sum((reference is not None, pairwise, matrix is not None)) > 1:
        raise SpecError("Give one of reference, pairwise and matrix.")
    k = len(levels)
    eye = np.eye(k)
    if matrix is not None:
        rows = np.array([np.asarray(v, dtype=float) for v in dict(matrix).values()])
        if rows.ndim != 2 or rows.shape[1] != k:
            raise SpecError(f"Each contrast needs {k} coefficients, for {', '.join(levels)}.")
        return [(str(name), "", "") for name in dict(matrix)], rows
    if pairwise:
        pairs = [(i, j) for i in range(k) for j in range(i)]
        pairs.sort(key=lambda p: (p[1], p[0]))
    else:
        base = levels[0] if reference is None else reference
        if base not in levels:
            raise unknown_name("level", base, levels)
        j = levels.index(base)
        pairs = [(i, j) for i in range(k) if i != j]
    names = [(f"{levels[i]} - {levels[j]}", levels[i], levels[j]) for i, j in pairs]
    return names, np.stack([eye[i] - eye[j] for i, j in pairs])


def _level(value: Any) -> str:
    """Return a level as text, a whole number without decimals."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _normal(conf_level: float) -> float:
    return float(norm.isf((1 - conf_level) / 2))
