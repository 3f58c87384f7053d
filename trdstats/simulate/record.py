"""What a simulated study is: three tables and a name."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class SampleStudy:
    """A simulated study.

    Attributes
    ----------
    name : str
        ``"modalities"`` or ``"trial"``.
    visits : pandas.DataFrame
        One row an attended visit: subject, day (days from first treatment), madrs (0-60, higher
        is worse; missing where the visit took place without a rating).
    subjects : pandas.DataFrame
        One row a subject: subject, treatment, treated and covariates.
    events : pandas.DataFrame
        One row an event: subject, day, event.
    """

    name: str
    visits: pd.DataFrame
    subjects: pd.DataFrame
    events: pd.DataFrame
