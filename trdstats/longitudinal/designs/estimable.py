"""What the data of a mixed model identify, and why the rest is not estimable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray, FloatArray
from trdstats.errors import EstimateWarning, warn
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.gaussian.estimability import Estimability
from trdstats.kernels.gaussian.mixed_tests import FTest, Inference
from trdstats.longitudinal.designs.degrees import ModelDegrees
from trdstats.longitudinal.designs.design import Design, ModelRows
from trdstats.longitudinal.designs.levels import level_text
from trdstats.tables import caveat_notes

ALONE = "one subject alone determines it, so it has no empirical standard error"
ZERO = "it is 0 by the model"


def warn_of_aliased(aliased: Sequence[str], n: int) -> None:
    """Warn that some of n columns of a design are left out, where there are any.

    Warns
    -----
    EstimateWarning
    """
    if aliased:
        warn(words_on_aliased(aliased, n), EstimateWarning)


def words_on_aliased(aliased: Sequence[str], n: int) -> str:
    """Return that some of n columns of a design are left out."""
    return (
        f"{len(aliased)} of {n} columns are collinear (aliased) and left out: "
        f"{', '.join(aliased[:8])}{', ...' if len(aliased) > 8 else ''}. Effects that depend on "
        "them are not estimable."
    )


@dataclass(frozen=True)
class Identified:
    """Inference on combinations of all columns of a design, refused where they are not estimable.

    Attributes
    ----------
    design : ModelRows
    inference : Inference
        On the estimated columns.
    columns : Estimability
    by_constraint : tuple of int
        Columns left out because a constrained analysis makes them equal to others.
    """

    design: ModelRows
    inference: Inference
    columns: Estimability
    by_constraint: tuple[int, ...] = ()

    def estimates(
        self,
        L: FloatArray,
        keys: pd.DataFrame,
        *,
        size: FloatArray | None = None,
        cells: Sequence[Mapping[str, object]] | None = None,
        title: str = "Estimates",
    ) -> Estimates:
        """Return the estimates L beta; NaN with the reason where not estimable.

        Parameters
        ----------
        L : ndarray, shape (k, q)
            Coefficients on all columns of the design.
        keys : pandas.DataFrame
            One row an estimate.
        size : ndarray, shape (k, q), optional
            As in `Estimability.violates`.
        cells : sequence of mapping, optional
            Levels of categories that each row stands for.
        title : str
        """
        violated = self.columns.violates(L, size)
        lost = np.asarray(violated.any(axis=1))
        rows = np.where(lost[:, None], 0.0, L[:, self.columns.kept])
        alone = ~lost & self.inference.rests_on_one(rows)
        covariance = self.inference.covariances(rows)
        covariance[alone], covariance[:, alone] = np.nan, np.nan
        reason = [ALONE if one else "" for one in alone]
        for i in np.flatnonzero(lost):
            unseen = None if cells is None else self.unassessed(cells[int(i)])
            reason[i] = unseen or self.aliasing(violated[i])
        return estimates_of(
            keys, np.where(lost, np.nan, self.inference.values(rows)), covariance=covariance,
            null=0.0, df=ModelDegrees(self.inference, rows), reasons=reason, title=title,
            notes=caveat_notes(self.design.caveat),
        )  # fmt: skip

    def test(self, L: FloatArray, *, as_parametrised: bool = False) -> tuple[FTest, str]:
        """Test the estimable part of L beta = 0, and give the reason for the rest.

        Parameters
        ----------
        L : ndarray, shape (k, q)
            Coefficients on all columns of the design.
        as_parametrised : bool
            Whether the columns that a constraint leaves out are no part of the model: the others
            are then effects by themselves.
        """
        columns = self.columns.without(self.by_constraint) if as_parametrised else self.columns
        violated = np.asarray(columns.violates(L).any(axis=0))
        part, lost = columns.estimable_part(L)
        test = self.inference.f_test(part[:, columns.kept])
        if not lost:
            return test, ALONE if test.df_num and np.isnan(test.statistic) else ""
        why = _aliasing(self.design, columns, violated)
        if not len(part):
            return test, why
        extent = f"{lost} of {len(part) + lost} contrasts are not estimable"
        return test, f"{extent}, the others are tested: {why}"

    def unassessed(self, cell: Mapping[str, object]) -> str | None:
        """Return as text the one or two levels of a cell without any assessment, or None."""
        for k in (1, 2):
            for names in combinations(cell, k):
                levels = {c: cell[c] for c in names}
                if not self.design.totals.count(levels):
                    return _no_assessment(self.design.visit, levels)
        return None

    def aliasing(self, violated: BoolArray) -> str:
        """Return as text the terms of the formula that are collinear (aliased) in the data."""
        return _aliasing(self.design, self.columns, violated)

    def ambiguous(self) -> list[str]:
        """Return the kept columns whose coefficients depend on which others were left out."""
        columns = self.columns.without(self.by_constraint)
        touched = (columns.null[columns.kept] != 0).any(axis=1)
        return [self.design.terms[j] for j in columns.kept[touched]]


def _no_assessment(visit: str, cell: Mapping[str, object]) -> str:
    others = " and ".join(f"{c} {level_text(v)}" for c, v in cell.items() if c != visit)
    if visit not in cell:
        return f"no assessment of a subject with {others}"
    who = f"no subject with {others}" if others else "no subject"
    return f"{who} was assessed at {visit} {level_text(cell[visit])}"


def _aliasing(design: ModelRows, columns: Estimability, violated: BoolArray) -> str:
    reasons: list[str] = []
    of_column = {
        j: str(t)
        for t, columns_of_term in design.spec.term_indices.items()
        for j in columns_of_term
    }
    for k in np.flatnonzero(violated):
        involved = np.flatnonzero(columns.null[:, k])
        if len(involved) == 1:
            name = of_column[int(involved[0])]
            reasons += _empty_cells(design, [name]) or [
                f"{design.terms[involved[0]]} is 0 in every row"
            ]
            continue
        terms = dict.fromkeys(of_column[int(j)] for j in involved)
        named = [t for t in terms if t != "1"] if len(terms) > 2 else list(terms)
        words = ["the intercept" if t == "1" else t for t in named]
        empty = _empty_cells(design, named)
        reasons += empty or [f"{_listed(words)} are collinear (aliased)"]
    unique = list(dict.fromkeys(reasons))
    return "; ".join(unique[:3]) + ("; ..." if len(unique) > 3 else "")


def _empty_cells(design: ModelRows, terms: Sequence[str]) -> list[str]:
    """Return as text the cells of the largest of some terms that have no assessment."""
    by_name = {str(t): t for t in design.spec.term_indices}
    factors = max(
        ([c for c in design.totals.types if c in _variables(design, by_name[t])] for t in terms),
        key=len,
    )
    if not factors:
        return []
    counts = design.totals.size(factors)
    empty = [k if len(factors) > 1 else (k,) for k in counts.index[counts.to_numpy() == 0]]
    cells = [dict(zip(factors, key, strict=True)) for key in empty]
    return [_no_assessment(design.visit, cell) for cell in cells]


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return f"the columns of {names[0]}"
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def without_visit(design: Design) -> list[int]:
    """Return the columns of treatment without visit, redundant in a constrained analysis.

    All have the reference treatment at the first visit, so these columns are sums of those by
    visit. Without them coefficients read as effects at their visits.
    """
    if design.baseline is None:
        return []
    treatment, visit = design.baseline.treatment, design.baseline.visit
    columns: list[int] = []
    for term, columns_of_term in design.spec.term_indices.items():
        variables = _variables(design, term)
        if treatment in variables and visit not in variables:
            columns += columns_of_term
    return columns


def left_out_by_constraint(design: Design, columns: Estimability) -> tuple[int, ...]:
    """Return the columns left out because treatments share one mean at the first visit."""
    if design.baseline is None:
        return ()
    implied = set(without_visit(design)) & set(columns.left_out.tolist())
    unconstrained = design.rows_of(design.frame)
    for k, j in enumerate(columns.left_out.tolist()):
        # Treatment at the first visit: the column is 0 by the constraint, not in the data.
        if np.count_nonzero(columns.null[:, k]) == 1 and unconstrained[:, j].any():
            implied.add(j)
    return tuple(sorted(implied))


def _variables(design: ModelRows, term: Any) -> set[str]:
    return {str(v) for v in design.spec.term_variables[term]}


def notes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the reasons of a table as notes, each once."""
    not_estimable = table.loc[table["std_error"].isna(), "reason"]
    reasons: Iterable[str] = dict.fromkeys(r for r in not_estimable if r not in ("", ZERO))
    return tuple(f"Not estimable (–): {reason}." for reason in reasons)
