"""The estimates that the last round leads to."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from trdstats.arrays import FloatArray
from trdstats.errors import no_error_reason
from trdstats.estimates import Estimates, estimates_of
from trdstats.kernels.numerics.boundary import at_boundary, error_inside, without
from trdstats.outcomes.weighted_rates import NO_RATE
from trdstats.sites.rounds.messages import Question
from trdstats.sites.rounds.sums import Sums
from trdstats.tables import caveat_notes, format_count, format_number


def hazards_of(question: Question, at: FloatArray, information: FloatArray) -> Estimates:
    """Return the hazard ratios, stratified by site."""
    scale = question.numbers["scale"]
    covariance = np.linalg.inv(information) / np.outer(scale, scale)
    return estimates_of(
        pd.DataFrame({"term": list(question.terms)}), np.exp(at / scale), covariance=covariance,
        scale="log", null=np.ones(len(at)),
        title=f"Hazard ratios of {question.outcome}, stratified by site",
        notes=_notes(question, f"{int(question.numbers['events'][0]):,} events"),
    )  # fmt: skip


def rates_of(question: Question, total: Sums) -> Estimates:
    """Return the weighted rates of each outcome, day and treatment."""
    numbers, arms = question.numbers, question.labels
    rate = np.where(numbers["n_met"] > 0, numbers["rate"], np.nan)
    keys = [
        {"outcome": name, "label": label, "day": day, "treatment": arm}
        for name, label, day in map(json.loads, question.outcomes)
        for arm in arms
    ]
    value = rate.T.ravel()
    effective = numbers["weight"] ** 2 / numbers["squares"]
    sizes = ", ".join(
        f"{a} {format_number(float(e), 1)}" for a, e in zip(arms, effective, strict=True)
    )
    return estimates_of(
        pd.DataFrame(keys), value,
        covariance=without(at_boundary(value), total["cross_products"]), limits_scale="logit",
        reasons=[
            NO_RATE if np.isnan(p) else no_error_reason(float(error_inside(p, p))) for p in value
        ],
        title=f"Weighted rates ({question.estimand}) of all sites",
        notes=(*_notes(question, f"effective sizes: {sizes}"), _POSITIVITY),
    )  # fmt: skip


_POSITIVITY = (
    "Whether every treatment is given to every kind of subject was not checked: values of single "
    "subjects do not leave a site. Small effective sizes tell of it; overlap weights need it least."
)


def _notes(question: Question, counts: str) -> tuple[str, ...]:
    n = format_count(int(question.numbers["n"].sum()))
    return (
        *caveat_notes(question.caveat),
        f"{n} subjects with all covariates of {', '.join(question.sites)}; {counts}.",
        *(f"Without {words}" for words in question.without),
    )
