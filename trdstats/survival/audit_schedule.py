"""What the visit schedules do to the answer on onset."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.errors import NotEstimableError, SpecError, check_level
from trdstats.outcomes import Definition, EventTimes, Response, time_to
from trdstats.study import Study
from trdstats.survival.interval_log_rank import IntervalLogRank
from trdstats.survival.kaplan_meier import KaplanMeier
from trdstats.survival.log_rank import LogRank
from trdstats.survival.rmst import RMST
from trdstats.survival.schedule_audit import AS_SEEN, BETWEEN, THINNED, ScheduleAudit
from trdstats.survival.turnbull import Turnbull

FloatArray = npt.NDArray[np.float64]
_MONTH = 30.4375  # days
_CONTRAST = ("estimate", "bound_low", "bound_high", "statistic", "p_value")


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
    (Turnbull, and the log-rank test of Sun's scores); and events dated at visits after all
    treatments were thinned to one grid.

    Parameters
    ----------
    study : Study
    definition : Definition, optional
        Default: `Response()`.
    tau : float, optional
        Horizon of the mean days, in days. Default: the last day to which every treatment is
        followed.
    conf_level : float, default 0.95

    Returns
    -------
    ScheduleAudit

    Raises
    ------
    SpecError
        When tau is not positive or the definition is an event.
    NotEstimableError
        When the follow-up of a treatment ends before tau, or nobody under it was rated by then.

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
    horizon = _horizon(study, times, tau)
    grid = _common_grid(study)
    seen = {AS_SEEN: times}
    if grid:
        fewer = study.thinned(_last_days(study, grid))
        thinned = time_to(fewer, definition)
        # Thinning drops visits at the end: without a horizon of the user's the shorter one serves.
        end = _followed(fewer, thinned)
        horizon = min(horizon, end) if tau is None else horizon
        if end >= horizon and all(day <= horizon for day in thinned.first_look.values()):
            seen[THINNED] = thinned
    rows = [_as_seen(name, t, horizon, conf_level) for name, t in seen.items()]
    rows.insert(1, _between(times, horizon, conf_level))
    tests = [_tests(name, t, horizon, conf_level) for name, t in seen.items()]
    tests.insert(1, _tests(BETWEEN, times, horizon, conf_level))
    return ScheduleAudit(
        study=study,
        times=times,
        tau=horizon,
        grid=tuple(grid) if THINNED in seen else (),
        conf_level=conf_level,
        _grids=_grids(study, times),
        _visits=_attended(study),
        _estimates=pd.concat(rows, ignore_index=True),
        _tests=pd.concat(tests, ignore_index=True),
    )


def _horizon(study: Study, times: EventTimes, tau: float | None) -> float:
    if tau is None:
        return _followed(study, times)
    if not (tau > 0 and np.isfinite(tau)):
        raise SpecError(f"tau must be a positive number of days; got {tau!r}.")
    return float(tau)


def _followed(study: Study, times: EventTimes) -> float:
    """Return the last day to which every treatment is followed.

    Where everybody had the event the curve has ended, and the last visit counts.
    """
    curves = KaplanMeier().fit(times).tidy().groupby("treatment", observed=True)
    last = _rated(study).groupby("treatment", observed=True)["day"].max()
    days = [
        float(own["time"].iloc[-1] if own["estimate"].iloc[-1] > 0 else last[name])
        for name, own in curves
    ]
    return min(days)


def _rated(study: Study) -> pd.DataFrame:
    """Return the rated visits after day 0 with their treatment."""
    visits = study.visits
    rated = visits[(visits["day"] > 0) & visits["score"].notna()]
    people = study.subjects[["subject", "treatment"]]
    rated = rated[["subject", "day", "visit"]].astype({"subject": object})
    return rated.merge(people.astype({"subject": object}), on="subject", how="left")


def _attended(study: Study) -> pd.DataFrame:
    """Return one row a treatment and scheduled day: median actual day, share of subjects rated."""
    rated = _rated(study).dropna(subset=["visit"])
    size = study.subjects["treatment"].value_counts()
    found = rated.groupby(["treatment", "visit"], observed=True).agg(
        day=("day", "median"), n=("subject", "nunique")
    )
    found = found.reset_index()
    share = found["n"] / found["treatment"].map(size).astype(float)
    return found.assign(share=share)


def _common_grid(study: Study) -> list[float]:
    """Return the scheduled days of the treatment rated least, where all others were seen too.

    A day stays when every treatment has a scheduled visit after the day before it and up to it.
    """
    visit = _attended(study)
    scheduled = [own["visit"].to_numpy(dtype=float)
                 for _, own in visit.groupby("treatment", observed=False)]  # fmt: skip
    if any(not len(d) for d in scheduled):
        return []
    # Days that the others do not reach fall out below: of each treatment those count that lie
    # within the follow-up of all.
    end = min(d.max() for d in scheduled)
    sparse = min(scheduled, key=lambda d: (d <= end).sum())
    kept: list[float] = []
    for day in sparse:
        since = kept[-1] if kept else 0.0
        if all(((d > since) & (d <= day)).any() for d in scheduled):
            kept.append(float(day))
    return kept


def _last_days(study: Study, grid: list[float]) -> list[float]:
    """Return the last actual day of the visits of each scheduled day: windows reach beyond it."""
    rated = _rated(study)
    return [max(day, float(rated.loc[rated["visit"] == day, "day"].max())) for day in grid]


def _grids(study: Study, times: EventTimes) -> pd.DataFrame:
    """Return one row a treatment: how often it was rated and how finely onset was seen."""
    rated, rows = _rated(study), []
    for name in study.treatments:
        own = rated[rated["treatment"] == name]
        n = int((study.subjects["treatment"] == name).sum())
        last = own.groupby("subject", observed=True)["day"].max()
        first = own.groupby("subject", observed=True)["day"].min()
        mine = times.frame[(times.frame["treatment"] == name) & (times.frame["status"] == 1)]
        gap = (mine["right"] - mine["left"]).to_numpy(dtype=float)
        low, middle, high = np.quantile(gap, [0.25, 0.5, 0.75]) if len(gap) else [np.nan] * 3
        rows.append(
            {
                "treatment": name,
                "n": n,
                "n_rated": len(last),
                "n_events": len(gap),
                "visits": float(len(own) / n) if n else np.nan,
                "visits_a_month": float(len(own) / last.sum() * _MONTH) if len(own) else np.nan,
                "first_visit": float(first.median()) if len(own) else np.nan,
                "gap_low": low,
                "gap_median": middle,
                "gap_high": high,
            }
        )
    return pd.DataFrame(rows)


def _as_seen(method: str, times: EventTimes, tau: float, conf_level: float) -> pd.DataFrame:
    """Return medians and means with every event dated at the visit that found it."""
    medians = KaplanMeier(conf_level=conf_level).fit(times).quantiles((0.5,))
    means = RMST(tau=tau, conf_level=conf_level).fit(times).tidy()
    means = means[means["measure"] == "restricted mean"]
    columns = ["treatment", "estimate", "conf_low", "conf_high"]
    frames = [medians[columns].assign(measure="median"), means[columns].assign(measure="mean days")]
    found = pd.concat(frames, ignore_index=True).assign(method=method)
    return _ordered(found.assign(bound_low=found["estimate"], bound_high=found["estimate"]))


def _between(times: EventTimes, tau: float, conf_level: float) -> pd.DataFrame:
    """Return bounds of medians and means with events between visits."""
    fit = Turnbull(conf_level=conf_level).fit(times)
    medians, means = fit.quantiles((0.5,)), fit.restricted_mean(tau)
    means = means[means["measure"] == "restricted mean"]
    columns = ["treatment", "estimate", "bound_low", "bound_high", "conf_low", "conf_high"]
    frames = [medians[columns].assign(measure="median"), means[columns].assign(measure="mean days")]
    return _ordered(pd.concat(frames, ignore_index=True).assign(method=BETWEEN))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    keys = ["treatment", "measure", "method"]
    values = ["estimate", "bound_low", "bound_high", "conf_low", "conf_high"]
    return frame[keys + values]


def _tests(method: str, times: EventTimes, tau: float, conf_level: float) -> pd.DataFrame:
    """Return one row a pair: difference of mean days, and the test of whether curves differ."""
    rows = []
    for reference, treatment in combinations(times.treatments, 2):
        pair = times.only([reference, treatment])
        row: dict[str, Any] = {"treatment": treatment, "reference": reference, "method": method}
        try:
            rows.append(row | _pair(method, pair, tau, conf_level))
        except NotEstimableError:
            rows.append(row | dict.fromkeys(_CONTRAST, np.nan))
    columns = ("treatment", "reference", "method", *_CONTRAST)
    return pd.DataFrame(rows, columns=list(columns))


def _pair(method: str, pair: EventTimes, tau: float, conf_level: float) -> dict[str, float]:
    if method == BETWEEN:
        test = IntervalLogRank().fit(pair).glance()
        means = Turnbull(conf_level=conf_level).fit(pair).restricted_mean(tau)
        gap = means[means["measure"] == "difference"].iloc[0]
        value, low, high = (float(gap[c]) for c in ("estimate", "bound_low", "bound_high"))
    else:
        test = LogRank().fit(pair).glance()
        means = RMST(tau=tau, conf_level=conf_level).fit(pair).tidy()
        value = float(means.loc[means["measure"] == "difference", "estimate"].iloc[0])
        low = high = value
    return {
        "estimate": value,
        "bound_low": low,
        "bound_high": high,
        "statistic": float(test["statistic"].iloc[0]),
        "p_value": float(test["p_value"].iloc[0]),
    }
