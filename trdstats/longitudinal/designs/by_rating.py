"""Designs by rating, for random effects on individual visit days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray, IntArray
from trdstats.errors import NotEstimableError, SpecError
from trdstats.formulas import (
    CheckedFormula,
    DesignSpec,
    OutcomeFormula,
    as_categories,
    complete_rows,
    outcome_of,
    read_right_side,
)
from trdstats.frames import to_pandas
from trdstats.longitudinal.designs.by_visit import warn_of_changing_roles
from trdstats.longitudinal.designs.design import Design, RowTotals
from trdstats.study.plausibility.plain_tables import warn_of_changes
from trdstats.study.study import better_of, caveat_of, is_of_study

Factor = tuple[Any, Any]  # group of each row, names of the groups


@dataclass(frozen=True)
class Grouping:
    """The random effects of the groups of one factor.

    Attributes
    ----------
    column : str
        Column that names the groups.
    effects : list of str
    Z : ndarray, shape (n_rows, r)
        Design of the effects.
    group : ndarray of int, shape (n_rows,)
    labels : pandas.Index
        Names of the groups.
    crossed : bool
        Whether the groups cross those of other factors; else they lie within the groups before.
    spec : DesignSpec
        How a table becomes the design of the effects.
    """

    column: str
    effects: list[str]
    Z: FloatArray
    group: IntArray
    labels: pd.Index[Any]
    crossed: bool
    spec: DesignSpec


def build_rows(
    data: Any,
    formula: OutcomeFormula,
    random: Mapping[str, str],
    crossed: Mapping[str, str],
    more: list[str],
    *,
    is_part: bool = False,
) -> tuple[Design, list[Grouping]]:
    """Read the ratings of a table and the groups they belong to.

    Parameters
    ----------
    data : Study or DataFrame
    formula : OutcomeFormula
    random, crossed : mapping of str to str
        Column of each factor and its random effects: nested ones, the outermost first and the
        subject last, and crossed ones.
    more : list of str
        Further columns that must be there.
    is_part : bool
        Whether the rows are a part of all, whose categories name the levels of all.

    Returns
    -------
    design : Design
        Its visits are the first, second, ... rating of an outermost group.
    groupings : list of Grouping

    Raises
    ------
    DataError, SpecError, NotEstimableError
        As `build_design`; also when a group belongs to two groups of the level above, or a factor
        has too few groups for a variance.
    """
    effects = {column: read_effects(text) for column, text in {**random, **crossed}.items()}
    needed = {str(v) for v in formula.required_variables}
    for effect in effects.values():
        needed |= {str(v) for v in effect.required_variables}
    roles = [*effects, *more]
    frame, left_out = complete_rows(data, formula, roles, sorted(needed))
    outcome = str(formula.lhs[0])
    if outcome == "change" and not is_of_study(data):
        table = to_pandas(data, what="data", copied=False)
        warn_of_changes(table, outcome, ["visit", "day"])
    uses = formula.rhs.columns()
    for effect in effects.values():
        uses |= effect.columns()
    frame = as_categories(
        frame, [c for c in sorted(needed) if c != outcome], uses=uses, keep_levels=is_part,
        is_part=is_part,
    )  # fmt: skip
    factors = {c: pd.factorize(frame[c], sort=True) for c in effects}
    nested = {c: factors[c] for c in random}
    if is_part:
        _check_each_within_one(nested)
    else:
        check_nested(nested)
    _check_crossed(factors, crossed)
    unit, subject = next(iter(random)), list(random)[-1]
    person = np.asarray(factors[unit][0], dtype=np.intp)
    place = _places(person)
    warn_of_changing_roles(frame, subject, np.asarray(factors[subject][0], dtype=np.intp))
    X, spec = formula.rhs.design(frame)
    if not np.isfinite(X).all():
        raise SpecError("The formula gives values that are not finite numbers.")
    # Levels often have the same effects, such as an intercept.
    drawn_of = {
        text: read_effects(text).design(frame)
        for text in dict.fromkeys({**random, **crossed}.values())
    }
    groupings = []
    for column, text in {**random, **crossed}.items():
        Z, of_effects = drawn_of[text]
        if not np.isfinite(Z).all():
            raise SpecError(
                f"random effects of {column!r} have values that are not finite numbers."
            )
        code, labels = factors[column]
        group = np.asarray(code, dtype=np.intp)
        names = list(of_effects.column_names)
        groupings.append(
            Grouping(column, names, Z, group, pd.Index(labels), column in crossed, of_effects)
        )
    N = len(frame)
    design = Design(
        frame=frame, subjects=pd.Index(factors[unit][1]), visits=pd.RangeIndex(place.max() + 1),
        days=np.zeros((1, 1)), schedule=np.zeros(N, dtype=np.intp),
        outcome=outcome, terms=list(spec.column_names), spec=spec,
        X=X.T[None], y=outcome_of(frame, formula)[None],
        rated=np.ones((N, 1), dtype=bool), group=np.zeros(N, dtype=np.intp),
        groups=["all"], weight=None, person=person, occasion=place, varying=(), baseline=None,
        totals=RowTotals.of(frame, [str(v) for v in spec.required_variables]),
        left_out=left_out, caveat=caveat_of(data),
        better=better_of(data, outcome), unit="subject" if subject == unit else unit,
        subject_of_row=pd.Index(frame[subject]), by_row=True,
    )  # fmt: skip
    return design, groupings


def read_effects(text: str) -> CheckedFormula:
    """Return random effects as a formula.

    Raises
    ------
    SpecError
        When they cannot be read, or there is none.
    """
    try:
        effects = read_right_side(text)
    except SpecError as error:
        raise SpecError(f"random={text!r}: {error}") from None
    if not len(list(effects)):
        raise SpecError(
            f"random={text!r} names no random effect: '1' is an intercept, '1 + week' an "
            "intercept and a slope. MMRM fits a model without random effects."
        )
    return effects


def check_nested(factors: Mapping[str, Factor]) -> None:
    """Refuse a group that belongs to two groups of the level above it, and levels that agree.

    Parameters
    ----------
    factors : mapping of str to (ndarray of int, Index)
        Group of each row and names of the groups, the outermost first.

    Raises
    ------
    NotEstimableError, SpecError
    """
    for pair in pairwise(factors.items()):
        _check_each_within_one(dict(pair))
        (above, (_, names)), (column, (_, labels)) = pair
        if len(labels) == len(names) > 1:
            raise NotEstimableError(
                f"Every {above!r} holds one {column!r}, so their variances are not identified. "
                "Leave one of the two levels out."
            )
    for column, (_, names) in list(factors.items())[:-1]:
        check_several(column, names)


def _check_each_within_one(factors: Mapping[str, Factor]) -> None:
    """Refuse a group that belongs to two groups of the level above it."""
    for (above, (outer, names)), (column, (inner, labels)) in pairwise(factors.items()):
        of_inner, of_outer = _pairs(inner, outer)
        twice = np.flatnonzero(np.bincount(of_inner) > 1)
        if len(twice):
            parents = ", ".join(str(names[o]) for o in of_outer[of_inner == twice[0]])
            raise SpecError(
                f"{column!r} is not nested within {above!r}: {labels[twice[0]]} is in {parents}"
                + (f", and {len(twice) - 1} more are in several" if len(twice) > 1 else "")
                + f". Groups within different levels of {above!r} need different names; where "
                f"they are the same groups, name the factor in crossed={{{above!r}: '1'}}."
            )


def _check_crossed(factors: Mapping[str, Factor], crossed: Mapping[str, str]) -> None:
    """Refuse a crossed factor whose groups are those of another."""
    for column in crossed:
        code, names = factors[column]
        check_several(column, names)
        for other, (of_other, other_names) in factors.items():
            if other == column or len(other_names) != len(names):
                continue
            if len(_pairs(code, of_other)[0]) == len(names):
                raise NotEstimableError(
                    f"{column!r} and {other!r} divide the ratings into the same groups, so their "
                    "variances are not identified. Leave one of the two out."
                )


def _pairs(one: Any, other: Any) -> tuple[IntArray, IntArray]:
    """Return the distinct pairs of codes of rows, in order."""
    n = int(other.max()) + 1
    return np.divmod(np.unique(one.astype(np.intp) * n + other), n)


def check_several(column: str, names: Any) -> None:
    """Refuse a factor of one group.

    Raises
    ------
    NotEstimableError
    """
    if len(names) < 2:
        raise NotEstimableError(
            f"{column!r} has one group ({names[0]}): the variance between groups needs at least "
            "two. Leave the factor out."
        )


def _places(group: IntArray) -> IntArray:
    """Return the place of each row among those of its group, in their order."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    start = np.cumsum(sizes) - sizes
    place = np.empty(len(group), dtype=np.intp)
    place[order] = np.arange(len(group)) - np.repeat(start, sizes)
    return place
