"""Those still in the state at each landmark, with what was known then and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.kernels.weighting.prediction_scores import outcome_weights
from trdstats.outcomes import Episodes


@dataclass(frozen=True)
class LandmarkRows:
    """One row a subject and landmark.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, landmark, then covariates.
    outcome, weight : ndarray, shape (n,)
        As `outcome_weights`, within each landmark.
    """

    frame: pd.DataFrame
    outcome: FloatArray
    weight: FloatArray

    def take(self, kept: BoolArray) -> LandmarkRows:
        """Return some of the rows."""
        frame = self.frame[kept].reset_index(drop=True)
        return LandmarkRows(frame, self.outcome[kept], self.weight[kept])


def landmark_rows(episodes: Episodes, landmarks: Sequence[float], horizon: float) -> LandmarkRows:
    """Return who is in the state at each landmark.

    Raises
    ------
    SpecError
        When time is counted from the start of each risk.
    NotEstimableError
        When no subject is at one of them, or none is followed to the end of its horizon.
    """
    if episodes.clock == "gap":
        raise SpecError("Landmarks are days since one origin: give the episodes before gap_time().")
    rows = episodes.frame
    frames, outcomes, weights = [], [], []
    for day in landmarks:
        there = rows[(rows["start"] <= day) & (rows["stop"] > day)]
        there = there.drop_duplicates("subject", keep="last").reset_index(drop=True)
        if not len(there):
            raise NotEstimableError(f"No subject is followed in response beyond day {day:g}.")
        end, ended = _ends_after(rows, day, there["subject"])
        time = end - day
        outcome, weight = outcome_weights(time, ended, horizon)
        if not (weight[outcome == 0] > 0).any():
            raise NotEstimableError(
                f"No subject in response on day {day:g} is followed for {horizon:g} days more: "
                "take an earlier landmark, or a shorter horizon."
            )
        frames.append(there.assign(landmark=float(day)))
        outcomes.append(outcome)
        weights.append(weight)
    frame = pd.concat(frames, ignore_index=True)
    frame = frame.drop(columns=["start", "stop", "status", "number"])
    return LandmarkRows(frame, np.concatenate(outcomes), np.concatenate(weights))


def _ends_after(
    rows: pd.DataFrame, day: float, subject: pd.Series[Any]
) -> tuple[FloatArray, BoolArray]:
    """Return the day of each subject's first event after a day, or the last day; and which it is.

    What is lost may be regained, and lost again: the first loss is the end of the state.
    """
    later = rows[rows["stop"] > day]
    stops = later.groupby("subject", observed=True, sort=False)["stop"].max()
    lost = later[later["status"] > 0].groupby("subject", observed=True, sort=False)["stop"].min()
    of_loss = lost.reindex(subject).to_numpy(dtype=float)
    ended = ~np.isnan(of_loss)
    return np.where(ended, of_loss, stops.reindex(subject).to_numpy(dtype=float)), ended
