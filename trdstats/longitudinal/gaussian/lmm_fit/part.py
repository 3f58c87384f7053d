"""What a part of a divided study does for an LMM: its rows are read and summed, and let go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import NotEstimableError
from trdstats.formulas import CheckedFormula, OutcomeFormula, any_complete_rows, read_formula
from trdstats.kernels.random_effects.column_sums import ColumnSums
from trdstats.kernels.random_effects.likelihood import RandomModel, State
from trdstats.kernels.random_effects.part_sums import PartSums, PlacedModel, sum_part
from trdstats.kernels.random_effects.predictions import predict_effects, scores_of_units
from trdstats.longitudinal.designs.by_rating import Grouping, build_rows, read_effects
from trdstats.longitudinal.designs.design import Design
from trdstats.longitudinal.designs.part_levels import Levels, levels_of_part, with_levels
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
    grouping : Grouping
        Without rows and labels.
    columns : ColumnSums
    analysed : ndarray of bool, shape (n,)
        Which subjects of the part have an analysed row.
    extremes : pandas.DataFrame
        The least and the largest value of the numbers of the formula, two rows.
    """

    design: Design
    grouping: Grouping
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


def effects_of(spec: LMM) -> str:
    """Return the random effects of the subjects as text."""
    return spec.random if isinstance(spec.random, str) else next(iter(spec.random.values()))


def _formulas(spec: LMM) -> tuple[OutcomeFormula, CheckedFormula, list[str]]:
    """Return the formula, that of the random effects, and the columns of both."""
    formula, effects = read_formula(spec.formula), read_effects(effects_of(spec))
    used = {*formula.required_variables, *effects.required_variables}
    return formula, effects, sorted({str(v) for v in used})


def levels_for(part: Study, spec: LMM) -> Levels | None:
    """Return the levels that the analysed rows of a part have; None where it has no such row."""
    formula, effects, needed = _formulas(spec)
    factors = [c for c in needed if c != str(formula.lhs[0])]
    uses = formula.rhs.columns() | effects.columns()
    return levels_of_part(part, formula, [SUBJECT], needed, factors, uses=uses)


def _read(part: Study, spec: LMM, levels: Levels) -> tuple[Design, Grouping] | dict[str, int]:
    """Return the design of a part and its random effects, or how many rows are left out of none."""
    formula, _, needed = _formulas(spec)
    rows = part.longitudinal()
    if not len(rows):
        return {}
    table = with_levels(rows, levels)
    try:
        design, (grouping,) = build_rows(
            table, formula, {SUBJECT: effects_of(spec)}, {}, [], is_part=True
        )
    except NotEstimableError:
        usable, left_out = any_complete_rows(table, formula, [SUBJECT], needed)
        if len(usable):
            raise
        return left_out
    return design, grouping


def sum_up(part: Study, spec: LMM, levels: Levels) -> SummedPart:
    """Read the rows of a part and return their sums."""
    read = _read(part, spec, levels)
    if isinstance(read, dict):
        return SummedPart(None, None, read)
    design, grouping = read
    sums = sum_part(grouping.group, (grouping.Z, design.X[0].T), design.y[0])
    numbers = [c for c in map(str, design.spec.required_variables) if c not in design.totals.types]
    head = PartHead(
        design=design.without_rows(),
        grouping=replace(
            grouping, Z=grouping.Z[:0], group=grouping.group[:0], labels=grouping.labels[:0]
        ),
        columns=sums.columns,
        analysed=part.subjects[SUBJECT].isin(grouping.labels).to_numpy(),
        extremes=pd.DataFrame({c: [design.frame[c].min(), design.frame[c].max()] for c in numbers}),
    )
    return SummedPart(head, sums, design.left_out)


def head_of(part: SummedPart) -> tuple[PartHead | None, dict[str, int]]:
    """Return what is known of a part beside its sums, and the rows left out."""
    return part.head, part.left_out


def model_of(part: SummedPart, placed: PlacedModel) -> RandomModel | None:
    """Return the model of the subjects of a part in the coordinates of the fit."""
    return None if part.sums is None else placed.model(part.sums)


def effects_of_part(model: RandomModel, state: State) -> tuple[FloatArray, FloatArray]:
    """Return predictions of the effects of the subjects of a part, and their errors."""
    return predict_effects(model, state)[0]


def scores_of_part(
    part: Study, spec: LMM, levels: Levels, placed: PlacedModel, state: State
) -> FloatArray:
    """Return X'V^-1 (y - X beta) of the subjects of a part, whose rows are read again, (n, q)."""
    read = _read(part, spec, levels)
    if isinstance(read, dict):
        return np.zeros((0, len(state.beta)))
    design, grouping = read
    designs = (grouping.Z, design.X[0].T)
    model = placed.model(sum_part(grouping.group, designs, design.y[0]))
    z = placed.fixed.of(np.column_stack(designs)[:, placed.fixed.columns])
    residual = design.y[0] - placed.start - z @ (placed.origin + state.beta)
    order = np.argsort(grouping.group, kind="stable")
    each = (z * (residual / state.theta[-1])[:, None])[order]
    of_ratings = np.add.reduceat(each, model.chain.starts[0], axis=0)
    return scores_of_units(model, state, of_ratings)


def subjects_of_part(part: Study, spec: LMM, levels: Levels) -> pd.DataFrame:
    """Return the columns of the formula on the first analysed row of every subject of a part."""
    read = _read(part, spec, levels)
    if isinstance(read, dict):
        return pd.DataFrame()
    design, grouping = read
    first = np.unique(grouping.group, return_index=True)[1]
    columns = [str(v) for v in design.spec.required_variables]
    return design.frame[columns].iloc[first].reset_index(drop=True)
