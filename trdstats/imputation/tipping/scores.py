"""Tipping points of imputed scores: the delta at which the conclusion changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import scipy

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, check_instance, checked
from trdstats.errors import SpecError, check_level, known_level, unknown_name
from trdstats.imputation.analyses import ANCOVA, Analysis
from trdstats.imputation.imputed import Imputed
from trdstats.imputation.pooled import labels
from trdstats.imputation.trial.delta import Delta
from trdstats.imputation.trial.layout import plain
from trdstats.imputation.visit_rates import VisitRates
from trdstats.plots.layout.direction import say_direction
from trdstats.tables import (
    FrameResult,
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_estimate,
    format_number,
    format_p,
    format_significant,
)


@checked
@dataclass(frozen=True)
class TippingPoint:
    """A tipping-point analysis: deltas added to the imputed values of one or two arms.

    Parameters
    ----------
    deltas : mapping of str to sequence of float
        Deltas by arm, increasing; one arm or two. Positive is worse where low is good; where
        high is good (WHO-5) worse is negative.
    analysis : Analysis
    of : mapping, optional
        The estimate, by values of the columns of the analysis, such as ``{"measure":
        "difference", "treatment": "ketamine", "visit": 28}``. Default: the difference between
        the first arm in `deltas` and the reference at the last visit; where that arm is
        the reference, the other treatment's.
    accumulate, after_event_only : bool
        As in `Delta`.
    conf_level : float, default 0.95
        The conclusion is whether p is below 1 - conf_level.

    Raises
    ------
    SpecError
        When there are no deltas, those of more than two arms, or they do not increase.

    References
    ----------
    Carpenter and Kenward 2013, Multiple Imputation and its Application,
    doi:10.1002/9781119942283.
    """

    deltas: Mapping[str, Sequence[float]]
    analysis: Analysis = field(default_factory=ANCOVA)
    of: Mapping[str, Level] | None = None
    accumulate: bool = False
    after_event_only: bool = False
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)
        if self.of is not None:
            check_instance("of", self.of, Mapping)
        if not 1 <= len(self.deltas) <= 2:
            raise SpecError(f"deltas must name one arm or two; got {len(self.deltas)}.")
        for arm, values in self.deltas.items():
            grid = np.asarray(values, dtype=float)
            if len(grid) < 2 or not np.isfinite(grid).all() or (np.diff(grid) <= 0).any():
                raise SpecError(f"deltas of {arm!r} must be two or more increasing numbers.")

    def fit(self, imputed: Imputed) -> TippingPointResult:
        """Analyse the completed sets under every delta.

        Parameters
        ----------
        imputed : Imputed

        Raises
        ------
        UnknownNameError
            When an arm is not known.
        SpecError
            When `of` names no estimate, or several; when these are no completed sets.
        """
        check_instance("imputed", imputed, Imputed)
        arms = imputed.layout.treatments
        named = {arms[known_level("arm", arm, arms)]: v for arm, v in self.deltas.items()}
        if len(named) < len(self.deltas):
            raise SpecError(f"deltas name an arm twice: {', '.join(map(repr, self.deltas))}.")
        resolved = replace(self, deltas=named)
        spec = resolved._narrowed(imputed)
        first, *other_arms = named
        others = list(named[other_arms[0]]) if other_arms else [0.0]
        row = spec._row(imputed)
        rows, tips = [], []
        for other in others:
            values = [float(d) for d in named[first]]
            line = [spec._pooled(imputed, row, d, float(other)) for d in values]
            rows += line
            tips += spec._crossings(imputed, row, line, float(other))
        grid = pd.DataFrame(rows)
        columns = ["delta", "delta_other"]
        crossings = pd.DataFrame(tips, columns=columns).astype(float)
        start = spec._pooled(imputed, row, 0.0, 0.0)
        return TippingPointResult(resolved, imputed, row, grid, crossings, start)

    def _narrowed(self, imputed: Imputed) -> TippingPoint:
        """Return the analysis of the one visit of the estimate, where this is known."""
        if not isinstance(self.analysis, ANCOVA | VisitRates):
            return self
        visit = list(imputed.layout.visits)[-1]
        if self.of is not None:
            visit = self.of.get("visit", visit)
        return replace(self, analysis=replace(self.analysis, visits=[visit]))

    def _row(self, imputed: Imputed) -> dict[str, Any]:
        keys = imputed.analyse(self.analysis).estimates.keys
        chosen = dict(self.of) if self.of is not None else self._default(keys)
        is_row = np.ones(len(keys), dtype=bool)
        for column, value in chosen.items():
            if column not in keys:
                raise unknown_name("column of the analysis", column, keys.columns)
            levels = list(pd.unique(keys[column]))
            level = levels[known_level(f"{column} of the analysis", value, levels)]
            is_row &= (keys[column] == level).to_numpy()
        if is_row.sum() != 1:
            raise SpecError(
                f"of={chosen!r} names {int(is_row.sum())} estimates; it must name one. They differ "
                f"in {', '.join(map(str, keys.columns))}."
            )
        return dict(keys.loc[int(np.argmax(is_row))])

    def _default(self, keys: pd.DataFrame) -> dict[str, Any]:
        if "measure" not in keys or "treatment" not in keys:
            raise SpecError("Name the estimate: of={column: value, ...}.")
        first = next(iter(self.deltas))
        compared = keys.loc[keys["measure"] == "difference", "treatment"].tolist()
        return {"measure": "difference", "treatment": first if first in compared else compared[0]}

    def _pooled(
        self, imputed: Imputed, row: dict[str, object], delta: float, other: float
    ) -> dict[str, float]:
        arms = list(self.deltas)
        amount = {arms[0]: delta} | ({arms[1]: other} if len(arms) == 2 else {})
        shift = Delta(amount, accumulate=self.accumulate, after_event_only=self.after_event_only)
        table = imputed.analyse(self.analysis, delta=shift).pool(conf_level=self.conf_level).tidy()
        is_row = np.all([(table[c] == v).to_numpy() for c, v in row.items()], axis=0)
        pooled = next(each_row(table[is_row]))
        return {
            "delta": delta,
            "delta_other": other,
            "estimate": pooled.estimate,
            "std_error": pooled.std_error,
            "statistic": pooled.statistic,
            "p_value": pooled.p_value,
            "conf_low": pooled.conf_low,
            "conf_high": pooled.conf_high,
            "conf_level": self.conf_level,
        }

    def _crossings(
        self,
        imputed: Imputed,
        row: dict[str, object],
        line: list[dict[str, float]],
        other: float,
    ) -> list[tuple[float, float]]:
        """Return the deltas between those of the grid at which p crosses the level.

        Between estimates that are significant in opposite directions it does so twice.
        """
        level = 1 - self.conf_level

        def crossing(of: str, goal: float, low: float, high: float) -> float:
            def apart(d: float) -> float:
                return self._pooled(imputed, row, d, other)[of] - goal

            return float(scipy.optimize.brentq(apart, low, high, xtol=1e-6))

        crossings = []
        for one, two in pairwise(line):
            a, b = one["delta"], two["delta"]
            holds = [r["p_value"] < level for r in (one, two)]
            if holds[0] != holds[1]:
                crossings.append((crossing("p_value", level, a, b), other))
            elif all(holds) and one["estimate"] * two["estimate"] < 0:
                middle = crossing("estimate", 0.0, a, b)
                ends = ((a, middle), (middle, b))
                crossings += [(crossing("p_value", level, *e), other) for e in ends]
        return crossings


@dataclass(frozen=True, repr=False)
class TippingPointResult(FrameResult):
    """Estimates under every delta, and the deltas at which the conclusion changes.

    `tidy` has one row a combination: delta (of the first arm), delta_other (of the second; 0
    without one), estimate, std_error, statistic, p_value, conf_low, conf_high, conf_level.

    Attributes
    ----------
    spec : TippingPoint
    imputed : Imputed
    row : dict
        Labels of the estimate.
    grid : pandas.DataFrame
    crossings : pandas.DataFrame
    start : dict
        The estimate without a delta.
    """

    _kept: ClassVar[str] = "grid"

    spec: TippingPoint
    imputed: Imputed
    row: dict[str, object]
    grid: pd.DataFrame
    crossings: pd.DataFrame
    start: dict[str, float]

    @property
    def arms(self) -> list[str]:
        """Arms whose imputed values are shifted."""
        return list(self.spec.deltas)

    def tipping_points(self) -> pd.DataFrame:
        """Return the tipping points: delta of the first arm by that of the second.

        Empty where it does not change within the deltas.
        """
        return self.crossings.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: the estimate without a delta, and the first tipping point."""
        tipping_points = self.crossings.loc[self.crossings["delta_other"] == 0.0, "delta"]
        tip = (
            float(tipping_points.iloc[int(np.argmin(np.abs(tipping_points)))])
            if len(tipping_points)
            else np.nan
        )
        return pd.DataFrame(
            {
                "estimate": [self.start["estimate"]],
                "p_value": [self.start["p_value"]],
                "tipping_point": [tip],
                "n_deltas": [len(self.grid)],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the estimate along one arm's delta, or areas of two; returns the Axes."""
        layout = self.imputed.layout
        unit = f"added to {self.imputed.shifted}"
        settings: dict[str, Any] = {
            "level": 1 - self.spec.conf_level,
            "xlabel": say_direction(f"Delta under {self.arms[0]} ({unit})", layout.better),
            "quantity": labels(pd.DataFrame([self.row]))[0],
            "caveat": self.imputed.caveat,
        }
        if len(self.arms) == 1:
            frame = self.grid.drop(columns="delta_other")
            tips = tuple(self.crossings["delta"])
            return plots.plot_delta_line(frame, ax=ax, tips=tips, **{**settings, **options})
        ylabel = f"Delta under {self.arms[1]} ({unit})"
        settings["ylabel"] = say_direction(ylabel, layout.better)
        return plots.plot_delta_areas(self.grid, ax=ax, **{**settings, **options})

    def _worse(self) -> str:
        better = self.imputed.layout.better
        side = {"lower": "; positive is worse", "higher": "; negative is worse"}
        return side[better] if better is not None else ""

    def _unchanged(self, spans: str) -> str:
        """Return why there is no tipping point."""
        level, grid = 1 - self.spec.conf_level, self.grid
        if (grid["estimate"] == self.start["estimate"]).all():
            return (
                f"No delta changes the estimate: no value of {' or '.join(self.arms)} was imputed "
                "that it rests on."
            )
        holds, start = grid["p_value"] < level, self.start["p_value"] < level
        is_turned = (grid["estimate"] * self.start["estimate"] < 0) & holds & start
        if ((holds != start) | is_turned).all():
            return (
                f"Under every delta ({spans}) the conclusion is another one than without: it "
                "changes before them. Let the deltas begin, or end, at 0."
            )
        return f"The conclusion does not change within the deltas ({spans})."

    def summary(self) -> Summary:
        """Return the tipping points with the assumptions without a delta."""
        s, start = self.spec, self.start
        level = 1 - s.conf_level
        shown = format_estimate(start["estimate"], start["conf_low"], start["conf_high"], 2)
        pace = "a visit from the event on" if s.accumulate else "at every missing visit"
        header = [
            *self.imputed.header(),
            ("Analysis", s.analysis.describe()),
            ("Estimate", f"{labels(pd.DataFrame([self.row]))[0]}: {shown}, p "
             f"{format_p(start['p_value'])} without a delta"),
            ("Delta", f"{' and '.join(self.arms)}, {pace}{self._worse()}"),
            ("Conclusion changes", f"where p crosses {format_significant(level)}"),
        ]  # fmt: skip
        rows = tuple(
            (format_number(r.delta_other, 2), format_number(r.delta, 2))
            for r in each_row(self.crossings)
        )
        if len(self.arms) == 1:
            columns: tuple[str, ...] = (f"Tipping point: delta under {self.arms[0]}",)
            rows = tuple((r[1],) for r in rows)  # type: ignore[misc]
        else:
            columns = (f"Delta under {self.arms[1]}", f"Tipping point: delta under {self.arms[0]}")
        notes = []
        if not rows:
            spans = "; ".join(
                f"{arm} {plain(float(v[0]))} to {plain(float(v[-1]))}"
                for arm, v in s.deltas.items()
            )
            notes.append(self._unchanged(spans))
        notes += caveat_notes(self.imputed.caveat)
        tables = (Table(columns, rows, 0),) if rows else ()
        return Summary(
            "Tipping-point analysis", tuple(header), (*self.imputed.tables(), *tables), tuple(notes)
        )
