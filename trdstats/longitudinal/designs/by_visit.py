"""Designs by subject and visit, for a covariance of the visits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import DataError, DataWarning, Problem, SpecError, count_of, warn
from trdstats.formulas import (
    DesignSpec,
    OutcomeFormula,
    as_categories,
    complete_rows,
    outcome_of,
)
from trdstats.frames import to_pandas
from trdstats.kinds import as_category
from trdstats.longitudinal.designs.constraint import (
    check_baseline,
    fill_treatment,
    visits_before_treatment,
)
from trdstats.longitudinal.designs.design import Baseline, Design, RowTotals, Scales
from trdstats.longitudinal.designs.levels import level_text
from trdstats.study import Study
from trdstats.study.plausibility.plain_tables import warn_of_changes
from trdstats.study.study import better_of, caveat_of, scale_of
from trdstats.study.visit_order import days_of, order_visits


def build_design(
    data: Any,
    formula: OutcomeFormula,
    *,
    subject: str,
    visit: str,
    group: str | None,
    weights: str | None,
    treatment: str | None = None,
    time: str | None = None,
    scale: str | None = None,
    keep_levels: bool = False,
    is_part: bool = False,
) -> Design:
    """Arrange a table by subject and visit.

    Parameters
    ----------
    data, formula, subject, visit, group, weights, time, scale
        As in `MMRM`.
    treatment : str, optional
        Column with one level for all subjects before treatment, in a constrained analysis.
    keep_levels : bool
        Keep levels that do not occur, and ask for categories: the table is one of several.
    is_part : bool
        Whether its levels are those of all tables, of which all was said.

    Raises
    ------
    DataError
        With every problem of the table.
    SpecError, NotEstimableError
        When the formula does not fit the table, or nothing is left to analyse.
    """
    outcome, caveat = str(formula.lhs[0]), caveat_of(data)
    needed = sorted({str(v) for v in formula.required_variables})
    roles = [subject, visit, *(c for c in (group, weights, time, scale) if c)]
    if treatment is not None:
        needed = sorted({*needed, treatment})
    table = long_table(data, with_baseline=treatment is not None)
    order = order_visits(table[visit], visit) if visit in table else None
    if order is not None and not keep_levels:
        table = table.assign(**{visit: pd.Categorical(table[visit], categories=order.levels)})
    before: tuple[Any, ...] = ()
    if order is not None and treatment is not None:
        before = visits_before_treatment(order, visit)
        table = fill_treatment(table, before, subject=subject, visit=visit, treatment=treatment)
    frame, left_out = complete_rows(table, formula, roles, needed)
    warn_of_changes(table, outcome, [visit])
    grouped = [group] if group is not None and keep_levels else []
    factors = [visit, *(c for c in needed if c != outcome), *grouped]
    uses = formula.rhs.columns()
    frame = as_categories(
        frame, factors, visit, uses=uses, keep_levels=keep_levels, is_part=is_part
    )
    visits = frame[visit].cat.categories
    levels = visits
    person, subjects = pd.factorize(frame[subject], sort=True)
    person = np.asarray(person, dtype=np.intp)
    occasion = frame[visit].cat.codes.to_numpy().astype(np.intp)
    scales, names = None, pd.Index([])
    if scale is not None:
        by_row = as_category(frame[scale])
        frame, names = frame.assign(**{scale: by_row}), by_row.categories
        occasion = by_row.codes.astype(np.intp) * len(levels) + occasion
        visits = pd.Index([f"{level_text(s)}, {level_text(v)}" for s in names for v in levels])
        places = np.arange(len(levels)) if order is None else order.levels.get_indexer(levels)
        scales = Scales(scale, [str(s) for s in names], np.asarray(places, dtype=float))
    check_once(frame, subject, visit, person, occasion, len(visits))
    of_scale = 0 if scale is None else frame[scale].cat.codes.to_numpy()
    warn_of_changing_roles(frame, subject, person * max(len(names), 1) + of_scale)
    n, T = len(subjects), len(visits)
    rated = np.zeros((n, T), dtype=bool)
    rated[person, occasion] = True
    group_code, groups = _of_subject(frame, group, person, n)
    weight = _weights(frame, weights, person, occasion, (T, n))
    baseline = None
    if treatment is not None:
        check_baseline(frame, before, visit, outcome)
        baseline = Baseline(visit, treatment, before, frame[treatment].cat.categories[0])
    tiled = np.tile(np.arange(len(levels)), max(len(names), 1))
    known = {visit: tiled}
    if scale is not None:
        by_scale = np.repeat(np.arange(len(names)), len(levels))
        known[scale] = by_scale
    spec, X, terms, varying = _matrix(formula, frame, person, occasion, n, T, known, baseline)
    y = np.zeros((T, n))
    y[occasion, person] = outcome_of(frame, formula)
    if scale is None:
        days, schedule = days_by_schedule(frame, visits, time, person, occasion, rated)
    else:
        day = days_of(levels)
        day = np.arange(len(levels), dtype=float) if np.isnan(day).any() else day
        days, schedule = np.tile(day, len(names))[None], np.zeros(n, dtype=np.intp)
    return Design(
        frame=frame, subjects=pd.Index(subjects), visits=visits, days=days, schedule=schedule,
        outcome=outcome, terms=terms, spec=spec, X=X, y=y, rated=rated, group=group_code,
        groups=groups, weight=weight, person=person, occasion=occasion, varying=varying,
        baseline=baseline, totals=RowTotals.of(frame, [str(v) for v in spec.required_variables]),
        left_out=left_out, planned=None if order is None else order.levels,
        order_from_text=order is not None and order.from_text, visit=visit, caveat=caveat,
        better=better_of(data, outcome), scale=scale_of(data), scales=scales,
    )  # fmt: skip


def days_by_schedule(
    frame: pd.DataFrame,
    visits: pd.Index[Any],
    time: str | None,
    person: IntArray,
    occasion: IntArray,
    rated: BoolArray,
) -> tuple[FloatArray, IntArray]:
    """Return the days of the visits by schedule, and the schedule of each subject."""
    n, T = rated.shape
    nominal = days_of(visits)
    if np.isnan(nominal).any():
        nominal = np.arange(T, dtype=float)
    if time is None:
        return nominal[None], np.zeros(n, dtype=np.intp)
    actual = pd.to_numeric(frame[time], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(actual).all():
        raise SpecError(f"time={time!r} must hold numbers.")
    subject_days = np.full((n, T), np.nan)
    subject_days[person, occasion] = actual
    repeated = (np.diff(np.sort(subject_days, axis=1), axis=1) == 0).any(axis=1)
    if repeated.any():
        raise SpecError(
            f"time={time!r} has the same day twice for {int(repeated.sum())} subjects: two "
            "ratings of one day cannot be distinguished."
        )
    # Missed visits have no day; the usual day of the visit is filled in and is not used.
    usual = np.bincount(occasion, actual, T) / np.bincount(occasion, minlength=T)
    subject_days = np.where(rated, subject_days, usual)
    days, schedule = np.unique(subject_days, axis=0, return_inverse=True)
    return days, np.asarray(schedule, dtype=np.intp).reshape(-1)


def check_once(
    frame: pd.DataFrame, subject: str, visit: str, person: IntArray, occasion: IntArray, T: int
) -> None:
    """Refuse rows that repeat a subject and visit."""
    cell = person * T + occasion
    repeated = pd.Series(cell).duplicated().to_numpy()
    if repeated.any():
        named = frame.loc[repeated, [subject, visit]].iloc[:50].itertuples()
        raise DataError(
            [
                Problem(
                    "duplicate_visit",
                    count_of(int(repeated.sum()), "row repeats", "rows repeat")
                    + " a subject and visit.",
                    tuple(f"{who} at {visit} {when} (row {i})" for i, who, when in named),
                    "Keep one row a subject and visit.",
                )
            ]
        )


def warn_of_changing_roles(frame: pd.DataFrame, subject: str, person: IntArray) -> None:
    """Warn where the treatment or the baseline of a subject is not the same in all of its rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        Analysed rows.
    subject : str
        Column of the subjects.
    person : ndarray of int, shape (n_rows,)
        Subject of each row, or subject and scale.
    """
    for column, changes in changing_roles(frame, subject, person).items():
        named = ", ".join(map(str, changes[:5])) + (", ..." if len(changes) > 5 else "")
        who = count_of(len(changes), "subject", "subjects")
        warn(
            f"{column!r} changes between the rows of {who} ({named}). {_CONSTANT[column]}",
            DataWarning,
        )


def changing_roles(
    frame: pd.DataFrame, subject: str, person: IntArray
) -> dict[str, npt.NDArray[Any]]:
    """Return the subjects whose treatment or baseline is not the same in all rows, by column."""
    present = [column for column in _CONSTANT if column in frame]
    if not present:
        return {}
    first = np.empty(int(person.max(initial=-1)) + 1, dtype=np.intp)
    first[person[::-1]] = np.arange(len(person))[::-1]  # what is set last stays: the first row
    changing = {}
    for column in present:
        held = frame[column].array
        values = held.codes if isinstance(held, pd.Categorical) else frame[column].to_numpy()
        changes = pd.unique(frame[subject].to_numpy()[values != values[first[person]]])
        if len(changes):
            changing[column] = changes
    return changing


_CONSTANT = {
    "treatment": "Each row counts under the treatment that it names. In a crossover trial all is "
    "well; else give each subject the treatment it was assigned to in all rows.",
    "baseline": "Each row counts with the baseline that it holds: give a subject one baseline, or "
    "name a covariate that changes otherwise.",
}


def _of_subject(
    frame: pd.DataFrame, column: str | None, person: IntArray, n: int
) -> tuple[IntArray, list[str]]:
    if column is None:
        return np.zeros(n, dtype=np.intp), ["all"]
    values = frame[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, names = values.cat.codes.to_numpy(), values.cat.categories
    else:
        codes, names = pd.factorize(values, sort=True)
    result = np.full(n, -1, dtype=np.intp)
    result[person] = codes
    if (result[person] != codes).any():
        raise SpecError(f"group={column!r} changes between visits of a subject.")
    return result, [level_text(name) for name in names]


def _weights(
    frame: pd.DataFrame,
    column: str | None,
    person: IntArray,
    occasion: IntArray,
    shape: tuple[int, int],
) -> FloatArray | None:
    """Return weights by visit and subject; a constant weight is filled in at missed visits too."""
    if column is None:
        return None
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    if not (np.isfinite(values) & (values > 0)).all():
        raise SpecError(f"rating_weights={column!r} must be positive numbers.")
    by_visit = np.ones(shape[1])
    by_visit[person] = values
    result = np.ones(shape)
    if (by_visit[person] == values).all():
        result[:] = by_visit
    result[occasion, person] = values
    return result


def _matrix(
    formula: OutcomeFormula,
    frame: pd.DataFrame,
    person: IntArray,
    occasion: IntArray,
    n: int,
    T: int,
    known: Mapping[str, IntArray],
    baseline: Baseline | None,
) -> tuple[DesignSpec, FloatArray, list[str], tuple[str, ...]]:
    """Return the design at every visit of every subject, its columns, and what varies.

    At visits without a rating it is filled in with values of the subject, so that a covariate that
    never changes is one column for all visits. It has no weight there. `known` holds the codes of
    the columns that a visit determines, one entry a visit.
    """
    columns: dict[str, Any] = {}
    varying: list[str] = []
    place = occasion * n + person
    for name in sorted(str(v) for v in formula.rhs.required_variables):
        values = frame[name]
        if name in known:
            codes = np.repeat(known[name], n)
            columns[name] = pd.Categorical.from_codes(codes, dtype=values.dtype)  # type: ignore[call-overload]
            continue
        is_category = isinstance(values.dtype, pd.CategoricalDtype)
        plain = values.cat.codes.to_numpy() if is_category else values.to_numpy()
        by_subject = np.zeros(n, dtype=plain.dtype)
        by_subject[person] = plain
        if (by_subject[person] != plain).any():
            varying.append(name)
        # A value that occurs: 0 would have no logarithm and lie outside a spline.
        full = np.tile(by_subject, T)
        full[place] = plain
        columns[name] = (
            pd.Categorical.from_codes(full, dtype=values.dtype) if is_category else full  # type: ignore[call-overload]
        )
    table = pd.DataFrame(columns, index=pd.RangeIndex(n * T))
    table = table if baseline is None else baseline.apply(table)
    X, spec = formula.rhs.design(table)
    if spec.transform_state:
        # A transform with parameters (a centre, a spline) estimates them from analysed rows.
        spec = formula.rhs.design(frame)[1]
        X = spec.rows(table)
    if not np.isfinite(X).all():
        raise SpecError("The formula gives values that are not finite numbers.")
    laid_out = np.ascontiguousarray(X.reshape(T, n, -1).transpose(0, 2, 1))
    return spec, laid_out, list(spec.column_names), tuple(varying)


def long_table(data: Any, *, with_baseline: bool) -> pd.DataFrame:
    """Return a table, or the scheduled visits of a study, baselines as visit 0 when asked for."""
    if not isinstance(data, Study):
        return to_pandas(data, what="data")
    study, rows = data, data.longitudinal()
    if not with_baseline:
        return rows
    at_start = study.subjects.drop(columns="baseline").assign(
        score=study.subjects["baseline"], baseline=study.subjects["baseline"], visit=0.0, day=0.0
    )
    return pd.concat([at_start[[c for c in rows.columns if c in at_start]], rows])
