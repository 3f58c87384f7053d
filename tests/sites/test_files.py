"""A register in many files gives the numbers of one table."""

from __future__ import annotations

import os
import signal
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

import trdstats as trd
from trdstats.errors import DataError, PlanError, SpecError
from trdstats.plan.reading.text import plan_from_text

TEXT = """
steps = ["change", "rates"]
[study]
visits = "part0.parquet"
scale = "MADRS"
[definitions]
response = { reduction = 0.5 }
remission = { at_most = 10 }
relapse = { at_least = 22 }
[analysis]
acute_end = 42
rate_days = [42]
reference = "A"
horizon = 70
after_switch = "ignore"
[change]
days = [14, 28, 42]
[sites]
levels = { treatment = ["A", "B"] }
"""


@cache
def register(n: int = 240) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    days = np.arange(0, 71, 14)
    start, fall = rng.integers(24, 45, n), rng.uniform(0, 1, n)
    arm = rng.choice(["A", "B"], n)
    slope = np.where(arm == "B", 1.2, 1.0)
    curve = start[:, None] * (1 - np.minimum(fall * slope, 1)[:, None] * np.minimum(days / 42, 1))
    score = np.clip(np.rint(curve + rng.normal(0, 3, (n, len(days)))), 0, 60)
    score[:, 0] = start
    frame = pd.DataFrame({
        "subject": np.repeat(np.arange(n), len(days)), "day": np.tile(days, n),
        "score": score.ravel(), "treatment": np.repeat(arm, len(days)),
    })  # fmt: skip
    return frame[rng.random(len(frame)) < np.where(frame["day"] > 0, 0.9, 1.0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame = register()
    for k in range(4):
        frame[frame["subject"] % 4 == k].to_parquet(tmp_path / f"part{k}.parquet")
    return tmp_path


def plan(folder: Path) -> trd.Plan:
    return plan_from_text(TEXT, folder)


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_files_give_the_numbers_of_one_table(
    folder: Path, backend: str, request: pytest.FixtureRequest
) -> None:
    if backend == "dask":
        request.getfixturevalue("on_workers")
    with parallel_config(backend=backend):
        pooled = trd.summarise_files(plan(folder), str(folder / "*.parquet"), n_jobs=2)
    study = trd.Study(register(), scale="MADRS")
    assert sum(pooled.subjects.values()) == len(study.subjects)
    whole = trd.rates(study, trd.Response(), day=42, reference="A").tidy()
    table = pooled.rates()
    for measure in ("rate", "difference"):
        a = table[(table["outcome"] == "response") & (table["measure"] == measure)]["estimate"]
        b = whole[whole["measure"] == measure]["estimate"]
        np.testing.assert_allclose(a, b, rtol=1e-12)
    onset = trd.time_to(study, trd.Response())
    a, b = (trd.LogRank().fit(t).glance()["statistic"] for t in (pooled.times(), onset))
    np.testing.assert_allclose(a, b, rtol=1e-10)
    fits = (pooled.mixed(),
            trd.MMRM("change ~ baseline * visit + treatment * visit").fit(
                study.longitudinal([14, 28, 42])))  # fmt: skip
    a, b = (f.margins("treatment", by="visit").contrasts(reference="A").tidy() for f in fits)
    for column in ("estimate", "std_error", "df"):
        np.testing.assert_allclose(a[column], b[column], rtol=1e-8)


def test_a_subject_in_two_files_is_refused(folder: Path) -> None:
    one = pd.read_parquet(folder / "part1.parquet")
    zero = pd.read_parquet(folder / "part0.parquet")
    moved = one[one["subject"] == 1]
    pd.concat([zero, moved]).to_parquet(folder / "part0.parquet")
    with pytest.raises(DataError, match="1 subject stands in two files or more") as raised:
        trd.summarise_files(plan(folder), str(folder / "*.parquet"))
    assert "part0.parquet" in str(raised.value)


def test_no_files_and_other_tables(folder: Path) -> None:
    with pytest.raises(PlanError, match="There is no file"):
        trd.summarise_files(plan(folder), str(folder / "*.csv"))
    other = plan_from_text(TEXT.replace('scale = "MADRS"', 'scale = "MADRS"\nsubjects = "s.csv"'),
                           folder)  # fmt: skip
    with pytest.raises(PlanError, match="reads subjects"):
        trd.summarise_files(other, str(folder / "*.parquet"))


@pytest.mark.parametrize("files", [3, 1.5, [3], {"a"}, object(), pd.NaT, b"x"])
def test_files_that_are_no_paths(folder: Path, files: object) -> None:
    with pytest.raises(SpecError, match="files is a path, a pattern such as"):
        trd.summarise_files(plan(folder), files)  # type: ignore[arg-type]


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path, on_workers: Any) -> None:
    frame = register()
    for k in range(12):
        frame[frame["subject"] % 12 == k].to_parquet(tmp_path / f"part{k}.parquet")
    files = str(tmp_path / "*.parquet")
    alone = trd.summarise_files(plan(tmp_path), files)
    victim = next(iter(on_workers.workers.values())).pid
    killer = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))
    with parallel_config(backend="dask"):
        killer.start()
        pooled = trd.summarise_files(plan(tmp_path), files, n_jobs=2)
        killer.join()
    pd.testing.assert_frame_equal(pooled.rates(), alone.rates())
    assert pooled.summaries[0].times == alone.summaries[0].times
