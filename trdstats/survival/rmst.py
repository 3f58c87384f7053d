"""Restricted mean survival time: days without the event up to a horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from trdstats import plots
from trdstats.errors import NotEstimableError, SpecError, check_level, unknown_name
from trdstats.kernels.survival_curve import (
    Curve,
    RestrictedMean,
    influence_on_restricted_mean,
    restricted_mean,
)
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.groups import Sample, counts_facts, notes_of, split
from trdstats.survival.kaplan_meier import fit_curve
from trdstats.tables import Face, Introduces, Table, each_row, format_estimate, format_p

MEASURES = ("restricted mean", "difference", "ratio", "ratio of time lost")


@dataclass(frozen=True, slots=True)
class RMST:
    """Restricted mean time without the event up to `tau`, with comparisons.

    For onset a smaller mean is a faster onset; for durability a larger one lasts longer.

    Parameters
    ----------
    tau : float
        Horizon in days since the origin.
    by : str, default "treatment"
        Column that names the groups.
    reference : str, optional
        Group the others are compared with. Default: the first one.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When tau is not positive.

    References
    ----------
    Uno 2014, J Clin Oncol 32:2380-2385, doi:10.1200/JCO.2014.55.2208. Intervals of ratios are
    symmetric on the log scale.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> means = trd.RMST(tau=28, reference="TMS").fit(onset)
    >>> means.tidy()["measure"].unique().tolist()
    ['restricted mean', 'difference', 'ratio', 'ratio of time lost']
    """

    tau: float
    by: str = "treatment"
    reference: str | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        if not (self.tau > 0 and np.isfinite(self.tau)):
            raise SpecError(f"tau must be a positive number of days; got {self.tau!r}.")
        check_level(self.conf_level)

    def fit(self, times: Any) -> RMSTResult:
        """Estimate the restricted means and compare them.

        Parameters
        ----------
        times : EventTimes or DataFrame

        Raises
        ------
        NotEstimableError
            When the follow-up of a group ends before tau while some are still at risk, or nobody
            under a treatment was rated by then.
        UnknownNameError
            When the reference is no group.
        """
        times = as_event_times(times)
        sample = split(times, self.by)
        labels = [g.label for g in sample.groups]
        reference = self.reference if self.reference is not None else labels[0]
        if reference not in labels:
            raise unknown_name("group", reference, labels)
        curves = {g.label: fit_curve(g) for g in sample.groups}
        _check_follow_up(curves, self.tau)
        if self.by == "treatment":
            _check_first_look(times, self.tau)
        means = {k: restricted_mean(c, self.tau) for k, c in curves.items()}
        return RMSTResult(self, times, reference, sample, curves, means)


@dataclass(frozen=True, repr=False)
class RMSTResult(Introduces):
    """Restricted means and their comparisons with the reference."""

    spec: RMST
    times: EventTimes
    reference: str
    _sample: Sample
    _curves: dict[str, Curve]
    _means: dict[str, RestrictedMean]

    def tidy(self) -> pd.DataFrame:
        """Return means, then comparisons with the reference.

        Returns
        -------
        pandas.DataFrame
            measure, treatment, reference, estimate (days; plain for ratios), std_error (log
            scale for ratios), statistic, p_value, conf_low, conf_high, conf_level.
        """
        z = norm.isf((1 - self.spec.conf_level) / 2)
        rows = []
        for label, m in self._means.items():
            rows.append(_row("restricted mean", label, "", m.estimate, m.std_error, z, log=False))
        base = self._means[self.reference]
        others = [k for k in self._means if k != self.reference]
        tau = self.spec.tau
        for label in others:
            m = self._means[label]
            error = np.hypot(m.std_error, base.std_error)
            gap = m.estimate - base.estimate
            rows.append(
                _row("difference", label, self.reference, gap, error, z, log=False, test=True)
            )
        for label in others:
            rows.append(_ratio("ratio", label, self.reference, self._means[label], base, z, 0.0))
        for label in others:
            rows.append(
                _ratio(
                    "ratio of time lost", label, self.reference, self._means[label], base, z, tau
                )
            )
        return pd.DataFrame(rows).assign(conf_level=self.spec.conf_level)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, tau, reference."""
        return pd.DataFrame(
            {
                "n": [self._sample.n],
                "events": [self._sample.events()],
                "tau": [self.spec.tau],
                "reference": [self.reference],
            }
        )

    def influence(self) -> pd.DataFrame:
        """Return the first-order effect of each subject on each restricted mean."""
        return self._sample.influence(
            [""],
            lambda g: influence_on_restricted_mean(
                self._curves[g.label], g.time, g.status, self.spec.tau
            ),
        )

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw the restricted means with their intervals; returns the Axes."""
        frame = self.tidy()
        frame = frame[frame["measure"] == "restricted mean"].assign(label=lambda d: d["treatment"])
        settings = {
            "xlabel": f"Mean days without {self.times.outcome} in the first {self.spec.tau:g}",
            "caveat": self.times.caveat,
            **options,
        }
        return plots.plot_estimates(frame, ax=ax, **settings)

    def face(self) -> Face:
        """Return means and comparisons as a table."""
        level = f"{100 * self.spec.conf_level:g} % CI"
        by_group: dict[str, dict[str, Any]] = {}
        for r in each_row(self.tidy()):
            by_group.setdefault(r.treatment, {})[r.measure] = r
        rows = []
        for name, own in by_group.items():
            cells = [name, _shown(own["restricted mean"], 1)]
            for measure in MEASURES[1:]:
                digits = 1 if measure == "difference" else 2
                cells.append(_shown(own[measure], digits) if measure in own else "")
            p = format_p(own["difference"].p_value) if "difference" in own else "reference"
            rows.append((*cells, p))
        header = ("Group", f"Mean days ({level})", "Difference", "Ratio", "Ratio of time lost", "p")
        return Face(
            f"Restricted mean time to day {self.spec.tau:g}",
            counts_facts(self.times, self._sample),
            (Table(header, tuple(rows)),),
            notes_of(self.times, self._sample),
        )


def _shown(row: Any, digits: int) -> str:
    return format_estimate(row.estimate, row.conf_low, row.conf_high, digits)


def _row(
    measure: str,
    label: str,
    reference: str,
    value: float,
    error: float,
    z: float,
    *,
    log: bool,
    test: bool = False,
) -> dict[str, Any]:
    """Return one row of the tidy table; `value` and `error` are on the log scale when `log`."""
    low, high = value - z * error, value + z * error
    statistic = value / error if (test or log) and error > 0 else np.nan
    shown = (np.exp(value), np.exp(low), np.exp(high)) if log else (value, low, high)
    return {
        "measure": measure,
        "treatment": label,
        "reference": reference,
        "estimate": float(shown[0]),
        "std_error": float(error),
        "statistic": float(statistic),
        "p_value": float(2 * norm.sf(abs(statistic))),
        "conf_low": float(shown[1]),
        "conf_high": float(shown[2]),
    }


def _ratio(
    measure: str,
    label: str,
    reference: str,
    mean: RestrictedMean,
    base: RestrictedMean,
    z: float,
    tau: float,
) -> dict[str, Any]:
    """Return the ratio of means, or of the times lost before `tau` when that is not 0."""
    a, b = (abs(tau - m.estimate) for m in (mean, base))
    if a == 0 or b == 0:
        return _row(measure, label, reference, np.nan, np.nan, z, log=True)
    error = np.hypot(mean.std_error / a, base.std_error / b)
    return _row(measure, label, reference, float(np.log(a / b)), float(error), z, log=True)


def _check_follow_up(curves: dict[str, Curve], tau: float) -> None:
    short = {k: c.time[-1] for k, c in curves.items() if c.time[-1] < tau and c.survival[-1] > 0}
    if short:
        listed = ", ".join(f"{k} (day {t:g})" for k, t in short.items())
        raise NotEstimableError(
            f"tau = {tau:g} lies beyond the follow-up of {listed}. "
            f"Choose tau of at most {min(short.values()):g}."
        )


def _check_first_look(times: EventTimes, tau: float) -> None:
    """Refuse a horizon before the first visit: nothing seen is not nothing happened."""
    late = {k: day for k, day in times.first_look.items() if day > tau}
    if late:
        listed = ", ".join(f"{k} (day {day:g})" for k, day in late.items())
        kept = [k for k in times.treatments if k not in late]
        raise NotEstimableError(
            f"Nobody was rated by day {tau:g} under {listed}. Choose a later tau, or leave them "
            f"out with times.only({kept!r})."
        )
