"""What becomes of subjects without a verdict at a scheduled day."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd

from trdstats.arrays import BoolArray
from trdstats.kernels.visits.endpoints import REASONS, UNDEFINED_CODES, States
from trdstats.study import Study

Missing = Literal["nonresponse", "observed", "locf", "worst"]
MISSING = get_args(Missing)


def after_missing(
    study: Study,
    verdict: States,
    at_day: BoolArray,
    missing: str,
    reference: str,
) -> pd.DataFrame:
    """Return one verdict a subject as a table, those that are not known as the rule says."""
    arm = study.subjects["treatment"]
    known, met, reason = verdict.known, verdict.met, verdict.reason
    analysed = known & at_day
    # A treatment with nobody rated at that day was not scheduled for it: it has no rate there.
    # Nor has one in which the rule has no meaning for any of those rated.
    judged = at_day & ~np.isin(reason, UNDEFINED_CODES)
    seen = any_of_arm(study, judged)
    if missing in ("nonresponse", "worst"):
        met = np.where(known, met, (missing == "worst") & (arm == reference).to_numpy())
        known = seen
    return pd.DataFrame(
        {
            "subject": study.subjects["subject"].array,
            "treatment": arm.array,
            "met": pd.arrays.BooleanArray(met & known & seen, ~(known & seen)),
            "reason": pd.Categorical.from_codes(reason, categories=pd.Index(REASONS)),
            "rated": at_day,
            "analysed": analysed,
        }
    )


def any_of_arm(study: Study, mask: BoolArray) -> BoolArray:
    """Return for each subject whether some subject of its treatment is in a set."""
    arm = study.subjects["treatment"].cat.codes.to_numpy()
    return np.bincount(arm[mask], minlength=len(study.treatments))[arm] > 0
