"""Episodes of an event that happens once, cut where a covariate changes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.errors import SpecError
from trdstats.outcomes.episodes.episodes import Episodes


def check_once(episodes: Episodes) -> None:
    """Refuse events that come again, and a clock that begins anew.

    Raises
    ------
    SpecError
    """
    if episodes.clock == "gap":
        raise SpecError("Incidences count days from one origin: give the episodes before gap_time.")
    frame = episodes.frame
    code = pd.factorize(frame["subject"])[0]
    follows = np.r_[False, (code[1:] == code[:-1]) & (frame["status"].to_numpy()[:-1] > 0)]
    if follows.any():
        raise SpecError(
            f"{int(follows.sum()):,} episodes follow an event of their subject: an incidence is of "
            "the first event. Use MeanCumulative for events that come again, or keep the episodes "
            "up to the first one."
        )


def joined(episodes: Episodes, by: str | None) -> Episodes:
    """Return episodes joined where nothing but other covariates changes between them.

    Parameters
    ----------
    episodes : Episodes
        Of an event that happens once.
    by : str or None
        Column whose changes are kept.
    """
    frame = episodes.frame
    code = pd.factorize(frame["subject"])[0]
    group = np.zeros(len(frame)) if by is None else pd.factorize(frame[by])[0]
    start, stop = frame["start"].to_numpy(), frame["stop"].to_numpy()
    same = (code[1:] == code[:-1]) & (group[1:] == group[:-1]) & (start[1:] == stop[:-1])
    first = np.flatnonzero(np.r_[True, ~same])
    last = np.r_[first[1:] - 1, len(frame) - 1]
    made = frame.iloc[first].reset_index(drop=True)
    made["stop"], made["status"] = stop[last], frame["status"].to_numpy()[last]
    return episodes.with_rows(made)
