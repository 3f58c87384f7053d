"""Durations whose start and end both lie between visits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trdstats.arguments import check_instance, checked
from trdstats.errors import DataError, NotEstimableError, Problem, count_of
from trdstats.kernels.interval.origin_days import OriginDays
from trdstats.outcomes import EventTimes
from trdstats.survival.origin_days import UNIFORM, days_by_onset, even_days
from trdstats.tables import Summary, SummaryMixin, format_count


@checked
@dataclass(frozen=True, repr=False)
class DoublyCensored(SummaryMixin):
    """Times since a response that began between two visits, to a loss that lies between two others.

    A visit that finds a response says that it began since the visit before, and that it had not
    ended yet. `DurationCurve`, `DurationTest`, `DurationPH` and `AFT` take both into account;
    visit-dated curves (`KaplanMeier` of `times`) take neither, and depend on the schedule.

    Parameters
    ----------
    times : EventTimes
        From ``time_to(study, loss, since=response)``.
    onset : EventTimes, optional
        From ``time_to(study, response)``. The day within its interval then follows the onset of
        those who responded: treatments share one baseline, with hazards in proportion, so that
        one seen seldom borrows its shape from one seen often. Without it any day between the two
        visits is as likely as another.

    Raises
    ------
    NotEstimableError
        When the times do not count from a visit that found something, or no subject was seen
        after it.
    DataError
        When a duration does not begin where the onset of its subject ends, a gap is missing or
        negative, or a response was lost on the day of the visit that found it.

    Notes
    -----
    Who left on the day of the visit that found the response counts as never assessed after it:
    nothing is known of the duration. Assumed are one duration a subject, the first; that it does
    not depend on the day on which it began; and visits that do not depend on it.

    References
    ----------
    De Gruttola and Lagakos 1989, doi:10.2307/2532030; Sun 2006, The Statistical Analysis of
    Interval-censored Failure Time Data, chapter 8, doi:10.1007/0-387-37119-2.

    Examples
    --------
    >>> import trdstats as trd
    >>> study = trd.load_sample("trial")
    >>> relapse = trd.time_to(study, trd.Relapse(22), since=trd.Response())
    >>> durations = trd.DoublyCensored(relapse, onset=trd.time_to(study, trd.Response()))
    >>> trd.DurationCurve().fit(durations).at([90])["treatment"].tolist()
    ['TMS', 'ECT', 'IV ketamine']
    """

    times: EventTimes
    onset: EventTimes | None = None

    def __post_init__(self) -> None:
        check_instance("times", self.times, EventTimes)
        if "origin_gap" not in self.times.frame:
            raise NotEstimableError(
                "These times have no column origin_gap: they do not count from a visit that found "
                "something. Make them with time_to(..., since=...)."
            )
        _check_gaps(self.times)
        object.__setattr__(self, "times", _after_the_visit(self.times))
        if not len(self.times.at_risk()):
            raise NotEstimableError(
                f"No subject was assessed after {self.times.origin}: no duration is known."
            )
        if self.onset is not None:
            check_instance("onset", self.onset, EventTimes)
            _ = self._days

    @cached_property
    def _days(self) -> tuple[OriginDays, str]:
        frame = self.times.at_risk()
        if self.onset is None:
            return even_days(frame["origin_gap"].to_numpy(dtype=float)), UNIFORM
        return days_by_onset(frame, self.onset)

    @property
    def origin(self) -> OriginDays:
        """Days on which each duration of `times.at_risk()` may have begun."""
        return self._days[0]

    @property
    def assumption(self) -> str:
        """How the day of the response is distributed between its visits, in words."""
        return self._days[1]

    def gaps(self) -> tuple[float, float]:
        """Return the median days between the visits that hold the start, and the end."""
        frame = self.times.at_risk()
        ends = (frame["right"] - frame["left"])[frame["status"] == 1]
        return float(frame["origin_gap"].median()), float(ends.median()) if len(ends) else np.nan

    def notes(self) -> tuple[str, ...]:
        """Return what a reader must know of the visits."""
        start, end = self.gaps()
        begun = f"Half of the responses began in gaps of {start:g} days or more"
        lost = f", half of the losses lie in gaps of {end:g} days or more" if end > 0 else ""
        return (
            f"{begun}{lost}. The response began between its visits ({self.assumption}) and had to "
            "last until the visit that found it; the loss lies between its visits.",
        )

    def summary(self) -> Summary:
        """Return outcome, origin, and how wide the visits leave both."""
        frame = self.times.at_risk()
        header = (
            ("Outcome", self.times.outcome),
            ("Origin", self.times.origin),
            ("Subjects", f"{format_count(len(frame))} with follow-up, "
             f"{format_count(int((frame['status'] == 1).sum()))} events"),
            ("Day of the origin", self.assumption),
        )  # fmt: skip
        return Summary("Doubly interval-censored durations", header, (), self.notes())


def _check_gaps(times: EventTimes) -> None:
    gap = times.frame["origin_gap"].to_numpy(dtype=float)
    bad = ~(np.isfinite(gap) & (gap >= 0))
    if bad.any():
        raise DataError(
            [
                Problem(
                    "bad_gap",
                    count_of(int(bad.sum()), "duration has", "durations have")
                    + " an origin_gap that is missing or negative.",
                    tuple(str(s) for s in times.frame["subject"].to_numpy()[bad]),
                    "origin_gap is the days between the visit before and the one that found the "
                    "response, 0 or more.",
                )
            ]
        )


def _after_the_visit(times: EventTimes) -> EventTimes:
    """Return times in which what competes on the day of the origin is censored there."""
    frame = times.frame
    at_once = (frame["time"] == 0) & (frame["status"] > 0)
    lost = at_once & (frame["status"] == 1)
    if lost.any():
        raise DataError(
            [
                Problem(
                    "lost_at_once",
                    count_of(int(lost.sum()), "response was", "responses were")
                    + " lost on the day of the visit that found it.",
                    tuple(str(s) for s in frame.loc[lost, "subject"]),
                    "A duration is longer than the days up to that visit: correct the day of the "
                    "loss, or of the visit.",
                )
            ]
        )
    if not at_once.any():
        return times
    return EventTimes.of_valid(
        frame.assign(
            status=frame["status"].where(~at_once, 0),
            right=frame["right"].where(~at_once, np.inf),
        ),
        outcome=times.outcome, origin=times.origin, causes=times.causes, left_out=times.left_out,
        caveat=times.caveat, switching=times.switching,
    )  # fmt: skip
