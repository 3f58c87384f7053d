"""Joint tests of the terms of a formula: their columns, and the test as a row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError
from trdstats.kernels.gaussian.mixed_tests import FTest
from trdstats.kernels.numerics.tails import chi2_sf, f_sf
from trdstats.longitudinal.designs.design import ModelRows
from trdstats.longitudinal.designs.grid import type3_rows


def columns_by_term(design: ModelRows) -> dict[str, list[int]]:
    """Return the columns of each term of the formula, by either order of an interaction."""
    by_name: dict[str, list[int]] = {}
    for term, columns in design.spec.term_indices.items():
        term_columns = [int(c) for c in columns]
        for name in {str(term), ":".join(reversed(str(term).split(":")))}:
            by_name[name] = term_columns
    return by_name


def type3_table(
    design: ModelRows, formula: str, tested: Callable[[FloatArray], pd.DataFrame]
) -> pd.DataFrame:
    """Return the tests of all terms of a formula (type III), one row a term.

    Parameters
    ----------
    design : ModelRows
    formula : str
    tested : callable
        Returns the joint test of coefficients on the columns of the design as one row.

    Raises
    ------
    SpecError
        When there is no term, or the formula transforms a column.
    """
    tables = [tested(L).assign(term=term) for term, L in type3_rows(design).items()]
    if not tables:
        raise SpecError(f"{formula!r} has no term to test: only an intercept.")
    columns = ["term", "statistic", "df_num", "df_den", "p_value", "reason"]
    return pd.concat(tables, ignore_index=True)[columns]


def joint_test_row(test: FTest, reason: str = "") -> pd.DataFrame:
    """Return a joint test as one row, with the reason where a part is not estimable.

    With infinite degrees of freedom the statistic times `df_num` is chi-squared.
    """
    if np.isinf(test.df_den):
        p = float(chi2_sf(test.statistic * test.df_num, test.df_num))
    else:
        p = float(f_sf(test.statistic, test.df_num, test.df_den))
    return pd.DataFrame(
        {
            "statistic": [test.statistic],
            "df_num": [test.df_num],
            "df_den": [test.df_den],
            "p_value": [p],
            "reason": [reason],
        }
    )
