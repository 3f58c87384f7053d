"""The ``[confirmatory]`` table of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from trdstats.errors import TrdstatsError, nearest
from trdstats.plan.confirmatory import Confirmatory, ConfirmatoryResult
from trdstats.plan.reading.problems import PlanProblems, read_table_of, report_unknown_keys


def read_confirmatory(
    data: Mapping[str, Any], steps: Collection[str], problems: PlanProblems
) -> Confirmatory | None:
    """Return the primary and key secondary results with their rule; None when none are named."""
    table = read_table_of(data, "confirmatory", problems)
    if not table:
        return None
    known = ("primary", "key_secondary", "rule", "alpha")
    report_unknown_keys(table, known, "confirmatory", problems)
    results = [
        _read_confirmatory_result(key, given, steps, problems)
        for key in ("primary", "key_secondary")
        for given in _as_list(table.get(key, []))
    ]
    kept = tuple(r for r in results if r is not None)
    given = {k: table[k] for k in ("rule", "alpha") if k in table}
    if len(kept) < len(results):  # what they are together is judged when each can be read
        return None
    try:
        return Confirmatory(kept, **given)
    except TrdstatsError as error:
        problems.add(f"[confirmatory] {str(error).rstrip('.')}", "confirmatory")
        return None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read_confirmatory_result(
    key: str, given: Any, steps: Collection[str], problems: PlanProblems
) -> ConfirmatoryResult | None:
    if not isinstance(given, Mapping) or not {"name", "step"} <= set(given):
        problems.add(
            f"[confirmatory] {key} must be a table with name, step, and the columns that single "
            'out one result, e.g. { name = "Remission at week 8", step = "rates", outcome = '
            f'"remission", day = 56, measure = "difference" }}; got {given!r}',
            "confirmatory",
            key,
        )
        return None
    if given["step"] not in steps:
        close = nearest(given["step"], steps, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"steps: {', '.join(steps)}"
        problems.add(
            f"[confirmatory] {key} names the step {given['step']!r}, which the plan does not have; "
            f"{hint}",
            "confirmatory",
            key,
        )
        return None
    where = {k: v for k, v in given.items() if k not in ("name", "step")}
    try:
        return ConfirmatoryResult(given["name"], given["step"], where, primary=key == "primary")
    except TrdstatsError as error:
        problems.add(f"[confirmatory] {str(error).rstrip('.')}", "confirmatory", key)
        return None
