"""The order of levels, and with it the reference, is the same whatever frame library holds them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from repeated_measures import simulated

from trdstats import MMRM
from trdstats.frames import to_pandas

LEVELS = ["unused", "B", "A"]


def frames() -> dict[str, Any]:
    frame = simulated(n=30, T=2, seed=4)
    own = frame.assign(arm=pd.Categorical(frame["arm"], categories=LEVELS))
    plain = pl.from_pandas(frame)
    return {
        "pandas": own,
        "polars Enum": plain.with_columns(pl.col("arm").cast(pl.Enum(LEVELS))),
        "arrow dictionary": pa.Table.from_pandas(own, preserve_index=False),
        "arrow in chunks": pa.concat_tables(
            [pa.Table.from_pandas(part, preserve_index=False) for part in (own[:20], own[20:])]
        ),
    }


@pytest.mark.parametrize("library", ["polars Enum", "arrow dictionary", "arrow in chunks"])
def test_declared_levels_keep_their_order(library: str) -> None:
    own, other = frames()["pandas"], frames()[library]
    assert list(to_pandas(other, what="data")["arm"].cat.categories) == LEVELS
    model = MMRM("y ~ arm * visit", ddf="satterthwaite")
    pd.testing.assert_frame_equal(model.fit(other).tidy(), model.fit(own).tidy())
    assert "arm[T.A]" in model.fit(other).terms


def test_missing_values_and_levels_that_are_numbers() -> None:
    codes = pa.array([1, 0, None, 1], pa.int32())
    table = pa.table({"dose": pa.DictionaryArray.from_arrays(codes, pa.array([50, 5]))})
    found = to_pandas(table, what="data")["dose"]
    assert list(found.cat.categories) == [50, 5]
    assert found.astype(object).tolist()[:2] == [5, 50]
    assert found.isna().tolist() == [False, False, True, False]
    empty = to_pandas(table.slice(0, 0), what="data")
    assert len(empty) == 0


def test_a_polars_categorical_declares_no_order() -> None:
    """Its codes are those of the process, so that they must not choose the reference."""
    pl.Series(["zebra", "B"], dtype=pl.Categorical)
    series = pl.Series("arm", ["B", "A"], dtype=pl.Categorical)
    found = to_pandas(pl.DataFrame({"arm": series}), what="data")["arm"]
    assert found.dtype == object
    assert found.tolist() == ["B", "A"]
