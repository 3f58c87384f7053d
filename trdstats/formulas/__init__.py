"""Formulas: what they may contain, which columns they name, and the design matrix they give.

A formula is text, and text may come from a plan or a header: it is read and checked here
(`reading`, `expressions`, `language`) and worked out by an interpreter of our own (`evaluate`).
"""

from trdstats.formulas.design import (
    MISSING,
    CovariateDesign,
    OutcomeFormula,
    add_left_out,
    any_complete_rows,
    as_categories,
    check_differences,
    check_full_rank,
    check_outcome_apart,
    complete_rows,
    outcome_of,
    read_covariates,
    read_formula,
    read_right_side,
    split_sides,
)
from trdstats.formulas.evaluate import CheckedFormula, DesignSpec, Uses
from trdstats.formulas.language import allow
from trdstats.kinds import quoted

__all__ = [
    "MISSING",
    "CheckedFormula",
    "CovariateDesign",
    "DesignSpec",
    "OutcomeFormula",
    "Uses",
    "add_left_out",
    "allow",
    "any_complete_rows",
    "as_categories",
    "check_differences",
    "check_full_rank",
    "check_outcome_apart",
    "complete_rows",
    "outcome_of",
    "quoted",
    "read_covariates",
    "read_formula",
    "read_right_side",
    "split_sides",
]
