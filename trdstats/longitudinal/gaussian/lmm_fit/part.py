"""What a part of a divided study does for an LMM: its rows are read and summed, and let go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray, IntArray
from trdstats.errors import NotEstimableError
from trdstats.formulas import (
    CheckedFormula,
    OutcomeFormula,
    Uses,
    any_complete_rows,
    read_formula,
)
from trdstats.kernels.random_effects.chain import Chain, sort_rows
from trdstats.kernels.random_effects.column_sums import ColumnSums
from trdstats.kernels.random_effects.likelihood import RandomModel, State
from trdstats.kernels.random_effects.part_sums import PartSums, PlacedModel, sum_part
from trdstats.kernels.random_effects.predictions import Around, predict_levels, scores_of_units
from trdstats.longitudinal.designs.by_rating import Grouping, build_rows, read_effects
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.part_levels import (
    Levels,
    PartValues,
    values_of_part,
    with_levels,
)
from trdstats.study import Study

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.lmm import LMM

SUBJECT = "subject"


@dataclass(frozen=True)
class PartHead:
    """What is known of the analysed rows of a part beside their sums by subject.

    Attributes
    ----------
    design : Design
        Without rows.
    groupings : tuple of Grouping
        Without rows.
    chain : Chain
        How the groups lie, whose numbers are those of the labels of the groupings.
    in_unit : ndarray of int, shape (u,)
        Ratings of each group of the outermost level.
    columns : ColumnSums
    analysed : ndarray of bool, shape (n,)
        Which subjects of the part have an analysed row.
    extremes : pandas.DataFrame
        The least and the largest value of the numbers of the formula, two rows.
    """

    design: Design
    groupings: tuple[Grouping, ...]
    chain: Chain
    in_unit: IntArray
    columns: ColumnSums
    analysed: BoolArray
    extremes: pd.DataFrame


@dataclass(frozen=True)
class SummedPart:
    """A part that was read.

    Attributes
    ----------
    head : PartHead or None
        None where the part has no analysed row.
    sums : PartSums or None
    left_out : dict of str to int
        Rows not analysed, by reason.
    """

    head: PartHead | None
    sums: PartSums | None
    left_out: dict[str, int]


def effects_of(spec: LMM) -> dict[str, str]:
    """Return the random effects of every level as text, the subjects last."""
    return {SUBJECT: spec.random} if isinstance(spec.random, str) else dict(spec.random)


def _formulas(spec: LMM) -> tuple[OutcomeFormula, list[CheckedFormula], list[str]]:
    """Return the formula, those of the random effects, and the columns of all."""
    formula = read_formula(spec.formula)
    effects = [read_effects(text) for text in effects_of(spec).values()]
    used = {str(v) for v in formula.required_variables}
    for effect in effects:
        used |= {str(v) for v in effect.required_variables}
    return formula, effects, sorted(used)


def uses_of(spec: LMM) -> Uses:
    """Return how the formula and the random effects use their columns."""
    formula, effects, _ = _formulas(spec)
    return reduce(Uses.__or__, [effect.columns() for effect in effects], formula.rhs.columns())


def values_of(part: Study, spec: LMM) -> PartValues | None:
    """Return what the analysed rows of a part hold; None where it has no such row."""
    formula, _, needed = _formulas(spec)
    rows = part.longitudinal()
    if not len(rows):
        return None
    frame, _ = any_complete_rows(rows, formula, list(effects_of(spec)), needed)
    if not len(frame):
        return None
    factors = [c for c in needed if c != str(formula.lhs[0])]
    return values_of_part(frame, factors, uses=uses_of(spec))


def _read(part: Study, spec: LMM, levels: Levels) -> tuple[Design, list[Grouping]] | dict[str, int]:
    """Return the design of a part and its random effects, or how many rows are left out of none."""
    (formula, _, needed), random = _formulas(spec), effects_of(spec)
    rows = part.longitudinal()
    if not len(rows):
        return {}
    table = with_levels(rows, levels)
    try:
        return build_rows(table, formula, random, {}, [], is_part=True)
    except NotEstimableError:
        usable, left_out = any_complete_rows(table, formula, list(random), needed)
        if len(usable):
            raise
        return left_out


def sum_up(part: Study, spec: LMM, levels: Levels) -> SummedPart:
    """Read the rows of a part and return their sums."""
    read = _read(part, spec, levels)
    if isinstance(read, dict):
        return SummedPart(None, None, read)
    design, groupings = read
    sums = sum_part(_groups(groupings), _designs(design, groupings), design.y[0])
    numbers = [c for c in map(str, design.spec.required_variables) if c not in design.totals.types]
    head = PartHead(
        design=design.without_rows(),
        groupings=tuple(replace(g, Z=g.Z[:0], group=g.group[:0]) for g in groupings),
        chain=Chain((), sums.starts, sums.codes),
        in_unit=np.bincount(design.person),
        columns=sums.columns,
        analysed=part.subjects[SUBJECT].isin(groupings[-1].labels).to_numpy(),
        extremes=pd.DataFrame({c: [design.frame[c].min(), design.frame[c].max()] for c in numbers}),
    )
    return SummedPart(head, sums, design.left_out)


def _groups(groupings: Sequence[Grouping]) -> list[IntArray]:
    """Return the group of each rating by level, the subjects first."""
    return [g.group for g in reversed(groupings)]


def _designs(design: Design, groupings: Sequence[Grouping]) -> list[FloatArray]:
    """Return the designs of the random effects, the outermost first, and of the fixed effects."""
    return [*(g.Z for g in groupings), design.X[0].T]


def head_of(part: SummedPart) -> tuple[PartHead | None, dict[str, int]]:
    """Return what is known of a part beside its sums, and the rows left out."""
    return part.head, part.left_out


def model_of(part: SummedPart, placed: PlacedModel) -> RandomModel | None:
    """Return the model of the subjects of a part in the coordinates of the fit."""
    return None if part.sums is None else placed.model(part.sums)


def effects_of_part(
    model: RandomModel, around: Around | None, state: State
) -> tuple[FloatArray, FloatArray]:
    """Return predictions of the effects of the subjects of a part, and their errors.

    Parameters
    ----------
    model : RandomModel
    around : Around or None
        Of the groups next to the subjects; None where there is no such level.
    state : State
    """
    chain = model.chain
    if around is not None:
        around = around.of(chain.above(0, 1))
    (effects,), _ = predict_levels(chain, model.pivots(state.theta, 1), state, around)
    order = np.argsort(chain.codes[0])
    return effects[0][order], effects[1][order]


def scores_of_part(
    part: Study, spec: LMM, levels: Levels, placed: PlacedModel, state: State
) -> FloatArray:
    """Return X'V^-1 (y - X beta) of the outermost groups of a part, with V of its subjects alone.

    Its rows are read again.

    Returns
    -------
    ndarray, shape (n, q)
        In the order of the chain of the part.
    """
    read = _read(part, spec, levels)
    if isinstance(read, dict):
        return np.zeros((0, len(state.beta)))
    design, groupings = read
    designs, groups = _designs(design, groupings), _groups(groupings)
    model = placed.model(sum_part(groups, designs, design.y[0]))
    z = placed.fixed.of(np.column_stack(designs)[:, placed.fixed.columns])
    residual = design.y[0] - placed.start - z @ (placed.origin + state.beta)
    each = (z * (residual / state.theta[-1])[:, None])[sort_rows(groups)[0]]
    of_ratings = np.add.reduceat(each, model.chain.starts[-1], axis=0)
    return scores_of_units(model.chain, model.pivots(state.theta, 1), state, of_ratings)


def subjects_of_part(part: Study, spec: LMM, levels: Levels) -> pd.DataFrame:
    """Return the columns of the formula on the first analysed row of every subject of a part."""
    read = _read(part, spec, levels)
    if isinstance(read, dict):
        return pd.DataFrame()
    design, groupings = read
    first = np.unique(groupings[-1].group, return_index=True)[1]
    columns = [str(v) for v in design.spec.required_variables]
    return design.frame[columns].iloc[first].reset_index(drop=True)
