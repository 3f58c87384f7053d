"""Visits of subjects who scatter, in memory and in partitions, and what makes two answers equal."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd

# Sums of partitions are added in another order and in other coordinates than those of rows: some
# hundred roundings of terms that cancel to a tenth of their size. 1e-13 is what is reached.
RTOL = 1e-10
N = 77


@cache
def visits() -> pd.DataFrame:
    """Ratings on days that scatter, with slopes of their own; some scores and ages are missing."""
    rng = np.random.default_rng(11)
    planned = np.arange(0, 85, 14.0)
    who = np.arange(N)
    day = planned + np.where(planned > 0, rng.choice([-1.5, 0, 0, 1, 2.25], (N, 7)), 0)
    start, slope = rng.normal(34, 4, N), rng.normal(-0.15, 0.08, N)
    score = start[:, None] + slope[:, None] * day + rng.normal(0, 3, day.shape)
    noise = rng.normal(0, 4, day.shape)
    flat = 30 + noise - noise.mean(axis=1, keepdims=True)  # subjects do not differ
    line = np.column_stack((np.ones(7), planned))
    straight = noise @ line @ np.linalg.inv(line.T @ line) @ line.T
    # Lines of subjects differ along one direction alone: level and slope are proportional.
    fan = 30 + noise - straight + np.outer(rng.normal(0, 2, N), 1 + planned / 60)
    columns: dict[str, Any] = {
        "treatment": rng.choice(["A", "B", "C"], N),
        "age": np.where(who % 13 == 5, np.nan, rng.normal(50, 9, N).round(1)),
        "site": np.where(who % 7 == 3, "only here", rng.choice(["x", "y"], N)),
        "male": rng.random(N) < 0.4,
        "born": 1e8 + rng.normal(0, 20, N).round(),
        "spelt": rng.choice(["near", "Near ", "far"], N),
        # Known to no subject of the first of seven partitions.
        "dose": np.where(who % 7 == 0, np.nan, rng.choice([1.0, 2.0, 4.0], N)),
        "batch": who % 3 + rng.choice([1.0, 5.0], N),  # other numbers in each of three partitions
        "clinic": np.where(who % 7 == 0, None, rng.choice(["p", "q"], N)),
    }
    frame = pd.DataFrame({
        "subject": np.repeat([f"P{i:03d}" for i in who], 7), "day": day.ravel(),
        "score": np.clip(score.ravel(), 0, 60).round(), "flat": flat.ravel().round(),
        "fan": fan.ravel().round(),
        **{name: np.repeat(values, 7) for name, values in columns.items()},
    })  # fmt: skip
    frame["older"] = frame["age"] * 2 + 1
    frame.loc[(rng.random(len(frame)) < 0.04) & (frame["day"] > 0), "score"] = np.nan
    # Wards lie in several partitions, regions hold wards, and ratings differ between them.
    number = np.repeat(who * 4 % 11, 7)
    frame["ward"] = [f"W{k:02d}" for k in number]
    frame["region"] = [f"R{k}" for k in number % 4]
    of_ward = np.sin(number * 2.1) * 4 + number % 4 * 3 + np.cos(number * 1.7) * day.ravel() / 15
    after = frame["day"] > 0  # a baseline does not know the wards
    frame["by_ward"] = (frame["score"] * 0.7 + 9 + of_ward.clip(-9, 20) * after).round()
    frame["number"], frame["alike"] = np.repeat(who, 7), "all"
    frame["desk"] = np.repeat(who * 9 % 10, 7) / 2 + 1
    frame["known"] = frame["ward"].where(np.repeat(who % 7 != 2, 7))
    frame["weekly"] = np.where(frame["day"] % 7 == 0, "yes", "no")
    kept = (rng.random(len(frame)) < 0.9) | (frame["day"] == 0)
    return frame[kept].reset_index(drop=True)


def divided_into(frame: pd.DataFrame, n: int, **roles: Any) -> Any:
    """Return the study of a frame in partitions by subject, unsorted."""
    dd = pytest.importorskip("dask.dataframe")
    mixed = frame.sample(frac=1, random_state=3)
    number = mixed["subject"].str[1:].astype(int) % n
    parts = [dd.from_pandas(mixed[number == k], npartitions=1, sort=False) for k in range(n)]
    return quietly(lambda: trd.DividedStudy(dd.concat(parts), scale="MADRS", **roles))


def divided_likewise(frame: pd.DataFrame, n: int, **roles: Any) -> Any:
    """Return the same of many fits: seven partitions are kept, fewer are read by every fit."""
    divided = divided_into(frame, n, **roles)
    return divided.persist() if n == 7 else divided


def quietly(work: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


def same(a: Any, b: Any, rtol: float = RTOL, beside: float = 1e-14) -> None:
    """Assert that two frames are equal; numbers also beside a share of the largest of a column."""
    assert list(a.columns) == list(b.columns)
    for c in a:
        if not pd.api.types.is_float_dtype(a[c]):
            pd.testing.assert_series_equal(a[c], b[c])
            continue
        x, y = a[c].to_numpy(), b[c].to_numpy()
        np.testing.assert_allclose(x, y, rtol=rtol, atol=beside * np.nanmax(np.abs([*x, 1e-300])))
