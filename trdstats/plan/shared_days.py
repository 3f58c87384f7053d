"""Scheduled days on which treatments were assessed, and those that all of them share."""

from __future__ import annotations

import pandas as pd

from trdstats.study import Study


def assessed_days(study: Study) -> dict[str, frozenset[float]]:
    """Return the scheduled days on which each treatment has assessed subjects."""
    rows = _assessed(study)
    by_arm = rows.groupby("treatment", observed=True)["visit"].agg(frozenset)
    return {t: by_arm.get(t, frozenset()) for t in study.treatments}


def shared_days(study: Study, until: float) -> tuple[float, ...]:
    """Return the scheduled days up to one on which every treatment has assessed subjects."""
    by_treatment = assessed_days(study).values()
    shared = frozenset.intersection(*by_treatment) if by_treatment else frozenset()
    return tuple(sorted(float(d) for d in shared if d <= until))


def _assessed(study: Study) -> pd.DataFrame:
    return study.longitudinal().dropna(subset=["score"])
