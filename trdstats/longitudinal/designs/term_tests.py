"""Joint tests of the terms of a formula: their columns, and the test as a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from trdstats.kernels.gaussian.mixed_tests import FTest
from trdstats.longitudinal.designs.design import ModelRows


def columns_by_term(design: ModelRows) -> dict[str, list[int]]:
    """Return the columns of each term of the formula, by either order of an interaction."""
    by_name: dict[str, list[int]] = {}
    for term, columns in design.spec.term_indices.items():
        term_columns = [int(c) for c in columns]
        for name in {str(term), ":".join(reversed(str(term).split(":")))}:
            by_name[name] = term_columns
    return by_name


def joint_test_row(test: FTest, reason: str = "") -> pd.DataFrame:
    """Return a joint test as one row, with the reason where a part is not estimable.

    With infinite degrees of freedom the statistic times `df_num` is chi-squared.
    """
    if np.isinf(test.df_den):
        p = float(chi2.sf(test.statistic * test.df_num, test.df_num))
    else:
        p = float(f_distribution.sf(test.statistic, test.df_num, test.df_den))
    return pd.DataFrame(
        {
            "statistic": [test.statistic],
            "df_num": [test.df_num],
            "df_den": [test.df_den],
            "p_value": [p],
            "reason": [reason],
        }
    )
