"""What the visit schedules do to the answer on onset."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arguments import checked
from trdstats.errors import check_level, check_tau
from trdstats.outcomes import Definition, EventTimes, Response, time_to
from trdstats.study import Study
from trdstats.survival.curves.rmst import RMST
from trdstats.survival.interval.turnbull import Turnbull
from trdstats.survival.schedule import audit_estimates as dated
from trdstats.survival.schedule.audit_result import ScheduleAudit
from trdstats.survival.schedule.shared_visits import (
    Shared,
    attended_visits,
    rated_visits,
    shared_visits,
    times_on_shared,
)

_MONTH = 30.4375  # days


@checked
def audit_schedule(
    study: Study,
    definition: Definition | None = None,
    *,
    tau: float | None = None,
    conf_level: float = 0.95,
) -> ScheduleAudit:
    """Compare onset as the visits show it with what is known of it between the visits.

    A treatment rated every week shows a response sooner than one rated every quarter. Three
    answers stand side by side: events dated at the visit that found them; events between two visits
    (Turnbull, and the log-rank test of Sun's scores); and events dated at visits when only those
    visits are used that the treatments share.

    Parameters
    ----------
    study : Study
    definition : Definition, optional
        Default: `Response()`.
    tau : float, optional
        Horizon of the mean days, in days. Default: the last day to which every treatment is
        followed; where the visits that treatments share end earlier, that day.
    conf_level : float, default 0.95
        Of intervals; a test is clear when p is below one less this.

    Returns
    -------
    ScheduleAudit
        What cannot be estimated is NaN with the reason in the column `note`.

    Raises
    ------
    SpecError
        When tau is not positive.
    NotEstimableError
        When no subject has follow-up; when a tau is given before which the follow-up of a treatment
        ends, or by which no subject under it was assessed.

    References
    ----------
    Zhang and Sun 2010, Stat Methods Med Res 19:53-70, doi:10.1177/0962280209105023.

    Examples
    --------
    >>> import trdstats as trd
    >>> audit = trd.audit_schedule(trd.load_sample("trial"), tau=28)
    >>> audit.tidy()["method"].unique().tolist()
    ['at the visit', 'between visits', 'at the visit, one grid']
    """
    check_level(conf_level)
    definition = Response() if definition is None else definition
    times = time_to(study, definition)
    visits = attended_visits(study)
    last = rated_visits(study).groupby("treatment", observed=True)["day"].max()
    ends = dated.followed_until(times, {str(k): float(day) for k, day in last.items()})
    shared = shared_visits(visits, study.treatments) if len(study.treatments) > 1 else []
    fewer = times_on_shared(study, definition, visits, shared) if shared else None
    if tau is None:
        short = _ends_on(fewer, shared).values() if len(shared) > 1 else ()
        horizon = min([*ends.values(), *short])
    else:
        horizon = _check_tau(tau, times.only(list(ends)))
    hint = "" if study.windows else " (without visit windows every day is a separate visit)"
    curves = Turnbull(conf_level=conf_level).fit(times)
    rows = [
        dated.at_visits(dated.AS_SEEN, times, horizon, ends, conf_level),
        dated.between_visits(curves, horizon, ends),
    ]
    if fewer is not None:
        group = _ends_on(fewer, shared)
        rows.append(dated.at_visits(dated.THINNED, fewer, horizon, group, conf_level))
    elif len(study.treatments) > 1:
        why = "no attended visit is shared by all treatments"
        rows.append(dated.no_estimates(dated.THINNED, study.treatments, why + hint))
    mean_days = cache(curves.restricted_mean)  # pairs with one reference and one horizon share it
    tests, grids = [], {}
    for reference, treatment in combinations(study.treatments, 2):
        grid = shared_visits(visits, (reference, treatment))
        both = times_on_shared(study, definition, visits, grid) if grid else None
        group = _ends_on(both, grid)
        # One visit alone says nothing of days: it is no reason to cut the others' horizon.
        short = group.values() if len(grid) > 1 else ()
        until = min([horizon, *short]) if tau is None else horizon
        pair = times.only([reference, treatment])
        by_method = {
            dated.AS_SEEN: dated.compare_at_visits(pair, until, ends, conf_level),
            dated.BETWEEN: dated.compare_between(pair, mean_days, until, ends),
            dated.THINNED: dated.no_contrast(
                f"{treatment} and {reference} share no attended visit{hint}"
            )
            if both is None
            else dated.compare_at_visits(both, until, group, conf_level),
        }
        keys = {"treatment": treatment, "reference": reference}
        tests += [{**keys, "method": m, "tau": until, **row} for m, row in by_method.items()]
        grids[treatment, reference] = grid
    return ScheduleAudit(
        study=study,
        times=times,
        tau=horizon,
        grid=tuple(float(np.median(list(row.values()))) for row in shared),
        conf_level=conf_level,
        _grids=_grids(study, times),
        _visits=visits,
        _estimates=pd.concat(rows, ignore_index=True).assign(conf_level=conf_level),
        _tests=pd.DataFrame(tests, columns=dated.CONTRAST_COLUMNS),
        _shared=_as_frame(grids),
    )


def _check_tau(tau: float, times: EventTimes) -> float:
    """Return a horizon of the user's; refuse one that the visits do not allow."""
    check_tau(tau)
    RMST(tau=tau).fit(times)
    return float(tau)


def _ends_on(times: EventTimes | None, shared: list[Shared]) -> dict[str, float]:
    """Return the day to which each treatment is followed on shared visits."""
    if times is None or not len(times.at_risk()):
        return {}
    last = float(np.median(list(shared[-1].values())))
    return dated.followed_until(times, dict.fromkeys(times.treatments, last))


def _as_frame(grids: dict[tuple[str, str], list[Shared]]) -> pd.DataFrame:
    """Return one row a pair and shared visit."""
    rows = [
        {
            "treatment": treatment,
            "reference": reference,
            "visit": row[treatment],
            "reference_visit": row[reference],
            "day": float(np.median(list(row.values()))),
        }
        for (treatment, reference), shared in grids.items()
        for row in shared
    ]
    columns = ["treatment", "reference", "visit", "reference_visit", "day"]
    return pd.DataFrame(rows, columns=columns)


def _grids(study: Study, times: EventTimes) -> pd.DataFrame:
    """Return one row a treatment: how often it was assessed and how finely onset was seen."""
    rated, rows = rated_visits(study), []
    for name in study.treatments:
        subset = rated[rated["treatment"] == name]
        n = int((study.subjects["treatment"] == name).sum())
        last = subset.groupby("subject", observed=True)["day"].max()
        first = subset.groupby("subject", observed=True)["day"].min()
        of_arm = times.frame[(times.frame["treatment"] == name) & (times.frame["status"] == 1)]
        gap = (of_arm["right"] - of_arm["left"]).to_numpy(dtype=float)
        low, middle, high = np.quantile(gap, [0.25, 0.5, 0.75]) if len(gap) else [np.nan] * 3
        row: dict[str, Any] = {
            "treatment": name,
            "n": n,
            "n_rated": len(last),
            "n_events": len(gap),
            "visits": float(len(subset) / n) if n else np.nan,
            "visits_a_month": float(len(subset) / last.sum() * _MONTH) if len(subset) else np.nan,
            "first_visit": float(first.median()) if len(subset) else np.nan,
            "gap_low": low,
            "gap_median": middle,
            "gap_high": high,
        }
        rows.append(row)
    return pd.DataFrame(rows)
