"""Kaplan-Meier curves by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import Level, checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import check_choice, check_level, no_error_known
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.numerics.boundary import error_at
from trdstats.kernels.risk_sets import survival_curve as kernel
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.curve_result import (
    CurveLimits,
    CurveResult,
    before_first_look,
    read_days,
    why_missing,
)
from trdstats.survival.groups import Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import late_entry_notes
from trdstats.survival.reported_days import SUPPORT_RULE, headline_day
from trdstats.tables import (
    NOT_ESTIMABLE,
    Summary,
    Table,
    each_row,
    format_count,
    format_level,
    format_percent,
    format_time,
)

Measure = Literal["survival", "incidence", "hazard"]
MEASURES = ("survival", "incidence", "hazard")


@checked
@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """Kaplan-Meier estimate of the probability of not yet having had the event.

    Competing causes count as censored; where they matter use `AalenJohansen`.

    Parameters
    ----------
    by : str or None, default "treatment"
        Column that names the groups; None for one curve.
    conf_type : {"log-log", "log", "plain", "arcsine"}
        Scale on which the intervals are symmetric.
    conf_level : float, default 0.95

    References
    ----------
    Kaplan and Meier 1958, J Am Stat Assoc 53:457-481, doi:10.1080/01621459.1958.10501452;
    Brookmeyer and Crowley 1982, Biometrics 38:29-41, doi:10.2307/2530286.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> curves = trd.KaplanMeier().fit(onset)
    >>> list(curves.at([28])["treatment"])
    ['TMS', 'ECT', 'IV ketamine']
    """

    by: str | None = "treatment"
    conf_type: kernel.ConfType = "log-log"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_choice("conf_type", self.conf_type, ("log-log", "log", "plain", "arcsine"))
        check_level(self.conf_level)

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> KaplanMeierResult:
        """Estimate the curves.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Right-censored use of the times: an event happens at `time`.
        weights : str, Series or DataFrame, optional
            Weights of subjects: a column of the times, a series indexed by subject, or a frame
            with the columns subject and weight. Variances are then robust: sums of squared
            influences, the weights taken as known. A result that estimated the weights, such as
            that of `PropensityWeights`, may stand in their place: errors then know that they were
            estimated.

        Returns
        -------
        KaplanMeierResult

        Raises
        ------
        UnknownNameError, NotEstimableError, DataError
            When a column is missing, no subject has follow-up, or the frame is not usable.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        curves = fit_curves(sample)
        return KaplanMeierResult(self, times, sample, curves)


def fit_curves(sample: Sample) -> dict[str, kernel.Curve]:
    """Return the Kaplan-Meier curve of every group; cause 1 is the event."""
    return {
        g.label: kernel.kaplan_meier(
            g.follow_up, robust=sample.weighted, model=sample.weights_of(g)
        )
        for g in sample.groups
    }


