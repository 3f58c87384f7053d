"""The ``[definitions]`` table of a plan: arguments, published definitions, or any other."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from trdstats.errors import SpecError, TrdstatsError, nearest
from trdstats.outcomes import (
    Definition,
    Relapse,
    Remission,
    Response,
    definition_from_mapping,
    definitions,
)
from trdstats.plan.reading.problems import PlanProblems, report_unknown_keys

_EXAMPLES = {
    "response": "{ reduction = 0.5 }",
    "remission": "{ at_most = 12 }",
    "relapse": "{ at_least = 22, consecutive = 2 }",
}
USUAL = {"response": Response, "remission": Remission, "relapse": Relapse}


def read_definitions(rules: Mapping[str, Any], problems: PlanProblems) -> dict[str, Definition]:
    """Return the definitions by their names: the usual three, then others as written."""
    # Another definition is a table; anything else there is a key in the wrong place.
    strange = {k: v for k, v in rules.items() if k not in USUAL and not isinstance(v, Mapping)}
    report_unknown_keys(strange, USUAL, "definitions", problems)
    names = dict.fromkeys((*USUAL, *(k for k in rules if k not in strange)))
    return {k: _define(k, rules, problems) for k in names}


def _define(key: str, rules: Mapping[str, Any], problems: PlanProblems) -> Any:
    if key == "relapse" and key not in rules:
        return None  # already reported as lacking
    try:
        return _read_definition(key, rules.get(key, {}))
    except TrdstatsError as error:
        words = f"definition {key!r}: {str(error).rstrip('.')}"
    except (TypeError, ValueError) as error:
        reason = str(error).split("__init__() ")[-1]
        words = f"definition {key!r} has arguments that do not fit: {reason}"
    problems.add(words, "definitions", key)
    return None


def _read_definition(key: str, arguments: Any) -> Definition:
    if not isinstance(arguments, Mapping):
        example = _EXAMPLES.get(key, '{ is = "Remission", at_most = 10 }')
        raise SpecError(
            f"it must be a table such as {example}, or {{ published = ... }} for a "
            f"published one; got {arguments!r}"
        )
    if "published" in arguments:
        others = [k for k in arguments if k != "published"]
        if others:
            raise SpecError(
                f"a published definition stands as it is: remove {', '.join(map(repr, others))}, "
                "or write the rule out without `published`"
            )
        return definitions[str(arguments["published"])]
    if "is" in arguments:
        return definition_from_mapping(arguments)
    if key not in USUAL:
        close = nearest(key, USUAL, n=1)
        hint = f"did you mean {close[0]!r}? Else say" if close else "say"
        raise SpecError(f'{hint} what it is: {{ is = "Sustained", ... }} or {{ published = ... }}')
    known = [*signature(USUAL[key]).parameters]
    strange = [k for k in arguments if k not in known]
    if strange:
        close = nearest(strange[0], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
        raise SpecError(f"it has no {', '.join(map(repr, strange))}; {hint}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
    made: Definition = USUAL[key](**values)
    return made
