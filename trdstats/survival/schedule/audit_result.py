"""What an audit of the visit schedules found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats import plots
from trdstats.aliases import Figure
from trdstats.outcomes import EventTimes
from trdstats.outcomes.switching import notes_on
from trdstats.study import Study
from trdstats.survival.schedule import audit_wording as say
from trdstats.survival.schedule.audit_estimates import AS_SEEN, BETWEEN, THINNED
from trdstats.tables import (
    NOT_ESTIMABLE,
    FrameResult,
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_number,
    format_p,
    format_time,
)


@dataclass(frozen=True, repr=False)
class ScheduleAudit(FrameResult):
    """Onset by three ways of dating it, and what the schedule does to it.

    `tidy` has the onset of each treatment by each way: treatment, measure ("median" or "mean days"
    without the event up to tau), method ("at the visit", "between visits", "at the visit, one
    grid"), estimate (days), bound_low, bound_high (what the visits leave open), conf_low,
    conf_high, note (why a figure is absent), conf_level. Bounds between visits come without limits;
    `Turnbull` with `n_boot` gives them.

    Attributes
    ----------
    study : Study
    times : EventTimes
    tau : float
        Horizon of the mean days.
    grid : tuple of float
        Days of the visits that all treatments share, each the median of their scheduled days;
        empty when they share none.
    conf_level : float
    """

    study: Study
    times: EventTimes
    tau: float
    grid: tuple[float, ...]
    conf_level: float
    _kept = "_estimates"
    _grids: pd.DataFrame
    _visits: pd.DataFrame
    _estimates: pd.DataFrame
    _tests: pd.DataFrame
    _shared: pd.DataFrame

    def grids(self) -> pd.DataFrame:
        """Return how often each treatment was assessed and how finely its onsets were seen.

        Returns
        -------
        pandas.DataFrame
            treatment, n, n_rated, n_events, visits (rated visits a subject), visits_a_month (of
            follow-up), first_visit (median day), gap_low, gap_median, gap_high (quartiles of the
            days between the visits that enclose an onset).
        """
        return self._grids.copy()

    def visits(self) -> pd.DataFrame:
        """Return one row a treatment and scheduled day at which any subject was assessed.

        Returns
        -------
        pandas.DataFrame
            treatment, visit (scheduled day), opens, closes (its window), day (median actual day),
            n (subjects rated), share (of all subjects), share_followed (of those seen at
            the attended visit before or later), attended (share_followed is at least one half).
        """
        return self._visits.copy()

    def shared(self) -> pd.DataFrame:
        """Return one row a pair of treatments and visit that both share.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, visit, reference_visit (scheduled days), day (as which it counts).
        """
        return self._shared.copy()

    def contrasts(self) -> pd.DataFrame:
        """Return each pair of treatments by each way of dating onset.

        Returns
        -------
        pandas.DataFrame
            treatment, reference, method, tau, estimate (difference of mean days to tau, treatment
            less reference), std_error, bound_low, bound_high, conf_low, conf_high, statistic and
            p_value of the difference (NaN between visits), log_rank_statistic and log_rank_p_value
            of the test of the curves (no p is adjusted for the number of pairs), note (why a
            figure is absent), conf_level. "at the visit, one grid" uses the visits that the pair
            shares.
        """
        return self._tests.assign(conf_level=self.conf_level)

    def glance(self) -> pd.DataFrame:
        """Return one row: n, events, tau, days in the common grid, pairs, pairs that change."""
        return pd.DataFrame(
            {
                "n": [int(self._grids["n_rated"].sum())],
                "events": [int(self._grids["n_events"].sum())],
                "tau": [self.tau],
                "n_grid": [len(self.grid)],
                "n_pairs": [len(self._pairs())],
                "n_changed": [sum(depends for depends, _ in self._of_pairs())],
            }
        )

    def _pairs(self) -> list[tuple[str, str]]:
        keys = self._tests[["treatment", "reference"]].drop_duplicates()
        return [(str(a), str(b)) for a, b in keys.itertuples(index=False)]

    def _of_pair(self, treatment: str, reference: str) -> dict[str, Any]:
        """Return the rows of a pair by method."""
        tests = self._tests
        is_pair = (tests["treatment"] == treatment) & (tests["reference"] == reference)
        return {r.method: r for r in each_row(tests[is_pair])}

    def _of_pairs(self) -> list[tuple[bool, str]]:
        """Return, for each pair, whether it depends on the schedule, and the words for it."""
        alpha = 1 - self.conf_level
        return [say.of_pair(t, r, self._of_pair(t, r), alpha) for t, r in self._pairs()]

    def verdict(self) -> tuple[str, ...]:
        """Return what the schedule does to the answer, in sentences: each treatment, then all."""
        words = []
        for grid in each_row(self._grids):
            rows = self._estimates[self._estimates["treatment"] == grid.treatment]
            words.append(say.of_treatment(grid, rows, self.tau))
        words += [*say.of_gaps(self._grids), *say.of_pairs(self._of_pairs())]
        return (*words, *say.of_shared(self._tests, 1 - self.conf_level))

    def plot(self, fig: Figure | None = None, **options: Any) -> Figure:
        """Draw when each treatment was assessed, and its onset by the three datings.

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
        settings = {"caveat": self.times.figure_caveat, "tau": self.tau, **options}
        mean = self._estimates[self._estimates["measure"] == "mean days"]
        return plots.plot_schedule(self._visits, mean, fig=fig, **settings)

    def summary(self) -> Summary:
        """Return grids, estimates, contrasts and the verdict."""
        grids = tuple(
            (
                r.treatment,
                format_count(r.n),
                format_number(r.visits_a_month, 1),
                NOT_ESTIMABLE if np.isnan(r.first_visit) else format_time(r.first_visit),
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
                    (
                        "Comparison",
                        "Difference",
                        "Log-rank p",
                        "Between visits",
                        "Log-rank p",
                        "One grid",
                        "Log-rank p",
                    ),
                    tuple(self._contrast_rows()),
                    title="Differences of mean days; one grid: visits that both share",
                )
            )
        grid = ", ".join(f"{d:g}" for d in self.grid)
        header = (
            ("Outcome", self.times.outcome),
            ("Horizon", f"day {self.tau:g}"),
            ("Visits shared by all", f"days {grid}" if grid else "none"),
        )
        notes = [*caveat_notes(self.times.caveat)]
        notes += notes_on(self.times.switching)
        return Summary("Audit of the visit schedule", header, tuple(tables),
                    (*self.verdict(), *notes))  # fmt: skip

    def _estimate_rows(self) -> list[tuple[str, ...]]:
        rows = []
        for name in self._grids["treatment"]:
            of_arm = self._estimates[self._estimates["treatment"] == name]
            cells = [str(name)]
            for measure in ("median", "mean days"):
                subset = of_arm[of_arm["measure"] == measure].set_index("method")
                cells.append(_day(subset.loc[AS_SEEN]))
                between = subset.loc[BETWEEN]
                cells.append(_span(between["bound_low"], between["bound_high"]))
                cells.append(_day(subset.loc[THINNED]) if THINNED in subset.index else "")
            rows.append(tuple(cells))
        return rows

    def _contrast_rows(self) -> list[tuple[str, ...]]:
        rows = []
        for treatment, reference in self._pairs():
            tests = self._of_pair(treatment, reference)
            cells = [f"{treatment} v {reference}"]
            for method in (AS_SEEN, BETWEEN, THINNED):
                row = tests[method]
                cells += (_span(row.bound_low, row.bound_high), format_p(row.log_rank_p_value))
            rows.append(tuple(cells))
        return rows


def _day(row: Any) -> str:
    """Return a figure at the visits, a dash where there is none."""
    if np.isnan(row["estimate"]):
        return row["note"] if row["note"] == "not reached" else NOT_ESTIMABLE
    return format_time(row["estimate"])


def _span(low: float, high: float) -> str:
    if np.isnan(low):
        return NOT_ESTIMABLE
    if low == high:
        return format_number(low, 1)
    top = "not reached" if np.isinf(high) else format_number(high, 1)
    return f"{format_number(low, 1)} to {top}"
