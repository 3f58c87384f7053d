"""The covariance of the fixed effects of an MMRM and their degrees of freedom."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.kernels.gaussian.mixed_tests import (
    FixedDegrees,
    Inference,
    kenward_roger,
    satterthwaite,
)
from trdstats.kernels.gaussian.newton import Optimum
from trdstats.kernels.gaussian.patterns import CrossProducts
from trdstats.kernels.gaussian.reml import Model
from trdstats.kernels.gaussian.sandwich import Subjects, sandwich
from trdstats.longitudinal.designs.subject_weights import Weighting

if TYPE_CHECKING:
    from trdstats.longitudinal.gaussian.mmrm import MMRM


def infer(
    spec: MMRM,
    model: Model,
    optimum: Optimum,
    of_theta: FloatArray,
    subjects: Subjects,
    weighting: Weighting | None,
) -> Inference:
    """Return the inference that a specification asks for."""
    state = optimum.state
    if spec.vcov != "model":
        empirical = sandwich(model, state, subjects, spec.vcov)
        if weighting is not None:
            empirical = weighting.stacked(empirical, subjects.order)
        robust: Inference = empirical
    elif spec.ddf.startswith("kenward"):
        return kenward_roger(model, state, of_theta, curved=spec.ddf == "kenward-roger")
    else:
        robust = satterthwaite(model, state, of_theta)
    return with_degrees(spec, model, state.beta, robust)


def with_degrees(spec: MMRM, model: Model, beta: FloatArray, inference: Inference) -> Inference:
    """Return the covariance of the effects with the requested degrees of freedom."""
    if spec.ddf == "satterthwaite":
        return inference
    q = model.products.n_columns
    if spec.ddf == "residual":
        df = np.full(q, float(model.products.n_obs - q))
    else:
        # The model of an MMRM always holds cross-products.
        df = between_within(cast(CrossProducts, model.products))
    return FixedDegrees(beta, inference.covariance, df, inference)


def between_within(summary: CrossProducts) -> FloatArray:
    """Return degrees of freedom between subjects for columns that never change within one.

    The intercept counts as within, as in R mmrm.
    """
    select = summary.select[:, :-1]
    constant = (select == select[0]).all(axis=0) & (select[0] >= 0)
    total = summary.cross_products.sum(axis=0)
    first = select[0, constant]
    ones = np.zeros(select.shape[1], dtype=bool)
    # A column of ones has the same sum as its square.
    for j, column in zip(np.flatnonzero(constant), first, strict=True):
        ones[j] = np.isclose(total[column, column], summary.n.sum()) and np.isclose(
            np.ptp(np.diagonal(summary.cross_products, axis1=1, axis2=2)[:, column] / summary.n), 0
        )
    between = constant & ~ones
    n_between = int(between.sum()) + int(ones.any())
    n_within = len(constant) - n_between
    subjects = float(summary.n.sum())
    return np.where(between, subjects - n_between, summary.n_obs - subjects - n_within)
