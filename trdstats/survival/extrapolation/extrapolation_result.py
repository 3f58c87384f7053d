"""What parametric curves say beyond the data, family by family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import check_choice
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.stacked import below
from trdstats.estimates.table import Columns
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.outcomes import EventTimes
from trdstats.survival.curves.curve_result import CurveLimits
from trdstats.survival.curves.kaplan_meier import KaplanMeier
from trdstats.survival.extrapolation.background import Background
from trdstats.survival.extrapolation.curves import ASSUMPTIONS, FittedCurve
from trdstats.survival.parametric.parametric_data import Analysed
from trdstats.survival.reported_days import check_days, headline_day
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level, format_number

if TYPE_CHECKING:
    from trdstats.survival.extrapolation.extrapolation import Extrapolation

AVERAGE = "average"


@dataclass(frozen=True)
class GroupCurves:
    """The curves of one group.

    Attributes
    ----------
    label : str
    row : ndarray of int
        Its subjects among those analysed.
    known : CensoredTimes
    curves : dict of str to FittedCurve
    lost : dict of str to str
        Families that could not be had, and why.
    ages : ndarray or None
    """

    label: str
    row: IntArray
    known: CensoredTimes
    curves: Mapping[str, FittedCurve]
    lost: Mapping[str, str]
    ages: FloatArray | None

    @property
    def observed_to(self) -> float:
        """Last day with enough subjects still under observation."""
        known = self.known
        end = np.exp(np.where(known.exact, known.log_right, known.log_left))
        end = np.where(known.seen & ~known.exact, np.exp(known.log_right), end)
        return headline_day(np.asarray(end), np.exp(known.log_entry))


@checked_methods
@dataclass(frozen=True, repr=False)
class ExtrapolationResult(EstimateResult):
    """Mean days without the event to each horizon, family by family, and their average.

    `tidy` has the group column, family, horizon (days), then observed_to (last day with enough
    subjects under observation), assumption (what is taken to hold after it), weight (Akaike weight
    within the group) and the columns of every table of estimates.

    Attributes
    ----------
    spec : Extrapolation
    times : EventTimes
    """

    spec: Extrapolation
    times: EventTimes
    _data: Analysed
    _groups: tuple[GroupCurves, ...]
    _background: Background | None

    def estimates(self, family: str | None = None) -> Estimates:
        """Return mean days to each horizon.

        Parameters
        ----------
        family : str, optional
            One of the families, or "average". Default: all of them. `compare` of one family gives
            differences between groups.

        Raises
        ------
        SpecError
            When the family was not asked for.

        Notes
        -----
        Limits are symmetric on the logit of the proportion of the horizon. The error of an average
        has a part for the choice of the family (Buckland 1997, equation 9); it is no sum over
        subjects.
        """
        asked = [*self.spec.families, AVERAGE]
        if family is not None:
            check_choice("family", family, asked)
            asked = [family]
        parts = [
            self._averages(g) if name == AVERAGE else self._of_family(g, name)
            for name in asked for g in self._groups
        ]  # fmt: skip
        return below(parts)

    def _factor(self, group: GroupCurves) -> Callable[[FloatArray], FloatArray]:
        background, ages = self._background, group.ages
        if background is None or ages is None:
            return np.ones_like
        return lambda days: background.survival(ages, days)

    def _limits(self, value: FloatArray, error: FloatArray) -> CurveLimits:
        horizon = np.asarray(self.spec.horizons, dtype=float)
        return CurveLimits(partial(_within, value, error, horizon), len(value))

    def _keys(self, group: GroupCurves, family: str) -> pd.DataFrame:
        return pd.DataFrame(
            {self.spec.by: group.label, "family": family, "horizon": list(self.spec.horizons)}
        )

    def _of_family(self, group: GroupCurves, family: str) -> Estimates:
        keys, sample, k = self._keys(group, family), self._data.sample, len(self.spec.horizons)
        effect, value, reason = np.zeros((len(group.row), k)), np.full(k, np.nan), ""
        covariance = np.full((k, k), np.nan)
        if family in group.curves:
            curve = group.curves[family]
            means = [curve.mean_to(h, self._factor(group)) for h in self.spec.horizons]
            J = np.array([gradient for _, gradient in means])
            value = np.array([m for m, _ in means])
            effect = curve.fit.influence() @ J.T
            covariance = J @ curve.fit.covariance() @ J.T
        else:
            reason = group.lost[family]
        influence = sample.lay_out(self._data.row[group.row], effect)
        return estimates_of(
            keys, value, influences=influence if not reason else influence * np.nan,
            subjects=sample.influence_subjects(), covariance=covariance,
            limits=self._limits(value, np.sqrt(np.diag(covariance))), reasons=[reason] * k,
            title=self._title, notes=self._notes,
        )  # fmt: skip

    def _averages(self, group: GroupCurves) -> Estimates:
        k, weights = len(self.spec.horizons), self.weights(group.label)
        used = [name for name in group.curves if weights[name] > 0]
        reason = "" if used else "no family is left for an average"
        value, variance = np.full(k, np.nan), np.full(k, np.nan)
        if used:
            families = [self._of_family(group, name) for name in used]
            w = np.array([weights[name] for name in used])
            means = np.array([e.value for e in families])
            errors = np.array([e.std_error for e in families])
            value = w @ means
            variance = (w @ np.sqrt(errors**2 + (means - value) ** 2)) ** 2
        return estimates_of(
            self._keys(group, AVERAGE), value, covariance=np.diag(variance),
            limits=self._limits(value, np.sqrt(variance)), reasons=[reason] * k, title=self._title,
            notes=self._notes,
        )  # fmt: skip

    def weights(self, group: str) -> dict[str, float]:
        """Return the Akaike weights of the families of a group; 0 of those that are implausible."""
        curves = next(g for g in self._groups if g.label == group).curves
        kept = {n: c for n, c in curves.items() if not self._implausible(c)}
        if not kept:
            return dict.fromkeys(curves, 0.0)
        aic = np.array([_aic(c) for c in kept.values()])
        raw = np.exp(-(aic - aic.min()) / 2)
        weights = dict(zip(kept, (raw / raw.sum()).tolist(), strict=True))
        return {name: weights.get(name, 0.0) for name in curves}

    def _implausible(self, curve: FittedCurve) -> str:
        for day, (low, high) in self.spec.plausible.items():
            at = float(curve.survival_at(curve.fit.theta, np.array([day]))[0])
            if not low <= at <= high:
                return f"{100 * at:.1f} % without the event by day {day:g} is not plausible"
        return ""

    @property
    def _title(self) -> str:
        return f"Mean days without {self.times.outcome}, carried beyond the data"

    @property
    def _notes(self) -> tuple[str, ...]:
        return (
            *self._data.notes(),
            "Beyond the last visits every number is an assumption about the hazard there.",
        )

    def _table_columns(self, held: Columns, conf_level: float) -> dict[str, Any]:
        ends = {g.label: g.observed_to for g in self._groups}
        weights = {g.label: self.weights(g.label) for g in self._groups}
        label, family = pd.Series(held[self.spec.by]).astype(str), pd.Series(held["family"])
        return {
            "observed_to": label.map(ends).to_numpy(dtype=float),
            "assumption": family.map(ASSUMPTIONS).to_numpy(),
            "weight": [
                weights[g].get(f, np.nan) for g, f in zip(label, family, strict=True)
            ],
        }  # fmt: skip

    def fits(self) -> pd.DataFrame:
        """Return how the families fit.

        Returns
        -------
        pandas.DataFrame
            One row a group and family: group column, family, parameters, loglik, aic, bic, weight
            (Akaike), and reason (why it was not fitted, or has no part in the average).
        """
        rows = []
        for g in self._groups:
            weights = self.weights(g.label)
            for family in self.spec.families:
                curve = g.curves.get(family)
                loglik, p = (np.nan, 0) if curve is None else (curve.fit.loglik, curve.n_parameters)
                rows.append(
                    {
                        self.spec.by: g.label, "family": family, "parameters": p, "loglik": loglik,
                        "aic": 2 * p - 2 * loglik, "bic": np.log(len(g.row)) * p - 2 * loglik,
                        "weight": weights.get(family, np.nan),
                        "reason": g.lost[family] if curve is None else self._implausible(curve),
                    }
                )  # fmt: skip
        return pd.DataFrame(rows)

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the proportion without the event by days, for every group and family.

        Parameters
        ----------
        days : sequence of float

        Returns
        -------
        pandas.DataFrame
            group column, family, time, estimate; background events are counted.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        at = np.asarray(days, dtype=float)
        frames = [
            pd.DataFrame(
                {
                    self.spec.by: g.label, "family": name, "time": at,
                    "estimate": c.survival_at(c.fit.theta, at) * self._factor(g)(at),
                }
            )
            for g in self._groups for name, c in g.curves.items()
        ]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def plot(self, group: str, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the curves of a group over its Kaplan-Meier curve; returns the Axes.

        Parameters
        ----------
        group : str
        ax : matplotlib Axes, optional
        **options
            Passed on to `trdstats.plots.plot_extrapolation`.
        """
        check_choice("group", group, [g.label for g in self._groups])
        drawn = next(g for g in self._groups if g.label == group)
        last = max(self.spec.horizons)
        days = last * np.linspace(0, 1, 301) ** 2
        curves = self.at(days.tolist())
        curves = curves[curves[self.spec.by] == group]
        frame = self.times.frame
        in_group = frame[frame[self.spec.by].astype(str) == group]
        settings = {
            "ylabel": f"Without {self.times.outcome}",
            "xlabel": f"Days since {self.times.origin}",
            "title": group, "caveat": self.times.figure_caveat, **options,
        }  # fmt: skip
        return plots.plot_extrapolation(
            curves, _kaplan_meier(in_group), observed_to=drawn.observed_to, ax=ax, **settings
        )

    def _in_order(self) -> pd.DataFrame:
        """Return the table group by group, and horizon by horizon."""
        table = self.tidy()
        place = {g.label: j for j, g in enumerate(self._groups)}
        order = np.lexsort((table["horizon"], table[self.spec.by].map(place)))
        return table.iloc[order]

    def summary(self) -> Summary:
        """Return means by family and horizon, and how the families fit."""
        level = f"{format_level(self.conf_level)} CI"
        rows = [
            (
                str(getattr(r, self.spec.by)), r.family, f"{r.horizon:g}",
                format_estimate(r.estimate, r.conf_low, r.conf_high, 0), r.assumption,
            )
            for r in each_row(self._in_order())
        ]  # fmt: skip
        fits = [
            (
                str(getattr(r, self.spec.by)), r.family, format_number(r.aic, 1),
                format_number(r.bic, 1), format_number(r.weight, 2), r.reason,
            )
            for r in each_row(self.fits())
        ]  # fmt: skip
        ends = ", ".join(f"{g.label} to day {g.observed_to:g}" for g in self._groups)
        header = ("Group", "Family", "Horizon (days)", f"Mean days ({level})", "Assumption")
        return Summary(
            self._title,
            (*self._data.header(), *self.spec.summary().header, ("Observed", ends)),
            (
                Table(header, tuple(rows), 2),
                Table(("Group", "Family", "AIC", "BIC", "Weight", "Reason"), tuple(fits), 2),
            ),
            self._notes,
        )


def _within(
    value: FloatArray, error: FloatArray, horizon: FloatArray, *, conf_level: float
) -> tuple[FloatArray, FloatArray]:
    """Return limits symmetric on the logit of the proportion of the horizon: none is beyond it."""
    z = critical_value(conf_level)
    part = value / horizon
    spread = z * error / (horizon * part * (1 - part))
    ends = [horizon * expit(logit(part) + side * spread) for side in (-1, 1)]
    return ends[0], ends[1]


def _aic(curve: FittedCurve) -> float:
    return 2 * curve.n_parameters - 2 * curve.fit.loglik


def _kaplan_meier(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the visit-dated curve of a group: time, estimate."""
    curve = KaplanMeier(by=None).fit(EventTimes(frame)).tidy()
    return curve[["time", "estimate"]]
