"""Event times against a script that shares no code with the library, and published links."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.errors import EstimateWarning
from trdstats.outcomes import Relapse, Response, time_to
from trdstats.scales import convert, get_scale
from trdstats.selfcheck import reference


def event_times(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return how many subjects have another time than the script derived, and sums of times."""
    _, _, events = reference.tables()
    want = events.set_index("usubjid")
    onset = time_to(reference.study(), Response()).frame.set_index("subject")
    figures = {f"subjects with another {c} of response": _differing(onset[c], want[c])
             for c in ("left", "right", "time", "status")}  # fmt: skip
    relapse = time_to(
        reference.study(), Relapse(20, 2), since=Response(), competing="left follow-up"
    ).frame.set_index("subject")
    known = want.dropna(subset=["dur_time"])
    figures["responders"] = float(len(relapse))
    for ours, theirs in (("time", "dur_time"), ("status", "dur_status"), ("left", "dur_left")):
        name = f"responders with another {ours} of relapse"
        figures[name] = _differing(relapse[ours], known[theirs])
    figures["days to response or last visit, sum"] = float(onset["time"].sum())
    figures["days from response to relapse or last visit, sum"] = float(relapse["time"].sum())
    return figures


def _differing(ours: pd.Series[Any], theirs: pd.Series[Any]) -> float:
    both = pd.concat([ours.rename("a"), theirs.rename("b")], axis=1).astype(float)
    a, b = both["a"].to_numpy(), both["b"].fillna(np.inf).to_numpy()
    return float((a != b).sum())


def links_of_scales(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return totals on other scales by the published table."""
    figures = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimateWarning)
        for source, target, score in inputs["links"]:
            row = convert([score], source, target).iloc[0]
            for end in ("low", "high"):
                figures[f"{source} {score} on {target}, {end}"] = float(row[end])
    return figures


def scales(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return ranges and remission cut-offs of instruments."""
    figures = {}
    for label in inputs["scales"]:
        scale = get_scale(label)
        figures[f"{label}, lowest total"] = float(scale.total[0])
        figures[f"{label}, highest total"] = float(scale.total[1])
    for label in inputs["remission"]:
        cut_off = get_scale(label).remission[0].at_most
        figures[f"{label}, remission at most"] = np.nan if cut_off is None else float(cut_off)
    return figures


RECIPES = {"event_times": event_times, "links_of_scales": links_of_scales, "scales": scales}
