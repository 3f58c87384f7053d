"""Tables of visits beside pandas and polars."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cases import Case

import trdstats as trd


def register(n: int, visits: int = 11, *, seed: int = 6) -> pd.DataFrame:
    """Return scores of n subjects at visits, the first on day 0."""
    rng = np.random.default_rng(seed)
    start = rng.integers(24, 45, n)
    fall = rng.uniform(0, 1, n)
    day = np.arange(visits) * 7
    curve = start[:, None] * (1 - fall[:, None] * np.minimum(day / 42, 1.0))
    score = np.clip(np.rint(curve + rng.normal(0, 3, (n, visits))), 0, 60)
    score[:, 0] = start
    return pd.DataFrame({
        "subject": np.repeat(np.arange(n), visits), "day": np.tile(day, n),
        "score": score.ravel(), "treatment": np.repeat(rng.choice(["A", "B"], n), visits),
    })  # fmt: skip


def _first_response(n: int) -> Case:
    frame = register(n)

    def ours() -> Any:
        study = trd.Study(frame, scale="MADRS")
        return trd.time_to(study, trd.Response())

    def pandas() -> Any:
        sorted_ = frame.sort_values(["subject", "day"])
        base = sorted_[sorted_["day"] == 0].set_index("subject")["score"]
        after = sorted_[sorted_["day"] > 0]
        met = after["score"] <= 0.5 * base.reindex(after["subject"]).to_numpy()
        first = after[met].groupby("subject")["day"].first()
        last = after.groupby("subject")["day"].last()
        return first.reindex(last.index), last

    def polars() -> Any:
        import polars as pl

        table = pl.from_pandas(frame).sort(["subject", "day"])
        base = table.filter(pl.col("day") == 0).select("subject", pl.col("score").alias("base"))
        after = table.filter(pl.col("day") > 0).join(base, on="subject")
        return after.group_by("subject").agg(
            pl.col("day").filter(pl.col("score") <= 0.5 * pl.col("base")).first(),
            pl.col("day").last().alias("last"),
        )

    return Case(
        f"From a table to the time to response, {n * 11:,} visits", ours,
        {"pandas": pandas, "polars": polars},
        {"pandas": "no checks, no intervals", "polars": "no checks, no intervals; both cores"},
    )  # fmt: skip


_WHOLE = {
    "trdstats": """
import trdstats as trd
trd.time_to(trd.read_study(file, scale="MADRS"), trd.Response())
""",
    "pandas": """
import pandas as pd
table = pd.read_parquet(file).sort_values(["subject", "day"])
base = table[table["day"] == 0].set_index("subject")["score"]
after = table[table["day"] > 0]
met = after["score"] <= 0.5 * base.reindex(after["subject"]).to_numpy()
first, last = after[met].groupby("subject")["day"].first(), after.groupby("subject")["day"].last()
first.reindex(last.index)
""",
    "polars": """
import polars as pl
table = pl.read_parquet(file).sort(["subject", "day"])
base = table.filter(pl.col("day") == 0).select("subject", pl.col("score").alias("base"))
after = table.filter(pl.col("day") > 0).join(base, on="subject")
after.group_by("subject").agg(
    pl.col("day").filter(pl.col("score") <= 0.5 * pl.col("base")).first(),
    pl.col("day").last().alias("last"),
)
""",
}


def _whole_process(n: int) -> Case:
    """Return the same from a file, imports and the first use of memory among the work."""
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "visits.parquet"
    register(n).to_parquet(file)

    def run(code: str) -> None:
        assert folder.name  # the file stays as long as this work does
        subprocess.run([sys.executable, "-c", f"file = {str(file)!r}\n{code}"], check=True)

    return Case(
        f"From a Parquet file to the time to response in a process of its own, {n * 11:,} visits",
        lambda: run(_WHOLE["trdstats"]),
        {name: partial(run, _WHOLE[name]) for name in ("pandas", "polars")},
        {"pandas": "no checks, no intervals", "polars": "no checks, no intervals; both cores"},
    )


def _items(n: int) -> Case:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.integers(0, 4, (n, 9)), columns=[f"phq{j}" for j in range(1, 10)])
    names = list(frame.columns)
    frame = frame.assign(subject=np.arange(n), day=0)

    def numpy() -> Any:
        X = frame[names].to_numpy()
        if ((X < 0) | (X > 3) | (np.floor(X) != X)).any():
            raise ValueError
        return X.sum(axis=1)

    def pandas() -> Any:
        part = frame[names]
        if not ((part >= 0) & (part <= 3)).all(axis=None):
            raise ValueError
        return part.sum(axis=1, skipna=False)

    return Case(
        f"Scores of the PHQ-9 from its items, {n:,}",
        lambda: trd.score_items(frame, "PHQ-9", items=names),
        {"numpy": numpy, "pandas": pandas},
    )


def cases() -> Iterator[Case]:
    yield _first_response(1_000_000)
    yield _whole_process(1_000_000)
    yield _items(1_000_000)
