"""Four contrasts of a pair of cohorts, crude or with weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from trdstats.comparison.onset import OnsetDraws
from trdstats.errors import NotEstimableError
from trdstats.outcomes import EventTimes, ResponseHistory
from trdstats.outcomes.contrasts import contrast_row
from trdstats.outcomes.weighted_rates import weigh_rates
from trdstats.survival import RMST, ResponseState

FloatArray = npt.NDArray[np.float64]

RATE, ONSET, IN_RESPONSE, DURABILITY = "rate", "onset", "days in response", "durability"
OUTCOMES = (ONSET, RATE, IN_RESPONSE, DURABILITY)
_COLUMNS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


@dataclass(frozen=True)
class Compared:
    """What is compared of a pair, subjects outside the population already left out.

    Attributes
    ----------
    labels : tuple of str
        Reference, then treatment.
    met : pandas.DataFrame or None
        subject, treatment, met.
    onset : EventTimes
    history : ResponseHistory
    durability : EventTimes
    day, tau : float
    conf_level : float
    """

    labels: tuple[str, str]
    met: pd.DataFrame | None
    onset: EventTimes
    history: ResponseHistory
    durability: EventTimes
    day: float | None
    tau: float
    conf_level: float


def estimate(
    data: Compared, outcome: str, weights: Any, draws: OnsetDraws | None
) -> dict[str, Any]:
    """Return one contrast, or NaN with the reason.

    Parameters
    ----------
    data : Compared
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
        if outcome == ONSET:
            if draws is None:
                raise NotEstimableError("No resample of the onset could be analysed.")
            return draws.contrast(data.conf_level)
        return _ESTIMATES[outcome](data, weights)
    except NotEstimableError as error:
        return {**dict.fromkeys(_COLUMNS, np.nan), "note": str(error)}


def _rate(data: Compared, weights: Any) -> dict[str, Any]:
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
        weighted = weigh_rates(data.met, weights, reference=reference, conf_level=data.conf_level)
        frame = weighted.frame.set_index("measure")
        gap, ratio = ({str(c): v for c, v in frame.loc[m].items()} for m in ("difference", "ratio"))
    row = {c: float(gap[c]) for c in _COLUMNS}
    row |= {c: 100 * row[c] for c in ("estimate", "std_error", "conf_low", "conf_high")}
    for name, column in (
        ("risk_ratio", "estimate"), ("risk_ratio_low", "conf_low"), ("risk_ratio_high", "conf_high")
    ):  # fmt: skip
        row[name] = float(ratio[column])
    return row


def _days_in_response(data: Compared, weights: Any) -> dict[str, Any]:
    spec = ResponseState(tau=data.tau, reference=data.labels[0], conf_level=data.conf_level)
    days = spec.fit(data.history, weights=weights).mean_days()
    days = days[days["state"] == "in response"]
    mine, means = (days[days["measure"] == m] for m in ("difference", "mean days"))
    # Standard errors of means times the root of the group sizes: the spread between subjects.
    size = data.history.per_subject().at_risk()["treatment"].value_counts()
    spread = [e**2 * size[k] for e, k in zip(means["std_error"], means["treatment"], strict=True)]
    sd = float(np.sqrt(np.mean(spread)))
    return {**{c: float(mine[c].iloc[0]) for c in _COLUMNS}, "sd": sd}


def _durability(data: Compared, weights: Any) -> dict[str, Any]:
    frame = data.durability.at_risk()
    last = frame.groupby("treatment", observed=False)["time"].max()
    horizon = float(min(data.tau, last.min()))
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


_ESTIMATES: dict[str, Callable[[Compared, Any], dict[str, Any]]] = {
    RATE: _rate,
    IN_RESPONSE: _days_in_response,
    DURABILITY: _durability,
}
