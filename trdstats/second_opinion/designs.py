"""Designs built again from the columns of the data, without the code that built them before."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from trdstats.arrays import FloatArray

# Names, sums, products and interactions only: nothing that formulaic would have to evaluate.
_PLAIN = re.compile(r"[\w\s.]+([+*:][\w\s.]+)*")
BUILT = "design built again from the columns by formulaic"
HELD = "design as the result holds it"


def design_of(
    formula: str, frame: pd.DataFrame, terms: Sequence[str], held: FloatArray
) -> tuple[FloatArray, str]:
    """Return the design of a formula and where it comes from.

    Parameters
    ----------
    formula : str
        Covariates, perhaps behind an outcome and "~".
    frame : pandas.DataFrame
        Rows of the fit.
    terms : sequence of str, length q
        Columns that were estimated.
    held : ndarray, shape (n, q)
        Their design as the result holds it.

    Returns
    -------
    ndarray, shape (n, q)
    str
        `BUILT`, or `HELD` where the formula has functions or formulaic names columns otherwise.
    """
    from formulaic import model_matrix

    right = formula.rpartition("~")[2].strip()
    if not _PLAIN.fullmatch(right):
        return held, HELD
    plain = pd.DataFrame(
        {c: frame[c] for c in set(re.findall(r"[A-Za-z_]\w*", right)) if c in frame}
    ).reset_index(drop=True)
    built = pd.DataFrame(model_matrix(right, plain))
    names = {_sorted(c): c for c in built.columns}
    wanted = [names.get(_sorted(t)) for t in terms]
    if any(name is None for name in wanted) or len(built) != len(held):
        return held, HELD
    return built[wanted].to_numpy(dtype=float), BUILT


def _sorted(name: str) -> str:
    """Return a name in which the order of an interaction does not matter."""
    return ":".join(sorted(name.split(":")))
