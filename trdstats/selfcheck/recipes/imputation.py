"""Imputation of the packaged trial under named assumptions, and pooling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from trdstats.imputation import ANCOVA, Delta, Imputation, dropout_events
from trdstats.selfcheck import reference

_NAMES: dict[str, Any] = {"subject": "usubjid", "treatment": "arm", "visit": "day"}
_KEYS = {
    "difference at day 14": ("difference", "ketamine", 14),
    "difference at day 28": ("difference", "ketamine", 28),
    "mean of TMS at day 28": ("mean", "TMS", 28),
    "mean of ketamine at day 28": ("mean", "ketamine", 28),
}


@cache
def _draws() -> Any:
    frame = reference.scheduled()
    events = dropout_events(frame, outcome="chg", **_NAMES)
    return Imputation("chg ~ madrs_bl * day + arm * day").draw(frame, events, **_NAMES)


def _pooled(analysed: Any) -> dict[str, float]:
    table = analysed.pool().tidy().set_index(["measure", "treatment", "visit"])
    figures = {}
    for name, key in _KEYS.items():
        row = table.loc[key]
        figures[name] = float(row["estimate"])
        figures[f"{name}, standard error"] = float(row["std_error"])
        figures[f"{name}, low"] = float(row["conf_low"])
        figures[f"{name}, high"] = float(row["conf_high"])
    return figures


def by_strategy(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return conditional means with the jackknife under one strategy."""
    imputed = _draws().impute(inputs["strategy"], reference="TMS")
    return _pooled(imputed.analyse(ANCOVA("madrs_bl")))


def by_delta(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the same at random, every missing value of ketamine shifted."""
    delta = Delta({"ketamine": inputs["delta"]})
    return _pooled(_draws().impute("MAR").analyse(ANCOVA("madrs_bl"), delta=delta))


RECIPES = {"imputation_strategy": by_strategy, "imputation_delta": by_delta}
