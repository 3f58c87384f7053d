"""Groups of doubly interval-censored durations, as the estimators see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.kernels.interval.origin_days import OriginDays
from trdstats.kernels.parametric.mixed_times import MixedTimes
from trdstats.outcomes.switching import notes_on
from trdstats.survival.doubly_censored import DoublyCensored
from trdstats.survival.groups import Group, Sample
from trdstats.survival.interval_sample import check_no_late_entry, split_intervals
from trdstats.tables import caveat_notes

_LEAST_EVENTS = 8  # events that one piece of a hazard needs


@dataclass(frozen=True)
class DurationSample:
    """Groups of durations.

    Attributes
    ----------
    durations : DoublyCensored
    sample : Sample
    """

    durations: DoublyCensored
    sample: Sample

    @classmethod
    def of(cls, durations: DoublyCensored, by: str | None) -> DurationSample:
        """Split durations into groups.

        Raises
        ------
        UnknownNameError, NotEstimableError, DataError
            As `split_intervals`.
        """
        return cls(durations, check_no_late_entry(split_intervals(durations.times, by)))

    def origin(self, group: Group) -> OriginDays:
        """Return the days on which the durations of a group may have begun."""
        return self.durations.origin.take(group.row)

    def notes(self) -> tuple[str, ...]:
        """Return the cautions of every face."""
        times = self.durations.times
        notes = [*caveat_notes(times.caveat), *notes_on(times.switching)]
        if self.sample.empty:
            notes.append(f"No subject has follow-up in {', '.join(self.sample.empty)}.")
        return (*notes, *self.durations.notes())


def mixed_times(durations: DoublyCensored, row: IntArray) -> MixedTimes:
    """Return what is known of the durations of some rows of `times.at_risk()`."""
    table = durations.times.at_risk().iloc[row]
    event = (table["status"] == 1).to_numpy()
    right = np.where(event, table["right"].to_numpy(dtype=float), np.inf)
    return MixedTimes.of(table["left"].to_numpy(dtype=float), right, durations.origin.take(row))


def choose_breaks(times: MixedTimes, pieces: int) -> FloatArray:
    """Return breaks between which about the same number of losses lie, a gap of visits apart.

    Parameters
    ----------
    times : MixedTimes
    pieces : int
        Largest number of pieces; fewer where each would have too few events.

    Raises
    ------
    NotEstimableError
        When no subject lost the response.
    """
    seen = times.seen
    if not seen.any():
        raise NotEstimableError("No subject had the event: the durations cannot be modelled.")
    middle = (np.exp(times.log_left) + np.exp(np.where(seen, times.log_right, 0.0))) / 2
    middle = middle + times.origin.mean
    k = max(min(pieces, int(seen.sum()) // _LEAST_EVENTS), 1)
    wanted = np.unique(np.quantile(middle[seen], np.arange(1, k) / k))
    # Hazards of pieces narrower than the gaps of the visits are hardly told apart.
    width = float(np.median((np.exp(times.log_right) - np.exp(times.log_left))[seen]))
    breaks: list[float] = []
    for at in wanted:
        if at - (breaks[-1] if breaks else 0.0) >= width:
            breaks.append(float(at))
    return np.array(breaks)
