"""The driver of resamples: workers, chunks, interruption and more resamples change no number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.replicates import replicate, streams_of

FAILING = {"after": np.inf, "calls": 0}


def draw(stream: np.random.SeedSequence, scale: float) -> dict[str, Any]:
    FAILING["calls"] += 1
    if FAILING["calls"] > FAILING["after"]:
        raise KeyboardInterrupt
    rng = np.random.default_rng(stream)
    # As many numbers as the draw says: replicates need not be alike in shape.
    return {"x": scale * rng.normal(size=rng.integers(1, 4)), "one": rng.integers(10)}


@pytest.fixture(autouse=True)
def fresh() -> None:
    FAILING.update(after=np.inf, calls=0)


def equal(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> bool:
    return len(a) == len(b) and all(
        p.keys() == q.keys() and all(np.array_equal(p[k], q[k]) for k in p)
        for p, q in zip(a, b, strict=True)
    )


def test_a_replicate_depends_on_its_stream_alone() -> None:
    many = replicate(draw, (2.0,), streams_of(3, 60), n_jobs=1)
    assert equal(many, [draw(s, 2.0) for s in streams_of(3, 60)])
    assert equal(many, replicate(draw, (2.0,), streams_of(3, 60), n_jobs=2))
    assert equal(many[:10], replicate(draw, (2.0,), streams_of(3, 10), n_jobs=1))


def test_an_interrupted_run_continues(tmp_path: Path) -> None:
    whole = replicate(draw, (2.0,), streams_of(3, 100), n_jobs=1)
    FAILING.update(after=60, calls=0)
    with trd.resampling(folder=tmp_path), pytest.raises(KeyboardInterrupt):
        replicate(draw, (2.0,), streams_of(3, 100), n_jobs=1)
    FAILING.update(after=np.inf, calls=0)
    with trd.resampling(folder=tmp_path):
        again = replicate(draw, (2.0,), streams_of(3, 100), n_jobs=1)
        # Two chunks of 25 were finished when the 61st draw stopped.
        assert FAILING["calls"] == 50
        assert equal(again, whole)
        # More resamples start from those there are; other arguments or seeds from none.
        replicate(draw, (2.0,), streams_of(3, 125), n_jobs=1)
        assert FAILING["calls"] == 75
        replicate(draw, (3.0,), streams_of(3, 25), n_jobs=1)
        replicate(draw, (2.0,), streams_of(4, 25), n_jobs=1)
        assert FAILING["calls"] == 125
    # Outside the block nothing is kept or read.
    replicate(draw, (2.0,), streams_of(3, 25), n_jobs=1)
    assert FAILING["calls"] == 150


def test_a_bootstrap_of_an_own_function_is_kept(tmp_path: Path) -> None:
    study = trd.load_sample("trial").only(["TMS", "ECT"])
    onset = trd.time_to(study, trd.Response())
    weights = trd.PropensityWeights("age").fit(study)
    calls: list[tuple[int, int]] = []

    def run() -> pd.DataFrame:
        chain = weights.bootstrap(
            lambda w: trd.RMST(tau=28).fit(onset, weights=w).tidy(), n_boot=26, seed=1
        )
        return chain.tidy()

    plain = run()
    for _ in range(2):
        with trd.resampling(
            folder=tmp_path, progress=lambda done, total: calls.append((done, total))
        ):
            pd.testing.assert_frame_equal(run(), plain)
    # The second run had nothing left to do.
    assert calls == [(25, 26), (26, 26)]
