"""What goes wrong with forms in a clinic: each defect by a function that changes one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.simulate.clinic.forms import (
    ALTERNATIVES,
    PHQ9_ITEMS,
    QIDS_ITEMS,
    total_phq9,
    total_qids,
)

IMPOSSIBLE = (4, 5, 9, 11, -1)
WORDS = ("zero", "one", "two", "three")
SLEEP_OR_PACE = (1, 2, 3, 4, 15, 16)  # of domains with several items, all of them answered
ALONE = (5, 10, 11, 12, 13, 14)  # each a domain of its own
RUN = 3  # forms of a run that is carried forward
LEAST_COPIED = 6  # total from which on: three forms alike near zero may well be honest


@dataclass(frozen=True, slots=True)
class FormKind:
    """What the defects have to know of a form: its name, its items and its total."""

    name: str
    items: tuple[str, ...]
    total: Callable[[FloatArray], FloatArray]

    def answers(self, forms: pd.DataFrame, row: int) -> FloatArray:
        """Return the answers of one form, shape (1, n_items), NaN where empty."""
        rows = forms.loc[[row], list(self.items)].astype("Int64")
        return rows.to_numpy(dtype=float, na_value=np.nan)

    def score(self, forms: pd.DataFrame, row: int, item: int) -> int:
        """Return the score of an answered item."""
        return int(self.answers(forms, row)[0, item - 1])

    def answered(self, forms: pd.DataFrame, row: int) -> IntArray:
        """Return the numbers of the answered items."""
        return np.flatnonzero(~np.isnan(self.answers(forms, row)[0])) + 1


QIDS = FormKind("qids", QIDS_ITEMS, total_qids)
PHQ9 = FormKind("phq9", PHQ9_ITEMS, total_phq9)

# A defect takes a table, a row, the kind of form, how many of its kind came before, and a stream;
# it returns a new table, and the number of the item where one item is concerned.
Outcome = tuple[pd.DataFrame, int | None]
Defect = Callable[[pd.DataFrame, int, FormKind, int, np.random.Generator], Outcome]


def omit_item(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Leave one item unanswered; the total stays empty, as the form was not added up.

    On the QIDS in turn: an item that is a domain, one of several in its domain, and the appetite
    item, so that both alternatives are empty.
    """
    answered = kind.answered(forms, row)
    if kind is QIDS:
        answered = np.intersect1d(answered, (ALONE, SLEEP_OR_PACE, ALTERNATIVES[0])[k % 3])
    item = int(rng.choice(answered))
    return _filled(forms, row, {kind.items[item - 1]: pd.NA, "total": pd.NA}), item


