"""Groups of subjects put together into the sorted tables of a study."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from trdstats.simulate.record import SampleStudy


def assemble(
    name: str,
    visits: list[pd.DataFrame],
    subjects: list[pd.DataFrame],
    events: list[pd.DataFrame],
    known_truth: Callable[[], pd.DataFrame],
) -> SampleStudy:
    """Return a study with its tables stacked and sorted by subject, then day.

    Parameters
    ----------
    name : str
        Name of the study.
    visits, subjects, events : list of pandas.DataFrame
        One table a group.
    known_truth : callable
        Returns what is true in it.

    Returns
    -------
    SampleStudy
    """
    return SampleStudy(
        name=name,
        visits=pd.concat(visits).sort_values(["subject", "day"], ignore_index=True),
        subjects=pd.concat(subjects).sort_values("subject", ignore_index=True),
        events=pd.concat(events).sort_values(["subject", "day", "event"], ignore_index=True),
        known_truth=known_truth,
    )