@checked_methods
@dataclass(frozen=True, repr=False)
class KaplanMeierResult(CurveResult):
    """Fitted Kaplan-Meier curves.

    `tidy` has one row a group and distinct time: group column, time (days), n_risk, n_event,
    n_censor, estimate (probability of not having had the event), std_error, conf_low, conf_high,
    conf_level.

    Attributes
    ----------
    spec : KaplanMeier
    times : EventTimes
    """

    spec: KaplanMeier
    times: EventTimes
    _sample: Sample
    _curves: dict[str, kernel.Curve]

    def _limits(
        self, curve: kernel.Curve, conf_level: float | None = None
    ) -> tuple[FloatArray, FloatArray]:
        return kernel.survival_interval(
            curve.survival,
            curve.log_variance,
            conf_type=self.spec.conf_type,
            conf_level=conf_level or self.conf_level,
        )

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        for label, curve in self._curves.items():
            low, high = self._limits(curve, conf_level)
            yield pd.DataFrame(
                {
                    self._key: label,
                    "time": curve.time,
                    "n_risk": curve.n_risk,
                    "n_event": curve.n_event,
                    "n_censor": curve.n_censor,
                    "estimate": curve.survival,
                    "std_error": curve.std_error(),
                    "conf_low": low,
                    "conf_high": high,
                    "conf_level": conf_level,
                }
            )

    def estimates(self, days: Sequence[float] = (), *, measure: Measure = "survival") -> Estimates:
        """Return the curves at chosen days, with the influence of every subject.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.
        measure : {"survival", "incidence", "hazard"}
            Probability of not having had the event, of having had it, or cumulative hazard
            (minus the logarithm of survival).

        Returns
        -------
        Estimates
            Keys: group column, time. Beyond the last follow-up of a group the estimate is NaN
            unless every subject had the event.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        plain, slope = self._values(days, measure)
        at = read_days(days)
        effect = self._sample.influences(
            lambda g: kernel.influence_on_survival(self._curves[g.label], at), len(at)
        )
        effect = effect * np.where(np.isfinite(slope), slope, 0.0)
        variance = np.diag(plain.covariance)
        return replace(
            plain, influences=effect, subjects=self._sample.influence_subjects(),
            covariance=self._sample.covariance_between(effect, variance),
            notes=notes_of(self.times, self._sample),
        )  # fmt: skip

    def _values(self, days: Sequence[float], measure: Measure) -> tuple[Estimates, FloatArray]:
        """Return values, errors and limits without influences, and slopes of the measure."""
        check_choice("measure", measure, MEASURES)
        at = read_days(days)
        curves = self._curves.values()
        last = np.repeat([c.time[-1] for c in curves], len(at))
        ended = np.repeat([c.survival[-1] == 0 for c in curves], len(at))
        day = np.tile(at, len(curves))
        survival, log_variance = np.hstack([_read(c, at) for c in curves])
        error = error_at(day, survival, survival * np.sqrt(log_variance))
        lost = (day > last) & ~ended
        survival[lost] = error[lost] = np.nan
        value, slope = _as_measure(survival, measure)
        error = error * np.abs(slope)
        named = pd.DataFrame({self._key: np.repeat(list(self._curves), len(at)), "time": day})
        unseen = np.isnan(error).any() and before_first_look(named, self.times.first_look)
        limits = partial(_limits_of, survival, log_variance, measure, self.spec.conf_type)
        estimates = estimates_of(
            named, value, covariance=np.diag(error**2),
            reasons=why_missing(value, error, last, unseen), limits=CurveLimits(limits, len(value)),
            title=f"Kaplan-Meier, {measure}",
        )  # fmt: skip
        return estimates, slope

    def at(self, days: Sequence[float], *, measure: Measure = "survival") -> pd.DataFrame:
        """Return the curves at chosen days, one row a group and day.

        Returns
        -------
        pandas.DataFrame
            group column, time, n_risk, estimate, std_error, conf_low, conf_high, conf_level,
            reason (why an estimate or its error is NaN); see `estimates`.
        """
        estimates, _ = self._values(days, measure)
        at = np.asarray(days, dtype=float)
        n_risk = np.concatenate([g.follow_up.at_risk(at) for g in self._sample.groups])
        return self._on_days(estimates, n_risk)

    def contrasts(
        self,
        days: Sequence[float],
        *,
        reference: Level | None = None,
        measure: Measure = "survival",
    ) -> pd.DataFrame:
        """Compare groups at chosen days; `measure` as in `estimates`."""
        return self._compared(self.estimates(days, measure=measure), reference)

    def quantiles(self, probabilities: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
        """Return by which day a share of the group had the event.

        Parameters
        ----------
        probabilities : sequence of float
            Shares; 0.5 is the median time.

        Returns
        -------
        pandas.DataFrame
            group column, probability, estimate (days), conf_low, conf_high, conf_level; NaN
            where it is not reached. Limits are those days on which the limits of the curve
            reach the share (Brookmeyer and Crowley, with the interval of the curve).
        """
        rows = []
        for label, curve in self._curves.items():
            low, high = self._limits(curve)
            for p in probabilities:
                day, early, late = (
                    kernel.first_time_at_or_below(curve.time, values, 1 - p)
                    for values in (curve.survival, low, high)
                )
                rows.append(
                    {
                        self._key: label,
                        "probability": p,
                        "estimate": day,
                        "conf_low": early,
                        "conf_high": late,
                        "conf_level": self.spec.conf_level,
                    }
                )
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects with follow-up, events, those never assessed, groups."""
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "n_unseen": [self._sample.n_unseen],
                "n_groups": [len(self._curves)],
            }
        )

    def at_risk(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the numbers at risk just before chosen days: group column, time, n_risk."""
        at = read_days(days)
        frames = [
            pd.DataFrame({self._key: g.label, "time": at, "n_risk": g.follow_up.at_risk(at)})
            for g in self._sample.groups
        ]
        return pd.concat(frames, ignore_index=True)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        cumulative: bool = True,
        days: Sequence[float] | None = None,
        **options: Any,
    ) -> Axes:
        """Draw the curves with numbers at risk.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        cumulative : bool, default True
            Draw the share that had the event; False draws the share that had not.
        days : sequence of float, optional
            Days at which numbers at risk are shown; default the ticks of the axis.
        **options
            Passed on to `trdstats.plots.plot_survival`.

        Returns
        -------
        matplotlib Axes
        """
        curve = self.tidy()
        if cumulative:
            curve = curve.assign(
                estimate=1 - curve["estimate"],
                conf_low=1 - curve["conf_high"],
                conf_high=1 - curve["conf_low"],
            )
        outcome = self.times.outcome
        return draw_curves(
            curve,
            self.at_risk,
            self.times,
            by=self._key,
            name=outcome if cumulative else f"free of {outcome}",
            ax=ax,
            cumulative=cumulative,
            days=days,
            options=options,
        )

    def summary(self) -> Summary:
        """Return counts, the share that had the event while enough were at risk, and medians."""
        level = f"{format_level(self.spec.conf_level)} CI"
        medians = self.quantiles((0.5,))
        rows, without = [], []
        for g, (label, curve), median in zip(
            self._sample.groups, self._curves.items(), each_row(medians), strict=True
        ):
            day = headline_day(g.time, g.entry)
            here = int(curve.index_at(np.array([day]))[0])
            without += [label] if np.isnan(curve.std_error()[here]) else []
            rows.append(
                (
                    label,
                    format_count(curve.n_risk[0]),
                    format_count(curve.n_event.sum()),
                    f"{day:g}",
                    format_percent(1 - curve.survival[here]),
                    format_time(median.estimate),
                    NOT_ESTIMABLE
                    if np.isnan(median.conf_low)
                    else f"{format_time(median.conf_low)} to {format_time(median.conf_high)}",
                )
            )
        header = (
            "Group", "At risk", "Events", "By day", "Had the event (%)", "Median (days)", level,
        )  # fmt: skip
        return Summary(
            "Kaplan-Meier",
            (*counts_header(self.times, self._sample), ("Interval", self.spec.conf_type)),
            (Table(header, tuple(rows)),),
            (
                *notes_of(self.times, self._sample),
                *late_entry_notes(self._sample),
                f"By day: the last with {SUPPORT_RULE}.",
                *no_error_known(without),
            ),
        )


def _read(curve: kernel.Curve, at: FloatArray) -> FloatArray:
    """Return survival and the variance of its logarithm at days, shape (2, k)."""
    here = curve.index_at(at)
    return np.array([curve.survival[here], curve.log_variance[here]])


def _as_measure(survival: FloatArray, measure: Measure) -> tuple[FloatArray, FloatArray]:
    """Return what is asked for, and its derivative to survival."""
    if measure == "survival":
        return survival, np.ones_like(survival)
    if measure == "incidence":
        return 1 - survival, np.full_like(survival, -1.0)
    with np.errstate(divide="ignore"):
        return -np.log(survival), -1 / survival


def _limits_of(
    survival: FloatArray,
    log_variance: FloatArray,
    measure: Measure,
    conf_type: kernel.ConfType,
    *,
    conf_level: float,
) -> tuple[FloatArray, FloatArray]:
    """Return limits of what is asked for, from those of survival."""
    low, high = kernel.survival_interval(
        survival, log_variance, conf_type=conf_type, conf_level=conf_level
    )
    ends = _as_measure(low, measure)[0], _as_measure(high, measure)[0]
    return ends if measure == "survival" else ends[::-1]
