"""What curves of doubly interval-censored durations say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes
from trdstats.arguments import checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import check_tau
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.scales import ScaleName
from trdstats.kernels.parametric.flexible import PiecewiseConstant
from trdstats.kernels.parametric.piecewise_hazards import PiecewiseFit
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.curve_result import CurveResult, read_days
from trdstats.survival.doubly.duration_sample import DurationSample
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import Group, counts_header
from trdstats.survival.reported_days import SUPPORT_RULE, headline_day
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_estimate,
    format_level,
    format_number,
)

if TYPE_CHECKING:
    from trdstats.survival.doubly.duration_curve import DurationCurve

TITLE = "Duration of response (start and end between visits)"
_POINTS = 200
_OVER = "no subject was followed so long after its response"


@checked_methods
@dataclass(frozen=True, repr=False)
class DurationCurveResult(CurveResult):
    """Fitted curves.

    `tidy` has one row a group and day: group column, time (days since the response began),
    estimate (probability of having lost it by then), std_error, conf_low, conf_high (symmetric on
    the log(-log) scale), conf_level.

    Attributes
    ----------
    spec : DurationCurve
    durations : DoublyCensored
    """

    spec: DurationCurve
    durations: DoublyCensored
    _data: DurationSample
    _fits: dict[str, PiecewiseFit]

    def _last(self, group: Group) -> float:
        """Return the longest time for which a duration of the group was followed."""
        origin = self._data.origin(group)
        shift = origin.mean
        return float((group.time + shift).max())

    def _stacked(
        self, of: Any, groups: Sequence[Group], keys: pd.DataFrame, known: FloatArray,
        scale: ScaleName, title: str,
    ) -> Estimates:  # fmt: skip
        """Return numbers of some groups with their influences; NaN where not known."""
        values, slopes, sizes = [], [], []
        for g in groups:
            value, slope = of(self._fits[g.label])
            values.append(value)
            slopes.append(slope)
            sizes.append(len(value))
        sample = self._data.sample
        total = len(sample.subjects)
        influence = np.zeros((total, sum(sizes)))
        covariance = np.zeros((sum(sizes), sum(sizes)))
        at = 0
        for g, slope, k in zip(groups, slopes, sizes, strict=True):
            fit = self._fits[g.label]
            where = slice(at, at + k)
            influence[:, where] = sample.lay_out(g.row, fit.influence() @ slope.T)
            covariance[where, where] = slope @ fit.covariance() @ slope.T
            at += k
        value = np.where(known > 0, np.concatenate(values), np.nan)
        has = bool(np.isfinite(influence).all())
        error = np.sqrt(np.diag(covariance))
        reasons = [
            _OVER if np.isnan(v) else "" if e > 0 else "the value at the origin is known"
            for v, e in zip(value, error, strict=True)
        ]
        return estimates_of(
            keys, value, covariance=covariance, influences=influence if has else None,
            subjects=sample.influence_subjects() if has else None,
            limits_scale=[scale] * len(value), reasons=reasons, title=title,
            notes=self._data.notes(),
        )  # fmt: skip

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return the probability of having lost the response by chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the response began.

        Returns
        -------
        Estimates
            Keys: group column, time; NaN beyond the follow-up of a group. With the influence of
            every subject, the days of onset taken as known.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        return self._lost_by(read_days(days), self._data.sample.groups)

    def _lost_by(self, at: FloatArray, groups: Sequence[Group]) -> Estimates:
        """Return the probability of having lost the response by some days, of some groups."""
        labels = [g.label for g in groups]
        keys = pd.DataFrame(
            {self._key: np.repeat(labels, len(at)), "time": np.tile(at, len(labels))}
        )
        known = np.concatenate([at <= self._last(g) for g in groups])

        def lost(fit: PiecewiseFit) -> tuple[FloatArray, FloatArray]:
            hazard, slope = _hazard(fit, at)
            return -np.expm1(-hazard), np.exp(-hazard)[:, None] * slope

        return self._stacked(lost, groups, keys, known.astype(float), "log-log", TITLE)

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the probability of having lost the response by chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the response began.

        Returns
        -------
        pandas.DataFrame
            group column, time, n_risk (followed for so long after the visit that found the
            response), estimate, std_error, conf_low, conf_high, conf_level, reason.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        at = read_days(days)
        return self._on_days(self.estimates(days), self._at_risk(at)["n_risk"].to_numpy(float))

    def means(self, tau: float) -> Estimates:
        """Return mean days in response up to a horizon.

        Parameters
        ----------
        tau : float
            Days since the response began.

        Returns
        -------
        Estimates
            Keys: group column, time (tau); NaN where the follow-up of a group is shorter.
            ``means(tau).compare("treatment")`` compares the groups.

        Raises
        ------
        SpecError
            When tau is not positive.
        """
        check_tau(tau)
        groups = self._data.sample.groups
        keys = pd.DataFrame({self._key: list(self._fits), "time": float(tau)})
        known = np.array([float(tau <= self._last(g)) for g in groups])
        return self._stacked(
            lambda fit: _mean(fit, tau), groups, keys, known, "identity",
            f"Mean days in response up to day {tau:g}",
        )  # fmt: skip

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        for g in self._data.sample.groups:
            days = np.linspace(0.0, self._last(g), _POINTS + 1)
            table = self._lost_by(days, [g]).tidy(conf_level=conf_level)
            columns = ["estimate", "std_error", "conf_low", "conf_high", "conf_level"]
            yield table[[self._key, "time", *columns]]

    def hazards(self) -> pd.DataFrame:
        """Return the hazard of every group between its breaks.

        Returns
        -------
        pandas.DataFrame
            group column, lower, upper (days since the response began), rate (losses a day).
        """
        frames = []
        for label, fit in self._fits.items():
            edges = np.r_[0.0, fit.breaks, np.inf]
            frames.append(
                pd.DataFrame({self._key: label, "lower": edges[:-1], "upper": edges[1:],
                              "rate": np.exp(fit.theta)})
            )  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def median(self) -> pd.DataFrame:
        """Return the day by which half of a group had lost the response.

        Returns
        -------
        pandas.DataFrame
            group column, estimate, conf_low, conf_high (where the limits of the curve cross one
            half; infinite where they do not within the follow-up), conf_level.
        """
        rows = []
        for g, curve in zip(self._data.sample.groups, self._curves_at(self.conf_level),
                            strict=True):  # fmt: skip
            days = curve["time"].to_numpy()
            crossing = [
                _crossing(days, curve[c].to_numpy()) for c in ("estimate", "conf_high", "conf_low")
            ]
            rows.append((g.label, *crossing, self.conf_level))
        names = [self._key, "estimate", "conf_low", "conf_high", "conf_level"]
        return pd.DataFrame(rows, columns=names)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik (summed over groups), pieces (the most), converged."""
        fits = self._fits.values()
        return pd.DataFrame(
            {
                "n": [self._data.sample.n],
                "events": [self._data.sample.events()],
                "loglik": [sum(f.loglik for f in fits)],
                "pieces": [max(len(f.breaks) + 1 for f in fits)],
                "converged": [all(f.converged for f in fits)],
            }
        )

    def _at_risk(self, days: Sequence[float] | FloatArray) -> pd.DataFrame:
        rows = [
            (g.label, float(d), int((g.time >= d).sum()))
            for g in self._data.sample.groups for d in days
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=[self._key, "time", "n_risk"])

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the probability of having lost the response; returns the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        **options
            Passed on to `trdstats.plots.plot_survival`.
        """
        # The day of no loss is known.
        curve = self.tidy().assign(n_risk=0, n_event=0, n_censor=0)
        settings = {"xlabel": "Days since the response began", **options}
        return draw_curves(
            curve, self._at_risk, self.durations.times, by=self._key,
            name=self.durations.times.outcome, ax=ax, cumulative=True, days=None, options=settings,
        )  # fmt: skip

    def summary(self) -> Summary:
        """Return the probability of loss at the last well supported day, and the median."""
        medians = {r[0]: r for r in self.median().itertuples(index=False, name=None)}
        rows = []
        for g in self._data.sample.groups:
            day = headline_day(g.time, g.entry)
            table = self.at([day])
            lost = next(each_row(table[table[self._key] == g.label]))
            _, middle, low, high, _ = medians[g.label]
            rows.append(
                (
                    g.label, format_count(len(g.time)), format_count((g.status == 1).sum()),
                    f"{day:g}",
                    format_estimate(lost.estimate, lost.conf_low, lost.conf_high, 1, scale=100.0),
                    _days(middle), f"{_days(low)} to {_days(high)}",
                )
            )  # fmt: skip
        level = f"{format_level(self.conf_level)} CI"
        header = ("Group", "At risk", "Events", "By day", f"Lost (%, {level})", "Median (days)",
                  level)  # fmt: skip
        pieces = self.glance()["pieces"].item()
        lines = [
            ("Estimate", f"maximum likelihood, hazards constant in up to {pieces} pieces"),
            ("Day of the origin", self.durations.assumption),
        ]
        notes = [*self._data.notes(), f"By day: the last with {SUPPORT_RULE}."]
        return Summary(
            TITLE, (*counts_header(self.durations.times, self._data.sample), *lines),
            (Table(header, tuple(rows)),), tuple(notes),
        )  # fmt: skip


def _hazard(fit: PiecewiseFit, days: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the cumulative hazard at days and its derivatives in the log rates."""
    pieces = PiecewiseConstant(fit.breaks)
    return pieces.hazard(fit.theta, days), pieces.slope(fit.theta, days)


