"""Reads the ratings of a study in partitions: first what all say of levels, then their designs."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.estimates.weights import WeightsLike, caveat_under
from trdstats.formulas import read_formula
from trdstats.longitudinal.designs.design import RowTotals
from trdstats.longitudinal.designs.outcome_table import outcome_table_of_part
from trdstats.longitudinal.designs.rating_weights import positive_weights
from trdstats.longitudinal.designs.subject_weights import (
    COLUMN,
    describe_weights,
    has_rows,
    weigh_part,
    weights_of_parts,
)
from trdstats.longitudinal.gee.divided_levels import (
    SUBJECT,
    VISIT,
    Reading,
    TableOfPart,
    agree,
    levels_of_part,
    role_columns,
)
from trdstats.longitudinal.gee.divided_outcome import DividedOutcome, RowsNeededError
from trdstats.longitudinal.gee.divided_rows import added_rows, lay_out_part, rows_of_part
from trdstats.outcomes.assess import check_arguments
from trdstats.outcomes.schedule_fit import warn_of_schedule
from trdstats.study import DividedStudy, Study
from trdstats.study.study import better_of, caveat_of
from trdstats.study.study.rows import check_days
from trdstats.study.visit_order import days_of


def read_divided_outcome(
    study: DividedStudy, reading: Reading, weights: WeightsLike | None
) -> DividedOutcome:
    """Return the ratings of a study in partitions, which stay there.

    Parameters
    ----------
    study : DividedStudy
    reading : Reading
    weights : str, Series, DataFrame or result, optional
        Of subjects.

    Raises
    ------
    RowsNeededError
        When the design of a row depends on other rows, or columns have no plain levels.
    DataError, SpecError, UnknownNameError
        When a partition or the weights are not usable.
    """
    if reading.days is not None:
        check_days(study, reading.days)
    if reading.outcome is not None:
        check_arguments(study, reading.outcome)
        warn_of_schedule(study, reading.outcome)
    tables = study.kept(_table_of_part, reading)
    if weights is not None:
        of_parts = weights_of_parts(study, tables.ask(_with_row), weights)
        if of_parts is None:
            raise RowsNeededError(f"The weights {weights!r} are a column of the visits")
        tables = tables.then(_weigh, each=of_parts)
    places = study.places_of_parts()
    levels, left_out = agree(tables.ask(levels_of_part, reading), places, reading)
    designs = tables.then(lay_out_part, reading, levels)
    answers = designs.ask(rows_of_part)
    parts = [answer for answer in answers if answer is not None]
    there = [k for k, answer in enumerate(answers) if answer is not None]
    designs.keep_only(there)
    first = parts[0]
    if any(part.learnt or part.terms != first.terms for part in parts):
        raise RowsNeededError("The design of a row depends on the rows of all partitions")
    rows = added_rows(parts, [places[k] for k in there], levels)
    named = study.subjects["subject"].cat.remove_unused_categories()
    _, subjects = pd.factorize(named.iloc[rows.in_study], sort=True)
    name = reading.name
    return DividedOutcome(
        family=reading.family, outcome=name, categories=levels.categories,
        unrated_categories=levels.unrated, terms=first.terms, spec=first.spec,
        subjects=pd.Index(subjects), visits=levels.visits,
        days_are_known=reading.time is not None or not np.isnan(days_of(levels.visits)).any(),
        weighting=None if weights is None else describe_weights(
            rows.first_rows, SUBJECT, subjects, weights
        ),
        totals=reduce(RowTotals.__add__, [part.totals for part in parts]), left_out=left_out,
        unrated=len(study.subjects) - len(subjects),
        definition="" if reading.outcome is None else reading.outcome.describe(study.scale),
        visit=VISIT, caveat=caveat_under(caveat_of(study), weights),
        better=better_of(study, name), order_from_text=False, parts=designs, rows=rows,
        structure=reading.structure,
    )  # fmt: skip


def _table_of_part(part: Study, reading: Reading) -> TableOfPart:
    """Return the rows of a part before any is left out as incomplete."""
    table, undefined = outcome_table_of_part(part, reading.name, reading.outcome, reading.days)
    if COLUMN in table:
        raise RowsNeededError(f"A column is called {COLUMN!r}")
    zero: dict[str, int] = {}
    if reading.rating_weights is not None:
        table, zero = positive_weights(table, reading.rating_weights)
    used = {*role_columns(reading), *read_formula(reading.formula).required_variables}
    counts = {
        str(reason): (len(rows), int(rows["subject"].cat.codes.iloc[0]), int(rows.index[0]))
        for reason, rows in undefined.groupby("reason", sort=False)
    }
    kept = table[[c for c in table.columns if c in used]]
    return TableOfPart(kept, counts, zero.get("weight 0", 0), len(part.subjects))


def _with_row(table: TableOfPart) -> BoolArray:
    return has_rows(table.rows)


def _weigh(table: TableOfPart, weight: FloatArray) -> TableOfPart:
    """Return a table with a column of the weights of its subjects."""
    rows, zero = weigh_part(table.rows, weight)
    return replace(table, rows=rows, zero=table.zero + zero.get("weight 0", 0))
