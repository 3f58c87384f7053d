"""Verdicts on those who started another treatment by the day, and how many they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from trdstats.kernels.visits.endpoints import REASONS, UNCONFIRMED
from trdstats.outcomes.rules.definition import Definition
from trdstats.outcomes.switching import AfterSwitch, SwitchCounts, count_switches
from trdstats.outcomes.verdicts.judged import Judged
from trdstats.outcomes.verdicts.missing import any_of_arm
from trdstats.study import Study


def with_switch_as_failure(
    study: Study, definition: Definition, table: pd.DataFrame, judged: Judged
) -> pd.DataFrame:
    """Return the verdicts with a switch as failure; a treatment without a rate keeps none."""
    assert judged.up_to_switch is not None
    bad = bool(definition.is_worsening)
    at_day, switch, switched = judged.up_to_switch, judged.switch, judged.switched
    unconfirmed = at_day.reason == UNCONFIRMED
    # What is met before the switch stands; what only ratings after it confirm does not.
    failed = switched & ~(at_day.known & (at_day.met != bad))
    failed |= ~np.isnan(switch) & unconfirmed & table["reason"].eq(REASONS[0]).to_numpy()
    failed &= any_of_arm(study, table["met"].notna().to_numpy())
    verdict = table["met"].copy()
    verdict[failed] = bad
    return table.assign(
        met=verdict,
        reason=table["reason"].mask(failed, REASONS[0]),
        analysed=table["analysed"] | (failed & table["rated"]),
    )


def switches_by(
    study: Study,
    outcomes: pd.DataFrame,
    day: float,
    after_switch: AfterSwitch | None = None,
    of: str = "other",
) -> SwitchCounts | None:
    """Return who had started another treatment by a day, None where a study would not know."""
    switched = outcomes["switched"].to_numpy(dtype=bool)
    return count_switches(study, switched, strategy=after_switch, when=f"by day {day:g}", of=of)
