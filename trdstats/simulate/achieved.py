"""How close a simulated study comes to the numbers it was made after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from trdstats.simulate.parameters import Target
from trdstats.simulate.record import SampleStudy
from trdstats.simulate.schedule import Schedule

MONTH = 365.25 / 12
COLUMNS = [
    "study", "treatment", "quantity", "day", "n",
    "source_value", "achieved", "difference", "band", "source",
]  # fmt: skip


def compare_with_sources(
    study: SampleStudy,
    schedules: Mapping[str, Schedule],
    targets: Mapping[str, tuple[Target, ...]],
    course_ends: Mapping[str, float],
) -> pd.DataFrame:
    """Return achieved values beside their sources, one row a target.

    Parameters
    ----------
    study : SampleStudy
    schedules : mapping of treatment to Schedule
    targets : mapping of treatment to tuple of Target
    course_ends : mapping of treatment to float
        Day from which durability counts: sources follow those who are well after the course.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`; `n` is the number of subjects behind the achieved value.
    """
    rows = []
    for treatment, wanted in targets.items():
        group = _Group(study, treatment, schedules[treatment], course_ends[treatment])
        for target in wanted:
            value, n = group.measure(target.quantity, target.day)
            rows.append(
                (
                    study.name, treatment, target.quantity, target.day, n, target.value,
                    round(value, 3), round(value - target.value, 3), target.band, target.source,
                )
            )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


class _Group:
    """Treated subjects of one treatment, laid out for measuring."""

    def __init__(self, study: SampleStudy, treatment: str, schedule: Schedule, end: float) -> None:
        self.course_end = end
        subjects = study.subjects
        chosen = (subjects["treatment"] == treatment) & (subjects["treated"] == 1)
        self.subjects = subjects[chosen].set_index("subject")
        visits = study.visits[study.visits["subject"].isin(self.subjects.index)]
        visits = visits.dropna(subset=["madrs"]).astype({"madrs": float})
        base = visits[visits["day"] <= 0].groupby("subject")["madrs"].last()
        self.baseline = base.reindex(self.subjects.index)
        later = visits[visits["day"] > 0]
        self.later = later.assign(base=later["subject"].map(base).to_numpy())
        ends = study.events[study.events["event"].isin(["withdrawal", "death"])]
        self.end = ends.groupby("subject")["day"].min().reindex(self.subjects.index)
        self.widths = dict(zip(schedule.days, schedule.half_widths, strict=True))

    def measure(self, quantity: str, day: float) -> tuple[float, int]:
        """Return the value of a quantity and the number of subjects behind it."""
        if quantity == "retained":
            return float((~(self.end <= day)).mean()), len(self.end)
        if quantity == "kept":
            return self._kept(day)
        if quantity in ("baseline_mean", "baseline_sd"):
            values = self.baseline
            return float(values.mean() if quantity == "baseline_mean" else values.std()), len(
                values
            )
        if quantity == "age_mean":
            return float(self.subjects["age"].mean()), len(self.subjects)
        if quantity == "female":
            return float((self.subjects["sex"] == "F").mean()), len(self.subjects)
        score, base = self._at(day)
        values = {
            "change_mean": score - base,
            "change_sd": score - base,
            "response": (2 * (base - score) >= base).astype(float),
            "remission": (score <= 10).astype(float),
        }[quantity]
        return float(values.std() if quantity == "change_sd" else values.mean()), len(values)

    def _at(self, day: float) -> tuple[pd.Series[float], pd.Series[float]]:
        """Return scores at a scheduled day and baselines: the closest visit, then the later."""
        distance = (self.later["day"] - day).abs()
        near = self.later[distance <= self.widths[day] + 1e-9].assign(distance=distance)
        near = near.sort_values(["subject", "distance", "day"], ascending=[True, True, False])
        near = near.drop_duplicates("subject")
        return near["madrs"], near["base"]

    def _kept(self, months: float) -> tuple[float, int]:
        """Return the Kaplan-Meier share of responders whose fall stays at 40 % or more.

        Time runs from the first visit in response at or after the end of the course; the event
        is the first visit at which the score lies less than 40 % below baseline, the rule of the
        vagus nerve stimulation registry (Kumar et al. 2019).
        """
        v = self.later.sort_values(["subject", "day"])
        well = (2 * (v["base"] - v["madrs"]) >= v["base"]) & (v["day"] >= self.course_end - 3)
        first = v[well].groupby("subject")["day"].first()
        since = v["day"] - v["subject"].map(first)
        after = v.assign(since=since)[since > 0]
        lapsed = after[5 * (after["base"] - after["madrs"]) < 2 * after["base"]]
        event = lapsed.groupby("subject")["since"].first()
        last = after.groupby("subject")["since"].last().reindex(first.index).fillna(0.0)
        time = event.reindex(first.index).fillna(last).to_numpy(dtype=float)
        status = first.index.isin(event.index)
        kept = 1.0
        for t in np.unique(time[status]):
            if t > months * MONTH:
                break
            kept *= 1 - float(np.sum(status & (time == t))) / float(np.sum(time >= t))
        return kept, len(first)
