"""Why a day that is asked for has no ratings: not scheduled, or scheduled without any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd

from trdstats.errors import UnknownNameError, unknown_day


class Scheduled(Protocol):
    """What is asked of a study: this room comes before studies."""

    @property
    def treatments(self) -> tuple[str, ...]:
        """Treatments."""

    @property
    def subjects(self) -> pd.DataFrame:
        """One row a subject."""

    @property
    def visits(self) -> pd.DataFrame:
        """One row a visit."""

    @property
    def windows(self) -> Mapping[str, Any] | None:
        """Visit windows of each treatment."""


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
    visits = study.visits
    of_subject = visits["subject"].cat.codes.to_numpy()
    arm = study.subjects["treatment"].isin(names).to_numpy()[of_subject]
    scheduled = visits[(visits["day"] > 0) & visits["visit"].notna() & arm]
    if study.windows is not None and any(day in study.windows[n].days for n in names):
        return UnknownNameError(f"No rating falls in the window of day {day:g}.")
    if day in set(scheduled["visit"]):
        return UnknownNameError(f"No visit at day {day:g} has a score.")
    assessed = scheduled.loc[scheduled["score"].notna(), "visit"].unique().tolist()
    hint = (
        " Without visit windows every day is a separate visit: give windows."
        if study.windows is None
        else ""
    )
    return UnknownNameError(f"{unknown_day(day, assessed)}{hint}")
