"""Durability with start and end of a response between visits, beside the visit-dated curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.errors import NotEstimableError
from trdstats.outcomes import EventTimes
from trdstats.plan.curve_picture import curve_picture
from trdstats.plan.plan import Plan
from trdstats.plan.sections import Note, Picture
from trdstats.survival import DoublyCensored, DurationCurve, DurationCurveResult
from trdstats.survival.reported_days import is_supported
from trdstats.tables import (
    Summary,
    Table,
    caveat_notes,
    each_row,
    format_count,
    format_estimate,
    format_level,
)

# Gaps at both ends together, as a proportion of the median duration, from which the days of visits
# say too little of the duration.
WIDE = 0.25


@dataclass(frozen=True)
class BetweenVisits:
    """Curves that let response and relapse lie between visits.

    Attributes
    ----------
    fit : DurationCurveResult or None
        None where no treatment has a curve.
    table : pandas.DataFrame
        Probability of relapse by treatment and day; empty without a curve.
    notes : tuple of Note
    is_wide : bool
        Whether visits lie far apart against the durations.
    """

    fit: DurationCurveResult | None
    table: pd.DataFrame
    notes: tuple[Note, ...]
    is_wide: bool

    def supported(self, day: float) -> pd.DataFrame:
        """Return the rows of a day with enough subjects followed so long."""
        if self.fit is None:
            return self.table
        rows = self.table[self.table["time"] == day]
        size = self.fit.durations.times.at_risk()["treatment"].value_counts()
        enough = [is_supported(r.n_risk, int(size[r.treatment])) for r in each_row(rows)]
        return rows[np.array(enough, dtype=bool)]

    def summary(self, plan: Plan) -> tuple[Summary, ...]:
        """Return the table of the report; none without a curve."""
        if self.fit is None:
            return ()
        rows = []
        size = self.fit.durations.times.at_risk()["treatment"].value_counts()
        for name, part in self.table.groupby("treatment", sort=False, observed=True):
            cells = [str(name)]
            for r in each_row(part):
                shown = format_estimate(r.estimate, r.conf_low, r.conf_high, 0, scale=100)
                if not np.isnan(r.estimate) and not is_supported(r.n_risk, int(size[name])):
                    shown = f"{shown}, {format_count(r.n_risk)} at risk"
                cells.append(shown)
            rows.append(tuple(cells))
        header = ("Treatment", *(f"Day {d:g}" for d in plan.durability_days))
        start, end = self.fit.durations.gaps()
        header_lines = (
            ("Interval", format_level(plan.conf_level)),
            ("Days", "since the response began, between the visit before it and the one that "
             "found it"),
            ("Median gap", f"{start:g} days at the start, {end:g} at the end"),
            ("Leaving", "censored"),
        )  # fmt: skip
        title = "Relapse, with start and end between visits (%)"
        notes = caveat_notes(self.fit.durations.times.caveat)
        return (Summary(title, header_lines, (Table(header, tuple(rows)),), notes),)

    def picture(self, plan: Plan, treatments: tuple[str, ...]) -> tuple[Picture, ...]:
        """Return the figure of the report; none where the days of visits say enough."""
        fit = self.fit
        if fit is None or not self.is_wide:
            return ()

        caption = (
            "Probability of relapse by days since the response began, with its beginning and the "
            "relapse between visits; those who left are censored."
        )
        return (curve_picture(plan, "durability_between_visits", caption, fit, treatments),)


def between_visits(plan: Plan, times: EventTimes, onset: EventTimes) -> BetweenVisits:
    """Estimate relapse with start and end between visits, of every treatment that has a curve."""
    at_risk = times.at_risk()
    lost = at_risk[at_risk["status"] == 1]["treatment"].astype(str).unique()
    without = [t for t in at_risk["treatment"].astype(str).unique() if t not in lost]
    empty = BetweenVisits(None, pd.DataFrame(), (), False)
    if not len(lost):
        return empty
    try:
        durations = DoublyCensored(times.only(list(lost)), onset=onset)
        fit = DurationCurve(conf_level=plan.conf_level).fit(durations)
    except NotEstimableError as reason:
        return BetweenVisits(None, pd.DataFrame(), (Note(str(reason), "not estimable"),), False)
    notes = []
    if without:
        text = f"No curve between visits of {', '.join(without)}: no responder relapsed."
        notes.append(Note(text, "not estimable"))
    return BetweenVisits(fit, fit.at(plan.durability_days), tuple(notes), _is_wide(fit))


def _is_wide(fit: DurationCurveResult) -> bool:
    start, end = fit.durations.gaps()
    shortest = float(fit.median()["estimate"].min())
    return bool(start + end > WIDE * shortest)
