"""Boolean masks of subjects: which subjects they name, or why they cannot be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import SpecError


def read_mask(table: pd.DataFrame, given: Any) -> Any:
    """Return the identifiers a boolean mask names; anything else as it is.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a subject, with the column subject.
    given : Series of bool, or anything else

    Raises
    ------
    SpecError
        When it is a mask of another length, without an index that says whom each value is about,
        or with values missing.
    """
    values = pd.Series(list(given), dtype=object)
    if (
        not len(values)
        or not values.map(lambda v: isinstance(v, bool | np.bool_) or pd.isna(v)).all()
    ):
        return given
    if (
        not values.map(lambda v: isinstance(v, bool | np.bool_)).any()
        or table["subject"].isin(values).any()
    ):
        return given
    what = f"keep() got {len(values):,} values True or False"
    hint = "Name subjects: study.keep(study.subjects.loc[mask, 'subject'])."
    if len(values) != len(table):
        raise SpecError(f"{what} for {len(table):,} subjects. {hint}")
    if values.isna().any():
        raise SpecError(f"{what} or missing: say for every subject whether it stays. {hint}")
    if not isinstance(given, pd.Series) or not given.index.is_unique:
        raise SpecError(f"{what} without an index that says whom each is about. {hint}")
    named = pd.Index(table["subject"].astype(object))
    wrong = [
        table["subject"][given.reindex(index).to_numpy(dtype=bool)]
        for index in (table.index, named)
        if set(index) == set(given.index)
    ]
    if not wrong:
        raise SpecError(
            f"{what} whose index is neither that of study.subjects nor the identifiers. {hint}"
        )
    if any(list(wrong[0]) != list(other) for other in wrong[1:]):
        raise SpecError(
            f"{what} whose index can be read as rows and as identifiers, with different results. "
            f"{hint}"
        )
    return wrong[0]
