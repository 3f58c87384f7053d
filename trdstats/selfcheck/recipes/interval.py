"""Onset between visits in the packaged trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trdstats.selfcheck import reference
from trdstats.survival import IntervalPH, Turnbull
from trdstats.tables import each_row


def turnbull(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return masses between visits and log-likelihoods of every arm."""
    figures = {}
    for arm in reference.ARMS:
        fit = Turnbull().fit(reference.onset().only([arm]))
        figures[f"log-likelihood, {arm}"] = float(fit.glance()["loglik"].item())
        for k, row in enumerate(each_row(fit.tidy())):
            figures[f"mass {k + 1}, {arm}"] = float(row.mass)
    return figures


def interval_ph(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return proportional hazards with a free baseline."""
    fit = IntervalPH("treatment + msm + age").fit(reference.onset())
    figures = {f"coefficient, {row.term}": float(row.estimate) for row in each_row(fit.tidy())}
    return figures | {"log-likelihood": float(fit.glance()["loglik"].item())}


RECIPES = {"turnbull": turnbull, "interval_ph": interval_ph}
