"""Estimating equations and weights for dropout, recomputed with statsmodels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from trdstats.second_opinion.designs import design_of
from trdstats.second_opinion.recomputed import (
    UNABLE,
    Recomputed,
    Tolerance,
    compare,
    library_of,
    not_compared,
    unable,
)
from trdstats.tables import each_row

SEARCH = Tolerance(1e-4, "standard error", "both search for the root of the same equations")
ERRORS = Tolerance(1e-4, "value", "sandwiches at nearly one point")
_COV_TYPES = {"robust": "robust", "mancl-derouen": "bias_reduced", "model": "naive"}
_NAME = "estimating equations"


def recompute_equations(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield effects and errors under independence, or an exchangeable correlation held at ours."""
    spec, design = result.spec, result.design
    reason = _not_the_same(result)
    if reason:
        yield not_compared(_NAME, reason)
        return
    import statsmodels.api as sm

    library = library_of("statsmodels")
    X, origin = design_of(spec.formula, design.frame, design.terms, design.X)
    size = np.sqrt((X**2).mean(axis=0))
    links = {
        "logit": sm.families.links.Logit(),
        "log": sm.families.links.Log(),
        "identity": sm.families.links.Identity(),
        "probit": sm.families.links.Probit(),
    }
    families = {"binomial": sm.families.Binomial, "poisson": sm.families.Poisson,
                "gaussian": sm.families.Gaussian}  # fmt: skip
    structure = sm.cov_struct.Independence()
    if spec.corr == "exchangeable":
        structure = sm.cov_struct.Exchangeable()
        structure.dep_params = float(result.correlation.iloc[0, 1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of choices of statsmodels, not of the data
            fit = sm.GEE(
                design.y,
                X / size,
                groups=design.person,
                cov_struct=structure,
                family=families[spec.family](link=links[spec.link_name]),
                update_dep=False,
            ).fit(maxiter=500, ctol=1e-10, cov_type=_COV_TYPES.get(spec.vcov, "robust"))
    except UNABLE as failure:
        yield not_compared(_NAME, unable("statsmodels", failure))
        return
    beta, error = np.asarray(fit.params) / size, np.asarray(fit.bse) / size
    note = origin
    if spec.corr == "exchangeable":
        note += "; the correlation is held at ours, for statsmodels has other moments"
    for j, row in enumerate(each_row(result.tidy())):
        yield compare(f"effect, {row.term}", row.estimate, beta[j], library, SEARCH,
                      scale=float(error[j]), note=note)  # fmt: skip
        if spec.vcov in ("robust", "mancl-derouen"):
            yield compare(f"standard error, {row.term}", row.std_error, error[j], library, ERRORS)
    if spec.vcov not in ("robust", "mancl-derouen"):
        yield not_compared("standard errors", f"statsmodels has no covariance {spec.vcov!r} of "
                           "this form")  # fmt: skip


def _not_the_same(result: Any) -> str:
    """Return why statsmodels has no such equations; empty where it has."""
    spec = result.spec
    if spec.family == "ordinal":
        return "statsmodels takes the indicators of one rating as independent"
    if not result.design.in_memory:
        return "the model was fitted to sums of partitions: there are no rows"
    if result.design.is_weighted:
        return "compared without weights only"
    if spec.corr not in ("independence", "exchangeable"):
        return "statsmodels estimates this correlation in another way, and cannot hold it at ours"
    if result.separated is not None or len(result.design.columns.left_out):
        return "some effects have no estimate; statsmodels would print one"
    return ""


def recompute_dropout(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the log odds ratios of staying."""
    import statsmodels.api as sm

    library, model = library_of("statsmodels"), result.models[0]
    stays = result.stays[result.at_risk].astype(float)
    size = np.sqrt((model.X**2).mean(axis=0))
    try:
        fit = sm.GLM(stays, model.X / size, family=sm.families.Binomial()).fit(tol=1e-14)
    except UNABLE as failure:
        yield not_compared("staying", unable("statsmodels", failure))
        return
    for j, row in enumerate(each_row(result.tidy())):
        yield compare(f"log odds ratio of staying, {row.term}", row.estimate,
                      float(fit.params[j] / size[j]), library, SEARCH,
                      scale=float(fit.bse[j] / size[j]))  # fmt: skip
