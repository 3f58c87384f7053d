"""The rows of a partition, and the levels of categories that all partitions say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from trdstats.arrays import IntArray
from trdstats.formulas import MISSING, any_complete_rows, read_formula
from trdstats.kernels.gee.working import Structure
from trdstats.longitudinal.designs.outcome_table import named_undefined
from trdstats.longitudinal.designs.outcome_values import Family, read_outcome, unrated_categories
from trdstats.longitudinal.designs.part_levels import PartValues, levels_of_all, values_of_part
from trdstats.longitudinal.designs.rated_outcome import summed
from trdstats.longitudinal.designs.subject_weights import COLUMN
from trdstats.longitudinal.gee.divided_outcome import RowsNeededError
from trdstats.outcomes.rules.definition import Definition
from trdstats.study.visit_order import order_visits

SUBJECT, VISIT = "subject", "visit"


@dataclass(frozen=True)
class Reading:
    """What is read of every part.

    Attributes
    ----------
    formula : str
    family : str
    structure : str
        Of the working correlation.
    outcome : Definition or None
    days : tuple of float, or None
    rating_weights, time : str or None
    """

    formula: str
    family: Family
    structure: Structure
    outcome: Definition | None
    days: tuple[float, ...] | None
    rating_weights: str | None
    time: str | None

    @property
    def name(self) -> str:
        """Name of the outcome."""
        return str(read_formula(self.formula).lhs[0])

    @property
    def factors(self) -> list[str]:
        """Columns that may be categories."""
        right = read_formula(self.formula).rhs
        return [VISIT, *sorted({str(v) for v in right.required_variables})]


@dataclass(frozen=True)
class Levels:
    """What all parts say of categories.

    Attributes
    ----------
    types : dict of str to CategoricalDtype
        Levels that analysed rows have.
    planned : pandas.Index
        Visits that rows name, analysed or not.
    categories : tuple
        Of an ordinal outcome.
    unrated : tuple
        Its declared ones without an analysed rating.
    """

    types: dict[str, pd.CategoricalDtype]
    planned: pd.Index[Any]
    categories: tuple[Any, ...]
    unrated: tuple[Any, ...]

    @property
    def visits(self) -> pd.Index[Any]:
        """Visits with an analysed rating, in order."""
        return self.types[VISIT].categories


@dataclass(frozen=True)
class TableOfPart:
    """Rows of a part with their outcome.

    Attributes
    ----------
    rows : pandas.DataFrame
    undefined : dict of str to tuple
        Of rated rows whose outcome is undefined, by reason: how many, and where the first stands
        (subject, row).
    zero : int
        Rows of weight 0.
    n_subjects : int
    """

    rows: pd.DataFrame
    undefined: dict[str, tuple[int, int, int]]
    zero: int
    n_subjects: int


def role_columns(reading: Reading) -> list[str]:
    """Return the columns of a role that every analysed row must have."""
    return [SUBJECT, VISIT, *(c for c in (reading.rating_weights, reading.time) if c)]


@dataclass(frozen=True)
class LevelsOfPart:
    """What the rows of a part say of levels.

    Attributes
    ----------
    planned : pandas.Series
        Visits that rows name.
    held : PartValues or None
        Of analysed rows; None where there is none.
    outcome : pandas.Series or None
        Distinct values of an ordinal outcome.
    missing : dict of str to int
        Rows left out as incomplete, by reason.
    undefined, zero
        As in `TableOfPart`.
    """

    planned: pd.Series[Any]
    held: PartValues | None
    outcome: pd.Series[Any] | None
    missing: dict[str, int]
    undefined: dict[str, tuple[int, int, int]]
    zero: int


def complete_part(table: TableOfPart, reading: Reading) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the analysed rows of a part, and how many were left out as incomplete."""
    if not len(table.rows):
        return table.rows, {}
    formula = read_formula(reading.formula)
    roles = role_columns(reading) + ([COLUMN] if COLUMN in table.rows else [])
    needed = sorted({str(v) for v in formula.required_variables})
    return any_complete_rows(table.rows, formula, roles, needed)


def levels_of_part(table: TableOfPart, reading: Reading) -> LevelsOfPart:
    """Return what the rows of a part say of levels."""
    frame, missing = complete_part(table, reading)
    name, ordinal = reading.name, reading.family == "ordinal"
    values = None
    if len(frame):
        uses = read_formula(reading.formula).rhs.columns()
        values = values_of_part(frame, reading.factors, uses=uses, visit=VISIT)
    return LevelsOfPart(
        table.rows[VISIT].drop_duplicates(), values,
        frame[name].drop_duplicates() if ordinal and name in frame and len(frame) else None,
        missing, table.undefined, table.zero,
    )  # fmt: skip


def agree(
    parts: Sequence[LevelsOfPart], places: Sequence[IntArray], reading: Reading
) -> tuple[Levels, dict[str, int]]:
    """Return the levels of all analysed rows in their order, and the rows left out."""
    with_rows = [part.held for part in parts if part.held is not None]
    if not with_rows:
        raise RowsNeededError("No partition has a row to analyse")
    formula = read_formula(reading.formula)
    planned = pd.concat([part.planned for part in parts if len(part.planned)])
    if not is_numeric_dtype(planned.dtype):
        raise RowsNeededError("The order of visits is read from the names of all")
    order = order_visits(planned, VISIT)
    types = levels_of_all(with_rows, uses=formula.rhs.columns(), visit=VISIT, visits=order.levels)
    if types is None:
        raise RowsNeededError("Numbers and texts are labels of a column alike")
    categories: tuple[Any, ...] = ()
    unrated: tuple[Any, ...] = ()
    if reading.family == "ordinal":
        given = [part.outcome for part in parts if part.outcome is not None]
        if not given:
            raise RowsNeededError("The outcome is no column")
        values = pd.concat(given, ignore_index=True)
        _, categories = read_outcome(values.to_frame(reading.name), formula, "ordinal")
        unrated = unrated_categories(values, categories)
    return Levels(types, order.levels, categories, unrated), _left_out(parts, places)


def _left_out(parts: Sequence[LevelsOfPart], places: Sequence[IntArray]) -> dict[str, int]:
    """Return the rows left out of all parts by reason, as a table of all rows counts them."""
    missing = reduce(summed, [part.missing for part in parts])
    in_order = {why: missing[why] for why in MISSING if why in missing}
    first: dict[str, tuple[int, int]] = {}
    undefined: dict[str, int] = {}
    for part, place in zip(parts, places, strict=True):
        for why, (n, code, row) in part.undefined.items():
            at = (int(place[code]), row)
            first[why] = min(first.get(why, at), at)
            undefined[why] = undefined.get(why, 0) + n
    for why in sorted(undefined, key=first.__getitem__):
        in_order |= dict([named_undefined(why, undefined[why])])
    zero = sum(part.zero for part in parts)
    return in_order | ({"weight 0": zero} if zero else {})
