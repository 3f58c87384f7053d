"""Results of a multiverse: every estimate, their joint inference, and the curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arrays import FloatArray
from trdstats.errors import Problem, count_of
from trdstats.estimates import EstimateResult, Estimates
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics.max_t import MaxT, max_t
from trdstats.outcomes.switching import SwitchCounts, caveat_of_figure
from trdstats.tables import (
    Summary,
    Table,
    add_unit,
    each_row,
    format_estimate,
    format_level,
    format_number,
    format_p,
    format_percent,
)

CHOICES = ("definition", "day", "missing", "baseline", "windows")
_SHOWN = 12  # universes listed in the summary; tidy() holds all
_SEED = 20090424  # any number will do; a fixed one gives the same p values tomorrow


@dataclass(frozen=True, repr=False)
class Multiverse(EstimateResult):
    """Estimates of one comparison under many definitions, with joint inference.

    `tidy` has one row a universe, the primary one first: definition, day, missing, baseline,
    windows, is_primary, agrees (whether it leads to the conclusion of the primary one; missing
    where either has no test), outcome and n of both treatments where the estimate has them,
    p_joint, joint_low, joint_high (all together, max-T), then the columns of
    `EstimateResult.tidy`, each on its own; reason says why there is no estimate, or no test.

    Attributes
    ----------
    title : str
        What is compared.
    pair : (str, str)
        Treatment and reference.
    caveat : str
        Caution that belongs to every comparison.
    notices : tuple of Problem
        What the visits cannot show: days that few reach, definitions the schedule cannot meet,
        each with the number of universes.
    switching : SwitchCounts or None
        Who had started another treatment by the last of the days.
    """

    title: str
    pair: tuple[str, str]
    caveat: str
    _estimates: Estimates
    _columns: pd.DataFrame
    _draws: int
    _conf_level: float
    notices: tuple[Problem, ...] = ()
    switching: SwitchCounts | None = None

    def estimates(self) -> Estimates:
        """Return the estimate of every universe, the primary one first."""
        return self._estimates

    @cached_property
    def _joint(self) -> MaxT:
        return self._together(self._conf_level)

    def _together(self, conf_level: float) -> MaxT:
        e = self._estimates
        return max_t(
            e.value, np.asarray(e.influences), conf_level=conf_level, draws=self._draws,
            rng=np.random.default_rng(_SEED),
        )  # fmt: skip

    @property
    def critical(self) -> float:
        """Joint critical value of the largest statistic."""
        return self._joint.critical

    @property
    def n_effective(self) -> float:
        """How many independent estimates would need the same critical value."""
        return self._joint.n_effective

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        joint = self._joint if conf_level == self._conf_level else self._together(conf_level)
        estimate, half = held["estimate"], joint.critical * held["std_error"]
        return {
            "is_primary": np.arange(len(estimate)) == 0,
            "agrees": _agrees(estimate, held["p_value"], 1 - conf_level),
            **{str(c): self._columns[c] for c in self._columns.columns},
            "p_joint": joint.p_value,
            "joint_low": estimate - half,
            "joint_high": estimate + half,
        }

    def glance(self) -> pd.DataFrame:
        """Return one row: number of universes, the primary one, and their joint inference.

        Returns
        -------
        pandas.DataFrame
            n, n_estimated, n_tested, estimate, p_value and p_joint of the primary universe,
            median, lowest and highest estimate, proportion_agree (same conclusion as the
            primary), proportion_same_sign, proportion_significant, proportion_joint (significant
            by the joint p value), p_any (joint null hypothesis: no universe has an effect),
            critical, n_effective. The denominator of agreement and significance is the number of
            universes with a test.
        """
        frame = self.tidy()
        estimated = frame[frame["estimate"].notna()]
        tested = estimated[estimated["p_value"].notna()]
        agrees = pd.Series(tested["agrees"].to_numpy(dtype=float, na_value=np.nan))
        first = frame.iloc[0]
        alpha = 1 - first["conf_level"]
        return pd.DataFrame(
            {
                "n": [len(frame)],
                "n_estimated": [len(estimated)],
                "n_tested": [len(tested)],
                "estimate": [first["estimate"]],
                "p_value": [first["p_value"]],
                "p_joint": [first["p_joint"]],
                "median": [estimated["estimate"].median()],
                "lowest": [estimated["estimate"].min()],
                "highest": [estimated["estimate"].max()],
                "proportion_agree": [agrees.mean()],
                "proportion_same_sign": [
                    (np.sign(estimated["estimate"]) == np.sign(first["estimate"])).mean()
                ],
                "proportion_significant": [(tested["p_value"] < alpha).mean()],
                "proportion_joint": [(tested["p_joint"] < alpha).mean()],
                "p_any": [estimated["p_joint"].min()],
                "critical": [self.critical],
                "n_effective": [self.n_effective],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the specification curve; returns the Axes."""
        treatment, reference = self.pair
        frame = self.tidy()
        varied = _varied(frame)
        settings = {
            "choices": varied or ["definition"],
            "ylabel": f"{self.title}, {treatment} v {reference}",
            "caveat": caveat_of_figure(self.caveat, self.switching),
            **options,
        }
        return plots.plot_specification_curve(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return the primary universe, the joint inference, and the universes."""
        g, frame = next(each_row(self.glance())), self.tidy()
        first = next(each_row(frame))
        level = format_level(first.conf_level)
        primary = format_estimate(first.estimate, first.conf_low, first.conf_high, 3)
        header = (
            ("Comparison", f"{self.pair[0]} v {self.pair[1]}"),
            ("Primary", f"{_name_of(first, frame)}: {primary}, p {format_p(first.p_value)}"),
            ("Universes", f"{g.n:,}, {g.n_estimated:,} estimated, {g.n_tested:,} tested"),
            (
                "Estimates",
                f"median {format_number(g.median, 3)}, from {format_number(g.lowest, 3)} to "
                f"{format_number(g.highest, 3)}",
            ),
            ("Same conclusion", _agreement(g)),
            ("Same direction", add_unit(format_percent(g.proportion_same_sign), "%")),
            ("Any effect", f"p {format_p(g.p_any)}, jointly over all universes (max-T)"),
        )
        rows = tuple(
            (
                _name_of(r, frame),
                format_estimate(r.estimate, r.conf_low, r.conf_high, 3),
                format_p(r.p_value),
                format_p(r.p_joint),
            )
            for r in each_row(frame[:_SHOWN])
        )
        notes = list(self._estimates.notes)
        notes += [f"{p.summary} {p.remedy}".rstrip() for p in self.notices]
        if len(frame) > _SHOWN:
            notes.append(f"{len(frame) - _SHOWN:,} more universes: see tidy().")
        untested = frame[frame["p_value"].isna()]
        notes += [
            f"{count_of(len(universes), 'universe has', 'universes have')} no test: {reason}."
            for reason, universes in untested.groupby("reason", sort=False)
        ]
        if g.n_tested:
            notes.append(
                "Joint p: adjusted over all universes, equivalent to "
                f"{format_number(g.n_effective)} independent tests."
            )
        columns = ("Universe", f"Estimate ({level} CI)", "p", "Joint p")
        return Summary(
            f"{self.title} in {g.n:,} universes", header, (Table(columns, rows),), tuple(notes)
        )


def _agreement(glance: Any) -> str:
    """Return the proportion of tested universes with the conclusion of the primary one, as text."""
    if np.isnan(glance.p_value):
        return "not known: the primary universe has no test"
    return f"{add_unit(format_percent(glance.proportion_agree), '%')} of those tested"


def _agrees(estimate: FloatArray, p: FloatArray, alpha: float) -> pd.Series[Any]:
    """Return whether each universe leads to the conclusion of the first.

    Missing where a universe or the first has no p value: not tested is not "no difference".
    """
    conclusion = np.where(p < alpha, np.sign(estimate), 0.0)
    agrees = pd.Series(conclusion == conclusion[0], dtype="boolean")
    return agrees.mask(np.isnan(p) | bool(np.isnan(p[0])))


def _name_of(row: Any, frame: pd.DataFrame) -> str:
    """Return the choices of a universe that differ between universes."""
    words = {"day": "day {:g}", "baseline": "{} baseline", "windows": "{}", "missing": "{}"}
    parts = [row.definition]
    parts += [
        text.format(getattr(row, column))
        for column, text in words.items()
        if column in _varied(frame)
    ]
    return ", ".join(parts)


def _varied(frame: pd.DataFrame) -> list[str]:
    """Return the choices that differ between universes."""
    return [c for c in CHOICES if len(frame[c].unique()) > 1]
