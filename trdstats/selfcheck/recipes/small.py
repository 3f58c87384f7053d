"""Small tables whose every number is worked by hand, and printed critical values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.estimates import adjust_p_values, adjust_single_step
from trdstats.outcomes import EventTimes
from trdstats.survival import RMST, AalenJohansen, KaplanMeier, LogRank
from trdstats.tables import each_row


def six_subjects(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return curves, restricted mean and log-rank test of six subjects."""
    frame = pd.DataFrame(inputs["subjects"])
    six = EventTimes(frame, causes={1: "relapse", 2: "switch"})
    figures = {}
    for row in each_row(KaplanMeier(by=None).fit(six).at([1, 2, 3, 4])):
        figures[f"survival, day {row.time:g}"] = float(row.estimate)
        figures[f"Greenwood sum, day {row.time:g}"] = float((row.std_error / row.estimate) ** 2)
    for row in each_row(AalenJohansen(by=None).fit(six).at([1, 2, 4])):
        figures[f"incidence of {row.cause}, day {row.time:g}"] = float(row.estimate)
        if (row.cause, row.time) == ("relapse", 2):
            figures["variance of relapse, day 2"] = float(row.std_error) ** 2
    every = EventTimes(frame.assign(one="all"), causes={1: "relapse", 2: "switch"})
    mean = RMST(tau=4, by="one").fit(every).tidy().iloc[0]
    figures["restricted mean to day 4"] = float(mean["estimate"])
    figures["variance of the restricted mean"] = float(mean["std_error"]) ** 2
    test = LogRank().fit(six)
    for row in each_row(test.tidy()):
        figures[f"expected events, {row.treatment}"] = float(row.expected)
    return figures | {"chi-squared": float(test.glance()["statistic"].item())}


def p_values(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return adjusted p values of a family."""
    frame = pd.DataFrame({"p_value": inputs["p_values"]})
    return {
        f"{method}, p value {k + 1}": float(p)
        for method in inputs["methods"]
        for k, p in enumerate(adjust_p_values(frame, method=method)["p_adjusted"])
    }


def dunnett(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return two-sided critical values of comparisons with one reference, equal groups."""
    figures = {}
    for k, df in inputs["families"]:
        covariance = 0.5 * (np.eye(k) + 1.0)
        adjusted = adjust_single_step(
            np.full(k, 2.0), covariance, df=np.inf if df is None else df, conf_level=0.95
        )
        figures[f"{k} comparisons, {df or 'infinite'} df"] = adjusted.critical
    return figures


RECIPES = {"six_subjects": six_subjects, "p_values": p_values, "dunnett": dunnett}
