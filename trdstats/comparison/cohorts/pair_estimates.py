"""Differences of a pair of cohorts in four outcomes, crude or with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison.cohorts.onset_bootstrap import OnsetDraws
from trdstats.errors import NotEstimableError
from trdstats.estimates import Estimates, estimates_of
from trdstats.estimates.comparisons import Measure
from trdstats.estimates.proportion_contrast import compare_proportions
from trdstats.outcomes import EventTimes, ResponseHistory
from trdstats.outcomes.weighted_rates import weigh_rates
from trdstats.survival import RMST, ResponseState

RATE, ONSET, IN_RESPONSE, DURABILITY = "rate", "onset", "days in response", "durability"
OUTCOMES = (ONSET, RATE, IN_RESPONSE, DURABILITY)
_AT_RISK = 10  # followed to a horizon, or one in so many
_NO_KEYS = pd.DataFrame({"measure": ["difference"]})


@dataclass(frozen=True)
class PairData:
    """What is compared of a pair, subjects outside the population already left out.

    Attributes
    ----------
    labels : tuple of str
        Reference, then treatment.
    met : pandas.DataFrame or None
        subject, treatment, met.
    history : ResponseHistory or None
    durability : EventTimes or None
    day, tau : float
        Of the rate; horizon of the onset and of days in response.
    relapse_tau : float
        Horizon of the durability, from the first response; NaN without any.
    conf_level : float
    unavailable : dict of str to str
        Outcomes that could not be derived, with the reason.
    """

    labels: tuple[str, str]
    met: pd.DataFrame | None
    history: ResponseHistory | None
    durability: EventTimes | None
    day: float | None
    tau: float
    relapse_tau: float
    conf_level: float
    unavailable: Mapping[str, str]

    def day_of(self, outcome: str) -> float | None:
        """Return the day of a rate, or the horizon of days."""
        if outcome == RATE:
            return self.day
        return self.relapse_tau if outcome == DURABILITY else self.tau


@dataclass(frozen=True)
class PairEstimate:
    """The difference between two cohorts in one outcome, and what its E-value needs.

    Attributes
    ----------
    difference : Estimates
        One estimate, treatment less reference: a proportion for the rate, days for the others.
    ratio : Estimates or None
        Risk ratio, of a rate.
    spread : float
        Standard deviation of days between subjects, without weights; NaN where it has no part.
    bounds : (float, float)
        Lowest and highest difference that the visits leave open; NaN where the data are exact.
    note : str
    """

    difference: Estimates
    ratio: Estimates | None = None
    spread: float = np.nan
    bounds: tuple[float, float] = (np.nan, np.nan)
    note: str = ""

    @property
    def value(self) -> float:
        """The difference."""
        return float(self.difference.value[0])

    def interval(self, conf_level: float) -> tuple[float, float]:
        """Return the confidence limits of the difference."""
        low, high = self.difference.interval(conf_level)
        return float(low[0]), float(high[0])


def without_estimate(reason: str) -> PairEstimate:
    """Return a difference that could not be estimated."""
    return PairEstimate(
        estimates_of(_NO_KEYS, [np.nan], covariance=np.full((1, 1), np.nan),
                     reasons=[reason.removesuffix(".")])
    )  # fmt: skip


def estimate(data: PairData, outcome: str, weights: Any, draws: OnsetDraws | None) -> PairEstimate:
    """Return the difference in one outcome, or NaN with the reason.

    Parameters
    ----------
    data : PairData
    outcome : str
        One of `OUTCOMES`.
    weights : result or None
        None for the crude difference.
    draws : OnsetDraws or None
        Bootstrap of the onset; None where it could not be made.
    """
    try:
        if outcome in data.unavailable:
            raise NotEstimableError(data.unavailable[outcome])
        if outcome == ONSET:
            if draws is None:
                raise NotEstimableError("No resample of the onset could be analysed.")
            return PairEstimate(draws.difference(), spread=draws.sd, bounds=draws.bounds)
        return _ESTIMATES[outcome](data, weights)
    except NotEstimableError as error:
        return without_estimate(str(error))


def _rate(data: PairData, weights: Any) -> PairEstimate:
    assert data.met is not None
    reference, _ = data.labels
    measures: tuple[Measure, ...] = ("difference", "ratio")
    if weights is not None:
        rates = weigh_rates(data.met, weights).rates
        compared = rates.compare(reference=reference, measures=measures)
    else:
        rates = weigh_rates(data.met, pd.Series(1.0, index=data.met["subject"])).rates
        met = data.met.groupby("treatment", observed=False)["met"]
        counts = {str(k): (int(m.sum()), int(m.notna().sum())) for k, m in met}
        compared = compare_proportions(
            rates, counts, reference=reference, method="miettinen-nurminen"
        )
    difference, ratio = (compared.only(measure=m) for m in measures)
    return PairEstimate(difference, ratio)


def _days_in_response(data: PairData, weights: Any) -> PairEstimate:
    assert data.history is not None
    spec = ResponseState(tau=data.tau, reference=data.labels[0], conf_level=data.conf_level)
    days = spec.fit(data.history, weights=weights).estimates().only(state="in response")
    difference = days.compare("treatment", reference=data.labels[0])
    if weights is not None:
        return PairEstimate(difference)
    # Standard errors of means times the root of the group sizes: the spread between subjects.
    size = data.history.per_subject().at_risk()["treatment"].value_counts()
    variance = days.std_error**2 * size.loc[list(days.keys["treatment"])].to_numpy()
    return PairEstimate(difference, spread=float(np.sqrt(np.mean(variance))))


def _durability(data: PairData, weights: Any) -> PairEstimate:
    assert data.durability is not None
    horizon = data.relapse_tau
    if not horizon > 0:
        raise NotEstimableError("No subject was followed after the first response in one cohort.")
    spec = RMST(tau=horizon, reference=data.labels[0], conf_level=data.conf_level)
    difference = spec.fit(data.durability, weights=weights).estimates().only(measure="difference")
    # Responders are selected by what the treatment did: their difference describes.
    return PairEstimate(
        replace(difference, null=np.array([np.nan])),
        note=f"Responders only, {horizon:g} days from their response: described, not tested",
    )


def followed_to(durability: EventTimes, most: float) -> float:
    """Return the last day, at most `most`, to which enough responders of both are followed.

    Enough is ten of them, or a tenth. NaN when one of the two has none.
    """
    frame = durability.at_risk()
    ends = []
    for _, follow_up in frame.groupby("treatment", observed=False)["time"]:
        days = np.sort(follow_up.to_numpy(dtype=float))[::-1]
        needed = min(_AT_RISK, max(1, int(np.ceil(len(days) / _AT_RISK))))
        ends.append(days[needed - 1] if len(days) else np.nan)
    return float(min([most, *ends])) if np.isfinite(ends).all() else np.nan


_ESTIMATES: dict[str, Callable[[PairData, Any], PairEstimate]] = {
    RATE: _rate,
    IN_RESPONSE: _days_in_response,
    DURABILITY: _durability,
}
