"""One fault is one warning, worded in one way by all models."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import EstimateWarning


def messages(call: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught]


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    subject, day = (a.ravel() for a in np.meshgrid(np.arange(40), [0, 7, 14, 28], indexing="ij"))
    arm = np.where(subject >= 20, "TMS", np.where(subject % 2, "ECT", "ect"))
    score = np.clip(30 - day * rng.uniform(0, 1, len(day)), 0, 60).round()
    return pd.DataFrame({"subject": subject, "treatment": arm, "day": day, "score": score})


def test_labels_that_look_alike_are_said_where_the_data_come_in() -> None:
    made: list[Any] = []
    alike = [m for m in messages(lambda: made.append(trd.Study(table(), scale="MADRS")))
             if "look alike" in m]  # fmt: skip
    assert len(alike) == 1
    study = made[0]
    times = trd.time_to(study, trd.Response())
    # Columns of a plain table are looked at by the model, declared as categories or not.
    for kind in (str, "category"):
        raw = times.frame.assign(treatment=times.frame["treatment"].astype(str).astype(kind))
        said = messages(partial(trd.CoxPH("treatment").fit, raw))
        assert [m for m in said if "look alike" in m]


MODELS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "MMRM": lambda f: trd.MMRM("y ~ a + b + arm", covariance="cs").fit(f),
    "LMM": lambda f: trd.LMM("y ~ a + b + arm", random="1").fit(f),
    "GEE": lambda f: trd.GEE("y ~ a + b + arm", family="gaussian").fit(f),
    "GLMM": lambda f: trd.GLMM("low ~ a + b + arm").fit(f),
}


@pytest.mark.parametrize("model", MODELS)
def test_columns_left_out_are_worded_in_one_way(model: str) -> None:
    rng = np.random.default_rng(1)
    subject, visit = (a.ravel() for a in np.meshgrid(np.arange(60), [1, 2, 3], indexing="ij"))
    own = rng.normal(0, 1, 60)[subject]
    frame = pd.DataFrame({"subject": subject, "visit": visit, "a": (subject % 7) * 1.0})
    frame = frame.assign(b=2 * frame["a"], arm=np.where(subject % 2, "A", "B"))
    frame = frame.assign(y=own + rng.normal(0, 1, len(frame)))
    frame = frame.assign(low=(frame["y"] > 0).astype(int))
    words = (
        r"^1 of 4 columns are collinear \(aliased\) and left out: b\. Effects that depend on them "
        r"are not estimable\.$"
    )
    with pytest.warns(EstimateWarning, match=words):
        MODELS[model](frame)


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (["a", "b", "c", "z"], "1 category: z. The cut points beside it cannot be estimated; "
         "nothing is said of its probability."),
        (["a", "b", "c", "y", "z"], "2 categories: y, z. The cut points beside them cannot be "
         "estimated; nothing is said of their probabilities."),
    ],
)  # fmt: skip
def test_one_category_or_several_without_a_rating(levels: list[str], words: str) -> None:
    rng = np.random.default_rng(2)
    subject, visit = (a.ravel() for a in np.meshgrid(np.arange(60), [1, 2], indexing="ij"))
    state = pd.Categorical(rng.choice(["a", "b", "c"], len(subject)), levels, ordered=True)
    frame = pd.DataFrame(
        {"subject": subject, "visit": visit, "arm": np.where(subject % 2, "A", "B"), "y": state}
    )
    said = " ".join(repr(trd.GEE("y ~ arm", family="ordinal").fit(frame)).split())
    assert words in said
