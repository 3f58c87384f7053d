"""Data that several tests share."""

from __future__ import annotations

import json
import os

# A worker of pytest-xdist has a core for itself: threads of BLAS would wait for those of others,
# and use up their time. What a test starts keeps to it as well.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import matplotlib
import pandas as pd
import pytest

from trdstats import Study
from trdstats.study.divided import divided_study

matplotlib.use("Agg")

# The same examples on every run, however busy the machine. HYPOTHESIS_PROFILE=search looks at new
# ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"


@pytest.fixture(scope="session")
def trial_tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return subjects, visits and the independently derived event times of the reference trial."""
    folder = REFERENCE / "trial"
    subjects, visits, events = (
        pd.read_csv(folder / f"trial_{name}.csv") for name in ("subjects", "visits", "events")
    )
    order = ["TMS", "ECT", "ketamine"]
    return subjects.assign(arm=pd.Categorical(subjects["arm"], categories=order)), visits, events


@pytest.fixture(scope="session")
def trial(trial_tables: Any) -> Study:
    """Return the reference trial as a study; 16 subjects were never rated."""
    subjects, visits, _ = trial_tables
    return Study(
        visits,
        subjects,
        scale="MADRS",
        subject="usubjid",
        treatment="arm",
        score="madrs",
        baseline="madrs_bl",
        randomised=True,
    )


@pytest.fixture(scope="session")
def r_times() -> dict[str, Any]:
    """Return what R makes of the reference trial's event times."""
    text = (REFERENCE / "time_to_event" / "values.json").read_text("utf-8")
    result: dict[str, Any] = json.loads(text)
    return result


@pytest.fixture
def synchronous() -> Iterator[None]:
    """Partitions are worked on one after another, in this thread."""
    with pytest.importorskip("dask").config.set(scheduler="synchronous"):
        yield


@pytest.fixture(scope="session")
def workers() -> Iterator[Any]:
    """Two worker processes of dask, on which a test works while it has a client of them."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture
def on_workers(workers: Any) -> Iterator[Any]:
    """Work goes to two worker processes of dask."""
    with pytest.importorskip("distributed").Client(workers):
        yield workers


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than ten rows are too many to be gathered."""
    monkeypatch.setattr(divided_study, "MOST_ROWS", 10)


@pytest.fixture
def tiny() -> pd.DataFrame:
    """Return two subjects, three visits each."""
    return pd.DataFrame(
        {
            "subject": ["A", "A", "A", "B", "B", "B"],
            "treatment": ["ECT"] * 3 + ["TMS"] * 3,
            "day": [0, 7, 14, 0, 7, 14],
            "score": [30, 20, 15, 32, 17, 16],
        }
    )
