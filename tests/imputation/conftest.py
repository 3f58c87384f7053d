"""Trials that several tests of imputation share."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from trials import NAMES, small_trial

from trdstats import dropout_events


@pytest.fixture(scope="session")
def reference_frame(trial_tables: Any) -> pd.DataFrame:
    """Return the TMS and ketamine arms of the reference trial, days 3 to 28, all visits."""
    subjects, visits, _ = trial_tables
    subjects = subjects[subjects["arm"].isin(["TMS", "ketamine"])]
    frame = subjects.merge(pd.DataFrame({"day": [3, 7, 14, 21, 28]}), how="cross")
    frame = frame.merge(visits, on=["usubjid", "day"], how="left")
    return frame.assign(chg=frame["madrs"] - frame["madrs_bl"])


@pytest.fixture(scope="session")
def reference_events(reference_frame: pd.DataFrame) -> pd.DataFrame:
    return dropout_events(reference_frame, outcome="chg", **NAMES)


@pytest.fixture(scope="session")
def small() -> pd.DataFrame:
    frame = small_trial()
    order = pd.Categorical(frame["treatment"], categories=["TMS", "ketamine"])
    return frame.assign(treatment=order)


@pytest.fixture(scope="session")
def small_events(small: pd.DataFrame) -> pd.DataFrame:
    return dropout_events(small)
