"""Mean number of events that come again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import checked, checked_methods
from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, check_level, no_error_reason
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.numerics.critical import critical_value
from trdstats.kernels.risk_sets.mean_cumulative import MeanNumber, mean_number
from trdstats.outcomes import Episodes, as_episodes
from trdstats.survival.curves.curve_result import CurveResult, read_days
from trdstats.survival.groups import Group, Sample, counts_header, notes_of, split
from trdstats.survival.reported_days import SUPPORT_RULE, headline_day
from trdstats.tables import (
    Summary,
    Table,
    each_row,
    format_count,
    format_interval,
    format_level,
    format_number,
)

_ROUNDING = 1e-7  # of a mean, below which its error is what rounding leaves


@checked
@dataclass(frozen=True, slots=True)
class MeanCumulative:
    """Mean number of events a subject has had by a day: the mean cumulative function.

    Where a status of 2 or above ends the follow-up of a subject for good (death, or leaving where
    that is to count), no event follows it: the mean is then that of all subjects, those who have
    ended included.

    Parameters
    ----------
    by : str or None, default "treatment"
        Column that names the groups; None for one curve.
    conf_level : float, default 0.95

    References
    ----------
    Nelson 1988, doi:10.1080/00224065.1988.11979080; Lin, Wei, Yang and Ying 2000,
    doi:10.1111/1467-9868.00259 (robust variance); Ghosh and Lin 2000,
    doi:10.1111/j.0006-341X.2000.00554.x (terminal event). Intervals are symmetric on the scale of
    the logarithm.

    Examples
    --------
    >>> import trdstats as trd
    >>> history = trd.response_history(
    ...     trd.load_sample("trial"), trd.Response(), trd.LossOfResponse(), regain=True)
    >>> losses = trd.MeanCumulative().fit(trd.loss_episodes(history))
    >>> losses.estimates([84]).keys["treatment"].tolist()
    ['TMS', 'ECT', 'IV ketamine']
    """

    by: str | None = "treatment"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.conf_level)

    def fit(
        self, episodes: Episodes | FrameLike, *, weights: WeightsLike | None = None
    ) -> MeanCumulativeResult:
        """Estimate the mean numbers.

        Parameters
        ----------
        episodes : Episodes or DataFrame
            From `loss_episodes`, or a frame with the columns of `Episodes`.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`: of subjects.

        Raises
        ------
        UnknownNameError, DataError, NotEstimableError
            When a column is missing, the frame is not usable, or no subject has follow-up.
        """
        table = as_episodes(episodes, weights)
        if table.clock == "gap":
            raise SpecError(
                "A mean number of events counts days from one origin: give the episodes before "
                "gap_time()."
            )
        if self.by is not None and self.by in table.frame:
            groups = table.frame.groupby("subject", observed=True)[self.by].nunique(dropna=False)
            if (groups > 1).any():
                raise SpecError(
                    f"{self.by!r} changes within {int((groups > 1).sum())} subjects: groups hold "
                    "whole subjects."
                )
        sample = split(table, self.by, weights)
        fits = {g.label: _fit(g, sample) for g in sample.groups}
        return MeanCumulativeResult(self, table, sample, fits)


def _fit(group: Group, sample: Sample) -> MeanNumber:
    """Return the curve of a group; its subjects are numbered anew."""
    subject = np.unique(sample.owner[group.row], return_inverse=True)[1].reshape(-1)
    return mean_number(group.follow_up.with_one_end(), subject)


@checked_methods
@dataclass(frozen=True, repr=False)
class MeanCumulativeResult(CurveResult):
    """Fitted mean numbers of events.

    `tidy` has one row a group and distinct time: group column, time (days), n_risk, n_event,
    estimate (mean number of events a subject), std_error, conf_low, conf_high, conf_level.

    Attributes
    ----------
    spec : MeanCumulative
    episodes : Episodes
    """

    spec: MeanCumulative
    episodes: Episodes
    _sample: Sample
    _fits: dict[str, MeanNumber]

    def _curves_at(self, conf_level: float) -> Iterator[pd.DataFrame]:
        z = critical_value(conf_level)
        for label, fit in self._fits.items():
            error = self._errors(label)
            known = fit.estimate > 0
            factor = np.exp(z * error / np.where(known, fit.estimate, np.inf))
            yield pd.DataFrame(
                {
                    self._key: label,
                    "time": fit.counts.time,
                    "n_risk": fit.counts.n_risk,
                    "n_event": fit.counts.n_event[:, 0],
                    "estimate": fit.estimate,
                    "std_error": error,
                    "conf_low": np.where(known, fit.estimate / factor, np.nan),
                    "conf_high": np.where(known, fit.estimate * factor, np.nan),
                    "conf_level": conf_level,
                }
            )

    def _errors(self, label: str) -> FloatArray:
        """Return the errors of a whole curve, the estimation of the weights accounted for."""
        fit = self._fits[label]
        error = fit.std_error
        if self._sample.model is not None:
            influence = self._influences(fit.counts.time, only=label)
            error = np.sqrt((influence**2).sum(axis=0))
        # Where all had as many events, or one subject is alone, nothing varies but rounding.
        varies = error > _ROUNDING * fit.estimate
        return np.where(fit.estimate > 0, np.where(varies, error, np.nan), 0.0)

    def _influences(self, days: FloatArray, only: str | None = None) -> FloatArray:
        """Return the influence of every subject on the curves at days, group by group."""
        sample = self._sample
        parts = []
        for g in sample.groups:
            if only in (None, g.label):
                whole = np.zeros((len(sample.subjects), len(days)))
                whole[np.unique(sample.owner[g.row])] = self._fits[g.label].influence(days)
                parts.append(whole)
        return sample.stacked_influence(np.hstack(parts))

    def estimates(self, days: Sequence[float] = ()) -> Estimates:
        """Return the mean numbers by chosen days, with the influence of every subject.

        Parameters
        ----------
        days : sequence of float
            Days since the origin.

        Returns
        -------
        Estimates
            Keys: group column, time. NaN beyond the last follow-up of a group. `compare` gives
            differences and ratios of means.

        Raises
        ------
        SpecError
            When there is no day, or one is negative or not finite.
        """
        at = read_days(days)
        fits = list(self._fits.values())
        last = np.repeat([f.counts.time[-1] for f in fits], len(at))
        value = np.concatenate(
            [f.estimate[np.searchsorted(f.counts.time, at, side="right") - 1] for f in fits]
        )
        value = np.where(np.tile(at, len(fits)) <= last, value, np.nan)
        effect = self._influences(at)
        error = np.sqrt((effect**2).sum(axis=0))
        keys = pd.MultiIndex.from_product(
            [list(self._fits), at], names=[self._key, "time"]
        ).to_frame(index=False)
        reasons = [
            f"follow-up ends on day {end:g}"
            if np.isnan(v)
            else "no event so far: its mean has no error"
            if v == 0
            else no_error_reason(e)
            for v, e, end in zip(value, error, last, strict=True)
        ]
        known = np.isfinite(value) & (value > 0)
        return estimates_of(
            keys, value, influences=effect, subjects=self._sample.influence_subjects(),
            covariance=_known(effect.T @ effect, known), limits_scale="log", reasons=reasons,
            title="Mean number of events", notes=notes_of(self.episodes, self._sample),
        )  # fmt: skip

    def at(self, days: Sequence[float]) -> pd.DataFrame:
        """Return the mean numbers by chosen days, one row a group and day.

        Returns
        -------
        pandas.DataFrame
            group column, time, n_risk, estimate, std_error, conf_low, conf_high, conf_level,
            reason (why an estimate or its error is NaN).
        """
        estimates = self.estimates(days)
        return self._on_days(estimates, np.concatenate(self._at_risk(days)))

    def _at_risk(self, days: Sequence[float]) -> list[FloatArray]:
        """Return the numbers at risk just before days, group by group."""
        at = np.asarray(days, dtype=float)
        return [g.follow_up.at_risk(at) for g in self._sample.groups]

    def glance(self) -> pd.DataFrame:
        """Return one row: subjects with follow-up, episodes, events, ends for good, groups."""
        groups = self._sample.groups
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "episodes": [sum(len(g.row) for g in groups)],
                "events": [self._sample.events()],
                "ended": [sum(int((g.status > 1).sum()) for g in groups)],
                "n_groups": [len(groups)],
            }
        )

    def plot(
        self, ax: Axes | None = None, *, days: Sequence[float] | None = None, **options: Any
    ) -> Axes:
        """Draw the mean numbers with their limits and the numbers at risk; returns the Axes."""
        curve = self.tidy().rename(columns={self._key: "treatment"}).assign(n_censor=0.0)
        if days is None:
            days = plots.choose_ticks(0.0, curve["time"].max(), "linear")
        counts = zip(self._fits, self._at_risk(days), strict=True)
        at_risk = pd.concat(
            [pd.DataFrame({"treatment": k, "time": days, "n_risk": n}) for k, n in counts],
            ignore_index=True,
        )
        settings = {
            "ylabel": f"Mean number: {self.episodes.outcome}",
            "xlabel": f"Days since {self.episodes.origin}",
            "caveat": self.episodes.figure_caveat, **options,
        }  # fmt: skip
        return plots.plot_mean_number(curve, at_risk=at_risk, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return counts, and the mean number while enough subjects were at risk."""
        rows = []
        for g in self._sample.groups:
            day = headline_day(g.time, g.entry)
            table = self.at([day])
            row = next(each_row(table[table[self._key] == g.label]))
            rows.append(
                (
                    g.label,
                    format_count(len(np.unique(self._sample.owner[g.row]))),
                    format_count((g.status == 1).sum()),
                    f"{day:g}",
                    format_number(row.estimate, 2),
                    format_interval(row.conf_low, row.conf_high, 2),
                )
            )
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Group", "Subjects", "Events", "By day", "Mean number", level)
        return Summary(
            "Mean number of events",
            counts_header(self.episodes, self._sample),
            (Table(header, tuple(rows)),),
            (*notes_of(self.episodes, self._sample), f"By day: the last with {SUPPORT_RULE}."),
        )


def _known(covariance: FloatArray, known: np.ndarray[Any, np.dtype[np.bool_]]) -> FloatArray:
    """Return the covariance with NaN where there is no estimate or no error."""
    return np.where(known[:, None] & known, covariance, np.nan)