def _mean(fit: PiecewiseFit, tau: float) -> tuple[FloatArray, FloatArray]:
    """Return mean days up to tau and their derivatives, exact piece by piece."""
    edges = np.r_[0.0, fit.breaks[fit.breaks < tau], tau]
    # Gauss-Legendre within pieces: the integrands are exponentials times lines.
    x, w = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges) / 2
    days = (edges[:-1] + half)[:, None] + half[:, None] * x
    hazard, slope = _hazard(fit, days.ravel())
    weight = (half[:, None] * w).ravel() * np.exp(-hazard)
    return np.array([weight.sum()]), -(weight @ slope)[None, :]


def _crossing(days: FloatArray, curve: FloatArray) -> float:
    """Return the first day on which a rising curve reaches one half; infinite where it does not."""
    curve = np.where(np.isnan(curve), 0.0, curve)
    above = np.flatnonzero(curve >= 0.5)
    if not len(above):
        return np.inf
    i = max(int(above[0]), 1)
    rise = curve[i] - curve[i - 1]
    part = (0.5 - curve[i - 1]) / rise if rise > 0 else 0.0
    return float(days[i - 1] + np.clip(part, 0, 1) * (days[i] - days[i - 1]))


def _days(day: float) -> str:
    return format_number(day, 0) if np.isfinite(day) else "not reached"
