"""P values of a family of comparisons, adjusted for their number or their order."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.columns import check_numbers, numbers
from trdstats.errors import DataError, SpecError, check_choice, unknown_name
from trdstats.estimates.procedures import stepwise
from trdstats.frames import to_pandas

Method = Literal["bonferroni", "holm", "hochberg", "hommel", "benjamini-hochberg", "fixed sequence"]


@checked
def adjust_p_values(
    frame: FrameLike, *, method: Method = "holm", column: str = "p_value"
) -> pd.DataFrame:
    """Adjust the p values of a family of comparisons.

    Parameters
    ----------
    frame : DataFrame
        A tidy result, one row a comparison, all rows of one family. Difference, ratio and odds
        ratio of the same rates are one comparison: keep one of them.
    method : str
        "bonferroni", "holm", "hochberg" and "hommel" keep the chance of any false rejection, the
        last two where tests are independent or positively dependent; "benjamini-hochberg" keeps
        the share of false among all rejections. "fixed sequence" tests in the order of the rows,
        as declared beforehand: each p becomes the largest one so far, so nothing after a failure
        can succeed.
    column : str
        Column of the p values.

    Returns
    -------
    pandas.DataFrame
        The frame with p_adjusted and adjust (the method). A missing p stays missing and does not
        count; in a fixed sequence it ends the sequence: all later p are 1.

    Raises
    ------
    UnknownNameError
        When there is no such column.
    DataError
        When an entry is no number ("<0.001").
    SpecError
        When a p value lies outside 0 to 1, or the method is not known.

    References
    ----------
    Holm 1979, Scand J Stat 6:65-70; Hochberg 1988, doi:10.1093/biomet/75.4.800; Hommel 1988,
    doi:10.1093/biomet/75.2.383; Benjamini and Hochberg 1995, J R Stat Soc B 57:289-300,
    doi:10.1111/j.2517-6161.1995.tb02031.x; Maurer, Hothorn and Lehmacher 1995 (fixed sequence).

    Examples
    --------
    >>> import pandas as pd
    >>> family = pd.DataFrame({"contrast": ["a", "b", "c"], "p_value": [0.01, 0.04, 0.03]})
    >>> adjust_p_values(family)["p_adjusted"].tolist()
    [0.03, 0.06, 0.06]
    >>> adjust_p_values(family, method="fixed sequence")["p_adjusted"].tolist()
    [0.01, 0.04, 0.04]
    """
    check_choice("method", method, get_args(Method))
    index = frame.index if isinstance(frame, pd.DataFrame) else None
    table = to_pandas(frame, what="frame")
    if column not in table.columns:
        raise unknown_name("column", column, table.columns)
    p, wrong = numbers(table[column])
    printed = check_numbers(
        table[column].reset_index(drop=True), wrong, f"the column {column!r}",
        "Give p values as tidy() has them: of printed ones, such as '<0.001', the exact value is "
        "lost.",
    )  # fmt: skip
    if printed is not None:
        raise DataError([printed])
    known = ~np.isnan(p)
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise SpecError(f"The column {column!r} holds values outside 0 to 1: no p values.")
    rows = table.assign(p_adjusted=stepwise(p, method), adjust=method)
    return rows if index is None else rows.set_index(index)