def omit_several(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Leave three to six items unanswered, and the total empty."""
    chosen = rng.choice(kind.answered(forms, row), int(rng.integers(3, 7)), replace=False)
    empty = {kind.items[i - 1]: pd.NA for i in chosen.tolist()}
    return _filled(forms, row, empty | {"total": pd.NA}), None


def type_impossible(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Type a number that no item has; the total is that of the paper form."""
    item = int(rng.choice(kind.answered(forms, row)))
    return _filled(forms, row, {kind.items[item - 1]: IMPOSSIBLE[k % len(IMPOSSIBLE)]}), item


def type_text(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Type the score as a doubtful number or a word; the total is that of the paper form."""
    item = int(rng.choice(kind.answered(forms, row)))
    score = kind.score(forms, row, item)
    return _filled(forms, row, {kind.items[item - 1]: (f"{score}?", WORDS[score])[k % 2]}), item


def fill_both(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Answer both appetite items; the total is that of the nine domains with both."""
    item = int(np.setdiff1d(ALTERNATIVES[0], kind.answered(forms, row))[0])
    changed = _filled(forms, row, {kind.items[item - 1]: int(rng.integers(0, 4))})
    return _totalled(changed, row, kind), item


def add_up_all(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Type the sum of all items instead of the sum of the domains."""
    return _filled(forms, row, {"total": int(np.nansum(kind.answers(forms, row)))}), None


def mistype_total(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Type a total that is wrong by 1 to 5 points, still on the scale."""
    total = int(forms["total"][row])
    near = np.array([d for d in range(-5, 6) if d and 0 <= total + d <= 27])
    return _filled(forms, row, {"total": total + int(rng.choice(near))}), None


def answer_equally(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Give every answered item the same score, 1 to 3, near the patient's own average."""
    level = int(np.clip(np.rint(int(forms["total"][row]) / 9), 1, 3))
    names = [kind.items[i - 1] for i in kind.answered(forms, row).tolist()]
    return _totalled(_filled(forms, row, dict.fromkeys(names, level)), row, kind), None


def carry_forward(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Copy the answers and the total of the form before."""
    return _filled(forms, row, dict(forms.loc[row - 1, [*kind.items, "total"]])), None


def add_conflict(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Add a second form of the same day, three to five answers one point away."""
    answered = kind.answered(forms, row)
    chosen = rng.choice(answered, int(rng.integers(3, 6)), replace=False)
    other = {}
    for item in chosen.tolist():
        score = kind.score(forms, row, item)
        step = int(rng.choice([s for s in (-1, 1) if 0 <= score + s <= 3]))
        other[kind.items[item - 1]] = score + step
    added = _totalled(_filled(forms.loc[[row]], row, other), row, kind)
    return pd.concat([forms, added], ignore_index=True), None


def add_copy(
    forms: pd.DataFrame, row: int, kind: FormKind, k: int, rng: np.random.Generator
) -> Outcome:
    """Add the same row again."""
    return pd.concat([forms, forms.loc[[row]]], ignore_index=True), None


# In this order: runs need neighbours that nothing else has touched, raw sums the worst forms.
DEFECTS: dict[str, Defect] = {
    "copied_forward": carry_forward,
    "raw_sum": add_up_all,
    "missing_item": omit_item,
    "several_missing": omit_several,
    "impossible_item": type_impossible,
    "text_item": type_text,
    "both_alternatives": fill_both,
    "wrong_total": mistype_total,
    "straight_line": answer_equally,
    "conflicting_row": add_conflict,
    "duplicate_row": add_copy,
}
QIDS_ONLY = ("raw_sum", "both_alternatives")


def plant_defects(
    forms: pd.DataFrame, kind: FormKind, rng: np.random.Generator, *, proportion: float, least: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return forms with defects, and the list of them.

    Parameters
    ----------
    forms : pandas.DataFrame
        Valid forms, one row each, sorted by patient and day.
    kind : FormKind
    rng : numpy.random.Generator
    share : float
        Share of the forms with each kind of defect.
    least : int
        Forms with each kind of defect at least.

    Returns
    -------
    forms : pandas.DataFrame
        Sorted by patient and day, second forms behind the first. Item columns with text are of
        dtype object, all others ``Int64``.
    defects : pandas.DataFrame
        form, patient, day, item (missing where no single item is concerned) and kind.
    """
    keys = forms[["patient", "day"]]
    n = max(least, round(proportion * len(forms)))
    changed = forms.reset_index(drop=True).astype(dict.fromkeys([*kind.items, "total"], object))
    free = set(range(len(forms)))
    listed: list[tuple[int, int | None, str]] = []
    for name, apply in DEFECTS.items():
        if name in QIDS_ONLY and kind is not QIDS:
            continue
        for k, row in enumerate(_choose_rows(name, changed, kind, free, n, listed, rng)):
            changed, item = apply(changed, row, kind, k, rng)
            listed.append((row, item, name))
        free -= {row for row, _, _ in listed}
    # The first form of a run is like the others: which of them is genuine nobody can tell.
    runs = {row for row, _, name in listed if name == "copied_forward"}
    listed += [(row - 1, None, "copied_forward") for row in runs if row - 1 not in runs]
    rows = [row for row, _, _ in listed]
    defects = keys.iloc[rows].reset_index(drop=True)
    defects.insert(0, "form", kind.name)
    defects["item"] = pd.array([item for _, item, _ in listed], dtype="Int64")
    defects["kind"] = [name for _, _, name in listed]
    return _tidied(changed, kind), defects


def _choose_rows(
    name: str,
    forms: pd.DataFrame,
    kind: FormKind,
    free: set[int],
    n: int,
    listed: list[tuple[int, int | None, str]],
    rng: np.random.Generator,
) -> list[int]:
    """Return the rows that are to have a defect."""
    order = [int(row) for row in rng.permutation(sorted(free))]
    if name == "copied_forward":
        return _choose_runs(forms, order, free, n)
    if name == "raw_sum":
        # Half of them so severe that the sum leaves the scale, which gives the mistake away.
        raw = forms.loc[order, list(kind.items)].astype("Int64").sum(axis=1).tolist()
        false = [(r, row) for r, row in zip(raw, order, strict=True) if r != forms["total"][row]]
        beyond = [row for r, row in false if r > 27][: -(-n // 2)]
        return beyond + [row for r, row in false if r <= 27][: n - len(beyond)]
    if name == "duplicate_row":
        # A file is uploaded twice whatever it holds; a copy of one of two that conflict says less.
        conflicts = {row for row, _, kind_listed in listed if kind_listed == "conflicting_row"}
        originals = sorted(set(range(len(forms) - len(conflicts))) - conflicts)
        return [int(row) for row in rng.choice(originals, n, replace=False)]
    return order[:n]


def _choose_runs(forms: pd.DataFrame, order: list[int], free: set[int], n: int) -> list[int]:
    """Return the second and third rows of runs of one patient (and one version)."""
    who = forms[[c for c in ("patient", "version") if c in forms]].agg(tuple, axis=1).tolist()
    chosen: list[int] = []
    taken: set[int] = set()
    for start in (row for row in order if forms["total"][row] >= LEAST_COPIED):
        run = range(start, start + RUN)
        # One row more on either side is kept free, so that no two runs meet.
        around = set(range(start - 1, start + RUN + 1))
        if len(chosen) + len(chosen) // (RUN - 1) >= n:
            break
        if run[-1] in free and len({who[r] for r in run}) == 1 and not around & taken:
            chosen += run[1:]
            taken |= set(run)
    free -= taken
    return chosen


def _filled(forms: pd.DataFrame, row: int, values: Mapping[str, Any]) -> pd.DataFrame:
    changed = forms.copy()
    for column, value in values.items():
        changed.loc[row, column] = value
    return changed


def _totalled(forms: pd.DataFrame, row: int, kind: FormKind) -> pd.DataFrame:
    return _filled(forms, row, {"total": int(kind.total(kind.answers(forms, row))[0])})


def _tidied(forms: pd.DataFrame, kind: FormKind) -> pd.DataFrame:
    ordered = forms.sort_values(["patient", "day"], kind="stable", ignore_index=True)
    for column in [*kind.items, "total"]:
        if not ordered[column].map(lambda v: isinstance(v, str)).any():
            ordered[column] = ordered[column].astype("Int64")
    return ordered
