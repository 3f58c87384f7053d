"""Times counted from a landmark, for those still without the event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import NotEstimableError, SpecError
from trdstats.outcomes import EventTimes, as_event_times


@checked
def landmark(times: EventTimes | FrameLike, day: float) -> EventTimes:
    """Return the times of those under observation and without the event at a day.

    What is known by the landmark (early improvement, a first dose, an added drug) may then group
    subjects without favouring those who lived to show it.

    Parameters
    ----------
    times : EventTimes or DataFrame
    day : float
        Days since the origin; times then count from it. Day 0 leaves out those with an event at
        time 0, and those censored there.

    Returns
    -------
    EventTimes
        Those who had an event, or whose follow-up had ended, are left out and counted.

    Raises
    ------
    SpecError
        When the day is negative or not finite.
    NotEstimableError
        When no subject is left.

    References
    ----------
    Anderson, Cain and Gelber 1983, doi:10.1200/JCO.1983.1.11.710.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> later = trd.landmark(onset, 14)
    >>> later.origin
    'day 14'
    """
    times = as_event_times(times)
    if not (np.isfinite(day) and day >= 0):
        raise SpecError(f"day must be a number of days, 0 or more; got {day!r}.")
    frame = times.frame
    happened = ((frame["status"] > 0) & (frame["time"] <= day)).to_numpy()
    ended = ((frame["status"] == 0) & (frame["time"] <= day)).to_numpy()
    late = np.zeros(len(frame), dtype=bool)
    if "entry" in frame:
        # Who comes under observation on the day itself is observed from the landmark on.
        late = ~happened & ~ended & (frame["entry"] > day).to_numpy()
    out = happened | ended | late
    if out.all():
        raise NotEstimableError(
            f"No subject is under observation without {times.outcome} at day {day:g}."
        )
    reason = np.select(
        [happened, ended], [f"an event by day {day:g}", f"follow-up ended by day {day:g}"],
        f"not under observation at day {day:g}",
    )  # fmt: skip
    left_out = frame.loc[out, ["subject", "treatment"]].assign(reason=reason[out])
    parts = [f for f in (times.left_out, left_out) if len(f)] or [left_out]
    kept = frame.loc[~out]
    shifted: dict[str, Any] = {
        "left": np.maximum(kept["left"] - day, 0.0),
        "right": kept["right"] - day,
        "time": kept["time"] - day,
    }
    if "entry" in kept:
        shifted["entry"] = np.maximum(kept["entry"] - day, 0.0)
    origin = "day" if times.origin == "day 0" else "days after " + times.origin + ":"
    return EventTimes(
        kept.assign(**shifted),
        outcome=times.outcome,
        origin=f"{origin} {day:g}",
        causes=times.causes,
        left_out=pd.concat(parts, ignore_index=True),
        caveat=times.caveat,
        switching=times.switching and times.switching.among(kept["subject"]),
    )
