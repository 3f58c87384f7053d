"""Problems of many partitions, summary once with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trdstats.errors import Counted, Problem


def problems_together(parts: Sequence[Sequence[Problem]], numbers: Sequence[int]) -> list[Problem]:
    """Return the problems of all partitions: counts add, places say their partition.

    Parameters
    ----------
    parts : sequence of sequence of Problem
        Those of each partition, in order.
    numbers : sequence of int
        Numbers of the partitions, as their places are named by.
    """
    merged: dict[tuple[object, ...], Problem] = {}
    for k, problems in zip(numbers, parts, strict=True):
        for problem in problems:
            summary = problem.summary
            words: tuple[object, ...] = (summary,)
            if isinstance(summary, Counted):
                words = (summary.one, summary.many, summary.rest)
            key = (problem.kind, problem.level, problem.remedy, *words)
            where = problem.where
            if len(parts) > 1:
                where = tuple(_placed(k, place) for place in problem.where)
            before = merged.get(key)
            if before is None:
                merged[key] = replace(problem, where=where)
                continue
            total = before.summary
            if isinstance(total, Counted) and isinstance(summary, Counted):
                total = total.more(summary.n)
            merged[key] = replace(before, summary=total, where=before.where + where)
    return list(merged.values())


def _placed(partition: int, place: str) -> str:
    """Return a place; rows count within the partition, which is named."""
    if place == "..." or "row" not in place:
        return place
    return f"partition {partition}: {place}"
