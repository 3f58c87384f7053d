"""Why a day that is asked for has no ratings: not scheduled, or scheduled without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trdstats.errors import UnknownNameError, unknown_day


class Scheduled(Protocol):
    """What is asked of a study: this room comes before studies."""

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments."""

    @property
    def windows(self) -> Mapping[str, Any] | None:
        """Visit windows of each treatment."""

    def scheduled_days(
        self, treatments: Sequence[str] | None = None, *, rated: bool = False
    ) -> list[float]:
        """Return the scheduled days that some visit stands for."""


def no_ratings(study: Scheduled, day: float, treatment: str | None = None) -> UnknownNameError:
    """Build the error for a day at which no subject was assessed.

    Parameters
    ----------
    study : Study
    day : float
    treatment : str, optional
        Of one treatment alone. Default: of all.

    Returns
    -------
    UnknownNameError
        Says that the window of the day is empty, that its visits have no score, or that no visit
        is scheduled at it, with the nearest days.
    """
    names = study.treatments if treatment is None else (treatment,)
    if study.windows is not None and any(day in study.windows[n].days for n in names):
        return UnknownNameError(f"No rating falls in the window of day {day:g}.")
    if day in study.scheduled_days(names):
        return UnknownNameError(f"No visit at day {day:g} has a score.")
    assessed = study.scheduled_days(names, rated=True)
    hint = (
        " Without visit windows every day is a separate visit: give windows."
        if study.windows is None
        else ""
    )
    return UnknownNameError(f"{unknown_day(day, assessed)}{hint}")
