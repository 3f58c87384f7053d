"""Which estimates a comparison of levels subtracts from each other."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import SpecError, count_of, unknown_name
from trdstats.estimates.scales import ScaleName
from trdstats.estimates.table import column_texts
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

    def steps(self, L: FloatArray) -> tuple[tuple[ScaleName, ...], tuple[ScaleName, ...], str]:
        """Return the scale of each estimate, that of each comparison, and why there is no value.

        Parameters
        ----------
        L : ndarray, shape (m, k)
        """
        return (self.inner,) * L.shape[1], (self.stored,) * len(L), self.no_value


MEASURES: dict[Measure, MeasureScale] = {
    "difference": MeasureScale("identity", "identity", ""),
    "ratio": MeasureScale("log", "log", "no ratio: an estimate is 0"),
    "odds ratio": MeasureScale("logit", "log", "no odds: an estimate is 0 or 1"),
}


def contrast_names(labels: Sequence[str] | None, n: int) -> list[str]:
    """Return the names of n contrasts: those given, or their numbers.

    Raises
    ------
    SpecError
        When there are more or fewer names than contrasts.
    """
    if labels is None or not len(labels):
        return [f"contrast {i + 1}" for i in range(n)]
    if len(labels) != n:
        raise SpecError(
            f"labels must name each of {count_of(n, 'contrast', 'contrasts')}; got {len(labels)}."
        )
    return list(labels)


def level_contrasts(
    keys: pd.DataFrame, by: str, reference: object, measures: Sequence[Measure]
) -> tuple[FloatArray, pd.DataFrame]:
    """Return coefficients that take the reference from every other level, cell by cell.

    Parameters
    ----------
    keys : pandas.DataFrame
        One row an estimate; a column "reference" takes no part.
    by : str
        Key whose levels are compared; rows that agree in all other keys form a cell.
    reference : object
        Level, or its label; None for the first one.
    measures : sequence of str

    Returns
    -------
    coefficients : ndarray, shape (m, k)
    keys : pandas.DataFrame, m rows a measure
        measure, `by`, reference, then the other keys; where several measures are compared, `of`
        says which one a row compares.

    Raises
    ------
    UnknownNameError
        When there is no such key or level.
    """
    if by not in keys.columns:
        raise unknown_name("key", by, keys.columns)
    level = column_texts(keys[by])
    levels = list(dict.fromkeys(level))
    base = levels[0] if reference is None else label_of(reference) or ""
    if base not in levels:
        raise unknown_name(by, base, levels)
    others = [name for name in keys.columns if name not in (by, "reference")]
    cell = list(zip(*(column_texts(keys[name]) for name in others), strict=True))
    cell = cell or [()] * len(keys)
    of_base = {c: j for j, c in enumerate(cell) if level[j] == base}
    rows = [j for j, c in enumerate(cell) if level[j] != base and c in of_base]
    L = np.zeros((len(rows), len(keys)))
    for m, j in enumerate(rows):
        L[m, j], L[m, of_base[cell[j]]] = 1.0, -1.0
    repeated = np.tile(rows, len(measures)).astype(np.intp)
    columns: dict[Hashable, object] = {
        "measure": np.repeat(np.array(measures, dtype=object), len(rows)),
        by: keys[by].array.take(repeated),
        "reference": base,
    }
    columns |= {name: keys[name].array.take(repeated) for name in others if name != "measure"}
    if "measure" in others and len(set(keys["measure"].iloc[rows])) > 1:
        # Differences of rates and of proportions would have one name.
        columns |= {"of": keys["measure"].array.take(repeated)}
    return L, pd.DataFrame(columns, index=pd.RangeIndex(len(repeated)))
