"""What a table of decisions must be, and which rows are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.errors import Problem, count_of

NUMBERS = ("start", "stop", "status", "on", "previous", "left")
EARLIER = 1e-6  # days: what held before a decision on the same day


class _Report:
    """Problems of rows, each with its subjects."""

    def __init__(self, subject: pd.Series[Any]) -> None:
        self._who = subject.to_numpy(dtype=object)
        self.problems: list[Problem] = []

    def __call__(self, bad: BoolArray, kind: str, one: str, many: str, remedy: str) -> None:
        if bad.any():
            names = tuple(dict.fromkeys(str(self._who[i]) for i in np.flatnonzero(bad)))
            message = count_of(int(bad.sum()), f"row {one}", f"rows {many}")
            self.problems.append(Problem(kind, message, names, remedy))


def not_coded(subject: pd.Series[Any], table: pd.DataFrame) -> list[Problem]:
    """Return which rows hold what they must not, in any order."""
    report = _Report(subject)
    numbers = {c: table[c].to_numpy(dtype=float) for c in table}
    missing = ~np.isfinite(np.stack(list(numbers.values()))).all(axis=0)
    report(
        missing, "not_a_number", "has an entry that is no number.",
        "have an entry that is no number.",
        f"{', '.join(NUMBERS[:-1])} and {NUMBERS[-1]} are numbers.",
    )  # fmt: skip
    coded = np.isin(numbers["on"], (0, 1)) & np.isin(numbers["previous"], (0, 1))
    report(
        ~coded & ~missing, "not_0_or_1", "is neither on (1) nor off (0) treatment.",
        "are neither on (1) nor off (0) treatment.", "Code on and previous as 0 and 1.",
    )  # fmt: skip
    status = numbers["status"]
    report(
        ~((status >= 0) & (status == np.floor(status))) & ~missing, "not_a_status",
        "has a status that is no whole number from 0 on.",
        "have a status that is no whole number from 0 on.",
        "Code 0 for no event, 1 for the event, 2 and above for what competes with it.",
    )  # fmt: skip
    report(
        ~np.isin(numbers["left"], (0, 1)) & ~missing, "left_not_0_or_1",
        "neither left follow-up (1) nor not (0).", "neither left follow-up (1) nor not (0).",
        "Code left as 0 and 1.",
    )  # fmt: skip
    short = ~(numbers["stop"] > numbers["start"]) & ~missing
    report(
        short, "no_length", "ends at its start, or before.", "end at their start, or before.",
        "stop is later than start.",
    )  # fmt: skip
    return report.problems


def out_of_order(table: pd.DataFrame) -> list[Problem]:
    """Return what is wrong from row to row, sorted by subject and start."""
    report = _Report(table["subject"])
    who = table["subject"].to_numpy(dtype=object)
    numbers = {c: table[c].to_numpy(dtype=float) for c in NUMBERS}
    same = who[1:] == who[:-1]
    gap = np.r_[False, same & (np.abs(numbers["start"][1:] - numbers["stop"][:-1]) > EARLIER)]
    report(
        gap, "gap", "does not begin where the one before it ends.",
        "do not begin where the one before them ends.",
        "Give every interval from the origin on; carry the last values forward.",
    )  # fmt: skip
    late = np.r_[True, ~same] & (np.abs(numbers["start"]) > EARLIER)
    report(
        late, "late", "of a subject does not begin at day 0.",
        "of subjects do not begin at day 0.",
        "Days count from the origin, at which every subject is followed.",
    )  # fmt: skip
    after = np.r_[same & (numbers["status"][:-1] > 0), False]
    report(
        after, "after_event", "is followed by others after an event.",
        "are followed by others after an event.", "An event ends the follow-up.",
    )  # fmt: skip
    switched = np.r_[False, same & (numbers["previous"][1:] != numbers["on"][:-1])]
    report(
        switched, "previous", "has a previous treatment that is not the one of the row before.",
        "have a previous treatment that is not the one of the row before.",
        "previous is the treatment of the interval before.",
    )  # fmt: skip
    return report.problems
