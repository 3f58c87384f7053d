"""Chunks that are summed up give the fit of the whole."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from repeated_measures import MODEL, simulated

from trdstats import MMRM
from trdstats.errors import SpecError


def named(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        arm=pd.Categorical(frame["arm"], categories=["A", "B"]),
        visit=pd.Categorical(frame["visit"], categories=[7, 14, 21, 28]),
    )


@pytest.mark.parametrize("ddf", ["satterthwaite", "kenward-roger"])
def test_chunks_add_up_to_the_whole(ddf: str) -> None:
    frame = named(simulated(n=120))
    model = MMRM(MODEL, ddf=ddf)  # type: ignore[arg-type]
    whole = model.fit(frame)
    chunks = [model.summarise(frame[frame["subject"] % 3 == k]) for k in range(3)]
    found = model.fit(chunks[0] + chunks[1] + chunks[2])
    assert found.loglik == pytest.approx(whole.loglik, abs=1e-8)
    pd.testing.assert_frame_equal(found.tidy(), whole.tidy(), rtol=1e-8, atol=1e-8)
    margins = [f.margins("arm", by="visit").contrasts(reference="A").tidy() for f in (found, whole)]
    pd.testing.assert_frame_equal(*margins, rtol=1e-8, atol=1e-8)


def test_a_chunk_may_lack_levels_and_groups() -> None:
    frame = named(simulated(n=90))
    model = MMRM("y ~ base + arm * visit", group="arm", ddf="satterthwaite")
    parts = [model.summarise(frame[frame["arm"] == arm]) for arm in ("A", "B")]
    whole = model.fit(frame)
    assert model.fit(parts[0] + parts[1]).loglik == pytest.approx(whole.loglik, abs=1e-8)


def test_summaries_travel_to_workers_and_back() -> None:
    frame = named(simulated(n=60))
    model = MMRM(MODEL)
    chunks = [frame[frame["subject"] < 30], frame[frame["subject"] >= 30]]
    a, b = Parallel(n_jobs=2)(delayed(model.summarise)(chunk) for chunk in chunks)
    assert model.fit(a + b).loglik == pytest.approx(model.fit(frame).loglik, abs=1e-8)
    assert repr(pickle.loads(pickle.dumps(a))) == repr(a)
    assert "Subjects            30" in repr(a)


def test_the_size_of_a_summary_does_not_grow() -> None:
    model = MMRM(MODEL)
    small, large = (model.summarise(named(simulated(n=n, gone=0))) for n in (50, 500))
    assert small.products.cross_products.size == large.products.cross_products.size


def test_what_needs_rows_says_so() -> None:
    frame = named(simulated())
    model = MMRM(MODEL)
    fit = model.fit(model.summarise(frame))
    for call in (fit.influence, fit.residuals, fit.predict_missing, lambda: fit.simulate(seed=1)):
        with pytest.raises(SpecError, match="a summary, which has no rows"):
            call()
    new = pd.DataFrame({"arm": ["B"], "visit": [14], "base": [0.0]})
    whole = model.fit(frame).predict(new)
    assert fit.predict(new)["estimate"].tolist() == pytest.approx(whole["estimate"].tolist())


def test_unusable() -> None:
    frame = named(simulated())
    with pytest.raises(SpecError, match="'arm' must name all its levels"):
        MMRM(MODEL).summarise(frame.assign(arm=frame["arm"].astype(str)))
    with pytest.raises(SpecError, match="mood change between visits"):
        MMRM("y ~ mood + visit").summarise(frame.assign(mood=np.arange(len(frame)) % 3))
    with pytest.raises(SpecError, match="Summaries hold no rows"):
        MMRM(MODEL, vcov="empirical", ddf="satterthwaite").summarise(frame)
    one, other = MMRM(MODEL), MMRM("y ~ visit")
    with pytest.raises(SpecError, match="Only summaries of one model"):
        one.summarise(frame) + other.summarise(frame)
