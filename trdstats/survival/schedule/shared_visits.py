"""Scheduled visits that were attended, and those that treatments share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.outcomes import Definition, EventTimes, time_to
from trdstats.study import Study
from trdstats.tables import each_row

# A scheduled visit was attended when this share of those seen at the one before it, or later, were
# rated at it. Days that scatter without windows never gather so many.
ATTENDED = 0.5
_CLOCK = 1e-9  # days; absorbs rounding of 0.1 + 0.2 at the end of a window

# A visit that several treatments share: the scheduled day of each.
Shared = dict[str, float]


def rated_visits(study: Study) -> pd.DataFrame:
    """Return the rated visits after day 0: subject, treatment, day, visit."""
    visits = study.visits
    rated = visits[(visits["day"] > 0) & visits["score"].notna()]
    of_subject = rated["subject"].cat.codes.to_numpy()
    return pd.DataFrame(
        {
            "subject": rated["subject"].array,
            "treatment": study.subjects["treatment"].array[of_subject],
            "day": rated["day"].to_numpy(dtype=float),
            "visit": rated["visit"].to_numpy(dtype=float),
        }
    )


def attended_visits(study: Study) -> pd.DataFrame:
    """Return one row a treatment and scheduled day at which any subject was assessed.

    Returns
    -------
    pandas.DataFrame
        treatment, visit (scheduled day), opens, closes (its window), day (median actual day), n
        (subjects rated), share (of all subjects of the treatment), share_followed (of those
        assessed in the window of the attended visit before or later; for the first, of those ever
        rated), attended (share_followed is at least `ATTENDED`).
    """
    rated = rated_visits(study)
    last = rated.groupby("subject", observed=True)["day"].max()
    arm = rated.drop_duplicates("subject").set_index("subject")["treatment"]
    rows = []
    for name in study.treatments:
        subset = rated[(rated["treatment"] == name) & rated["visit"].notna()]
        size = int((study.subjects["treatment"] == name).sum())
        ends = np.sort(last[arm[arm == name].index].to_numpy())
        windows = _windows(study, name)
        since = 0.0
        for _, here in subset.groupby("visit"):
            day, n = float(here["visit"].iloc[0]), int(here["subject"].nunique())
            opens, closes = windows.get(day, (day, day))
            followed = len(ends) - int(np.searchsorted(ends, since - _CLOCK))
            attended = n >= ATTENDED * followed
            rows.append(
                {
                    "treatment": name,
                    "visit": day,
                    "opens": opens,
                    "closes": closes,
                    "day": float(here["day"].median()),
                    "n": n,
                    "share": n / size,
                    "share_followed": n / followed,
                    "attended": attended,
                }
            )
            since = opens if attended else since
    columns = ["treatment", "visit", "opens", "closes", "day", "n", "share", "share_followed"]
    frame = pd.DataFrame(rows, columns=[*columns, "attended"])
    names = pd.Categorical(frame["treatment"], categories=list(study.treatments))
    return frame.assign(treatment=names, attended=frame["attended"].astype(bool))


def _windows(study: Study, treatment: str) -> dict[float, tuple[float, float]]:
    """Return the first and the last day of the window of each scheduled day."""
    if study.windows is None:
        return {}
    return study.windows[treatment].spans()


def shared_visits(visits: pd.DataFrame, names: Sequence[str]) -> list[Shared]:
    """Return the attended visits that treatments share, in order of their days.

    Scheduled days of two treatments are one visit when each lies in the window of the other; of
    more than two, when that holds for every pair.

    Parameters
    ----------
    visits : pandas.DataFrame
        From `attended_visits`.
    names : sequence of str
    """
    used = visits[visits["attended"]]
    plans = {name: list(each_row(used[used["treatment"] == name])) for name in names}
    # Windows of one treatment keep apart: a day lies in one of them, and matches do not cross.
    first = min(names, key=lambda name: len(plans[name]))
    shared = []
    for row in plans[first]:
        match = {name: row if name == first else _same(row, plans[name]) for name in names}
        if all(_is_same(a, b) for a, b in combinations(match.values(), 2)):
            shared.append({name: float(visit.visit) for name, visit in match.items()})
    return shared


def _same(row: Any, plan: Sequence[Any]) -> Any:
    """Return the visit of a plan that is the same as `row`, None without one."""
    return next((other for other in plan if _is_same(row, other)), None)


def _is_same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return False
    return _holds(a, b.visit) and _holds(b, a.visit)


def _holds(row: Any, day: float) -> bool:
    return bool(row.opens - _CLOCK <= day <= row.closes + _CLOCK)


def times_on_shared(
    study: Study, definition: Definition, visits: pd.DataFrame, shared: Sequence[Shared]
) -> EventTimes:
    """Return times to a state had only the shared visits taken place, dated on common days.

    A visit counts as the median of the scheduled days that it stands for: a test that ranks days
    would else tell day 7 from day 8 of the same visit. What is known to have happened later than
    the last shared visit is censored there.
    """
    names = list(shared[0])
    plan = {name: [row[name] for row in shared] for name in names}
    times = time_to(study.only(names).only_visits(plan), definition)
    label = np.array([float(np.median(list(row.values()))) for row in shared])
    frame = times.frame
    arm = frame["treatment"].to_numpy(dtype=object)
    status = frame["status"].to_numpy(copy=True)
    days = {c: frame[c].to_numpy(dtype=float, copy=True) for c in ("left", "right", "time")}
    first = {}
    for name in names:
        rows = visits[(visits["treatment"] == name) & visits["visit"].isin(plan[name])]
        closes = rows["closes"].to_numpy(dtype=float) + _CLOCK
        in_arm = arm == name
        status[in_arm & (days["time"] > closes[-1])] = 0
        for day in days.values():
            day[in_arm] = _on_labels(day[in_arm], closes, label)
        days["right"][in_arm & (status == 0)] = np.inf
        seen = np.isfinite(times.first_look.get(name, np.inf))
        first[name] = float(label[0]) if seen else np.inf
    return EventTimes.of_valid(
        frame.assign(**days, status=status),
        outcome=times.outcome,
        origin=times.origin,
        causes=times.causes,
        left_out=times.left_out,
        caveat=times.caveat,
        first_look=first,
        switching=times.switching,
    )


def _on_labels(day: FloatArray, closes: FloatArray, label: FloatArray) -> FloatArray:
    """Return the common day of the shared visit by whose close a day lies; day 0 stays."""
    place = np.minimum(np.searchsorted(closes, day), len(label) - 1)
    return np.where(day > 0, label[place], day)
