"""What limits a study without preventing its analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import Problem, count_of
from trdstats.kinds import places
from trdstats.scales import Scale
from trdstats.study.checks import Labels, show_day


def note_baselines(ids: Labels, baseline: FloatArray, scale: Scale, how: str) -> list[Problem]:
    """Note subjects whose share of improvement cannot be had: no baseline, or one at an end."""
    found = []
    none = np.isnan(baseline)
    if none.any():
        found.append(
            Problem(
                "no_baseline",
                count_of(int(none.sum()), "subject has", "subjects have")
                + f" no {scale.label} baseline ({how}).",
                places(none, lambda i: str(ids[i])),
                "Their response is not defined: it stays missing, and rates say how many.",
                level="warning",
            )
        )
    for end, total in (("floor", scale.floor), ("ceiling", scale.maximum)):
        at_end = baseline == total
        if not at_end.any() or (end == "ceiling" and not scale.high_is_good):
            continue
        limits = "A per cent fall from the floor is not defined: it stays missing."
        if scale.high_is_good:
            what = "baseline" if end == "floor" else "distance to the highest total"
            limits = f"A rise by a share of the {what} is not defined: it stays missing."
        found.append(
            Problem(
                f"baseline_at_{end}",
                count_of(int(at_end.sum()), "subject starts", "subjects start")
                + f" at the {end} of {scale.label} ({total}).",
                places(at_end, lambda i: str(ids[i])),
                limits,
                level="warning",
            )
        )
    return found


def note_treatments(treatments: Sequence[str]) -> Problem | None:
    """Note a study with one treatment only."""
    if len(treatments) != 1:
        return None
    return Problem(
        "one_arm",
        f"All subjects have the treatment {treatments[0]!r}.",
        (),
        "Rates and curves can be had; nothing can be compared.",
        level="warning",
    )


def note_unseen(ids: Labels, unseen: BoolArray, scale: Scale) -> Problem | None:
    """Note subjects without any rated visit after baseline."""
    if not unseen.any():
        return None
    return Problem(
        "no_visits",
        count_of(int(unseen.sum()), "subject has", "subjects have")
        + f" no {scale.label} rating after day 0.",
        places(unseen, lambda i: str(ids[i])),
        "They count in the denominators of rates and carry no information on time to response.",
        level="note",
    )


def note_filled_in(
    subjects: Labels, day: FloatArray, filled_in: BoolArray, scale: Scale
) -> Problem | None:
    """Note totals that are fractions, as unanswered items filled in give them."""
    if not filled_in.any():
        return None
    return Problem(
        "filled_in_total",
        count_of(int(filled_in.sum()), f"{scale.label} total is", f"{scale.label} totals are")
        + " no whole number but one that filling in unanswered items gives.",
        places(filled_in, lambda i: f"{subjects[i]} at {show_day(day[i])}"),
        "They are used as they are, unrounded; means of two raters would look alike.",
        level="note",
    )


def note_lookalikes(labels: Labels, what: str) -> Problem | None:
    """Note labels that differ only in case, space or kind: probably one and the same."""
    index = pd.Index(labels)
    if pd.api.types.is_numeric_dtype(index.dtype):
        return None
    folded = pd.Series([str(label).strip().casefold() for label in index])
    if folded.is_unique:
        return None
    by_fold: dict[str, list[str]] = {}
    for fold, label in zip(folded, index, strict=True):
        by_fold.setdefault(fold, []).append(repr(label))
    twins = tuple(" and ".join(names) for names in by_fold.values() if len(names) > 1)
    return Problem(
        f"lookalike_{what}",
        count_of(len(twins), f"pair of {what}s differs", f"groups of {what}s differ")
        + " only in case, space or kind; they count as different.",
        twins,
        "If they are the same, write them alike.",
        level="warning",
    )
