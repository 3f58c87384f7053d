"""Definitions written as data: ``{ is = "Relapse", at_least = 22 }``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trdstats.errors import SpecError, unknown_name
from trdstats.outcomes.rules.at_days import AtDays, WithoutEvent
from trdstats.outcomes.rules.beside import Items, OnScale
from trdstats.outcomes.rules.change import CGIResponse, Deterioration, ReliableChange
from trdstats.outcomes.rules.definition import AllOf, AnyOf, Complement, Definition
from trdstats.outcomes.rules.failure import FailureIf
from trdstats.outcomes.rules.lasting import InResponse, KOfLast
from trdstats.outcomes.rules.onset import Onset
from trdstats.outcomes.rules.relapse import Event, Relapse
from trdstats.outcomes.rules.states import (
    EarlyImprovement,
    LossOfResponse,
    PartialResponse,
    Remission,
    Response,
)
from trdstats.outcomes.rules.sustained import Sustained

_KINDS: dict[str, type[Definition]] = {
    c.__name__: c
    for c in (
        AtDays, CGIResponse, Deterioration, EarlyImprovement, Event, FailureIf,
        InResponse, Items, KOfLast, LossOfResponse, OnScale, Onset, PartialResponse, Relapse,
        ReliableChange, Remission, Response, Sustained, WithoutEvent,
    )
}  # fmt: skip
_JOINED = ("all", "any", "not")


def definition_from_mapping(data: Mapping[str, Any]) -> Definition:
    """Build a definition from a mapping, as a TOML file holds it.

    Parameters
    ----------
    data : mapping
        ``is`` names the definition, the other keys its arguments; an argument that is a mapping
        is a definition itself, and ``"none"`` stands for None. ``is = "all"`` and ``"any"`` join
        ``parts``, ``"not"`` turns ``part`` round.

    Raises
    ------
    SpecError, UnknownNameError
        When the name is not known or an argument does not fit.

    Examples
    --------
    >>> definition_from_mapping({"is": "Relapse", "at_least": 22, "consecutive": 2}).label()
    'relapse (≥ 22 × 2)'
    """
    if not isinstance(data, Mapping):
        raise SpecError(
            f'A definition is written {{ is = "Relapse", at_least = 22 }}; got {data!r}.'
        )
    kind = data.get("is")
    if kind not in (*_KINDS, *_JOINED):
        raise unknown_name("definition", kind, [*_KINDS, *_JOINED])
    arguments = {k: _argument(v) for k, v in data.items() if k != "is"}
    try:
        if kind == "all":
            return AllOf(**arguments)
        if kind == "any":
            return AnyOf(**arguments)
        return Complement(**arguments) if kind == "not" else _KINDS[str(kind)](**arguments)
    except TypeError as error:
        reason = str(error).split("__init__() ")[-1]
        raise SpecError(f"{kind!r} is given arguments that do not fit: {reason}.") from error


def _argument(value: Any) -> Any:
    if isinstance(value, Mapping):
        return definition_from_mapping(value)
    if isinstance(value, list):
        return tuple(_argument(v) for v in value)
    return None if value == "none" else value
