"""A table has a column `treatment` beside the one that is named: the named one counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import SpecError, UnknownNameError

N = 60
ARMS = (trd.PublishedArm("C", 80, events=40), trd.PublishedArm("A", 80, events=30))
PUBLISHED = trd.PublishedTrial("X", {"age": 52.0}, {"age": 7.0}, ARMS)
WHICH: dict[str, Any] = {"treatment": "B", "comparator": "C", "anchor": "A"}


def _people() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "subject": np.arange(N),
            "treatment": np.tile(["A", "B"], N // 2),
            "age": rng.normal(50, 8, N),
            "good": rng.integers(0, 2, N),
        }
    )


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with other names, and columns of the old names that mean nothing."""
    named = frame.rename(columns={"subject": "id", "treatment": "arm"})
    return named.assign(subject="ward 3", treatment="ketamine, planned")


def test_indirect_comparisons_take_the_named_columns() -> None:
    """They ended in an AttributeError."""
    frame = _people()
    want = trd.STC("good").fit(frame, PUBLISHED, **WHICH)
    got = trd.STC("good").fit(
        _renamed(frame), PUBLISHED, subject="id", treatment_column="arm", **WHICH
    )
    pd.testing.assert_frame_equal(got.tidy(), want.tidy())
    weights = trd.MAIC(PUBLISHED).fit(frame)
    named = trd.MAIC(PUBLISHED).fit(_renamed(frame), subject="id", treatment="arm")
    pd.testing.assert_frame_equal(named.frame, weights.frame)
    pd.testing.assert_frame_equal(
        *(m.compare(PUBLISHED, outcome="good", **WHICH).tidy() for m in (named, weights))
    )
    with pytest.raises(UnknownNameError, match="'Arm'"):
        trd.MAIC(PUBLISHED).fit(frame, treatment="Arm")


@pytest.mark.parametrize(
    "spec", [trd.MMRM("y ~ treatment * visit"), trd.GEE("y ~ treatment", family="gaussian")]
)
def test_weights_are_those_of_the_named_subjects(spec: Any) -> None:
    """All subjects were said to have no weight."""
    rng = np.random.default_rng(4)
    people = _people()[["subject", "treatment"]]
    rows = pd.concat(
        [people.assign(visit=k, y=rng.normal(size=N)) for k in (7, 28)], ignore_index=True
    )
    weights = pd.DataFrame({"subject": np.arange(N), "weight": 1 + rng.random(N)})
    want = spec.fit(rows, visit="visit", weights=weights).tidy()
    other = rows.rename(columns={"subject": "id"}).assign(subject="ward 3")
    got = spec.fit(other, subject="id", visit="visit", weights=weights).tidy()
    pd.testing.assert_frame_equal(got, want)


@pytest.mark.parametrize("changed", [{"treatment": "A"}, {"comparator": "A"}])
def test_the_anchor_is_a_third_treatment(changed: dict[str, str]) -> None:
    """It was said that the covariates are collinear, or that no subject had the outcome."""
    frame, which = _people(), {**WHICH, **changed}
    with pytest.raises(SpecError, match="The anchor 'A' is the treatment of both trials"):
        trd.STC("good").fit(frame, PUBLISHED, **which)
    with pytest.raises(SpecError, match="The anchor 'A' is the treatment of both trials"):
        trd.MAIC(PUBLISHED).fit(frame).compare(PUBLISHED, outcome="good", **which)
