"""Which estimates a comparison of levels subtracts from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import unknown_name
from trdstats.estimates.scales import ScaleName
from trdstats.estimates.table import texts_of
from trdstats.kinds import label_of

Measure = Literal["difference", "ratio", "odds ratio"]


@dataclass(frozen=True, slots=True)
class MeasureScale:
    """How a measure compares two values.

    Attributes
    ----------
    inner : str
        Scale on which they are subtracted.
    stored : str
        Scale of the difference, from which it returns to the natural one.
    no_value : str
        Why the measure does not exist where a value cannot be taken to the inner scale.
    """

    inner: ScaleName
    stored: ScaleName
    no_value: str


MEASURES: dict[Measure, MeasureScale] = {
    "difference": MeasureScale("identity", "identity", ""),
    "ratio": MeasureScale("log", "log", "no ratio: an estimate is 0"),
    "odds ratio": MeasureScale("logit", "log", "no odds: an estimate is 0 or 1"),
}


def level_contrasts(
    keys: pd.DataFrame, by: str, reference: object
) -> tuple[FloatArray, pd.DataFrame, str]:
    """Return coefficients that take the reference from every other level, cell by cell.

    Parameters
    ----------
    keys : pandas.DataFrame
        One row an estimate. Rows that have a reference are comparisons already and take no part.
    by : str
        Key whose levels are compared; rows that agree in all other keys form a cell.
    reference : object
        Level, or its label; None for the first one.

    Returns
    -------
    coefficients : ndarray, shape (m, k)
    keys : pandas.DataFrame
        Of the comparisons, with the column ``reference`` after `by`.
    reference : str

    Raises
    ------
    UnknownNameError
        When there is no such key or level.
    """
    if by not in keys.columns:
        raise unknown_name("key", by, keys.columns)
    level = texts_of(keys[[by]])[:, 0].tolist()
    levels = list(dict.fromkeys(level))
    base = levels[0] if reference is None else label_of(reference) or ""
    if base not in levels:
        raise unknown_name(by, base, levels)
    cell = [tuple(row) for row in texts_of(keys.drop(columns=by))]
    of_base = {c: j for j, c in enumerate(cell) if level[j] == base}
    rows = [j for j, c in enumerate(cell) if level[j] != base and c in of_base]
    L = np.zeros((len(rows), len(keys)))
    for m, j in enumerate(rows):
        L[m, j], L[m, of_base[cell[j]]] = 1.0, -1.0
    compared = keys.iloc[rows].reset_index(drop=True).drop(columns="reference", errors="ignore")
    compared.insert(list(compared.columns).index(by) + 1, "reference", base)
    return L, compared, base
