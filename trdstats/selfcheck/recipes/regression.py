"""Regressions of times of the packaged trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trdstats.selfcheck import reference
from trdstats.survival import AFT, CoxPH, FineGray, MixtureCure
from trdstats.tables import each_row

FORMULA = "treatment + msm + age"


def _coefficients(table: Any, names: tuple[str, ...] = ()) -> dict[str, float]:
    figures = {}
    for row in each_row(table):
        figures[f"coefficient, {row.term}"] = float(row.estimate)
        figures[f"standard error, {row.term}"] = float(row.std_error)
        for name in names:
            figures[f"{name}, {row.term}"] = float(getattr(row, name))
    return figures


_RATIOS = ("hazard_ratio_low", "hazard_ratio_high", "statistic")


def _cox(fit: Any) -> dict[str, float]:
    about = fit.glance().iloc[0]
    return _coefficients(fit.tidy(), _RATIOS) | {
        "log-likelihood without covariates": float(about["loglik_null"]),
        "log-likelihood": float(about["loglik"]),
        "concordance": float(about["concordance"]),
        "standard error of concordance": float(about["concordance_std_error"]),
    }


def cox(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the Cox regression of onset, Efron's ties."""
    return _cox(CoxPH(FORMULA).fit(reference.onset()))


def cox_robust(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the same with the sandwich of Lin and Wei."""
    spec = CoxPH(FORMULA, robust=True, correction="none")
    return _coefficients(spec.fit(reference.onset()).tidy(), _RATIOS)


def cox_of_relapse(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the cause-specific Cox regression of relapse."""
    return _cox(CoxPH(FORMULA).fit(reference.durability()))


def proportional_hazards(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the tests of proportional hazards along the Kaplan-Meier curve."""
    table = CoxPH(FORMULA).fit(reference.onset()).proportional_hazards("km").tidy()
    figures = {}
    for row in each_row(table):
        figures[f"chi-squared, {row.term}"] = float(row.statistic)
        figures[f"p value, {row.term}"] = float(row.p_value)
    return figures


def fine_gray(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the Fine-Gray regression of relapse."""
    fit = FineGray(FORMULA).fit(reference.durability())
    loglik = float(fit.glance()["loglik"].item())
    return _coefficients(fit.tidy()) | {"log-likelihood": loglik}


def accelerated(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return an interval-censored accelerated failure time model of onset."""
    fit = AFT(FORMULA, inputs["distribution"]).fit(reference.onset())
    table = fit.tidy()
    at = np.array([1.0, *fit._data.designs[0].X.mean(axis=0)])
    location = float(at @ table["estimate"].to_numpy()[: len(at)])
    figures = _coefficients(table) | {"location at the means": location}
    return figures | {"log-likelihood": float(fit.glance()["loglik"].item())}


def mixture_cure(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return an interval-censored Weibull mixture cure model of onset."""
    fit = MixtureCure("treatment", "treatment").fit(reference.onset())
    figures = {"log-likelihood": float(fit.glance()["loglik"].item())}
    for k, row in enumerate(each_row(fit.tidy())):
        figures[f"coefficient {k + 1}"] = float(row.estimate)
        figures[f"standard error {k + 1}"] = float(row.std_error)
    return figures


RECIPES = {
    "cox": cox,
    "cox_robust": cox_robust,
    "cox_of_relapse": cox_of_relapse,
    "proportional_hazards": proportional_hazards,
    "fine_gray": fine_gray,
    "accelerated": accelerated,
    "mixture_cure": mixture_cure,
}
