"""Those still in the state at each landmark, with what was known then and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError
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
    NotEstimableError
        When no subject is at one of them, or none is followed to the end of its horizon.
    """
    rows = episodes.frame
    inside = rows.groupby("subject", observed=True, sort=False)
    last = inside.agg(end=("stop", "max"), status=("status", "max"))
    frames, outcomes, weights = [], [], []
    for day in landmarks:
        there = rows[(rows["start"] <= day) & (rows["stop"] > day)]
        there = there.drop_duplicates("subject", keep="last").reset_index(drop=True)
        if not len(there):
            raise NotEstimableError(f"No subject is followed in response beyond day {day:g}.")
        of_row = last.reindex(there["subject"])
        time = of_row["end"].to_numpy(dtype=float) - day
        ended = (of_row["status"] > 0).to_numpy()
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
