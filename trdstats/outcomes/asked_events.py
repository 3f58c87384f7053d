"""Kinds of events that times and rates are asked for: read, and refused where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from trdstats.errors import SpecError, unknown_name
from trdstats.outcomes.assess import check_arguments
from trdstats.outcomes.rules.definition import Definition
from trdstats.study import EVENT_KINDS, LEFT_FOLLOW_UP, Study


def read_until(until: Any) -> tuple[tuple[str, ...], float]:
    """Return the kinds of events, and the day, NaN without one, that end follow-up."""
    if until is None:
        return (), np.nan
    if not isinstance(until, Real):
        ends = names_of(until)
        if not ends:
            raise SpecError("until must be a day or name an event; got neither.")
        return ends, np.nan
    if not float(until) >= 0:
        raise SpecError(f"until must be a number of days, 0 or more; got {until!r}.")
    return (), float(until)


def names_of(kinds: str | Sequence[str]) -> tuple[str, ...]:
    """Return kinds of events as a tuple, each once."""
    if isinstance(kinds, str):
        return (kinds,)
    return tuple(dict.fromkeys(kinds))


def check_kinds(
    study: Study,
    definition: Definition,
    named: tuple[str, ...],
    competing: tuple[str, ...],
    *,
    leaving: bool = False,
) -> None:
    """Refuse kinds that neither the library nor the study knows, or with two parts to play.

    `leaving` says whether leaving follow-up may be part of the outcome.
    """
    check_arguments(study, definition)
    if LEFT_FOLLOW_UP in definition.events and not leaving:
        raise SpecError(
            f"{LEFT_FOLLOW_UP!r} is no kind of the events table: only time_to (and start_stop) "
            "takes it as an outcome, or as what competes with one."
        )
    known = list(dict.fromkeys([*EVENT_KINDS, *study.kinds_of_events, LEFT_FOLLOW_UP]))
    for kind in (*named, *definition.events):
        if kind not in known:
            raise unknown_name("kind of event", kind, known)
    twice = [k for k in competing if k in (*definition.events, *definition.failures)]
    if twice:
        raise SpecError(f"{', '.join(twice)} cannot both count as the outcome and compete with it.")
