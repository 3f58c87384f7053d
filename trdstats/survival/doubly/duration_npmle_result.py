"""What the curve of doubly interval-censored durations says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_tau
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.interval.duration_npmle import DurationMass
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.curve_result import CurveLimits, CurveResult, read_days
from trdstats.survival.doubly.duration_sample import DurationSample
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import counts_header
from trdstats.survival.interval.interval_bootstrap import percentile_limits
from trdstats.survival.reported_days import SUPPORT_RULE, headline_day
from trdstats.tables import (
    Summary,
    Table,
    format_count,
    format_interval,
    format_level,
    format_number,
    format_percent,
)

if TYPE_CHECKING:
    from trdstats.survival.doubly.duration_npmle import DurationNPMLE

TITLE = "Duration of response (self-consistent, start and end between visits)"
_NO_ERROR = "there is no standard error; limits come from a bootstrap"
_INSIDE = (
    "Within the gaps of the visits the masses are hardly identified: a value there may depend on "
    "the step of the grid. Read the curve over stretches longer than the gaps."
)
_WIDE = 0.5  # of the median duration
_OVER = "no subject was followed so long after its response"


@checked_methods
@dataclass(frozen=True, repr=False)
class DurationNPMLEResult(CurveResult):
    """Fitted curves.

    `tidy` has one row a group, cause (where others compete) and day at which a cell of the grid
    ends: group column, cause, time, estimate (probability of having ended by then), conf_low,
    conf_high (bootstrap), conf_level.

    Attributes
    ----------
    spec : DurationNPMLE
    durations : DoublyCensored
    """

    spec: DurationNPMLE
    durations: DoublyCensored
    _data: DurationSample
    _fits: dict[str, DurationMass]
    _drawn: dict[str, tuple[DurationMass, ...]]

    @property
    def _causes(self) -> tuple[str, ...]:
        return tuple(self.durations.times.causes.values())

    def _keys(self, days: FloatArray) -> pd.DataFrame:
        """Return group, cause and day of every value: days vary fastest."""
        K, d = len(self._causes), len(days)
        keys = {self._key: np.repeat(list(self._fits), K * d)}
        if K > 1:
            keys["cause"] = np.tile(np.repeat(self._causes, d), len(self._fits))
        return pd.DataFrame({**keys, "time": np.tile(days, len(self._fits) * K)})

    def _values(self, days: FloatArray, replicate: int | None = None) -> FloatArray:
        chosen = [
            fit if replicate is None else self._drawn[label][replicate]
            for label, fit in self._fits.items()
        ]
        values = np.concatenate([fit.ended_by(days).ravel() for fit in chosen])
        # Beyond the last day of a group nothing is known of it.
        K = len(self._causes)
        known = np.concatenate([np.tile(days <= self._last(label), K) for label in self._fits])
        return np.where(known, values, np.nan)

    def _last(self, label: str) -> float:
        """Return the longest time after which a duration of the group could be seen to go on."""
        group = next(g for g in self._data.sample.groups if g.label == label)
        origin = self._data.origin(group)
        shift = origin.mean
        return float((group.time + shift).max())

    def _limits(self, days: FloatArray, conf_level: float) -> tuple[FloatArray, FloatArray]:
        n = len(self._values(days))
        if not self._drawn:
            return np.full(n, np.nan), np.full(n, np.nan)
        drawn = np.array([self._values(days, b) for b in range(self.spec.n_boot)])
        low, high = percentile_limits(drawn, drawn, conf_level)
        # What no replicate changes says nothing of its uncertainty.
        fixed = (drawn == drawn[0]).all(axis=0)
        return np.where(fixed, np.nan, low), np.where(fixed, np.nan, high)

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        size = max(fit.mass.shape[1] for fit in self._fits.values())
        days = self.spec.step * np.arange(size + 1)
        low, high = self._limits(days, conf_level)
        table = self._keys(days).assign(
            estimate=self._values(days), conf_low=low, conf_high=high, conf_level=conf_level
        )
        yield table[table["estimate"].notna()].reset_index(drop=True)

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return the probability of having lost the response by chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the response began.

        Returns
        -------
        Estimates
            Keys: group column, cause where others compete, time. Limits are those of the bootstrap;
            there are no standard errors.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        at = read_days(days)
        value = self._values(at)
        k = len(value)
        return estimates_of(
            self._keys(at), value, covariance=np.full((k, k), np.nan),
            reasons=[_OVER if np.isnan(v) else _NO_ERROR for v in value],
            limits=CurveLimits(lambda *, conf_level: self._limits(at, conf_level), k),
            title=TITLE, notes=self._data.notes(),
        )  # fmt: skip

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the probability of having lost the response by chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the response began.

        Returns
        -------
        pandas.DataFrame
            group column, cause where others compete, time, estimate, conf_low, conf_high,
            conf_level; NaN beyond the follow-up of a group.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        at = read_days(days)
        low, high = self._limits(at, self.spec.conf_level)
        return self._keys(at).assign(
            estimate=self._values(at), conf_low=low, conf_high=high,
            conf_level=self.spec.conf_level,
        )  # fmt: skip

    def quantiles(self, probabilities: Sequence[float] = (0.5,)) -> pd.DataFrame:
        """Return the day by which a share of the group had lost the response, whatever the cause.

        Parameters
        ----------
        probabilities : sequence of float
            Shares; 0.5 is the median duration.

        Returns
        -------
        pandas.DataFrame
            group column, probability, estimate (days; infinite where not reached), conf_low,
            conf_high, conf_level.

        Raises
        ------
        SpecError
            When a probability is not between 0 and 1.
        """
        proportions = [float(p) for p in probabilities]
        if not proportions or not all(0 < p < 1 for p in proportions):
            raise SpecError(f"probabilities must lie between 0 and 1; got {proportions}.")
        return self._numbers(
            partial(_quantiles, p=np.array(proportions)), {"probability": proportions}
        )

    def restricted_mean(self, tau: float) -> pd.DataFrame:
        """Return mean days in response up to `tau`, whatever ends it.

        Parameters
        ----------
        tau : float
            Horizon in days since the response began.

        Returns
        -------
        pandas.DataFrame
            group column, time (tau), estimate, conf_low, conf_high, conf_level; NaN where the
            follow-up of a group is shorter.

        Raises
        ------
        SpecError
            When tau is not positive.
        """
        check_tau(tau)
        table = self._numbers(partial(_restricted_mean, tau=tau), {"time": [float(tau)]})
        short = [tau > self._last(str(label)) for label in table[self._key]]
        table.loc[short, ["estimate", "conf_low", "conf_high"]] = np.nan
        return table

    def _numbers(self, of: Any, keys: dict[str, list[float]]) -> pd.DataFrame:
        frames = []
        for label, fit in self._fits.items():
            low = high = np.full(len(next(iter(keys.values()))), np.nan)
            if self._drawn:
                drawn = np.array([of(one) for one in self._drawn[label]])
                low, high = percentile_limits(drawn, drawn, self.spec.conf_level)
            frames.append(
                pd.DataFrame(
                    {self._key: label, **keys, "estimate": of(fit), "conf_low": low,
                     "conf_high": high}
                )
            )  # fmt: skip
        return pd.concat(frames, ignore_index=True).assign(conf_level=self.spec.conf_level)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik (summed over groups), rounds, converged."""
        fits = self._fits.values()
        return pd.DataFrame(
            {
                "n": [self._data.sample.n],
                "events": [self._data.sample.events()],
                "loglik": [sum(f.loglik for f in fits)],
                "rounds": [max(f.rounds for f in fits)],
                "converged": [all(f.converged for f in fits)],
            }
        )

    def _at_risk(self, days: Sequence[float]) -> pd.DataFrame:
        at = np.asarray(days, dtype=float)
        rows = [(g.label, d, int((g.time >= d).sum())) for g in self._data.sample.groups
                for d in at]  # fmt: skip
        return pd.DataFrame(rows, columns=[self._key, "time", "n_risk"])

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the probability of having lost the response; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        **options
            Passed on to `trdstats.plots.plot_survival`.
        """
        curve = self.tidy()
        if "cause" in curve:
            curve = curve[curve["cause"] == self._causes[0]]
        curve = curve.assign(n_risk=0, n_event=0, n_censor=0)  # no day of a loss is known
        settings = {"xlabel": "Days since the response began", **options}
        return draw_curves(
            curve, self._at_risk, self.durations.times, by=self._key, name=self._causes[0],
            ax=ax, cumulative=True, days=None, options=settings,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the probability of loss at the last well supported day, and the median."""
        medians = self.quantiles((0.5,)).set_index(self._key)
        rows = []
        for g in self._data.sample.groups:
            day = headline_day(g.time, g.entry)
            table = self.at([day])
            row = table[table[self._key] == g.label].iloc[0].to_dict()
            middle = medians.loc[g.label].to_dict()
            cells = [
                g.label, format_count(len(g.time)), format_count((g.status == 1).sum()),
                f"{day:g}", format_percent(row["estimate"]), _days(middle["estimate"]),
            ]  # fmt: skip
            if self._drawn:
                cells.insert(5, format_interval(100 * row["conf_low"], 100 * row["conf_high"], 1))
                cells.append(f"{_days(middle['conf_low'])} to {_days(middle['conf_high'])}")
            rows.append(tuple(cells))
        level = f"{format_level(self.spec.conf_level)} CI"
        limit = [level] if self._drawn else []
        header = ("Group", "At risk", "Events", "By day", "Lost (%)", *limit, "Median (days)",
                  *limit)  # fmt: skip
        lines = [
            ("Estimate", f"maximum likelihood on a grid of {self.spec.step:g} days"),
            ("Day of the origin", self.durations.assumption),
        ]
        if self._drawn:
            lines.append(("Intervals", f"{self.spec.n_boot:,} bootstrap replicates, seed "
                          f"{self.spec.seed}, percentiles"))  # fmt: skip
        notes = [*self._data.notes(), f"By day: the last with {SUPPORT_RULE}.", _INSIDE]
        start, end = self.durations.gaps()
        shortest = float(medians["estimate"].min())
        if start + end > _WIDE * shortest:
            notes.append(
                "The visits are wide against the durations: where between them the curve rises is "
                "hardly known. DurationCurve is smooth there."
            )
        if not self.glance()["converged"].item():
            notes.append("The search ended before the maximum was reached.")
        return Summary(
            TITLE,
            (*counts_header(self.durations.times, self._data.sample), *lines),
            (Table(header, tuple(rows)),),
            tuple(notes),
        )


def _quantiles(fit: DurationMass, p: FloatArray) -> FloatArray:
    """Return days by which proportions had ended; infinite where not reached."""
    total = np.r_[0.0, fit.mass.sum(axis=0).cumsum()]
    edges = fit.step * np.arange(len(total))
    place = np.searchsorted(total, p - 1e-12)
    days = np.full(len(p), np.inf)
    reached = place < len(total)
    i = np.maximum(place[reached], 1)
    rise = total[i] - total[i - 1]
    part = (p[reached] - total[i - 1]) / np.where(rise > 0, rise, 1.0)
    days[reached] = edges[i - 1] + np.clip(part, 0.0, 1.0) * fit.step
    return days


def _restricted_mean(fit: DurationMass, tau: float) -> FloatArray:
    edges = fit.step * np.arange(fit.mass.shape[1] + 1)
    at = np.unique(np.r_[edges[edges < tau], tau])
    left = 1 - fit.ended_by(at).sum(axis=0)
    return np.array([np.trapezoid(left, at)])


def _days(day: float) -> str:
    return format_number(day, 0) if np.isfinite(day) else "not reached"
