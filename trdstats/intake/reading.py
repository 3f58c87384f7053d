"""How the cells of one export are read: codes for missing, labels and marks it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trdstats.arrays import FloatArray
from trdstats.errors import Problem
from trdstats.intake.mapping.spec import ExportMapping
from trdstats.intake.sources import SourceTable
from trdstats.intake.values.entries import NO_LABEL, NO_NUMBER, Column, drop_missing
from trdstats.intake.values.labelled import as_values, with_labels, with_scores
from trdstats.intake.values.numerals import NumberReader, column_with_commas


@dataclass(frozen=True)
class Reading:
    """What the mapping and the files say about cells, and the problems found on the way.

    Attributes
    ----------
    mapping : ExportMapping
    tables : dict of str to SourceTable
    numbers : NumberReader
    problems : list of Problem
    """

    mapping: ExportMapping
    tables: Mapping[str, SourceTable]
    numbers: NumberReader
    problems: list[Problem]

    def missing(self, column: str, *, is_day: bool = False) -> tuple[Any, ...]:
        """Return the codes for missing of a column; numbers of a list are days in one of days."""
        codes = self.mapping.missing
        if isinstance(codes, Mapping):
            return tuple(codes.get(column, ()))
        return tuple(c for c in codes if not is_day or isinstance(c, str))

    def labels(self, column: Column, pattern: str | None = None) -> tuple[Any, bool]:
        """Return the labels of a column, None where it has none, and if they are the file's."""
        declared = self.mapping.labels
        for name in (column.name, pattern):
            if name is not None and name in declared:
                return declared[name], False
        return self.tables[column.table].labels.get(column.name), True

    def number(
        self, column: Column, pattern: str | None = None, *, is_day: bool = False
    ) -> FloatArray:
        """Return a column as numbers by row."""
        labels, from_file = self.labels(column, pattern)
        if labels and not from_file:
            column = with_scores(column, labels)
        codes = self.missing(column.name, is_day=is_day)
        column = drop_missing(column, codes, NO_NUMBER, self.problems)
        return column.spread(self.numbers.read(column, self.problems))

    def label(self, column: Column) -> Column:
        """Return a column of names, such as treatments, with codes as their labels."""
        column = drop_missing(column, self.missing(column.name), NO_LABEL, self.problems)
        labels, from_file = self.labels(column)
        if not labels:
            return column
        source = "the labels of the file" if from_file else "the labels of the mapping"
        return with_labels(column, labels, self.problems, source=source)

    def date(self, column: Column) -> Column:
        """Return a column of dates without its codes for missing."""
        return drop_missing(column, self.missing(column.name), NO_NUMBER, self.problems)

    def value(self, column: Column) -> tuple[Column, bool]:
        """Return a column that describes subjects or visits, and whether it holds numbers."""
        labels, from_file = self.labels(column)
        return as_values(
            column, self.numbers, self.missing(column.name), labels, from_file, self.problems
        )


def start_reading(
    mapping: ExportMapping, tables: Mapping[str, SourceTable], problems: list[Problem]
) -> Reading:
    """Return how the cells of an export are read, after one look at all of them."""
    every = [c for t in tables.values() for c in t.columns.values()]
    elsewhere = None if mapping.decimal is not None else column_with_commas(every)
    marks = {"space": " ", "apostrophe": "'"}
    thousands = mapping.thousands and marks.get(mapping.thousands, mapping.thousands)
    numbers = NumberReader(mapping.decimal, thousands, elsewhere)
    return Reading(mapping, tables, numbers, problems)
