"""A divided study from files, on the threads and the cluster of dask."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import MissingDependencyError, SpecError, TrdstatsError

dask = pytest.importorskip("dask")

ROLES: Any = {"scale": "MADRS", "windows": {7: 3, 14: 3, 21: 3, 28: 3}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    trial = trd.load_sample("trial")
    columns = ["subject", "treatment", "age"]
    rows = trial.visits[["subject", "day", "score"]].merge(trial.subjects[columns])
    number = rows["subject"].cat.codes % 4
    rows = rows.assign(**{c: rows[c].astype(str) for c in ("subject", "treatment")})
    for k in range(4):
        rows[number == k].to_parquet(tmp_path / f"part{k}.parquet")
        rows[number == k].to_csv(tmp_path / f"part{k}.csv", index=False)
    trial.events.astype({"subject": str}).to_csv(tmp_path / "events.csv", index=False)
    return tmp_path


def alone(folder: Path) -> trd.Study:
    frame = pd.concat([pd.read_parquet(folder / f"part{k}.parquet") for k in range(4)])
    return trd.Study(frame, events=pd.read_csv(folder / "events.csv"), **ROLES)


def divided(folder: Path, files: str = "*.parquet") -> trd.DividedStudy:
    study = trd.read_study(
        folder / files, events_path=folder / "events.csv", engine="dask", **ROLES
    )
    assert isinstance(study, trd.DividedStudy)
    return study


def agree(a: trd.Study, b: trd.Study) -> None:
    for one, other in zip(*(answers(s) for s in (a, b)), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-10)


def answers(study: trd.Study) -> tuple[pd.DataFrame, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onset = trd.time_to(study, trd.Response())
        relapse = trd.time_to(study, trd.Relapse(at_least=22), since=trd.Response())
        rates = trd.rates(study, trd.Response(), day=28)
        hazards = trd.CoxPH("treatment + age").fit(onset)
        means = trd.mean_scores(study)
    return study.subjects, onset.frame, relapse.frame, rates.tidy(), hazards.tidy(), means


@pytest.mark.parametrize("files", ["*.parquet", "part?.csv"])
@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_files_are_read_where_they_stand(folder: Path, files: str, scheduler: str) -> None:
    with dask.config.set(scheduler=scheduler):
        study = divided(folder, files)
        assert study.n_partitions == 4
        agree(alone(folder), study)


def places_of(part: trd.Study, labels: pd.Index[float]) -> int:
    """Return how many labels are found among themselves, the last first."""
    return int((labels.get_indexer(labels[::-1]) >= 0).sum())


def test_threads_do_not_share_the_look_up_of_labels(folder: Path) -> None:
    """Levels of visits were taken for missing while another thread made their table."""
    with dask.config.set(scheduler="threads", num_workers=4):
        study = divided(folder)
        for _ in range(5):
            labels = pd.Index(np.random.default_rng(2).permutation(200_000) / 4)
            assert study.on_parts(places_of, labels) == [200_000] * 4
            kept = study.kept(places_of, labels)
            assert kept.ask(int) == [200_000] * 4


def test_a_cluster_gives_the_same(folder: Path, on_workers: Any) -> None:
    study = divided(folder)
    agree(alone(folder), study)
    agree(alone(folder), study.persist())
    mixed = [trd.MMRM("change ~ baseline + treatment * visit").fit(data).tidy()
             for data in (alone(folder), study)]  # fmt: skip
    pd.testing.assert_frame_equal(*mixed, rtol=1e-10)
    spec = trd.LMM("change ~ baseline + treatment * day", random="1 + day")
    one, other = spec.fit(alone(folder)), spec.fit(study)
    assert not len(other.design.person)  # of sums that the workers keep
    for table in ("tidy", "influence", "random_effects", "variance_tests"):
        pd.testing.assert_frame_equal(*(getattr(fit, table)() for fit in (one, other)),
                                      rtol=1e-8, atol=1e-11)  # fmt: skip
    equations = [
        trd.GEE("change ~ baseline + treatment", family="gaussian", ddf="satterthwaite")
        .fit(data).tidy() for data in (alone(folder), study)
    ]  # fmt: skip
    pd.testing.assert_frame_equal(*equations, rtol=1e-10)


@pytest.mark.slow
def test_subjects_in_two_files_are_brought_together_on_a_cluster(
    folder: Path, on_workers: Any
) -> None:
    for k in range(2):
        part = pd.read_parquet(folder / f"part{k}.parquet")
        part[part["day"] > 21].to_parquet(folder / f"late{k}.parquet")
        part[part["day"] <= 21].to_parquet(folder / f"part{k}.parquet")
    frame = pd.concat([pd.read_parquet(f) for f in sorted(folder.glob("*.parquet"))])
    study = trd.Study(frame, events=pd.read_csv(folder / "events.csv"), **ROLES)
    together = divided(folder)
    assert "were shuffled by subject" in together.notices[-1].summary
    agree(study, together)


def test_a_worker_that_is_killed_loses_nothing(folder: Path, on_workers: Any) -> None:
    frame = pd.concat([pd.read_parquet(folder / f"part{k}.parquet") for k in range(4)])
    number = pd.factorize(frame["subject"])[0] % 12
    for k in range(12):
        frame[number == k].to_parquet(folder / f"slice{k}.parquet")
    study = divided(folder, "slice*.parquet")
    victim = next(iter(on_workers.workers.values())).pid
    killer = threading.Timer(0.2, os.kill, (victim, signal.SIGKILL))
    killer.start()
    found = answers(study)
    killer.join()
    spec = trd.LMM("change ~ baseline + treatment", random="1 + day")
    fit = spec.fit(study)
    # What a worker keeps of its subjects between the rounds of a search is made again.
    os.kill(next(iter(on_workers.workers.values())).pid, signal.SIGKILL)
    effects = fit.random_effects()
    pd.testing.assert_frame_equal(effects, spec.fit(alone(folder)).random_effects(), rtol=1e-8)
    for one, other in zip(found, answers(alone(folder)), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-10)


def test_files_that_cannot_be_read(folder: Path) -> None:
    with pytest.raises(TrdstatsError, match="There is no file"):
        divided(folder, "*.sav")
    with pytest.raises(SpecError, match="separator and encoding are for text files"):
        trd.read_study(folder / "*.parquet", engine="dask", scale="MADRS", separator=";")
    with pytest.raises(SpecError, match="engine must be one of 'pandas', 'dask'"):
        trd.read_study(folder / "part0.csv", engine="spark", scale="MADRS")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="Workbooks of visits are read by engine='pandas'"):
        trd.read_study(folder / "part0.csv", engine="dask", scale="MADRS", sheet="one")


def test_dask_is_asked_for_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dask.dataframe", None)
    with pytest.raises(MissingDependencyError, match=r'dask, .*: pip install "trdstats\[dask\]"'):
        divided(folder)


def test_one_row_a_visit_stays_with_dask(folder: Path) -> None:
    rows: Any = trd.assess(divided(folder), trd.Response())
    assert type(rows).__module__.startswith("dask")
    assert rows.npartitions == 4
    whole = trd.assess(alone(folder), trd.Response())
    assert rows["met"].sum().compute() == whole["met"].sum()
    assert np.isclose(rows["score"].mean().compute(), whole["score"].mean(), rtol=1e-12)
