"""A response that goes on is no relapse: definitions that overlap are named."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataWarning


def study(n: int = 10) -> trd.Study:
    """Return subjects who fall from 40 to 18 and stay there: half of the baseline, and above 16."""
    rows = [(f"S{i}", "AB"[i % 2], day, score)
            for i in range(n) for day, score in ((0, 40), (7, 18), (14, 18), (28, 18))]  # fmt: skip
    return trd.Study(
        pd.DataFrame(rows, columns=["subject", "treatment", "day", "score"]), scale="MADRS",
        randomised=True,
    )  # fmt: skip


def test_a_response_that_meets_the_relapse_is_named() -> None:
    """All ten are in response at every visit; all ten relapsed at day 14, without a word."""
    words = (
        r"response \(≥ 50 % fall\) and relapse \(MADRS ≥ 16\) overlap: 10 of the 10 subjects .* "
        r"have one that meets both"
    )
    for derive in (
        lambda: trd.time_to(study(), trd.Relapse(at_least=16), since=trd.Response()),
        lambda: trd.response_history(study(), trd.Response(), trd.Relapse(at_least=16)),
    ):
        with pytest.warns(DataWarning, match=words):
            derive()


@pytest.mark.parametrize("relapse", [trd.Relapse(at_least=22), trd.LossOfResponse()])
def test_definitions_that_exclude_each_other_are_no_matter(relapse: trd.Relapse) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        trd.time_to(study(), relapse, since=trd.Response())
        # What improves further is no end of a state: remission among responders.
        trd.time_to(study(), trd.Remission(at_most=20), since=trd.Response())


def test_some_severe_baselines_are_no_slip() -> None:
    """Half of 44 is 22, response and relapse at once, in few subjects of a published rule."""
    few = trd.load_sample("trial")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        trd.time_to(few, trd.Relapse(at_least=22), since=trd.Response())
