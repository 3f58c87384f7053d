"""Read the ``[sites]`` table of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from trdstats.errors import TrdstatsError
from trdstats.plan.reading.problems import PlanProblems, read_table_of, report_unknown_keys
from trdstats.plan.sites import Sites


def read_sites(data: Mapping[str, Any], problems: PlanProblems) -> Sites:
    """Return the sites of a plan; those of a plan that names none are any."""
    table = read_table_of(data, "sites", problems)
    known = tuple(f.name for f in fields(Sites))
    report_unknown_keys(table, known, "sites", problems)
    given: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k in known
    }
    levels = given.get("levels", {})
    if isinstance(levels, Mapping):
        given["levels"] = {k: tuple(v) if isinstance(v, list) else v for k, v in levels.items()}
    try:
        return Sites(**given)
    except TrdstatsError as error:
        problems.add(f"[sites] {str(error).rstrip('.')}", "sites")
        return Sites()
