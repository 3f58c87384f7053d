"""The patients of the packaged exports: one small clinic, exported in every way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.simulate.streams import open_stream

ARMS = ("ECT", "IV ketamine", "TMS")
SCHEDULE = (0, 7, 14, 28, 56)
HALF_WIDTH = 3
_N = 48
# Mean share of the baseline that is left on each scheduled day, by arm: invented, and such that the
# arms differ visibly. The exports serve to practise reading, not to learn about treatments.
_LEFT = {
    "ECT": (1.0, 0.78, 0.58, 0.44, 0.42),
    "IV ketamine": (1.0, 0.58, 0.56, 0.56, 0.60),
    "TMS": (1.0, 0.88, 0.78, 0.64, 0.58),
}
_SPREAD, _NOISE = 0.22, 2.0  # share of the baseline between patients, points between ratings
_MISSED, _LEAVING = 0.06, 0.04  # chance of missing a visit, of leaving after one


@dataclass(frozen=True)
class ExportCohort:
    """A clinic with its dates.

    Attributes
    ----------
    patients : pandas.DataFrame
        number (from 1), treatment, sex, age (years), bmi, start (date of first treatment).
    ratings : pandas.DataFrame
        number, scheduled (day), day (since first treatment), date, madrs; one row a rating.
    events : pandas.DataFrame
        number, day, date, event.
    """

    patients: pd.DataFrame
    ratings: pd.DataFrame
    events: pd.DataFrame

    def true_rates(self) -> pd.DataFrame:
        """Return responders on day 28 by treatment: half the baseline; not assessed is none."""
        wide = by_schedule(self.ratings, "madrs")
        responded = 2 * wide[28] <= wide[0]
        arm = self.patients.set_index("number")["treatment"]
        table = pd.DataFrame({"treatment": arm, "rated": wide[28].notna(), "responded": responded})
        counts = table.groupby("treatment").agg(
            subjects=("rated", "size"), rated=("rated", "sum"), responders=("responded", "sum")
        )
        return counts.assign(rate=counts["responders"] / counts["subjects"]).reset_index()


def by_schedule(ratings: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return one row a patient and one column a scheduled day."""
    return ratings.set_index(["number", "scheduled"])[what].unstack()  # noqa: PD010 each once


def simulate_export_cohort(seed: int) -> ExportCohort:
    """Simulate the patients of the packaged exports.

    Parameters
    ----------
    seed : int

    Returns
    -------
    ExportCohort
    """
    rng = open_stream(seed, "exports", "patients")
    arm = rng.permutation(np.repeat(ARMS, _N // len(ARMS)))
    patients = pd.DataFrame(
        {
            "number": np.arange(1, _N + 1),
            "treatment": arm,
            "sex": np.where(rng.random(_N) < 0.6, "F", "M"),
            "age": rng.integers(19, 78, _N),
            "bmi": np.round(np.clip(rng.normal(26, 4.5, _N), 17, 44), 1),
            # One date a patient, so spread that days and months above 12 both occur.
            "start": pd.Timestamp("2023-01-09") + pd.to_timedelta(rng.integers(0, 500, _N), "D"),
        }
    )
    ratings = _rate(patients, open_stream(seed, "exports", "ratings"))
    start = patients.set_index("number")["start"]
    ratings["date"] = ratings["number"].map(start) + pd.to_timedelta(ratings["day"], "D")
    events = _events(ratings, open_stream(seed, "exports", "events"))
    events["date"] = events["number"].map(start) + pd.to_timedelta(events["day"], "D")
    return ExportCohort(patients, ratings, events)


def _rate(patients: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n, k = len(patients), len(SCHEDULE)
    baseline = rng.integers(26, 45, n)
    left = np.array([_LEFT[a] for a in patients["treatment"]])
    left[:, 1:] += rng.normal(0, _SPREAD, (n, 1))
    score = baseline[:, None] * left + rng.normal(0, _NOISE, (n, k)) * (np.arange(k) > 0)
    score = np.clip(np.rint(score), 0, 60).astype(int)
    day: IntArray = np.array(SCHEDULE) + rng.integers(-2, 3, (n, k)) * (np.arange(k) > 0)
    there = rng.random((n, k)) >= _MISSED
    stays = np.cumsum(rng.random((n, k)) < _LEAVING, axis=1) == 0
    there &= np.column_stack([np.ones(n, bool), stays[:, :-1]])
    there[:, 0] = True
    row, column = np.nonzero(there)
    return pd.DataFrame(
        {
            "number": patients["number"].to_numpy()[row],
            "scheduled": np.array(SCHEDULE)[column],
            "day": day[row, column],
            "madrs": score[row, column],
        }
    )


def _events(ratings: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return withdrawals of those not assessed on the last visit, and a few rescues."""
    last = ratings.groupby("number")["day"].max()
    left = last[last < SCHEDULE[-1] - HALF_WIDTH]
    rescued = last.index[rng.random(len(last)) < 0.12]
    day: IntArray = rng.integers(20, 50, len(rescued))
    rows = [(n, d + 3, "withdrawal") for n, d in left.items()]
    rows += [(n, d, "rescue") for n, d in zip(rescued, day, strict=True)]
    table = pd.DataFrame(rows, columns=["number", "day", "event"])
    return table.sort_values(["number", "day"], ignore_index=True)
