"""Mean time without the event to horizons beyond the follow-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from trdstats.aliases import FrameLike
from trdstats.arguments import checked
from trdstats.errors import (
    DataError,
    Problem,
    SpecError,
    check_choice,
    check_level,
    unknown_name,
)
from trdstats.kernels.parametric.censored_times import CensoredTimes
from trdstats.kinds import as_labels
from trdstats.outcomes import EventTimes, as_event_times
from trdstats.survival.extrapolation.background import ages_of, read_background
from trdstats.survival.extrapolation.curves import FAMILIES, fit_curve
from trdstats.survival.extrapolation.extrapolation_result import ExtrapolationResult, GroupCurves
from trdstats.survival.parametric.parametric_data import analyse
from trdstats.tables import Summary, SummaryMixin


@checked
@dataclass(frozen=True, repr=False)
class Extrapolation(SummaryMixin):
    """Parametric curves of each group, carried beyond the data: mean days to a horizon.

    What happens after the last visit is an assumption, not a finding: each family of curves makes
    another one, and they are put side by side. Of the time in response, say: mean days in response
    within 1, 2 and 5 years.

    Parameters
    ----------
    horizons : sequence of float, default (365, 730, 1826)
        Days since the origin.
    families : sequence of str
        "exponential", "weibull", "log-normal", "log-logistic", "generalised gamma", "spline"
        (Royston and Parmar), "piecewise exponential".
    knots : int, default 1
        Inner knots of the spline, and breaks of the piecewise exponential, at quantiles of the
        events.
    by : str, default "treatment"
        Column that names the groups; each has separate curves.
    plausible : mapping of float to (float, float), optional
        Expert limits: by which day the proportion without the event lies between which bounds,
        such as ``{1826: (0.05, 0.5)}``. A family outside has no part in the average.
    background : DataFrame, optional
        Population rates of death: age (youngest of each band, years) and rate (per person-year).
        Survival is multiplied by that of the population of the same ages.
    age : str, default "age"
        Column of the ages, for `background`.
    conf_level : float, default 0.95

    Raises
    ------
    SpecError
        When an argument is not usable.

    References
    ----------
    Latimer 2013, doi:10.1177/0272989X12472398 (choice of families); Royston and Parmar 2002,
    doi:10.1002/sim.1203; Buckland, Burnham and Augustin 1997, doi:10.2307/2533961 (averages).

    Examples
    --------
    >>> import trdstats as trd
    >>> relapse = trd.Relapse(at_least=22, consecutive=2)
    >>> durability = trd.time_to(trd.load_sample("trial"), relapse, since=trd.Response())
    >>> beyond = trd.Extrapolation(horizons=(365,), families=("weibull",)).fit(durability)
    >>> beyond.tidy()["family"].unique().tolist()
    ['weibull', 'average']
    """

    horizons: Sequence[float] = (365.0, 730.0, 1826.0)
    families: Sequence[str] = FAMILIES
    knots: int = 1
    by: str = "treatment"
    plausible: Mapping[float, tuple[float, float]] = field(default_factory=dict)
    background: FrameLike | None = None
    age: str = "age"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        if not len(self.horizons) or not all(h > 0 and np.isfinite(h) for h in self.horizons):
            raise SpecError(f"horizons are positive numbers of days; got {self.horizons!r}.")
        if not len(self.families):
            raise SpecError(f"families holds at least one of {', '.join(FAMILIES)}.")
        for family in self.families:
            check_choice("family", family, FAMILIES)
        if self.knots < 1:
            raise SpecError(f"knots is a number of 1 or above; got {self.knots}.")
        for day, (low, high) in self.plausible.items():
            if not (day > 0 and 0 <= low < high <= 1):
                raise SpecError(
                    f"plausible holds days with two proportions in order, such as "
                    f"{{1826: (0.05, 0.5)}}; got {day!r}: {(low, high)!r}."
                )
        check_level(self.conf_level)

    def fit(self, times: EventTimes | FrameLike) -> ExtrapolationResult:
        """Fit every family to every group.

        Parameters
        ----------
        times : EventTimes or DataFrame
            Intervals between visits are used as they are; causes other than 1 count as censored.

        Raises
        ------
        DataError
            When a column is missing, or an event is dated at time 0 exactly.
        NotEstimableError
            When no subject had the event.
        UnknownNameError
            When the groups' column, or that of the ages, is not there.
        """
        times = as_event_times(times)
        data = analyse(times, None, ["1"])
        frame = times.at_risk().iloc[data.row].reset_index(drop=True)
        for column in (self.by, *(() if self.background is None else (self.age,))):
            if column not in frame:
                raise unknown_name("column", column, frame.columns)
        background = None if self.background is None else read_background(self.background)
        absent = frame[self.by].isna()
        if absent.any():
            raise DataError(
                [
                    Problem(
                        "missing_group",
                        f"{int(absent.sum())} of {len(frame)} subjects have no value of "
                        f"{self.by!r}.",
                        tuple(str(s) for s in frame.loc[absent, "subject"]),
                        "Fill it in, or leave these subjects out.",
                    )
                ]
            )
        labels = frame[self.by]
        if not isinstance(labels.dtype, pd.CategoricalDtype):
            labels = as_labels(labels)
        last = max(*self.horizons, *self.plausible) if self.plausible else max(self.horizons)
        groups = []
        for label in labels.cat.categories:
            row = np.flatnonzero((labels == label).to_numpy())
            if not len(row):
                continue
            known = CensoredTimes(
                data.known.log_left[row], data.known.log_right[row], data.known.log_entry[row]
            )
            curves, lost = {}, {}
            for family in self.families:
                fitted = (
                    fit_curve(family, known, knots=self.knots, horizon=last)
                    if known.seen.any()
                    else "no subject had the event"
                )
                if isinstance(fitted, str):
                    lost[family] = fitted
                else:
                    curves[family] = fitted
            ages = None
            if background is not None:
                ages = ages_of(frame.iloc[row], self.age, float(background.age[0]))
            groups.append(GroupCurves(str(label), row, known, curves, lost, ages))
        return ExtrapolationResult(self, times, data, tuple(groups), background)

    def summary(self) -> Summary:
        """Return the model in words."""
        header = [
            ("Families", ", ".join(self.families)),
            ("Horizons", ", ".join(f"{h:g}" for h in self.horizons) + " days"),
        ]
        header += [
            ("Plausible", f"{100 * a:g} to {100 * b:g} % without the event by day {day:g}")
            for day, (a, b) in self.plausible.items()
        ]
        if self.background is not None:
            header.append(("Background", "population rates of death by age"))
        return Summary("Times carried beyond the data", tuple(header))
