"""Assumptions of an imputation that would hold for nobody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import trdstats as trd
from trdstats.errors import DataError, SpecError

DAYS = [7, 14, 21, 28]
SPEC = trd.Imputation("change ~ baseline * visit + treatment * visit")


@pytest.fixture(scope="module")
def study() -> trd.Study:
    return trd.load_sample("trial").only(["TMS", "IV ketamine"])


@pytest.mark.parametrize(
    "strategy",
    [
        trd.JumpToReference("TMS"), trd.CopyReference("TMS"), trd.CopyIncrements("TMS"),
        trd.LastMeanCarriedForward(),
    ],
)  # fmt: skip
def test_a_strategy_without_events_is_refused(study: trd.Study, strategy: Any) -> None:
    """It gave the numbers of missing at random under the name of jump to reference."""
    events = trd.dropout_events(study, days=DAYS)
    for none in (None, events.iloc[:0]):
        draws = SPEC.draw(study, none, days=DAYS)
        words = rf"{len(events)} subjects are not assessed at the last visit: the strategy .* would"
        with pytest.raises(SpecError, match=words):
            draws.impute(strategy)
        with pytest.raises(SpecError, match="reason 'dropout': there is no event"):
            draws.impute({"dropout": strategy})
    draws.impute(trd.MAR())


def test_who_stayed_to_the_end_needs_no_event() -> None:
    """Where all came to the last visit there is no event, and gaps are missing at random."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({
        "subject": [f"S{i:02d}" for i in range(24) for _ in range(2)],
        "treatment": [a for i in range(24) for a in "AB"[i % 2] * 2],
        "visit": [1, 2] * 24, "change": rng.normal(size=48),
    })  # fmt: skip
    table.loc[6, "change"] = np.nan
    draws = trd.Imputation("change ~ treatment * visit").draw(table, trd.dropout_events(table))
    jump = draws.impute(trd.JumpToReference("A")).analyse(trd.ANCOVA(None)).pool().tidy()
    random = draws.impute(trd.MAR()).analyse(trd.ANCOVA(None)).pool().tidy()
    pd.testing.assert_frame_equal(jump, random)


def test_a_delta_that_names_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="reasons must hold at least one reason"):
        trd.Delta(5.0, reasons=())
    with pytest.raises(SpecError, match="amount must name at least one arm"):
        trd.Delta({})


def test_events_of_subjects_without_a_row_are_named(study: trd.Study) -> None:
    events = pd.DataFrame({"subject": ["nobody"], "visit": [7.0]})
    with pytest.raises(DataError, match=r"subject that is not in the trial, or left out\.\n  no"):
        SPEC.draw(study, events, days=DAYS)
