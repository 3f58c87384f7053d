"""Mixed models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trdstats.longitudinal import LMM, MMRM
from trdstats.selfcheck import reference
from trdstats.tables import each_row

FORMULA = "chg ~ madrs_bl * visit + arm * visit + site"


def _effects(fit: Any) -> dict[str, float]:
    figures = {"log-likelihood": float(fit.loglik)}
    for row in each_row(fit.tidy()):
        figures[f"effect, {row.term}"] = float(row.estimate)
        figures[f"standard error, {row.term}"] = float(row.std_error)
        figures[f"degrees of freedom, {row.term}"] = float(row.df)
    return figures


def mmrm(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return a mixed model for repeated measures of the packaged trial."""
    spec = MMRM(FORMULA, covariance=inputs["covariance"], ddf=inputs["ddf"])
    return _effects(spec.fit(reference.acute(), subject="usubjid"))


def mmrm_contrasts(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return differences of marginal means from TMS by visit."""
    spec = MMRM(FORMULA, ddf=inputs["ddf"])
    margins = spec.fit(reference.acute(), subject="usubjid").margins("arm", by="visit")
    figures = {}
    for row in each_row(margins.contrasts(reference="TMS").tidy()):
        what = f"{row.contrast}, day {row.visit}"
        figures[what] = float(row.estimate)
        figures[f"{what}, standard error"] = float(row.std_error)
        figures[f"{what}, degrees of freedom"] = float(row.df)
    return figures


def random_effects(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return a mixed model with random effects of the packaged trial."""
    spec = LMM("madrs ~ week * arm + madrs_bl", random=inputs["random"], ddf=inputs["ddf"])
    fit = spec.fit(reference.acute(), subject="usubjid")
    figures = _effects(fit)
    for name, value in zip(fit.effects, np.diag(fit.covariance), strict=True):
        figures[f"variance, {name}"] = float(value)
    return figures | {"variance, residual": fit.residual_variance}


def growth(inputs: Mapping[str, Any]) -> dict[str, float]:
    """Return the growth of 11 girls and 16 boys at ages 8, 10, 12 and 14, by likelihood."""
    y = np.array(inputs["girls"] + inputs["boys"], dtype=float)
    girls = len(inputs["girls"])
    sex = pd.Categorical(["F"] * girls + ["M"] * (len(y) - girls), ["M", "F"])
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(len(y)), 4), "sex": sex.repeat(4), "y": y.ravel(),
         "age": np.tile([8.0, 10, 12, 14], len(y)), "visit": np.tile([8, 10, 12, 14], len(y))}
    )  # fmt: skip
    spec = MMRM("y ~ sex * age", covariance=inputs["covariance"], reml=False, ddf="residual")
    fit = spec.fit(frame, visit="visit")
    figures = {"-2 log-likelihood": float(fit.deviance)}
    for row in each_row(fit.tidy()):
        figures[f"effect, {row.term}"] = float(row.estimate)
        figures[f"standard error, {row.term}"] = float(row.std_error)
    return figures


RECIPES = {
    "mmrm": mmrm,
    "mmrm_contrasts": mmrm_contrasts,
    "random_effects": random_effects,
    "growth": growth,
}
