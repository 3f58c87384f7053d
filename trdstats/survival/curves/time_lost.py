"""Restricted mean time lost to each of several causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Axes, FrameLike
from trdstats.arguments import Level, checked
from trdstats.arrays import FloatArray
from trdstats.errors import (
    NotEstimableError,
    check_first_look,
    check_level,
    check_tau,
    no_error_reason,
    pick_level,
)
from trdstats.estimates import EstimateResult, Estimates, estimates_of
from trdstats.estimates.stacked import below
from trdstats.estimates.weights import WeightsLike
from trdstats.kernels.risk_sets import cumulative_incidence as kernel
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Group, Sample, counts_header, notes_of, split
from trdstats.survival.late_entry import check_observed
from trdstats.tables import Summary, Table, each_row, format_estimate, format_level, format_p

_CELLS = 20_000_000  # of one array of influences


@checked
@dataclass(frozen=True, slots=True)
class TimeLost:
    """Mean days lost to each cause up to `tau`: the area under its cumulative incidence.

    Of relapse and leaving follow-up as competing causes, say: how many of the first `tau` days
    since response were lost to relapse, and how many to leaving. With one cause it is tau less
    the restricted mean of `RMST`.

    Parameters
    ----------
    tau : float
        Horizon in days since the origin.
    by : str, default "treatment"
        Column that names the groups.
    reference : str, optional
        Group the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    References
    ----------
    Andersen 2013, doi:10.1002/sim.5903; Conner and Trinquart 2021, doi:10.1002/sim.8896.
    Intervals of ratios are symmetric on the log scale.

    Examples
    --------
    >>> import trdstats as trd
    >>> relapse = trd.Relapse(at_least=22, consecutive=2)
    >>> times = trd.time_to(trd.load_sample("trial"), relapse, since=trd.Response(),
    ...                     competing="left follow-up")
    >>> trd.TimeLost(tau=84).fit(times).tidy()["measure"].unique().tolist()
    ['mean days lost', 'difference', 'ratio']
    """

    tau: float
    by: str = "treatment"
    reference: Level | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_tau(self.tau)
        check_level(self.conf_level)

    def fit(
        self, times: EventTimes | FrameLike, *, weights: WeightsLike | None = None
    ) -> TimeLostResult:
        """Estimate the days lost and compare them.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Status 1, 2, ... are the causes.
        weights : str, Series or DataFrame, optional
            As in `KaplanMeier.fit`.

        Raises
        ------
        NotEstimableError
            When the follow-up of a group ends before tau while some are still at risk, no subject
            under a treatment was assessed by then, or, with delayed entry, no subject is under
            observation on some days before tau.
        UnknownNameError
            When the reference is no group.
        """
        times = as_event_times(times, weights)
        sample = split(times, self.by, weights)
        reference = pick_level("group", self.reference, [g.label for g in sample.groups])
        check_observed(sample, self.tau)
        k = max(times.causes)
        fits = {
            g.label: kernel.aalen_johansen(
                g.follow_up, k, robust=sample.weighted, model=sample.weights_of(g)
            )
            for g in sample.groups
        }
        short = {
            name: f.counts.time[-1]
            for name, f in fits.items()
            if f.counts.time[-1] < self.tau and f.survival[-1] > 0
        }
        if short:
            listed = ", ".join(f"{name} (day {day:g})" for name, day in short.items())
            raise NotEstimableError(
                f"tau = {self.tau:g} lies beyond the follow-up of {listed}. "
                f"Choose tau of at most {min(short.values()):g}."
            )
        if self.by == "treatment":
            check_first_look(times.first_look, self.tau, times.treatments, what="times")
        return TimeLostResult(self, times, reference, sample, fits)


@dataclass(frozen=True, repr=False)
class TimeLostResult(EstimateResult):
    """Mean days lost to each cause and their comparisons with the reference.

    `tidy` has measure ("mean days lost", "difference", "ratio"), treatment, reference, cause, then
    the columns of every table of estimates.

    Attributes
    ----------
    spec : TimeLost
    times : EventTimes
    reference : str
    """

    spec: TimeLost
    times: EventTimes
    reference: str
    _sample: Sample
    _fits: dict[str, kernel.Incidence]

    def estimates(self) -> Estimates:
        """Return the mean days lost, then differences and ratios, cause by cause."""
        causes, tau = self.times.causes, self.spec.tau
        value = [_area(f, tau)[code - 1] for f in self._fits.values() for code in causes]

        def of_group(g: Group) -> FloatArray:
            fit = self._fits[g.label]
            return np.column_stack([_influence_on_area(fit, code, tau) for code in causes])

        effect = self._sample.influences(of_group, len(causes))
        keys = pd.MultiIndex.from_product(
            [["mean days lost"], list(self._fits), [""], list(causes.values())],
            names=["measure", "treatment", "reference", "cause"],
        ).to_frame(index=False)
        error = np.sqrt((effect**2).sum(axis=0))
        error = np.where(error > 0, error, np.nan)
        covariance = effect.T @ effect
        np.fill_diagonal(covariance, error**2)
        means = estimates_of(
            keys, value, influences=effect, subjects=self._sample.influence_subjects(),
            covariance=covariance, reasons=[no_error_reason(e) for e in error], title=self._title,
            notes=notes_of(self.times, self._sample),
        )  # fmt: skip
        if len(self._fits) == 1:
            return means
        plain = replace(means, keys=keys.drop(columns=["measure", "reference"]))
        compared = plain.compare(reference=self.reference, measures=("difference", "ratio"))
        return below([means, compared])

    @property
    def _title(self) -> str:
        return f"Mean days lost to each cause, to day {self.spec.tau:g}"

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events of any cause, tau, reference."""
        events = sum(self._sample.events(code) for code in self.times.causes)
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [events],
                "tau": [self.spec.tau],
                "reference": [self.reference],
            }
        )

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the mean days lost with their intervals; returns the Axes."""
        frame = self.tidy()
        frame = frame[frame["measure"] == "mean days lost"]
        frame = frame.assign(label=frame["treatment"] + ", " + frame["cause"])
        settings = {
            "xlabel": f"Mean days lost in the first {self.spec.tau:g}",
            "caveat": self.times.figure_caveat, **options,
        }  # fmt: skip
        return plots.plot_estimates(frame, ax=ax, **settings)

    def summary(self) -> Summary:
        """Return means and comparisons as a table."""
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for r in each_row(self.tidy()):
            rows.setdefault((r.cause, r.treatment), {})[r.measure] = r
        cells = []
        for (cause, name), subset in rows.items():
            shown = [_shown(subset["mean days lost"], 1)]
            for measure, digits in (("difference", 1), ("ratio", 2)):
                shown.append(_shown(subset[measure], digits) if measure in subset else "")
            p = format_p(subset["difference"].p_value) if "difference" in subset else "reference"
            cells.append((cause, name, *shown, p))
        level = f"{format_level(self.spec.conf_level)} CI"
        header = ("Cause", "Group", f"Mean days lost ({level})", "Difference", "Ratio", "p")
        return Summary(
            self._title,
            counts_header(self.times, self._sample),
            (Table(header, tuple(sorted(cells, key=lambda c: _order(c, self.times))), 2),),
            notes_of(self.times, self._sample),
        )


def _order(row: Sequence[str], times: EventTimes) -> int:
    return list(times.causes.values()).index(row[0])


def _shown(row: Any, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits)


def _widths(fit: kernel.Incidence, tau: float) -> FloatArray:
    """Return for how many days before tau each step of the curve holds, shape (m,)."""
    time = np.minimum(fit.counts.time, tau)
    return np.diff(np.append(time, tau))


def _area(fit: kernel.Incidence, tau: float) -> FloatArray:
    """Return the area under the incidence of every cause, shape (k,)."""
    return np.asarray(_widths(fit, tau) @ fit.estimate)


def _influence_on_area(fit: kernel.Incidence, cause: int, tau: float) -> FloatArray:
    """Return the first-order effect of each subject on the area, shape (n,)."""
    width = _widths(fit, tau)
    used = np.flatnonzero(width > 0)
    n = len(fit.follow_up.weight)
    effect = np.zeros(n)
    for part in np.array_split(used, max(1, n * len(used) // _CELLS)):
        effect += kernel.influence_on_incidence(fit, cause, fit.counts.time[part]) @ width[part]
    return effect
