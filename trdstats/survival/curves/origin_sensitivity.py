"""What it does to durability that the origin is known to an interval only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from trdstats.arguments import check_instance, checked
from trdstats.arrays import FloatArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.risk_sets.cumulative_incidence import incidence_interval
from trdstats.kernels.risk_sets.survival_curve import survival_interval
from trdstats.outcomes import EventTimes
from trdstats.survival.curves.aalen_johansen import AalenJohansen
from trdstats.survival.curves.kaplan_meier import KaplanMeier
from trdstats.survival.groups import counts_header, notes_of, split
from trdstats.tables import (
    FrameResult,
    Summary,
    Table,
    each_row,
    format_interval,
    format_level,
    format_percent,
)

ORIGINS = ("visit that found it", "visit before", "imputed between")


def move_origin(times: EventTimes, proportion: FloatArray | float) -> EventTimes:
    """Return the times as counted from an earlier origin.

    Parameters
    ----------
    times : EventTimes
        With the column origin_gap, as `time_to(..., since=...)` makes it.
    share : float or ndarray, shape (n,)
        How much of the gap before each origin is added: 0 for none, 1 for all of it.

    Raises
    ------
    NotEstimableError
        When the times have no origin_gap.
    """
    if "origin_gap" not in times.frame:
        raise NotEstimableError(
            "These times have no column origin_gap: they do not count from a visit that found "
            "something. Make them with time_to(..., since=...)."
        )
    frame = times.frame
    # Who was not observed after the origin carries no follow-up, however early it is put; an event
    # on the day of the origin keeps its day, and so comes later.
    followed = (frame["time"] > 0) | (frame["status"] > 0)
    shift = np.where(followed, frame["origin_gap"] * proportion, 0.0)
    shifted = {c: frame[c] + shift for c in ("left", "right", "time")}
    return EventTimes(
        frame.assign(**shifted),
        outcome=times.outcome,
        origin=times.origin,
        causes=times.causes,
        left_out=times.left_out,
        caveat=times.caveat,
        switching=times.switching,
    )


@checked
def impute_origin(
    times: EventTimes,
    spec: KaplanMeier | AalenJohansen,
    days: Sequence[float],
    *,
    n: int = 50,
    seed: int = 0,
) -> OriginSensitivity:
    """Estimate a durability curve with its origins put elsewhere in their intervals.

    A response that a visit found began after the visit before. Durability counts from the visit
    that found it; here also from the visit before, and from days drawn uniformly between the two,
    the `n` curves pooled by Rubin's rules.

    Parameters
    ----------
    times : EventTimes
        From `time_to(..., since=...)`.
    spec : KaplanMeier or AalenJohansen
    days : sequence of float
        Days at which the curves are compared.
    n : int, default 50
        Number of draws.
    seed : int, default 0

    Raises
    ------
    SpecError
        When fewer than two draws are asked for.
    NotEstimableError
        When the times do not count from a visit that found something.

    References
    ----------
    Pan 2000 (multiple imputation of interval-censored times), doi:10.1111/j.0006-341x.2000.00199.x.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.time_to(study, trd.Relapse(22, 2), since=trd.Response())
    >>> moved = trd.impute_origin(relapse, trd.KaplanMeier(), [84], n=5)
    >>> moved.tidy()["origin"].unique().tolist()
    ['visit that found it', 'visit before', 'imputed between']
    """
    check_instance("times", times, EventTimes)
    if not isinstance(spec, KaplanMeier | AalenJohansen):
        raise SpecError(f"spec must be KaplanMeier() or AalenJohansen(); got {spec!r}.")
    if n < 2:
        raise SpecError(f"n must be 2 draws or more; got {n}.")
    if seed < 0:
        raise SpecError(f"seed must be a whole number of 0 or more; got {seed!r}.")
    rng = np.random.default_rng(seed)
    drawn = [
        spec.fit(move_origin(times, rng.uniform(size=len(times.frame)))).at(days) for _ in range(n)
    ]
    tables = [
        spec.fit(move_origin(times, 0.0)).at(days),
        spec.fit(move_origin(times, 1.0)).at(days),
        _pool(drawn, spec),
    ]
    frame = pd.concat(tables, keys=ORIGINS, names=["origin"]).reset_index(level=0)
    return OriginSensitivity(times, spec, n, seed, frame.reset_index(drop=True))


def _pool(drawn: list[pd.DataFrame], spec: KaplanMeier | AalenJohansen) -> pd.DataFrame:
    """Return the mean of curves, with the variance within and between them."""
    estimate = np.stack([d["estimate"].to_numpy(dtype=float) for d in drawn])
    within = np.mean([d["std_error"].to_numpy(dtype=float) ** 2 for d in drawn], axis=0)
    mean = estimate.mean(axis=0)
    error = np.sqrt(within + (1 + 1 / len(drawn)) * estimate.var(axis=0, ddof=1))
    if isinstance(spec, KaplanMeier):
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = (error / mean) ** 2
        low, high = survival_interval(
            mean, variance, conf_type=spec.conf_type, conf_level=spec.conf_level
        )
    else:
        low, high = incidence_interval(mean, error, conf_level=spec.conf_level)
    risk = np.mean([d["n_risk"].to_numpy(dtype=float) for d in drawn], axis=0)
    return drawn[0].assign(
        n_risk=risk, estimate=mean, std_error=error, conf_low=low, conf_high=high
    )


@dataclass(frozen=True, repr=False)
class OriginSensitivity(FrameResult):
    """A durability curve under other days of its origins.

    `tidy` has one row an origin, group, (cause) and day: origin, group column, cause where there
    is one, time, n_risk (mean over the draws), estimate, std_error, conf_low, conf_high,
    conf_level.

    Attributes
    ----------
    times : EventTimes
    spec : KaplanMeier or AalenJohansen
    n : int
    seed : int
    """

    _kept: ClassVar[str] = "_table"

    times: EventTimes
    spec: KaplanMeier | AalenJohansen
    n: int
    seed: int
    _table: pd.DataFrame

    def summary(self) -> Summary:
        """Return the curves at the days, one origin beside the other."""
        frame = self._table
        keys = [c for c in frame.columns if c in (self.spec.by or "group", "cause", "time")]
        level = f"{format_level(self.spec.conf_level)} CI"
        cells: dict[tuple[str, ...], list[str]] = {}
        for r in each_row(frame):
            key = tuple(f"{getattr(r, c):g}" if c == "time" else str(getattr(r, c)) for c in keys)
            shown = format_percent(r.estimate)
            if r.origin == ORIGINS[2]:
                shown += f" ({format_interval(100 * r.conf_low, 100 * r.conf_high, 1)})"
            cells.setdefault(key, []).append(shown)
        header = [{"time": "Day", "cause": "Cause"}.get(c, "Group") for c in keys]
        named = ["From the visit (%)", "From the visit before (%)", f"Imputed between (%, {level})"]
        sample = split(self.times, self.spec.by)
        return Summary(
            "Durability and the day of its origin",
            (
                *counts_header(self.times, sample),
                ("Imputed", f"{self.n} draws, uniform between the two visits, seed {self.seed}"),
            ),
            (Table((*header, *named), tuple((*k, *v) for k, v in cells.items()), len(keys)),),
            notes_of(self.times, sample),
        )
