"""Items of an export into totals, by the rule of the scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import DataError, Problem, count_of
from trdstats.intake.reading import Reading
from trdstats.items import score_items
from trdstats.scales import Prorate


def score_forms(
    reading: Reading, scale: str, items: FloatArray, frame: dict[str, Any], name: str
) -> dict[str, Any]:
    """Return the totals of forms, and how many items were filled in.

    Parameters
    ----------
    items : ndarray, shape (n_items, n_visits)
    frame : dict of str to ndarray
        Subject and day of each visit.
    name : str
        Column of the totals.
    """
    columns = [f"item {k}" for k in range(1, len(items) + 1)]
    rule: Any = reading.mapping.missing_items
    if isinstance(rule, int):
        rule = Prorate(at_most=rule)
    forms = pd.DataFrame(dict(zip(columns, items, strict=True)))
    forms = forms.assign(subject=frame["subject"], day=frame["day"])
    if not len(forms):
        return {name: np.empty(0)}
    try:
        scored = score_items(forms, scale, items=columns, missing=rule)
    except DataError as error:
        reading.problems.extend(error.problems)
        return {name: np.full(len(forms), np.nan)}
    tidy = scored.tidy()
    _note_scored(scale, scored, reading.problems)
    imputed = tidy["items_imputed"].to_numpy(dtype=float)
    if "items_imputed" in frame:  # of another scale of the same visits
        imputed = np.maximum(imputed, frame["items_imputed"])
    return {name: tidy["score"].to_numpy(dtype=float), "items_imputed": imputed}


def _note_scored(scale: str, scored: Any, problems: list[Problem]) -> None:
    counts = scored.tidy()["reason"].value_counts(sort=False)
    sentences = [f"{reason}: {n:,}" for reason, n in counts.items() if n]
    lost = int(scored.tidy()["score"].isna().sum() - counts.get("not answered", 0))
    problems.append(
        Problem(
            "scored_items",
            count_of(len(scored.tidy()), "form", "forms") + f" of {scale} scored from items.",
            tuple(sentences),
            "What becomes of unanswered items: missing_items = ...",
            level="warning" if lost else "note",
        )
    )
    kinds = scored.quality()["kind"].value_counts()
    if len(kinds):
        problems.append(
            Problem(
                "findings_in_forms",
                count_of(len(scored.quality()), "finding", "findings")
                + f" in forms of {scale} that look wrong.",
                tuple(f"{kind}: {n:,}" for kind, n in kinds.items()),
                "score_items(...).quality() lists them.",
                level="note",
            )
        )
