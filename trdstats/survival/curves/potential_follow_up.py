"""How long subjects could have been followed: the curve of being censored."""

from __future__ import annotations

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.outcomes import EventTimes, as_event_times


@checked
def potential_follow_up(times: EventTimes | FrameLike) -> EventTimes:
    """Return the times until follow-up ended, where an event of any cause hides that end.

    The median of ``KaplanMeier().fit(potential_follow_up(times))`` is the median follow-up by the
    reverse Kaplan-Meier method: how long subjects would have been followed if no subject had had
    the event. The median of the observed times is shorter where many had it early.

    Parameters
    ----------
    times : EventTimes or DataFrame

    Returns
    -------
    EventTimes
        Status 1 where follow-up ended without an event, 0 where an event came before.

    References
    ----------
    Schemper and Smith 1996, doi:10.1016/0197-2456(96)00075-X.

    Examples
    --------
    >>> import trdstats as trd
    >>> onset = trd.time_to(trd.load_sample("trial"), trd.Response())
    >>> followed = trd.KaplanMeier(by=None).fit(trd.potential_follow_up(onset))
    >>> followed.quantiles((0.5,))["estimate"].tolist()
    [167.0]
    """
    given = as_event_times(times)
    columns = ["left", "right"]
    frame = given.frame.drop(columns=columns).assign(
        status=(given.frame["status"] == 0).astype(int)
    )
    return EventTimes(
        frame,
        outcome="end of follow-up",
        origin=given.origin,
        causes={1: "end of follow-up"},
        left_out=given.left_out,
        caveat=given.caveat,
        switching=given.switching,
    )
