"""What an audit of the visit schedules found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.outcomes import EventTimes
from trdstats.study import Study
from trdstats.tables import (
    NOT_ESTIMABLE,
    Face,
    Introduces,
    Table,
    each_row,
    format_count,
    format_number,
    format_p,
    format_time,
)

AS_SEEN, BETWEEN, THINNED = "at the visit", "between visits", "at the visit, one grid"

# A mean that moves by more than this share of itself has moved.
MOVES = 0.1
# Gaps between visits that differ by more than this factor make curves at visits unlike.
UNLIKE_GAPS = 2.0
_ALPHA = 0.05


@dataclass(frozen=True, repr=False)
class ScheduleAudit(Introduces):
    """Onset by three ways of dating it, and what the schedule does to it.

    Attributes
    ----------
    study : Study
    times : EventTimes
    tau : float
        Horizon of the mean days.
    grid : tuple of float
        Days of the common grid; empty when the treatments have none by tau.
    conf_level : float
    """

    study: Study
    times: EventTimes
    tau: float
    grid: tuple[float, ...]
    conf_level: float
    _grids: pd.DataFrame
    _visits: pd.DataFrame
    _estimates: pd.DataFrame
    _tests: pd.DataFrame

    def grids(self) -> pd.DataFrame:
        """Return how often each treatment was rated and how finely its onsets were seen.

        Returns
        -------
        pandas.DataFrame
            treatment, n, n_rated, n_events, visits (rated visits a subject), visits_a_month (of
            follow-up), first_visit (median day), gap_low, gap_median, gap_high (quartiles of the
            days between the visits that enclose an onset).
        """
        return self._grids.copy()

    def visits(self) -> pd.DataFrame:
        """Return one row a treatment and scheduled day: visit, day (median), n, share rated."""
        return self._visits.copy()

    def tidy(self) -> pd.DataFrame:
        """Return the onset of each treatment by each way of dating it.

        Returns
        -------
        pandas.DataFrame
            treatment, measure ("median" or "mean days" without the event up to tau), method ("at
            the visit", "between visits", "at the visit, one grid"), estimate (days), bound_low,
            bound_high (what the visits leave open), conf_low, conf_high, conf_level.
        """
        return self._estimates.assign(conf_level=self.conf_level)

    def contrasts(self) -> pd.DataFrame:
        """Return each pair of treatments by each way of dating onset.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, method, estimate (difference of mean days, treatment less
            reference), bound_low, bound_high, statistic and p_value of the log-rank test.
        """
        return self._tests.copy()

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, tau, days in the common grid, pairs, pairs that change."""
        return pd.DataFrame(
            {
                "n": [int(self._grids["n_rated"].sum())],
                "events": [int(self._grids["n_events"].sum())],
                "tau": [self.tau],
                "n_grid": [len(self.grid)],
                "n_pairs": [len(self._pairs())],
                "n_changed": [len(self._changed())],
            }
        )

    def _pairs(self) -> list[tuple[str, str]]:
        keys = self._tests[["treatment", "reference"]].drop_duplicates()
        return [(str(a), str(b)) for a, b in keys.itertuples(index=False)]

    def _of_pair(self, treatment: str, reference: str) -> dict[str, Any]:
        """Return the rows of a pair by method."""
        tests = self._tests
        mine = (tests["treatment"] == treatment) & (tests["reference"] == reference)
        return {r.method: r for r in each_row(tests[mine])}

    def _changed(self) -> list[str]:
        """Return a sentence for every pair whose answer hangs on the dating."""
        found = []
        for treatment, reference in self._pairs():
            rows = self._of_pair(treatment, reference)
            seen, between = rows[AS_SEEN], rows[BETWEEN]
            # The sign is known when the bounds lie on one side of 0.
            known = between.bound_low * between.bound_high > 0
            lost = (seen.p_value < _ALPHA) != (between.p_value < _ALPHA)
            if known and seen.estimate * between.estimate < 0:
                found.append(
                    f"{treatment} v {reference}: the order turns round, from {seen.estimate:+.1f} "
                    f"days by the visits to {between.estimate:+.1f} between them."
                )
            elif lost:
                found.append(
                    f"{treatment} v {reference}: log-rank p {format_p(seen.p_value)} by the "
                    f"visits, {format_p(between.p_value)} between them."
                )
            elif not known and np.isfinite(between.estimate) and seen.p_value < _ALPHA:
                found.append(
                    f"{treatment} v {reference}: {seen.estimate:+.1f} days by the visits, which "
                    f"leave open from {between.bound_low:+.1f} to {between.bound_high:+.1f}."
                )
        return found

    def verdict(self) -> tuple[str, ...]:
        """Return what the schedule does to the answer, in sentences: each treatment, then all."""
        words = [self._of_treatment(str(name)) for name in self._grids["treatment"]]
        gaps = self._grids["gap_median"].dropna()
        if len(gaps) > 1:
            smallest = max(float(gaps.min()), 1.0)
            if gaps.max() > UNLIKE_GAPS * smallest:
                words.append(
                    f"Onsets were seen to within {gaps.min():g} to {gaps.max():g} days (medians): "
                    "curves at the visits are not alike."
                )
        changed = self._changed()
        words += changed
        if self._pairs() and not changed:
            words.append("No comparison of two treatments hangs on how onset is dated.")
        return tuple(words)

    def _of_treatment(self, name: str) -> str:
        mine = self._estimates[self._estimates["treatment"] == name]
        rows = {(r.measure, r.method): r for r in each_row(mine)}
        seen, between = rows["median", AS_SEEN], rows["median", BETWEEN]
        if np.isnan(seen.estimate):
            median = "the median is not reached"
        elif between.bound_low == between.bound_high:
            median = f"the median of {seen.estimate:g} days is exact"
        else:
            median = (
                f"the median is {seen.estimate:g} days by the visits and lies between "
                f"{between.bound_low:g} and {_open(between.bound_high)}"
            )
        a, b = rows["mean days", AS_SEEN], rows["mean days", BETWEEN]
        shift = a.estimate - b.estimate
        size = abs(shift) / max(a.estimate, 1e-12)
        moved = "moves" if size > MOVES else "hardly moves"
        return (
            f"{name}: {median}; the mean of {a.estimate:.1f} days {moved} "
            f"({b.bound_low:.1f} to {b.bound_high:.1f} between the visits)."
        )

    def plot(self, fig: Any = None, **options: Any) -> Any:
        """Draw when each treatment was rated, and its onset by the three datings.

        Parameters
        ----------
        fig : matplotlib Figure, optional
            An empty figure to fill.
        **options
            Passed on to `trdstats.plots.plot_schedule`.

        Returns
        -------
        matplotlib Figure
        """
        settings = {"caveat": self.times.caveat, "tau": self.tau, **options}
        mean = self._estimates[self._estimates["measure"] == "mean days"]
        return plots.plot_schedule(self._visits, mean, fig=fig, **settings)

    def face(self) -> Face:
        """Return grids, estimates, contrasts and the verdict."""
        grids = tuple(
            (
                r.treatment,
                format_count(r.n),
                format_number(r.visits_a_month, 1),
                format_time(r.first_visit),
                format_count(r.n_events),
                NOT_ESTIMABLE
                if np.isnan(r.gap_median)
                else f"{r.gap_median:g} ({r.gap_low:g} to {r.gap_high:g})",
            )
            for r in each_row(self._grids)
        )
        tables = [
            Table(
                ("Treatment", "Subjects", "Visits a month", "First visit", "Onsets",
                 "Gap (quartiles)"),
                grids,
                title="How it was seen",
            ),
            Table(
                ("Treatment", "Median", "Between visits", "One grid", "Mean", "Between visits",
                 "One grid"),
                tuple(self._estimate_rows()),
                title=f"Days to {self.times.outcome}; means to day {self.tau:g}",
            ),
        ]  # fmt: skip
        if self._pairs():
            tables.append(
                Table(
                    ("Comparison", "Difference", "p", "Between visits", "p", "One grid", "p"),
                    tuple(self._contrast_rows()),
                    title="Differences of mean days, log-rank p",
                )
            )
        grid = ", ".join(f"{d:g}" for d in self.grid)
        facts = (
            ("Outcome", self.times.outcome),
            ("Common grid", f"days {grid}" if grid else "none by the horizon"),
        )
        notes = [f"{self.times.caveat}."] if self.times.caveat else []
        return Face("Audit of the visit schedule", facts, tuple(tables),
                    (*self.verdict(), *notes))  # fmt: skip

    def _estimate_rows(self) -> list[tuple[str, ...]]:
        rows = []
        for name in self._grids["treatment"]:
            mine = self._estimates[self._estimates["treatment"] == name]
            cells = [str(name)]
            for measure in ("median", "mean days"):
                own = mine[mine["measure"] == measure].set_index("method")
                cells.append(_day(own.loc[AS_SEEN, "estimate"]))
                between = own.loc[BETWEEN]
                cells.append(_span(between["bound_low"], between["bound_high"]))
                cells.append(_day(own.loc[THINNED, "estimate"]) if THINNED in own.index else "")
            rows.append(tuple(cells))
        return rows

    def _contrast_rows(self) -> list[tuple[str, ...]]:
        rows = []
        for treatment, reference in self._pairs():
            found = self._of_pair(treatment, reference)
            cells = [f"{treatment} v {reference}"]
            for method in (AS_SEEN, BETWEEN, THINNED):
                row = found.get(method)
                blank = ("", "")
                cells += blank if row is None else (
                    _span(row.bound_low, row.bound_high), format_p(row.p_value)
                )  # fmt: skip
            rows.append(tuple(cells))
        return rows


def _day(value: float) -> str:
    return "not reached" if np.isnan(value) else format_time(value)


def _open(value: float) -> str:
    return "the end of follow-up" if np.isinf(value) else f"{value:g} days"


def _span(low: float, high: float) -> str:
    if np.isnan(low):
        return NOT_ESTIMABLE
    if low == high:
        return format_number(low, 1)
    top = "not reached" if np.isinf(high) else format_number(high, 1)
    return f"{format_number(low, 1)} to {top}"
