"""What a simulated study is: three tables, a name, and what is true in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    known_truth : callable
        Returns the table `truth`.
    """

    name: str
    visits: pd.DataFrame
    subjects: pd.DataFrame
    events: pd.DataFrame
    known_truth: Callable[[], pd.DataFrame] = field(repr=False, compare=False)

    @property
    def truth(self) -> pd.DataFrame:
        """What is true in the population that the study was drawn from, one row a quantity.

        It does not depend on the seed. Computed at the first request, in seconds.

        Returns
        -------
        pandas.DataFrame
            quantity; treatment, reference (of an effect), population, strategy (what is assumed
            about leaving and rescue), day; value (points of the scale, or probability); std_error
            (Monte-Carlo error, 0 where set); known (set exactly, or integrated); definition.

        Examples
        --------
        >>> from trdstats import simulate
        >>> truth = simulate.trial().truth
        >>> keys = "quantity == 'response' and treatment == 'ECT' and day == 28"
        >>> truth.query(keys)[["strategy", "value"]].round(2).to_numpy().tolist()[0]
        ['no subject leaves, no rescue', 0.77]
        """
        return self.known_truth().copy()
