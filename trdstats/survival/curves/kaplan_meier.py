"""Kaplan-Meier curves by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import check_choice, check_level
from trdstats.kernels.numerics.boundary import error_at
from trdstats.kernels.risk_sets import survival_curve as kernel
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.day_contrasts import contrast_errors, day_contrasts
from trdstats.survival.groups import Group, Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import late_entry_notes
from trdstats.survival.reported_days import SUPPORT_RULE, check_days, headline_day
from trdstats.tables import (
    NOT_ESTIMABLE,
    Summary,
    SummaryMixin,
    Table,
    each_row,
    format_count,
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

    def fit(self, times: Any, *, weights: Any = None) -> KaplanMeierResult:
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
            When a column is missing, nobody has follow-up, or the frame is not usable.
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
class KaplanMeierResult(SummaryMixin):
    """Fitted Kaplan-Meier curves.

    Attributes
    ----------
    spec : KaplanMeier
    times : EventTimes
    """

    spec: KaplanMeier
    times: EventTimes
    _sample: Sample
    _curves: dict[str, kernel.Curve]

    @property
    def _key(self) -> str:
        return self.spec.by or "group"

    def _limits(self, curve: kernel.Curve) -> tuple[FloatArray, FloatArray]:
        return kernel.survival_interval(
            curve.survival,
            curve.log_variance,
            conf_type=self.spec.conf_type,
            conf_level=self.spec.conf_level,
        )

    def tidy(self) -> pd.DataFrame:
        """Return the curves, one row a group and distinct time.

        Returns
        -------
        pandas.DataFrame
            group column, time (days), n_risk, n_event, n_censor, estimate (probability of not
            having had the event), std_error, conf_low, conf_high, conf_level.
        """
        frames = []
        for label, curve in self._curves.items():
            low, high = self._limits(curve)
            frames.append(
                pd.DataFrame(
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
                        "conf_level": self.spec.conf_level,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def at(self, days: Sequence[float], *, measure: Measure = "survival") -> pd.DataFrame:
        """Return the curves at chosen days.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.
        measure : {"survival", "incidence", "hazard"}
            Probability of not having had the event, of having had it, or cumulative hazard
            (minus the logarithm of survival).

        Returns
        -------
        pandas.DataFrame
            As `tidy` without n_event and n_censor; one row a group and day. Beyond the last
            follow-up of a group the estimate is NaN unless everybody had the event.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_choice("measure", measure, MEASURES)
        check_days(days)
        at = np.asarray(days, dtype=float)
        frames = []
        for label, curve in self._curves.items():
            low, high = self._limits(curve)
            here = curve.index_at(at)
            known = (at <= curve.time[-1]) | (curve.survival[-1] == 0)
            columns = {
                k: v[here]
                for k, v in _as_measure(
                    measure, curve.survival, curve.std_error(), low, high
                ).items()
            }
            columns["std_error"] = error_at(at, curve.survival[here], columns["std_error"])
            frames.append(
                pd.DataFrame(
                    {
                        self._key: label,
                        "time": at,
                        "n_risk": curve.at_risk(at),
                        **{k: np.where(known, v, np.nan) for k, v in columns.items()},
                        "conf_level": self.spec.conf_level,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def contrasts(
        self,
        days: Sequence[float],
        *,
        reference: Level | None = None,
        measure: Measure = "survival",
    ) -> pd.DataFrame:
        """Compare groups at chosen days.

        Parameters
        ----------
        days : sequence of float
        reference : str, optional
            Group the others are compared with. Default: the first one.
        measure : {"survival", "incidence", "hazard"}

        Returns
        -------
        pandas.DataFrame
            group column, reference, time, estimate (difference), std_error, statistic, p_value,
            conf_low, conf_high, conf_level.
        """
        table = self.at(days, measure=measure)
        at = np.asarray(days, dtype=float)

        def of_group(g: Group) -> FloatArray:
            curve = self._curves[g.label]
            moved = kernel.influence_on_survival(curve, at)
            return moved / curve.survival[curve.index_at(at)] if measure == "hazard" else moved

        errors = contrast_errors(self._sample, table, self._key, of_group)
        return day_contrasts(table, errors, self._key, reference, self.spec.conf_level)

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
        """Return one row: subjects with follow-up, events, those never seen, groups."""
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "n_unseen": [self._sample.n_unseen],
                "n_groups": [len(self._curves)],
            }
        )

    def influence(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the first-order effect of each subject on the curves at chosen days.

        Returns
        -------
        pandas.DataFrame
            subject, then one column "<group> day <d>"; rows are the subjects with follow-up.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        at = np.asarray(days, dtype=float)
        return self._sample.influence(
            [f"day {d:g}" for d in at],
            lambda g: kernel.influence_on_survival(self._curves[g.label], at),
        )

    def at_risk(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the numbers at risk just before chosen days: group column, time, n_risk."""
        return self.at(days)[[self._key, "time", "n_risk"]]

    def plot(
        self,
        ax: Any = None,
        *,
        cumulative: bool = True,
        days: Sequence[float] | None = None,
        **options: Any,
    ) -> Any:
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
            shown = curve[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy().T
            curve = curve.assign(**_as_measure("incidence", *shown))
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
        level = f"{100 * self.spec.conf_level:g} % CI"
        medians = self.quantiles((0.5,))
        rows = []
        for g, (label, curve), median in zip(
            self._sample.groups, self._curves.items(), each_row(medians), strict=True
        ):
            day = headline_day(g.time, g.entry)
            rows.append(
                (
                    label,
                    format_count(curve.n_risk[0]),
                    format_count(curve.n_event.sum()),
                    f"{day:g}",
                    format_percent(1 - curve.survival[curve.index_at(np.array([day]))[0]]),
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
            ),
        )


def _as_measure(
    measure: Measure,
    survival: FloatArray,
    error: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> dict[str, FloatArray]:
    """Return estimate, error and limits of what is asked for."""
    if measure == "incidence":
        survival, low, high = 1 - survival, 1 - high, 1 - low
    elif measure == "hazard":
        with np.errstate(divide="ignore", invalid="ignore"):
            error = error / survival
            survival, low, high = -np.log(survival), -np.log(high), -np.log(low)
    return {"estimate": survival, "std_error": error, "conf_low": low, "conf_high": high}
