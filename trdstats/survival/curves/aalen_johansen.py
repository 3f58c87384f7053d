"""Cumulative incidence with competing causes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import check_level, no_error_known, unknown_name
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.numerics.boundary import error_at
from trdstats.kernels.risk_sets import cumulative_incidence as kernel
from trdstats.outcomes import Episodes, EventTimes, as_episodes, as_event_times
from trdstats.outcomes.episodes.once import check_once, joined
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.curve_result import (
    CurveLimits,
    CurveResult,
    before_first_look,
    read_days,
    why_missing,
)
from trdstats.survival.groups import Group, Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import late_entry_notes
from trdstats.survival.reported_days import SUPPORT_RULE, headline_day
from trdstats.tables import (
    Summary,
    Table,
    format_count,
    format_interval,
    format_level,
    format_percent,
)

_TITLE = "Cumulative incidence (Aalen-Johansen)"


@checked
@dataclass(frozen=True, slots=True)
class AalenJohansen:
    """Probability of having had each cause by a day, when causes compete.

    One minus Kaplan-Meier overstates it: those who had a competing cause can no longer have
    the event.

    Parameters
    ----------
    by : str or None, default "treatment"
        Column that names the groups; None for one curve a cause.
    conf_level : float, default 0.95

    References
    ----------
    Aalen and Johansen 1978, Scand J Stat 5:141-150; variance Aalen 1978, Ann Stat 6:534-545,
    doi:10.1214/aos/1176344198; of a group without a competing event Greenwood's, as `KaplanMeier`
    has it. Intervals are symmetric on the scale log(-log(1 - F)).

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.Relapse(at_least=22, consecutive=2)
    >>> times = trd.time_to(study, relapse, since=trd.Response(), competing="left follow-up")
    >>> incidence = trd.AalenJohansen().fit(times)
    >>> incidence.at([84])["cause"].unique().tolist()
    ['relapse (MADRS ≥ 22 × 2)', 'left follow-up']
    """

    by: str | None = "treatment"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)

    def fit(
        self, times: EventTimes | Episodes | FrameLike, *, weights: WeightsLike | None = None
    ) -> AalenJohansenResult:
        """Estimate the cumulative incidences.

        Parameters
        ----------
        times : EventTimes, Episodes or DataFrame
            Status 1, 2, ... are the causes. Of episodes `by` may change: a subject is then at risk
            in the group that it is in, and leaves it as if censored.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`.
        """
        if isinstance(times, Episodes):
            check_once(times)
            if self.by is not None and self.by not in times.frame:
                raise unknown_name("column", self.by, times.frame.columns)
            times = joined(as_episodes(times, weights), self.by)
        else:
            times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        k = max(times.causes)
        fits = {
            g.label: kernel.aalen_johansen(
                g.follow_up, k, robust=sample.weighted, model=sample.weights_of(g)
            )
            for g in sample.groups
        }
        return AalenJohansenResult(self, times, sample, fits)


@checked_methods
@dataclass(frozen=True, repr=False)
class AalenJohansenResult(CurveResult):
    """Fitted cumulative incidences.

    `tidy` has one row a group, cause and distinct time: group column, cause, time (days), n_risk,
    n_event (of the cause), n_censor, estimate (probability of having had the cause), std_error,
    conf_low, conf_high, conf_level.
    """

    spec: AalenJohansen
    times: EventTimes | Episodes
    _sample: Sample
    _fits: dict[str, kernel.Incidence]

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        for label, fit in self._fits.items():
            low, high = kernel.incidence_interval(
                fit.estimate, fit.std_error, conf_level=conf_level
            )
            for code, cause in self.times.causes.items():
                j = code - 1
                yield pd.DataFrame(
                    {
                        self._key: label,
                        "cause": cause,
                        "time": fit.counts.time,
                        "n_risk": fit.counts.n_risk,
                        "n_event": fit.counts.n_event[:, j],
                        "n_censor": fit.counts.n_censor,
                        "estimate": fit.estimate[:, j],
                        "std_error": fit.std_error[:, j],
                        "conf_low": low[:, j],
                        "conf_high": high[:, j],
                        "conf_level": conf_level,
                    }
                )

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return the incidences at chosen days, with the influence of every subject.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.

        Returns
        -------
        Estimates
            Keys: group column, cause, time. Beyond the last follow-up of a group the estimate is
            NaN unless no subject was left at risk.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        plain = self._values(days)
        at, causes = read_days(days), self.times.causes

        def of_group(g: Group) -> FloatArray:
            effects = [kernel.influence_on_incidence(self._fits[g.label], k, at) for k in causes]
            return np.hstack(effects)

        effect = self._sample.influences(of_group, len(causes) * len(at))
        variance = np.diag(plain.covariance)
        return replace(
            plain, influences=effect, subjects=self._sample.influence_subjects(),
            covariance=self._sample.covariance_between(effect, variance),
            notes=notes_of(self.times, self._sample),
        )  # fmt: skip

    def _values(self, days: Sequence[float]) -> Estimates:
        """Return values, errors and limits without influences."""
        at = read_days(days)
        causes, fits = self.times.causes, list(self._fits.values())
        column = [code - 1 for code in causes]
        here = [np.searchsorted(fit.counts.time, at, side="right") - 1 for fit in fits]
        value, error = (
            np.stack([getattr(f, name)[i][:, column].T for f, i in zip(fits, here, strict=True)])
            for name in ("estimate", "std_error")
        )
        last = np.array([fit.counts.time[-1] for fit in fits])[:, None, None]
        ended = np.array([fit.survival[-1] == 0 for fit in fits])[:, None, None]
        known = (at <= last) | ended
        error = np.where(known, error_at(at, value, error), np.nan).ravel()
        value = np.where(known, value, np.nan).ravel()
        keys = pd.MultiIndex.from_product(
            [list(self._fits), list(causes.values()), at], names=[self._key, "cause", "time"]
        ).to_frame(index=False)
        limits = partial(kernel.incidence_interval, value, error)
        unseen = before_first_look(keys, getattr(self.times, "first_look", {}))
        return estimates_of(
            keys, value, covariance=np.diag(error**2),
            reasons=why_missing(value, error, np.repeat(last, len(causes) * len(at)), unseen),
            limits=CurveLimits(limits, len(value)), title=_TITLE,
        )  # fmt: skip

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the incidences at chosen days, one row a group, cause and day.

        Returns
        -------
        pandas.DataFrame
            group column, cause, time, n_risk, estimate, std_error, conf_low, conf_high, conf_level,
            reason (why an estimate or its error is NaN); see `estimates`.
        """
        estimates = self._values(days)
        at = np.asarray(days, dtype=float)
        n_risk = [g.follow_up.at_risk(at) for g in self._sample.groups]
        return self._on_days(estimates, np.repeat(n_risk, len(self.times.causes), axis=0).ravel())

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects with follow-up, events of the first cause, of the others."""
        others = sum(self._sample.events(k) for k in self.times.causes if k > 1)
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "competing": [others],
                "n_unseen": [self._sample.n_unseen],
                "n_groups": [len(self._fits)],
            }
        )

    def influence(self, days: Sequence[float] = (), cause: int = 1) -> pd.DataFrame:
        """Return the effect of each subject on the incidence of a cause at chosen days.

        Raises
        ------
        UnknownNameError
            When there is no such cause.
        SpecError
            When there is no day, or one is negative or not finite.
        """
        if cause not in self.times.causes:
            raise unknown_name("cause", cause, self.times.causes)
        estimates = self.estimates(days)
        place = list(self.times.causes).index(cause)
        rows = np.arange(len(estimates)).reshape(len(self._fits), len(self.times.causes), -1)
        return estimates.select(rows[:, place].ravel()).influence()

    def plot(
        self,
        ax: Axes | None = None,
        *,
        cause: int = 1,
        days: Sequence[float] | None = None,
        **options: Any,
    ) -> Axes:
        """Draw the cumulative incidence of a cause with numbers at risk; returns the Axes."""
        if cause not in self.times.causes:
            raise unknown_name("cause", cause, self.times.causes)
        name = self.times.causes[cause]
        curve = self.tidy()

        def at_risk(at: Sequence[float]) -> pd.DataFrame:
            frames = [
                pd.DataFrame(
                    {
                        self._key: g.label,
                        "time": at,
                        "n_risk": g.follow_up.at_risk(np.asarray(at, dtype=float)),
                    }
                )
                for g in self._sample.groups
            ]
            return pd.concat(frames, ignore_index=True)

        return draw_curves(
            curve[curve["cause"] == name],
            at_risk,
            self.times,
            by=self._key,
            name=name,
            ax=ax,
            cumulative=True,
            days=days,
            options=options,
        )

    def summary(self) -> Summary:
        """Return counts by cause, and the incidence while enough subjects were at risk."""
        level = f"{format_level(self.spec.conf_level)} CI"
        days = {g.label: headline_day(g.time, g.entry) for g in self._sample.groups}
        rows, without = [], []
        for (label, cause), curve in self.tidy().groupby([self._key, "cause"], sort=False):
            last = curve[curve["time"] <= days[str(label)]].iloc[-1]
            without += [f"{label} ({cause})"] if np.isnan(last["std_error"]) else []
            rows.append(
                (
                    str(label),
                    str(cause),
                    format_count(curve["n_risk"].iloc[0]),
                    format_count(curve["n_event"].sum()),
                    f"{days[str(label)]:g}",
                    format_percent(last["estimate"]),
                    format_interval(100 * last["conf_low"], 100 * last["conf_high"]),
                )
            )
        header = ("Group", "Cause", "At risk", "Events", "By day", "Incidence (%)", level)
        return Summary(
            _TITLE,
            counts_header(self.times, self._sample),
            (Table(header, tuple(rows), 2),),
            (
                *notes_of(self.times, self._sample),
                *late_entry_notes(self._sample, any_cause=True),
                f"By day: the last with {SUPPORT_RULE}.",
                *no_error_known(without),
            ),
        )
