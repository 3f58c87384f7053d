"""Four contrasts of a pair of cohorts, crude or with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trdstats.comparison.cohorts.onset_bootstrap import OnsetDraws
from trdstats.errors import NotEstimableError
from trdstats.estimates.proportion_contrast import contrast_row
from trdstats.outcomes import EventTimes, ResponseHistory
from trdstats.outcomes.weighted_rates import weigh_rates
from trdstats.survival import RMST, ResponseState

RATE, ONSET, IN_RESPONSE, DURABILITY = "rate", "onset", "days in response", "durability"
OUTCOMES = (ONSET, RATE, IN_RESPONSE, DURABILITY)
_AT_RISK = 10  # followed to a horizon, or one in so many
_COLUMNS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


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


def estimate(
    data: PairData, outcome: str, weights: Any, draws: OnsetDraws | None
) -> dict[str, Any]:
    """Return one contrast, or NaN with the reason.

    Parameters
    ----------
    data : PairData
    outcome : str
        One of `OUTCOMES`.
    weights : result or None
        None for the crude contrast.
    draws : OnsetDraws or None
        Bootstrap of the onset; None where it could not be made.

    Returns
    -------
    dict
        estimate, std_error, statistic, p_value, conf_low, conf_high, and what more there is:
        bound_low and bound_high, risk_ratio with its limits, note.
    """
    try:
        if outcome in data.unavailable:
            raise NotEstimableError(data.unavailable[outcome])
        if outcome == ONSET:
            if draws is None:
                raise NotEstimableError("No resample of the onset could be analysed.")
            return draws.contrast(data.conf_level)
        return _ESTIMATES[outcome](data, weights)
    except NotEstimableError as error:
        return {**dict.fromkeys(_COLUMNS, np.nan), "note": str(error)}


def _rate(data: PairData, weights: Any) -> dict[str, Any]:
    assert data.met is not None
    reference, treatment = data.labels
    if weights is None:
        counts = {
            name: (int(own.sum()), int(own.notna().sum()))
            for name, own in data.met.groupby("treatment", observed=False)["met"]
        }
        rows = {
            measure: contrast_row(
                measure,
                treatment,
                counts[treatment],
                reference,
                counts[reference],
                "miettinen-nurminen",
                data.conf_level,
            )
            for measure in ("difference", "ratio")
        }
        gap, ratio = rows["difference"], rows["ratio"]
    else:
        compared = weigh_rates(data.met, weights).rates.compare(
            reference=reference, measures=("difference", "ratio")
        )
        frame = compared.tidy(conf_level=data.conf_level).set_index("measure")
        gap, ratio = ({str(c): v for c, v in frame.loc[m].items()} for m in ("difference", "ratio"))
    row = {c: float(gap[c]) for c in _COLUMNS}
    for name, column in (
        ("risk_ratio", "estimate"), ("risk_ratio_low", "conf_low"), ("risk_ratio_high", "conf_high")
    ):  # fmt: skip
        row[name] = float(ratio[column])
    return row


def _days_in_response(data: PairData, weights: Any) -> dict[str, Any]:
    assert data.history is not None
    spec = ResponseState(tau=data.tau, reference=data.labels[0], conf_level=data.conf_level)
    days = spec.fit(data.history, weights=weights).mean_days()
    days = days[days["state"] == "in response"]
    mine, means = (days[days["measure"] == m] for m in ("difference", "mean days"))
    # Standard errors of means times the root of the group sizes: the spread between subjects.
    size = data.history.per_subject().at_risk()["treatment"].value_counts()
    spread = [e**2 * size[k] for e, k in zip(means["std_error"], means["treatment"], strict=True)]
    sd = float(np.sqrt(np.mean(spread)))
    return {**{c: float(mine[c].iloc[0]) for c in _COLUMNS}, "sd": sd}


def _durability(data: PairData, weights: Any) -> dict[str, Any]:
    assert data.durability is not None
    horizon = data.relapse_tau
    if not horizon > 0:
        raise NotEstimableError("Nobody was followed after the first response in one of the two.")
    spec = RMST(tau=horizon, reference=data.labels[0], conf_level=data.conf_level)
    means = spec.fit(data.durability, weights=weights).tidy()
    mine = means[means["measure"] == "difference"]
    row = {c: float(mine[c].iloc[0]) for c in _COLUMNS}
    # Responders are selected by what the treatment did: their difference describes.
    row |= {"statistic": np.nan, "p_value": np.nan}
    note = f"Responders only, {horizon:g} days from their response: described, not tested."
    return {**row, "note": note}


def followed_to(durability: EventTimes, most: float) -> float:
    """Return the last day, at most `most`, to which enough responders of both are followed.

    Enough is ten of them, or a tenth. NaN when one of the two has none.
    """
    frame = durability.at_risk()
    ends = []
    for _, own in frame.groupby("treatment", observed=False)["time"]:
        days = np.sort(own.to_numpy(dtype=float))[::-1]
        needed = min(_AT_RISK, max(1, int(np.ceil(len(days) / _AT_RISK))))
        ends.append(days[needed - 1] if len(days) else np.nan)
    return float(min([most, *ends])) if np.isfinite(ends).all() else np.nan


_ESTIMATES: dict[str, Callable[[PairData, Any], dict[str, Any]]] = {
    RATE: _rate,
    IN_RESPONSE: _days_in_response,
    DURABILITY: _durability,
}
