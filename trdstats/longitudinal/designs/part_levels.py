"""Levels of categories in the parts of a study, brought together so that designs are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pandas as pd

from trdstats.formulas import OutcomeFormula, Uses, any_complete_rows, as_categories
from trdstats.kinds import as_category, trimmed
from trdstats.study import Study

Levels: TypeAlias = "dict[str, pd.Index[Any]]"


def levels_of_part(
    part: Study,
    formula: OutcomeFormula,
    roles: list[str],
    needed: list[str],
    factors: list[str],
    *,
    visit: str = "",
    uses: Uses | None = None,
) -> Levels | None:
    """Return the levels that the analysed rows of a part have; None where it has no such row.

    Parameters
    ----------
    part : Study
    formula : OutcomeFormula
    roles, needed : list of str
        Columns that a row must have, as for `any_complete_rows`.
    factors : list of str
        Columns that may be categories.
    visit : str
        Column of the visits, where they are categories.
    uses : Uses, optional
        Default: those of the formula.
    """
    rows = part.longitudinal()
    if not len(rows):
        return None
    frame, _ = any_complete_rows(rows, formula, roles, needed)
    if not len(frame):
        return None
    return levels_of_rows(frame, factors, visit=visit, uses=uses or formula.rhs.columns())


def levels_of_rows(frame: pd.DataFrame, factors: list[str], *, visit: str, uses: Uses) -> Levels:
    """Return the levels that analysed rows of a part have; see `levels_of_part`."""
    coded = as_categories(frame, factors, visit, uses=uses, is_part=True)
    return {
        c: coded[c].cat.categories
        for c in factors
        if isinstance(coded[c].dtype, pd.CategoricalDtype)
    }


def levels_of_all(parts: Sequence[Levels], study: Study, visit: str = "") -> Levels:
    """Return the levels of the analysed rows of all parts in their order.

    Parameters
    ----------
    parts : sequence of dict of str to Index
    study : Study
        Its subjects know the declared order of their categories.
    visit : str
        Column of the visits, where they are categories.
    """
    levels: Levels = {}
    for c in parts[0]:
        used = set().union(*(part[c] for part in parts if c in part))
        declared = study.subjects[c].dtype if c in study.subjects else None
        if isinstance(declared, pd.CategoricalDtype):
            levels[c] = pd.Index([v for v in declared.categories if v in used])
        elif c == visit:
            levels[c] = pd.Index(sorted(used))
        else:
            levels[c] = as_category(pd.Series(list(used))).categories
    return levels


def with_levels(rows: pd.DataFrame, levels: Mapping[str, pd.Index[Any]]) -> pd.DataFrame:
    """Return rows of a part whose categories name the levels of all parts."""
    texts = trimmed(rows[list(levels)], list(levels))  # as levels were read
    coded = {c: pd.Categorical(texts[c], categories=known) for c, known in levels.items()}
    table = rows.assign(**coded)
    table.attrs = dict(rows.attrs)
    return table
