"""Plain tables of visits and subjects from what was read of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import Problem, count_of
from trdstats.intake.identifiers import Identifiers
from trdstats.intake.measured import Measured
from trdstats.intake.reading import Reading
from trdstats.intake.subject_level import check_conflicts, describes_subjects, first_known
from trdstats.intake.values.entries import Codes, Column, plain
from trdstats.intake.values.labelled import values_of
from trdstats.kinds import label_of, places


def free_name(name: str, taken: Any) -> str:
    """Return a name for a column of the user beside those of the study."""
    return f"{name}_given" if name in taken else name


def subject_columns(
    reading: Reading,
    identifiers: Identifiers,
    subject: Mapping[str, IntArray],
    early: BoolArray,
    used: frozenset[str],
) -> tuple[dict[str, Any], list[str]]:
    """Return columns that describe subjects, and the names of those that describe visits.

    Parameters
    ----------
    subject : mapping of str to ndarray of int
        Subject of each row, by table.
    early : ndarray of bool, shape (n_rows,)
        Rows of the visits without a day, and those of each subject's first day.
    used : frozenset of str
        Columns of the visits that became times or scores.
    """
    mapping, tables, problems = reading.mapping, reading.tables, reading.problems
    n = len(identifiers.names)
    wanted = mapping.covariates
    result: dict[str, Any] = {}
    of_visits: list[str] = []
    if "subjects" in tables:
        roles = {mapping.subject, mapping.treatment, mapping.start, *mapping.event_dates,
                 *mapping.event_days, *_baselines(mapping)}  # fmt: skip
        for name, column in tables["subjects"].columns.items():
            if name in roles or (wanted is not None and name not in wanted):
                continue
            value, is_number = reading.value(column)
            first, _ = first_known(value.code, subject["subjects"], n)
            result[name] = values_of(value, first, is_number)
    for name, column in tables["visits"].columns.items():
        if name in used or name in result:
            continue
        declared = wanted is not None and name in wanted
        if wanted is not None and not declared:
            of_visits.append(name)
            continue
        value, is_number = reading.value(column)
        if declared:
            first, differs = first_known(value.code, subject["visits"], n)
            check_conflicts(
                value, differs, first, subject["visits"], identifiers.names, "covariate", problems
            )
            kept: Codes | None = first
        else:
            kept = describes_subjects(value, early, subject["visits"], n, problems)
        if kept is None:
            of_visits.append(name)
        else:
            result[name] = values_of(value, kept, is_number)
    return result, of_visits


def _baselines(mapping: Any) -> tuple[str, ...]:
    return tuple(c for c in mapping.baselines.values() if isinstance(c, str))


def treatment_of(
    reading: Reading, identifiers: Identifiers, subject: Mapping[str, IntArray]
) -> pd.Categorical | Any:
    """Return the treatment of each subject by its label, in the order of the labels."""
    mapping, tables, problems = reading.mapping, reading.tables, reading.problems
    n = len(identifiers.names)
    labels: list[Any] = [None] * n
    order: dict[Any, None] = {}
    asked = np.zeros(n, dtype=bool)
    for name in ("subjects", "visits"):
        if name not in tables or mapping.treatment not in tables[name].columns:
            continue
        raw = tables[name].columns[mapping.treatment]
        column = reading.label(raw)
        owner = subject[name]
        first, differs = first_known(column.code, owner, n)
        check_conflicts(column, differs, first, owner, identifiers.names, "treatment", problems)
        known = [label_of(plain(v)) for v in column.distinct]
        declared, _ = reading.labels(raw)
        levels = declared.values() if declared else tables[name].levels.get(raw.name, ())
        order |= dict.fromkeys(label_of(v) for v in levels)
        # Of codes that only some labels name, reading the labels says which are left.
        if not declared and (raw.distinct.dtype.kind in "iuf" or _are_codes(known)):
            problems.append(_unlabelled(raw, known))
        for k in np.flatnonzero(first >= 0):
            label = known[first[k]]
            if labels[k] is None:
                labels[k] = label
            elif labels[k] != label:
                asked[k] = True
    if asked.any():
        problems.append(
            Problem(
                "conflicting_values",
                "The tables of subjects and visits differ in the treatment of "
                + count_of(int(asked.sum()), "subject.", "subjects."),
                places(asked, lambda i: str(identifiers.names[i])),
                "Give one treatment a subject.",
            )
        )
    if not order:
        return np.array(labels, dtype=object)
    present = set(labels)
    levels = [t for t in order if t in present]
    levels += [t for t in dict.fromkeys(labels) if t is not None and t not in order]
    return pd.Categorical(labels, categories=levels)


def _are_codes(labels: list[str | None]) -> bool:
    return bool(labels) and all(t is not None and t.isdigit() for t in labels)


def _unlabelled(column: Column, known: list[str | None]) -> Problem:
    return Problem(
        "unlabelled_treatment",
        f"Treatments in {column.what} are codes without labels.",
        tuple(str(k) for k in known[:12]),
        f"Name them: labels = {{{column.name} = {{{known[0]} = ...}}}}.",
        level="warning",
    )


def baseline_columns(
    reading: Reading, identifiers: Identifiers, subject: Mapping[str, IntArray]
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Return baselines of subjects by the name of their column, and that name by scale."""
    mapping, tables = reading.mapping, reading.tables
    n = len(identifiers.names)
    columns: dict[str, FloatArray] = {}
    names: dict[str, str] = {}
    for scale, given in mapping.baselines.items():
        if not isinstance(given, str):
            name = "baseline" if scale == mapping.scale[0] else f"baseline_{scale}"
            columns[name], names[scale] = np.full(n, float(given)), name
            reading.problems.append(
                Problem(
                    "constant_baseline",
                    f"All subjects have the same baseline of {scale}, {given:g}, by the mapping.",
                    (),
                    "Name a column in its place where baselines are known.",
                    level="warning",
                )
            )
            continue
        table = next((t for t in ("subjects", "visits") if t in tables
                      and given in tables[t].columns), None)  # fmt: skip
        if table is None:
            continue
        column = tables[table].columns[given]
        row_values = reading.number(column)
        code, distinct = pd.factorize(row_values)
        numbers = Column(given, table, code.astype(np.int32), np.asarray(distinct))
        first, differs = first_known(numbers.code, subject[table], n)
        check_conflicts(
            numbers, differs, first, subject[table], identifiers.names, f"baseline of {scale}",
            reading.problems,
        )  # fmt: skip
        columns[given] = np.append(np.asarray(distinct, dtype=float), np.nan)[first]
        names[scale] = given
    return columns, names


def visit_columns(
    reading: Reading, of_visits: list[str], rows: IntArray, taken: Any
) -> dict[str, Any]:
    """Return the other columns of the visits, by row."""
    result: dict[str, Any] = {}
    for name in of_visits:
        value, is_number = reading.value(reading.tables["visits"].columns[name])
        values = values_of(value, value.code, is_number)
        result[free_name(name, taken)] = values if len(rows) == len(values) else values[rows]
    return result


def is_a_visit(measured: Measured, day: FloatArray, problems: list[Problem]) -> BoolArray:
    """Return which rows are visits; rows without a day and without a score are counted."""
    blank = np.isnan(day) & ~measured.is_rated
    if blank.any():
        problems.append(
            Problem(
                "rows_without_visit",
                count_of(int(blank.sum()), "row has", "rows have")
                + " neither a day nor a score: no visits.",
                places(blank, lambda i: f"row {measured.row[i]}"),
                "What such rows say of their subjects is kept.",
                level="note",
            )
        )
    return ~blank
