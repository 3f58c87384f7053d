"""What Turnbull's estimate says: curves, quantiles and means with their bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes
from trdstats.arguments import Level, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_tau, pick_level
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.interval.npmle_bounds import (
    incidence_bounds,
    quantile_bounds,
    restricted_mean_bounds,
)
from trdstats.kernels.interval.turnbull import Npmle
from trdstats.outcomes import EventTimes
from trdstats.survival.curves.curve_result import CurveLimits, CurveResult, read_days
from trdstats.survival.groups import Sample, counts_header
from trdstats.survival.interval.interval_bootstrap import bounds_of_all, percentile_limits
from trdstats.survival.interval_sample import interval_notes
from trdstats.survival.late_entry import check_observed, unobserved_notes
from trdstats.survival.reported_days import SUPPORT_RULE, headline_day
from trdstats.tables import Summary, Table, each_row, format_count, format_level, format_percent

if TYPE_CHECKING:
    from trdstats.survival.interval.turnbull import Turnbull

Bounds = Callable[[Npmle], tuple[FloatArray, FloatArray]]

# Bounds that differ by less say the same day or share.
_SAME = 1e-9
_NO_ERROR = "there is no standard error of Turnbull's estimate; limits come from a bootstrap"


@checked_methods
@dataclass(frozen=True, repr=False)
class TurnbullResult(CurveResult):
    """Fitted curves.

    `tidy` has one row a group and interval that holds mass: group column, lower, upper (days; the
    event lies in (lower, upper], on the day where both are the same, and was not seen where upper
    is infinite), mass, estimate (probability of having had the event by `upper`),
    survival_before, survival_after (probability of not having had it at `lower` and at `upper`:
    bounds in between), conf_low, conf_high (bootstrap limits of estimate), conf_level.

    Attributes
    ----------
    spec : Turnbull
    times : EventTimes
    """

    spec: Turnbull
    times: EventTimes
    _sample: Sample
    _fits: dict[str, Npmle]
    _drawn: dict[str, tuple[Npmle, ...]]

    def _limits(
        self, low: FloatArray, high: FloatArray, level: float | None = None
    ) -> dict[str, Any]:
        limits = percentile_limits(low, high, level or self.conf_level)
        return dict(zip(("conf_low", "conf_high"), limits, strict=True))

    def _of_groups(
        self, bounds: Bounds, keys: dict[str, Any], *, middle: bool, discrete: bool = False
    ) -> pd.DataFrame:
        """Return what `bounds` says of each group: one row a group and key.

        A `discrete` figure, such as a quantile, may be the same in every replicate.
        """
        frames = []
        for label, fit in self._fits.items():
            low, high = bounds(fit)
            drawn = self._replicated(label, bounds, len(low), discrete=discrete)
            frames.append(
                pd.DataFrame(
                    {
                        self._key: label,
                        **keys,
                        **_estimates(low, high, middle),
                        **self._limits(*drawn),
                    }
                )
            )
        return pd.concat(frames, ignore_index=True).assign(conf_level=self.spec.conf_level)

    def _replicated(
        self, label: str, bounds: Bounds, k: int, *, discrete: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the bounds in every replicate; NaN without a bootstrap.

        NaN too where no replicate differs: subjects drawn again from those of whom no subject or
        every subject had the event tell nothing of the uncertainty.
        """
        if not self._drawn:
            return np.full((1, k), np.nan), np.full((1, k), np.nan)
        low, high = bounds_of_all(self._drawn[label], bounds)
        if discrete:
            return low, high
        known = (low != low[0]).any(axis=0) | (high != high[0]).any(axis=0)
        return np.where(known, low, np.nan), np.where(known, high, np.nan)

    def _differences(
        self, bounds: Bounds, keys: dict[str, Any], reference: Level | None, *, middle: bool
    ) -> pd.DataFrame:
        """Return the difference of each group from the reference, one row a group and key."""
        labels = list(self._fits)
        reference = pick_level("group", reference, labels)
        base_low, base_high = bounds(self._fits[reference])
        base_drawn = self._replicated(reference, bounds, len(base_low))
        frames = []
        for label in labels:
            if label == reference:
                continue
            low, high = bounds(self._fits[label])
            drawn_low, drawn_high = self._replicated(label, bounds, len(low))
            frames.append(
                pd.DataFrame(
                    {
                        self._key: label,
                        "reference": reference,
                        **keys,
                        **_estimates(low - base_high, high - base_low, middle),
                        **self._limits(drawn_low - base_drawn[1], drawn_high - base_drawn[0]),
                    }
                )
            )
        if not frames:
            return pd.DataFrame()
        return pd.concat(frames, ignore_index=True).assign(conf_level=self.spec.conf_level)

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        for label, fit in self._fits.items():
            after = np.append(np.cumsum(fit.mass)[:-1], 1.0)
            before = np.concatenate(([0.0], after[:-1]))
            drawn = self._replicated(label, partial(incidence_bounds, at=fit.upper), len(after))
            yield pd.DataFrame(
                {
                    self._key: label,
                    "lower": fit.lower,
                    "upper": fit.upper,
                    "mass": fit.mass,
                    "estimate": after,
                    "survival_before": 1 - before,
                    "survival_after": 1 - after,
                    **self._limits(*drawn, conf_level),
                    "conf_level": conf_level,
                }
            )

    def _late_entry(self) -> tuple[str, ...]:
        """Return what delayed entry leaves unknown."""
        return unobserved_notes(self._sample)

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return the probability of having had the event by chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.

        Returns
        -------
        Estimates
            Keys: group column, time. Inside an interval that holds mass the estimate is NaN; `at`
            gives its bounds. There are no standard errors; limits are those of the bootstrap.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        at = read_days(days)
        bounds = partial(incidence_bounds, at=at)
        low, high = (
            np.concatenate(ends) for ends in zip(*map(bounds, self._fits.values()), strict=True)
        )
        drawn = [self._replicated(label, bounds, len(at)) for label in self._fits]
        lows, highs = (np.hstack(ends) for ends in zip(*drawn, strict=True))
        limits = partial(percentile_limits, lows, highs)
        value = _estimates(low, high, False)["estimate"]
        return estimates_of(
            pd.DataFrame(
                {self._key: np.repeat(list(self._fits), len(at)), "time": np.tile(at, len(drawn))}
            ),
            value, covariance=np.full((len(value), len(value)), np.nan),
            reasons=[
                f"the visits leave it between {a:.3f} and {b:.3f}" if np.isnan(v) else _NO_ERROR
                for v, a, b in zip(value, low, high, strict=True)
            ],
            limits=CurveLimits(limits, len(value)), title="Incidence (Turnbull)",
            notes=(*interval_notes(self.times, self._sample), *self._late_entry()),
        )  # fmt: skip

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the probability of having had the event by chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.

        Returns
        -------
        pandas.DataFrame
            group column, time, estimate, bound_low, bound_high, conf_low, conf_high, conf_level.
            Inside an interval that holds mass the curve is not identified: the estimate is NaN
            and the bounds say what the data allow. Limits cover both bounds.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        at = read_days(days)
        return self._of_groups(lambda f: incidence_bounds(f, at), {"time": at}, middle=False)

    def contrasts(self, days: Sequence[float], reference: Level | None = None) -> pd.DataFrame:
        """Return differences in the probability of having had the event by chosen days.

        Parameters
        ----------
        days : sequence of float
        reference : str, optional
            Group the others are compared with. Default: the first one.

        Returns
        -------
        pandas.DataFrame
            group column, reference, then as `at`.

        Raises
        ------
        UnknownNameError
            When the reference is no group.
        SpecError
            When a day is negative or not finite.
        """
        at = read_days(days)
        return self._differences(
            lambda f: incidence_bounds(f, at), {"time": at}, reference, middle=False
        )

    def quantiles(self, probabilities: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Return between which days a share of the group had the event.

        Parameters
        ----------
        probabilities : sequence of float
            Shares; 0.5 is the median time.

        Returns
        -------
        pandas.DataFrame
            group column, probability, estimate (days; NaN unless the day is exact), bound_low,
            bound_high (infinite where the share was not seen to be reached), conf_low,
            conf_high, conf_level.
        """
        proportions = [float(p) for p in probabilities]
        if not all(0 < p < 1 for p in proportions):
            raise SpecError(f"probabilities must lie between 0 and 1; got {proportions}.")

        def bounds(fit: Npmle) -> tuple[FloatArray, FloatArray]:
            pairs = np.array([quantile_bounds(fit, p) for p in proportions])
            return pairs[:, 0], pairs[:, 1]

        return self._of_groups(bounds, {"probability": proportions}, middle=False, discrete=True)

    def restricted_mean(self, tau: float, reference: Level | None = None) -> pd.DataFrame:
        """Return mean days without the event up to `tau`, and their differences.

        Parameters
        ----------
        tau : float
            Horizon in days since the origin.
        reference : str, optional
            Group the others are compared with. Default: the first one.

        Returns
        -------
        pandas.DataFrame
            measure ("restricted mean" or "difference"), group column, reference, estimate (the
            middle of the bounds), bound_low (all mass at lower ends), bound_high (all mass at
            upper ends), conf_low, conf_high, conf_level.

        Raises
        ------
        SpecError
            When tau is not positive.
        UnknownNameError
            When the reference is no group.
        NotEstimableError
            When, with delayed entry, no subject is under observation on some days before tau.
        """
        check_tau(tau)
        check_observed(self._sample, tau)

        def bounds(fit: Npmle) -> tuple[FloatArray, FloatArray]:
            low, high = restricted_mean_bounds(fit, tau)
            return np.array([low]), np.array([high])

        means = self._of_groups(bounds, {"reference": ""}, middle=True)
        gaps = self._differences(bounds, {}, reference, middle=True)
        rows = [means.assign(measure="restricted mean")]
        rows += [gaps.assign(measure="difference")] if len(gaps) else []
        frame = pd.concat(rows, ignore_index=True)
        return frame[["measure", *(c for c in means.columns)]]

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, loglik (summed over groups), the largest gap, converged."""
        fits = self._fits.values()
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "loglik": [sum(f.loglik for f in fits)],
                "gap": [max(f.gap for f in fits)],
                "converged": [all(f.converged for f in fits)],
                "n_unseen": [self._sample.n_unseen],
                "n_groups": [len(fits)],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the curves: steps where they are known, boxes where the visits leave them open.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        **options
            Passed on to `trdstats.plots.plot_interval_curves`.

        Returns
        -------
        matplotlib Axes
        """
        outcome, origin = self.times.outcome, self.times.origin
        settings = {
            "ylabel": outcome[:1].upper() + outcome[1:],
            "xlabel": "Day (0 is the start)" if origin == "day 0" else f"Days since {origin}",
            "caveat": self.times.figure_caveat,
            **options,
        }
        frame = self.tidy().rename(columns={self._key: "treatment"})
        return plots.plot_interval_curves(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return counts, the share that had the event while enough were at risk, and medians."""
        level = f"{format_level(self.spec.conf_level)} CI"
        medians = each_row(self.quantiles((0.5,)))
        rows = []
        for g, fit, median in zip(self._sample.groups, self._fits.values(), medians, strict=True):
            day = headline_day(g.time, g.entry)
            low, high = (float(b[0]) for b in incidence_bounds(fit, np.array([day])))
            rows.append(
                (
                    g.label,
                    format_count(len(g.time)),
                    format_count((g.status == 1).sum()),
                    f"{day:g}",
                    _proportion(low, high),
                    _days(median.estimate, median.bound_low, median.bound_high),
                    *([_span(median.conf_low, median.conf_high)] * bool(self._drawn)),
                )
            )
        header = ("Group", "At risk", "Events", "By day", "Had the event (%)", "Median (days)")
        converged = all(f.converged for f in self._fits.values())
        lines = [("Estimate", "maximum likelihood" + ", gap below 1e-9" * converged)]
        if self._drawn:
            lines.append(("Intervals", f"{self.spec.n_boot:,} bootstrap replicates, seed "
                          f"{self.spec.seed}, percentiles"))  # fmt: skip
        notes = [
            *interval_notes(self.times, self._sample),
            *self._late_entry(),
            f"By day: the last with {SUPPORT_RULE}.",
        ]
        if not converged:
            notes.append("The search ended before the maximum was reached.")
        return Summary(
            "Turnbull",
            (*counts_header(self.times, self._sample), *lines),
            (Table((*header, level) if self._drawn else header, tuple(rows)),),
            tuple(notes),
        )


def _estimates(low: FloatArray, high: FloatArray, middle: bool) -> dict[str, FloatArray]:
    """Return the columns of a pair of bounds; `middle` fills the estimate where they differ."""
    same = np.abs(np.where(np.isfinite(high), high, np.inf) - low) <= _SAME
    between = (low + high) / 2 if middle else np.full(len(low), np.nan)
    return {"estimate": np.where(same, low, between), "bound_low": low, "bound_high": high}


def _days(estimate: float, low: float, high: float) -> str:
    """Return a quantile: its day, or the visits between which it lies."""
    if not np.isnan(estimate):
        return f"{estimate:g}"
    return _span(low, high) if np.isfinite(high) else "not reached"


def _proportion(low: float, high: float) -> str:
    """Return a share in percent, or its bounds where the visits leave it open."""
    if high - low <= _SAME:
        return format_percent(low)
    return f"{format_percent(low)} to {format_percent(high)}"


def _span(low: float, high: float) -> str:
    return f"{low:g} to " + (f"{high:g}" if np.isfinite(high) else "not reached")
