"""Which steps a plan has, and the settings of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from trdstats.errors import TrdstatsError, nearest
from trdstats.plan.plan import PlannedStep
from trdstats.plan.reading.problems import PlanProblems, read_table_of, report_unknown_keys
from trdstats.plan.settings import StepSettings
from trdstats.plan.step import Step

# Tables that every plan may have; any other is the table of a step.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
TOP = ("title", "steps", "study", "definitions", "analysis", "confirmatory", "sites")


def read_steps(
    data: Mapping[str, Any], kinds: Mapping[str, Step], problems: PlanProblems
) -> list[PlannedStep]:
    """Return the steps of a plan: those it lists, else the usual ones and every table it adds."""
    added = [k for k, v in data.items() if isinstance(v, Mapping) and "step" in v and k not in TOP]
    usual = [k for k, step in kinds.items() if step.by_default or k in data]
    names = data.get("steps", [*usual, *(k for k in added if k not in usual)])
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or not names:
        problems.add(f'steps must be a list of names, e.g. ["rates"]; got {names!r}', "", "steps")
        return []
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        problems.add(
            f"steps names {name!r} twice; give the second one a name and a separate table: "
            f'[{name}_again] with step = "{name}"',
            "",
            "steps",
        )
    for name in (*kinds, *added):
        if name in data and name not in names:
            problems.add(f"[{name}] is a table of a step that `steps` does not list", name)
    for name in dict.fromkeys(names):
        if not _NAME.fullmatch(name):
            problems.add(
                f"the step {name!r} cannot be called so: its name begins its files, so it may hold "
                "letters, digits, - and _ only",
                "",
                "steps",
            )
    planned = [_read_step(name, data, kinds, problems) for name in dict.fromkeys(names)]
    return [step for step in planned if step is not None]


def _read_step(
    name: str, data: Mapping[str, Any], kinds: Mapping[str, Step], problems: PlanProblems
) -> PlannedStep | None:
    table = dict(read_table_of(data, name, problems))
    says_step = "step" in table
    kind = table.pop("step", name)
    if says_step and name in kinds and kind != name:
        problems.add(f"[{name}] is the table of the step {name!r} and cannot be another", name)
    if not isinstance(kind, str) or kind not in kinds:
        close = nearest(kind, kinds, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(kinds)}"
        where = (name, "step") if says_step else ("", "steps")
        problems.add(f"there is no step {kind!r}; {hint}", *where)
        return None
    return PlannedStep(name, kind, _read_settings(name, table, kinds[kind].settings, problems))


def _read_settings(
    name: str, table: Mapping[str, Any], settings: type[StepSettings], problems: PlanProblems
) -> StepSettings:
    known = [f.name for f in fields(settings)]
    report_unknown_keys(table, known, name, problems)
    values = {k: _frozen(v) for k, v in table.items() if k in known}
    try:
        return settings(**values)
    except TrdstatsError as error:
        alone = dict(_unfit(values, settings))
        for key, words in alone.items():
            problems.add(f"[{name}] {words}", name, key)
        if not alone:  # each fits alone, not together
            problems.add(f"[{name}] {str(error).rstrip('.')}", name)
        return settings()


def _unfit(values: Mapping[str, Any], settings: type[StepSettings]) -> Iterator[tuple[str, str]]:
    """Yield the settings that do not fit by themselves, with the words."""
    for key, value in values.items():
        try:
            settings(**{key: value})
        except TrdstatsError as error:
            if isinstance(value, str) and _fits(settings, key, (value,)):
                yield key, f"{key} must be a list, for example [{value!r}]; got {value!r}"
            elif key not in settings.TOGETHER:
                yield key, str(error).rstrip(".")


def _fits(settings: type[StepSettings], key: str, value: Any) -> bool:
    try:
        settings(**{key: value})
    except TrdstatsError:
        return False
    return True


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
