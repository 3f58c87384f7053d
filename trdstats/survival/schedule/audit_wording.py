"""What an audit of the visit schedules says in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.survival.schedule.audit_estimates import AS_SEEN, BETWEEN, THINNED
from trdstats.tables import each_row, format_p

# A figure that may lie further than this share of itself from where the visits put it has moved.
MOVES = 0.1
# Gaps between visits that differ by more than this factor make curves at visits unlike.
UNEQUAL_GAPS = 2.0
# Up to so many comparisons are told one by one even when the schedule changes nothing.
_FEW = 3


def of_treatment(grid: Any, estimates: pd.DataFrame, tau: float) -> str:
    """Return what the schedule does to the onset of a treatment.

    Parameters
    ----------
    grid : row of `ScheduleAudit.grids`
    estimates : pandas.DataFrame
        Rows of `ScheduleAudit.tidy` of the treatment.
    tau : float
        Horizon of the mean days.
    """
    name = grid.treatment
    if not grid.n_rated:
        return f"{name}: no subject was assessed after day 0."
    if not grid.n_events:
        return f"{name}: no onset was seen, so the schedule moves none."
    rows = {(r.measure, r.method): r for r in each_row(estimates)}
    median = _median(rows["median", AS_SEEN].estimate, rows["median", BETWEEN], grid)
    seen, between = rows["mean days", AS_SEEN], rows["mean days", BETWEEN]
    low, high = f"{between.bound_low:.1f}", f"{between.bound_high:.1f}"
    if np.isnan(seen.estimate):
        mean = f"the mean to day {tau:g} lies between {low} and {high} days ({seen.note})"
    else:
        shifted = _has_shifted(seen.estimate, between.bound_low, between.bound_high)
        mean = (
            f"the mean to day {tau:g} {'moves' if shifted else 'hardly moves'} from "
            f"{seen.estimate:.1f} to between {low} and {high} days"
        )
    return f"{name}: {median}; {mean}."


def _median(seen: float, between: Any, grid: Any) -> str:
    if np.isnan(seen):
        return "the median is not reached"
    if between.bound_low == between.bound_high == seen:
        return f"the median of {_day(seen)} days is exact"
    top = "the end of follow-up" if np.isinf(between.bound_high) else _day(between.bound_high)
    span = f"from {_day(seen)} to between {_day(between.bound_low)} and {top}"
    span += "" if np.isinf(between.bound_high) else " days"
    if not _has_shifted(seen, between.bound_low, between.bound_high):
        return f"the median hardly moves, {span}"
    return (
        f"the median moves {span}, because half of the onsets came after "
        f"{_day(grid.gap_median)} days or more without a visit"
    )


def of_gaps(grids: pd.DataFrame) -> list[str]:
    """Return whether onset was seen equally finely under all treatments."""
    gaps = grids["gap_median"].dropna()
    if len(gaps) < 2 or gaps.max() <= UNEQUAL_GAPS * max(float(gaps.min()), 1.0):
        return []
    return [
        f"Onsets were seen to within {_day(gaps.min())} to {_day(gaps.max())} days (medians): "
        "curves at the visits are not alike."
    ]


def of_pair(treatment: str, reference: str, rows: dict[str, Any], alpha: float) -> tuple[bool, str]:
    """Return whether a comparison depends on the schedule, and how.

    Parameters
    ----------
    treatment, reference : str
    rows : dict of str to row of `ScheduleAudit.contrasts`
        By method.
    alpha : float
        A test is clear when p is below it.
    """
    seen, between, grid = rows[AS_SEEN], rows[BETWEEN], rows[THINNED]
    pair = f"{treatment} v {reference}"
    if np.isnan(between.estimate):
        return False, f"{pair}: not compared, {between.note}."
    clear = seen.log_rank_p_value < alpha
    still = between.log_rank_p_value < alpha
    bounds = f"{between.bound_low:+.1f} to {between.bound_high:+.1f}"
    p_seen, p_between = (format_p(r.log_rank_p_value) for r in (seen, between))
    tests = f"log-rank p {p_seen} by the visits, {p_between}"
    # The sign is known when the bounds lie on one side of 0.
    known = between.bound_low * between.bound_high > 0
    if known and seen.estimate * between.estimate < 0:
        return True, (
            f"{pair}: the order turns round, from {seen.estimate:+.1f} days by the visits to "
            f"{bounds} between them."
        )
    if clear != still:
        return True, f"{pair}: {tests} between them."
    if clear and np.isfinite(seen.estimate) and not known:
        return True, (
            f"{pair}: {seen.estimate:+.1f} days by the visits, which leave open from {bounds}."
        )
    if clear and grid.log_rank_p_value < alpha and seen.estimate * grid.estimate < 0:
        return True, (
            f"{pair}: the order turns round, from {seen.estimate:+.1f} days by the visits to "
            f"{grid.estimate:+.1f} on those that both share."
        )
    if not clear:
        return False, f"{pair}: no clear difference, however onset is dated."
    if np.isnan(grid.log_rank_p_value):
        return False, f"{pair}: the order does not depend on how onset is dated; {grid.note}."
    if grid.log_rank_p_value >= alpha:
        return False, (
            f"{pair}: the order does not depend on how onset is dated; on the visits that both "
            f"share the difference is not clear (log-rank p {format_p(grid.log_rank_p_value)})."
        )
    return False, f"{pair}: the order does not depend on the schedule."


def of_pairs(sentences: list[tuple[bool, str]]) -> list[str]:
    """Return what is to be said of all comparisons together."""
    if not sentences:
        return []
    changed = [words for depends, words in sentences if depends]
    absent = [words for _, words in sentences if "not compared" in words]
    if not changed:
        notes = [words for _, words in sentences] if len(sentences) <= _FEW else absent
        none = "No comparison of two treatments hangs on how onset is dated."
        return [*notes, none] if len(absent) < len(sentences) else notes
    if len(sentences) <= _FEW:
        return [words for _, words in sentences]
    n, rest = len(sentences) - len(absent), len(sentences) - len(absent) - len(changed)
    counted = f"{len(changed)} of {n} comparisons {'depends' if len(changed) == 1 else 'depend'}"
    return [
        *changed,
        *absent,
        f"{counted} on how onset is dated, {rest} {'does' if rest == 1 else 'do'} not.",
    ]


def of_shared(contrasts: pd.DataFrame, alpha: float) -> list[str]:
    """Return how many clear differences the shared visits alone do not show."""
    by_method = {
        method: rows.set_index(["treatment", "reference"])["log_rank_p_value"]
        for method, rows in contrasts.groupby("method")
    }
    if len(contrasts) == 0 or len(by_method[AS_SEEN]) <= _FEW:
        return []  # told pair by pair
    clear = by_method[THINNED][by_method[AS_SEEN] < alpha]
    lost, none = int((clear >= alpha).sum()), int(clear.isna().sum())
    words = []
    if lost:
        words.append(
            f"On the visits that both share, {lost} of {len(clear)} clear differences are not "
            "clear: there are fewer visits, and a response that came and went between them is lost."
        )
    if none:
        words.append(f"{none} of {len(clear)} clear differences are between treatments that share "
                     "no visit.")  # fmt: skip
    return words


def _has_shifted(seen: float, low: float, high: float) -> bool:
    return max(seen - low, high - seen) > MOVES * seen


def _day(value: float) -> str:
    """Return a day; three figures where it is a fraction."""
    return f"{value:g}" if value >= 100 or value == int(value) else f"{value:.3g}"
