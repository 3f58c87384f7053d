"""Settings of a plan: what all steps share (``[analysis]``), and what each step adds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, get_args

from trdstats.errors import SpecError, TrdstatsError, check_choice, check_level
from trdstats.estimates.proportion_contrast import DIFFERENCES
from trdstats.formulas import read_right_side
from trdstats.outcomes.rates import METHODS
from trdstats.outcomes.switching import AFTER_SWITCH
from trdstats.outcomes.verdicts.missing import MISSING

TimeScale = Literal["linear", "sqrt"]
_CHOICES = {
    "missing": MISSING,
    "interval": METHODS,
    "difference": DIFFERENCES,
    "time_scale": get_args(TimeScale),
    "after_switch": AFTER_SWITCH,
}
_MAY_BE_ABSENT = ("after_switch",)


@dataclass(frozen=True)
class StepSettings:
    """What every step can be told.

    Attributes
    ----------
    scale : str or None
        Scale of the study on which the step works; None for the primary one.
    title : str or None
        Heading of its section; None for that of the step.
    """

    # Settings that can only be judged beside others.
    TOGETHER: ClassVar[tuple[str, ...]] = ()
    MAY_BE_EMPTY: ClassVar[tuple[str, ...]] = ()

    scale: str | None = None
    title: str | None = None

    @property
    def judged(self) -> tuple[str, ...] | None:
        """Names of the definitions by which the step judges; None for all of the plan."""
        return None

    def __post_init__(self) -> None:
        """Refuse empty lists: a default is had by leaving the key out."""
        for each in fields(self):
            if getattr(self, each.name) == () and each.name not in self.MAY_BE_EMPTY:
                raise SpecError(f"{each.name} names nothing: leave it out for the default.")


def check_once(key: str, values: tuple[object, ...] | None) -> None:
    """Refuse a list that names something twice.

    Raises
    ------
    SpecError
    """
    twice = [v for k, v in enumerate(values or ()) if v in (values or ())[:k]]
    if twice:
        raise SpecError(f"{key} names {twice[0]!r} twice.")


def _twice(key: str, values: list[float]) -> list[tuple[str, str]]:
    """Return what a list of an analysis names twice, with its key."""
    try:
        check_once(key, tuple(values))
    except SpecError as error:
        return [(key, str(error).rstrip("."))]
    return []


def check_settings(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with the settings of a plan: the key, and the words."""
    problems = []
    for key, allowed in _CHOICES.items():
        if key in _MAY_BE_ABSENT and settings[key] is None:
            continue
        try:
            check_choice(key, settings[key], allowed)
        except TrdstatsError as error:
            problems.append((key, str(error).rstrip(".")))
    for key in ("rate_days", "durability_days"):
        value = settings[key]
        if value is not None and not _are_days(value):
            problems.append(
                (key, f"{key} must be a list of days after 0, e.g. [14, 28]; got {value!r}")
            )
        elif value is not None:
            problems += _twice(key, value)
    end = settings["acute_end"]
    days = list(end.values()) if isinstance(end, Mapping) else [] if end is None else [end]
    if not all(map(_is_day, days)) or end == {}:
        problems.append(
            ("acute_end", f"acute_end must be a day, or a day for each treatment; got {end!r}")
        )
    horizon = settings["horizon"]
    if horizon is not None and not _is_day(horizon):
        problems.append(("horizon", f"horizon must be a number of days after 0; got {horizon!r}"))
    competing = settings["competing"]
    if not isinstance(competing, list) or not all(isinstance(c, str) for c in competing):
        problems.append(("competing", f"competing must be a list of texts; got {competing!r}"))
    adjust = settings["adjust"]
    if adjust is not None and not isinstance(adjust, str):
        problems.append(
            ("adjust", f'adjust must be a text such as "age + baseline"; got {adjust!r}')
        )
    elif adjust is not None:
        try:
            read_right_side(adjust)
        except TrdstatsError as error:
            problems.append(("adjust", f"adjust: {str(error).rstrip('.')}"))
    reference = settings["reference"]
    if reference is not None and not isinstance(reference, str | int | float):
        problems.append(
            ("reference", f"reference must be the name of a treatment; got {reference!r}")
        )
    try:
        check_level(settings["conf_level"])
    except TrdstatsError as error:
        problems.append(("conf_level", str(error).rstrip(".")))
    return problems


def _is_day(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )


def _are_days(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_day, value))
