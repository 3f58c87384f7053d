"""Types of what users give, named once: tables, rows, drawings.

Texts, not classes: to name them loads neither pandas nor matplotlib. Two more need classes of
their rooms and stand beside their readers: `trdstats.study.windows.WindowsLike` and
`trdstats.estimates.weights.WeightsLike`. A level of a category is `trdstats.arguments.Level`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any, NamedTuple

    import matplotlib.axes
    import matplotlib.figure
    import numpy as np
    import pandas as pd
    from narwhals.typing import IntoDataFrame

# A frame of pandas, polars, pyarrow or another library that narwhals reads.
FrameLike: TypeAlias = "IntoDataFrame"
# A table, or the file that holds it.
TableLike: TypeAlias = "str | Path | IntoDataFrame"
# One row: of a tidy result, of a published table, or cells by their names.
RowLike: TypeAlias = "pd.Series[Any] | Mapping[str, object] | NamedTuple | pd.DataFrame"
# Identifiers of subjects, or a mask over them.
SubjectsLike: TypeAlias = (
    "Sequence[object] | pd.Series[Any] | pd.Index[Any] | np.ndarray[tuple[int], np.dtype[Any]]"
)
# What plots draw on.
Axes: TypeAlias = "matplotlib.axes.Axes"
Figure: TypeAlias = "matplotlib.figure.Figure"
