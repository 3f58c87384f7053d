"""Who is compared and what is known of them before treatment: one row a subject."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.arrays import IntArray
from trdstats.columns import are_finite, check_named, in_roles
from trdstats.errors import DataError, NotEstimableError, Problem, SpecError, count_of, unknown_name
from trdstats.formulas import (
    CovariateDesign,
    Uses,
    check_differences,
    quoted,
    read_covariates,
    read_right_side,
    split_sides,
)
from trdstats.frames import to_pandas
from trdstats.kinds import as_category, as_labels, check_kind, trimmed
from trdstats.study import Study

FEWEST = 3  # subjects of a treatment


@dataclass(frozen=True)
class CovariateTable:
    """Subjects with treatment and covariates.

    Attributes
    ----------
    frame : pandas.DataFrame
        subject, treatment (categorical), covariates, none of them missing.
    design : CovariateDesign
    treatment : ndarray of int, shape (n,)
    labels : tuple of str
        Treatments.
    formula : str
        Covariates, with the indicators of those that were missing.
    filled : dict of str to int
        Covariates whose missing values have an indicator, with their number.
    same : tuple of str
        Columns that are the same for all: balanced without weights.
    caveat : str
    """

    frame: pd.DataFrame
    design: CovariateDesign
    treatment: IntArray
    labels: tuple[str, ...]
    formula: str
    filled: dict[str, int]
    same: tuple[str, ...]
    caveat: str

    def sizes(self) -> dict[str, int]:
        """Return the number of subjects of each treatment."""
        counts = np.bincount(self.treatment, minlength=len(self.labels))
        return {name: int(n) for name, n in zip(self.labels, counts, strict=True)}


def split_formula(formula: str, treatment: str) -> tuple[str, str]:
    """Return the covariates of a formula and the column of the treatment.

    ``"msm + age"`` takes the column given; ``"arm ~ msm + age"`` names it.
    """
    left, right = split_sides(formula)
    if left is None:
        return formula, treatment
    named = left.columns().bare
    if len(left) != 1 or len(named) != 1:
        raise SpecError(f"The left side of {formula!r} names the column of the treatment.")
    return right, str(*named)


def read_covariate_table(
    data: Any, formula: str, *, subject: str, treatment: str, missing: str
) -> CovariateTable:
    """Return the subjects of a study or a table with the covariates of a formula.

    Raises
    ------
    DataError
        When a column is not there, a subject has two rows, or covariates are missing.
    NotEstimableError
        When there are fewer than two treatments, one with too few subjects, or covariates are
        collinear.
    """
    covariates, column = split_formula(formula, treatment)
    study = data if isinstance(data, Study) else None
    table = (
        data.subjects if isinstance(data, Study) else to_pandas(data, what="subjects", copied=False)
    )
    for name in (subject, column):
        if name not in table:
            raise unknown_name("column", name, table.columns)
    table = in_roles(table, {"subject": subject, "treatment": column})
    table.index = pd.RangeIndex(len(table))
    table = trimmed(table, ["subject"])
    nameless = check_named(table["subject"])
    if nameless is not None:
        raise DataError([nameless])
    names = pd.Index(table["subject"])
    # Seen at one glance where they stand in their order.
    is_once = names.is_monotonic_increasing and names.is_unique
    if not is_once and table["subject"].duplicated().any():
        twice = table["subject"][table["subject"].duplicated()]
        raise DataError(
            [
                Problem(
                    "several_rows",
                    f"{count_of(twice.nunique(), 'subject has', 'subjects have')} several rows.",
                    tuple(str(s) for s in twice.unique()),
                    "Weights are for subjects: give one row each, such as study.subjects.",
                )
            ]
        )
    table["treatment"] = as_labels(table["treatment"])
    labels = tuple(table["treatment"].cat.categories)
    _check_treatments(table["treatment"], labels)
    read = read_right_side(covariates)
    needed = sorted(str(v) for v in read.required_variables)
    if "treatment" in needed:
        raise SpecError("The formula explains the treatment: it cannot stand on its right side.")
    _check_finite(table, [c for c in needed if c in table])
    table, filled = _fill(table, [c for c in needed if c in table], missing, read.columns())
    indicators = " + ".join(quoted(f"{c}_missing") for c in filled if f"{c}_missing" in table)
    whole = f"{covariates} + {indicators}" if indicators else covariates
    design = read_covariates(table, whole, what="subjects", least=0)
    varies = np.array([x.min() < x.max() for x in design.X.T], dtype=bool)
    same = tuple(t for t, v in zip(design.terms, varies, strict=True) if not v)
    # A category with one level has no column.
    levels = {c: getattr(design.frame[c].dtype, "categories", ()) for c in needed}
    same += tuple(c for c in needed if len(levels[c]) == 1)
    design = replace(
        design,
        X=design.X if varies.all() else design.X[:, varies],
        terms=[t for t, v in zip(design.terms, varies, strict=True) if v],
        factors=[f for f, v in zip(design.factors, varies, strict=True) if v],
    )
    if not design.terms:
        raise NotEstimableError(
            f"All subjects have the same {', '.join(same)}: there is nothing to balance."
            if same
            else f"The formula {covariates!r} names no covariate: there is nothing to balance."
        )
    check_differences(design.X, design.terms)
    code = table["treatment"].cat.codes.to_numpy().astype(np.intp)
    caveat = study.caveat if study is not None else ""
    # The columns of `table` are those given; the design has copies.
    return CovariateTable(design.frame, design, code, labels, whole, filled, same, caveat)


def _check_treatments(column: pd.Series[Any], labels: tuple[str, ...]) -> None:
    unknown, *sizes = np.bincount(column.cat.codes + 1, minlength=len(labels) + 1).tolist()
    if unknown:
        raise DataError(
            [
                Problem(
                    "no_treatment",
                    f"{count_of(unknown, 'subject has', 'subjects have')} no treatment.",
                    (),
                    "Leave them out before, and say so.",
                )
            ]
        )
    if len(labels) < 2:
        raise NotEstimableError(
            f"Weights need two treatments; there is {', '.join(labels) or 'none'}."
        )
    few = {k: n for k, n in zip(labels, sizes, strict=True) if n < FEWEST}
    if few:
        listed = ", ".join(f"{k} ({n})" for k, n in few.items())
        raise NotEstimableError(
            f"Too few subjects to model who gets it: {listed}. Leave such a treatment out."
        )


def _fill(
    table: pd.DataFrame, columns: list[str], missing: str, uses: Uses
) -> tuple[pd.DataFrame, dict[str, int]]:
    lacks = {c: int(table[c].isna().sum()) for c in columns if not are_finite(table[c])}
    lacks = {c: n for c, n in lacks.items() if n}
    if not lacks:
        return table, {}
    if missing == "error":
        listed = ", ".join(f"{c} ({n})" for c, n in lacks.items())
        who = table["subject"][table[list(lacks)].isna().any(axis=1)]
        raise DataError(
            [
                Problem(
                    "missing_covariate",
                    f"Covariates are missing: {listed}.",
                    tuple(str(s) for s in who),
                    "Say missing='indicator' to give each its own indicator (missing then "
                    "counts as a trait of the subject), or impute them before.",
                )
            ]
        )
    empty = [c for c in lacks if table[c].isna().all()]
    if empty:
        raise NotEstimableError(f"No subject has {', '.join(empty)}: leave it out of the formula.")
    changed: dict[str, Any] = {}
    patterns: set[bytes] = set()
    for name in lacks:
        values = table[name]
        left = values.isna()
        if name in uses.categories - uses.numbers - uses.bare:
            values = pd.Series(as_category(values), index=values.index)
        problem = check_kind(values, name, "subjects")
        if problem is not None:
            raise DataError([problem])
        if isinstance(values.dtype, pd.CategoricalDtype):
            # The order of the categories stays, and with it the reference.
            changed[name] = values.cat.add_categories("missing").fillna("missing")
        elif not pd.api.types.is_numeric_dtype(values.dtype):
            changed[name] = values.astype(object).where(~left, "missing")
        else:
            changed[name] = values.astype(float).fillna(float(values.mean()))
            if f"{name}_missing" in table:
                raise SpecError(
                    f"The indicator of {name!r} would be named '{name}_missing', as another "
                    "column is: rename that."
                )
            # Covariates that lack together share one indicator.
            pattern = left.to_numpy().tobytes()
            if pattern not in patterns:
                changed[f"{name}_missing"] = left.astype(float)
                patterns.add(pattern)
    return table.assign(**changed), lacks


def _check_finite(table: pd.DataFrame, columns: list[str]) -> None:
    infinite = {
        c: int(np.isinf(table[c].to_numpy(dtype=float)).sum())
        for c in columns
        if pd.api.types.is_numeric_dtype(table[c].dtype) and not are_finite(table[c])
    }
    infinite = {c: n for c, n in infinite.items() if n}
    if infinite:
        listed = ", ".join(f"{c} ({n})" for c, n in infinite.items())
        raise DataError(
            [
                Problem(
                    "infinite_covariate",
                    f"Covariates are infinite: {listed}.",
                    (),
                    "Enter their values, or mark them as missing.",
                )
            ]
        )
