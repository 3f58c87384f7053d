"""Cumulative incidence with competing causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import Level, checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import check_level, unknown_name
from trdstats.kernels.numerics.boundary import error_at
from trdstats.kernels.risk_sets import cumulative_incidence as kernel
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.curves.curve_plot import draw_curves
from trdstats.survival.curves.day_contrasts import contrast_errors, day_contrasts
from trdstats.survival.groups import Group, Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import late_entry_notes
from trdstats.survival.reported_days import SUPPORT_RULE, check_days, headline_day
from trdstats.tables import (
    Summary,
    SummaryMixin,
    Table,
    format_count,
    format_interval,
    format_percent,
)


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

    def fit(self, times: Any, *, weights: Any = None) -> AalenJohansenResult:
        """Estimate the cumulative incidences.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Status 1, 2, ... are the causes.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`.
        """
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
class AalenJohansenResult(SummaryMixin):
    """Fitted cumulative incidences."""

    spec: AalenJohansen
    times: EventTimes
    _sample: Sample
    _fits: dict[str, kernel.Incidence]

    @property
    def _key(self) -> str:
        return self.spec.by or "group"

    def tidy(self) -> pd.DataFrame:
        """Return the curves, one row a group, cause and distinct time.

        Returns
        -------
        pandas.DataFrame
            group column, cause, time (days), n_risk, n_event (of the cause), n_censor, estimate
            (probability of having had the cause), std_error, conf_low, conf_high, conf_level.
        """
        frames = []
        for label, fit in self._fits.items():
            low, high = kernel.incidence_interval(
                fit.estimate, fit.std_error, conf_level=self.spec.conf_level
            )
            for code, cause in self.times.causes.items():
                j = code - 1
                frames.append(
                    pd.DataFrame(
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
                            "conf_level": self.spec.conf_level,
                        }
                    )
                )
        return pd.concat(frames, ignore_index=True)

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the curves at chosen days, one row a group, cause and day.

        Beyond the last follow-up of a group the estimate is NaN unless nobody was left at risk.

        Raises
        ------
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        at = np.asarray(days, dtype=float)
        frames = []
        for (label, cause), curve in self.tidy().groupby([self._key, "cause"], sort=False):
            fit = self._fits[str(label)]
            here = np.searchsorted(fit.counts.time, at, side="right") - 1
            known = (at <= fit.counts.time[-1]) | (fit.survival[-1] == 0)
            left = np.searchsorted(fit.counts.time, at, side="left")
            risk = np.append(fit.counts.n_risk, 0.0)[left]
            values = {
                c: np.where(known, curve[c].to_numpy()[here], np.nan)
                for c in ("estimate", "std_error", "conf_low", "conf_high")
            }
            values["std_error"] = error_at(at, values["estimate"], values["std_error"])
            frames.append(
                pd.DataFrame(
                    {
                        self._key: label,
                        "cause": cause,
                        "time": at,
                        "n_risk": risk,
                        **values,
                        "conf_level": self.spec.conf_level,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def contrasts(self, days: Sequence[float], *, reference: Level | None = None) -> pd.DataFrame:
        """Compare the incidence of every cause between groups at chosen days.

        Parameters
        ----------
        days : sequence of float
        reference : str, optional
            Group the others are compared with. Default: the first one.

        Returns
        -------
        pandas.DataFrame
            cause, group column, reference, time, estimate (difference of probabilities),
            std_error, statistic, p_value, conf_low, conf_high, conf_level.
        """
        table, at = self.at(days), np.asarray(days, dtype=float)

        def of_group(g: Group) -> FloatArray:
            fit = self._fits[g.label]
            causes = [kernel.influence_on_incidence(fit, k, at) for k in self.times.causes]
            return np.hstack(causes)

        errors = contrast_errors(self._sample, table, self._key, of_group)
        return day_contrasts(table, errors, self._key, reference, self.spec.conf_level)

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

    def influence(self, days: Sequence[float], cause: int = 1) -> pd.DataFrame:
        """Return the first-order effect of each subject on the incidence of a cause.

        Raises
        ------
        UnknownNameError
            When there is no such cause.
        SpecError
            When a day is negative or not finite.
        """
        check_days(days)
        if cause not in self.times.causes:
            raise unknown_name("cause", cause, self.times.causes)
        at = np.asarray(days, dtype=float)
        return self._sample.influence(
            [f"day {d:g}" for d in at],
            lambda g: kernel.influence_on_incidence(self._fits[g.label], cause, at),
        )

    def plot(
        self, ax: Any = None, *, cause: int = 1, days: Sequence[float] | None = None, **options: Any
    ) -> Any:
        """Draw the cumulative incidence of a cause with numbers at risk; returns the Axes."""
        if cause not in self.times.causes:
            raise unknown_name("cause", cause, self.times.causes)
        name = self.times.causes[cause]
        curve = self.tidy()

        def at_risk(at: Sequence[float]) -> pd.DataFrame:
            rows = self.at(at)
            return rows.loc[rows["cause"] == name, [self._key, "time", "n_risk"]]

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
        level = f"{100 * self.spec.conf_level:g} % CI"
        days = {g.label: headline_day(g.time, g.entry) for g in self._sample.groups}
        rows = []
        for (label, cause), curve in self.tidy().groupby([self._key, "cause"], sort=False):
            last = curve[curve["time"] <= days[str(label)]].iloc[-1]
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
            "Cumulative incidence (Aalen-Johansen)",
            counts_header(self.times, self._sample),
            (Table(header, tuple(rows), 2),),
            (
                *notes_of(self.times, self._sample),
                *late_entry_notes(self._sample, any_cause=True),
                f"By day: the last with {SUPPORT_RULE}.",
            ),
        )
