"""Mixed models, recomputed with statsmodels where it has the same model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from trdstats.arrays import FloatArray, IntArray
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

SEARCH = Tolerance(2e-3, "standard error", "statsmodels stops its search early")
ERRORS = Tolerance(1e-3, "value", "given the variances at which the search of statsmodels ends")
VARIANCES = Tolerance(2e-3, "value", "statsmodels stops its search early")
COVARIANCES = Tolerance(2e-3, "geometric mean of its variances", VARIANCES.why)
LOGLIK = Tolerance(1e-7, "value", "the likelihood is level near its maximum")
_BEGUN = (
    "the search of statsmodels began at our estimates, and leaves them where they are no maximum"
)


def recompute_lmm(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield effects, errors, variances and likelihood of one level of correlated random effects."""
    if len(result._groupings) > 1 or not (result.spec.correlated or len(result.effects) == 1):
        yield not_compared("mixed model", "statsmodels does not fit nested, crossed or "
                           "uncorrelated random effects by one likelihood")  # fmt: skip
        return
    if result.spec.residual != "ind":
        yield not_compared("mixed model", "statsmodels has no correlated residuals beside random "
                           "effects")  # fmt: skip
        return
    if result.boundary:
        yield not_compared("mixed model", "the estimate lies on the boundary of the parameters, "
                           "where the search of statsmodels does not end")  # fmt: skip
        return
    design = result.design
    if not len(design.person):
        yield not_compared("mixed model", "the model was fitted to a summary: there are no rows")
        return
    Z = result._groupings[0].Z
    names = [f"cov({a}, {b})" if a != b else f"var({a})"
             for i, a in enumerate(result.effects) for b in result.effects[: i + 1]]  # fmt: skip
    yield from _refit(result, Z, result.covariance.to_numpy(), result.residual_variance, names)


def recompute_mmrm(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the same of a compound symmetric covariance: a random intercept of the subject."""
    parameters = result.covariance_parameters()
    design = result.design
    if result._weighting is not None or design.weight is not None:
        yield not_compared("mixed model", "statsmodels has no weights in mixed models")
        return
    if not len(design.person):
        yield not_compared("mixed model", "the model was fitted to a summary: there are no rows")
        return
    if parameters["term"].tolist() != ["covariance", "residual variance"]:
        yield not_compared("mixed model", "no Python library fits this covariance of the visits by "
                           "restricted likelihood; compound symmetry has one")  # fmt: skip
        return
    shared, residual = parameters["estimate"]
    if shared <= 0:
        yield not_compared("mixed model", "a covariance of 0 or below is no random intercept")
        return
    ones = np.ones((len(design.person), 1))
    yield from _refit(result, ones, np.array([[shared]]), float(residual), ["covariance"])


def _refit(
    result: Any, Z: FloatArray, G: FloatArray, residual: float, names: list[str]
) -> Iterator[Recomputed]:
    """Fit the same model with statsmodels, in columns of equal size."""
    import statsmodels.api as sm
    from statsmodels.regression.mixed_linear_model import MixedLMParams

    design, library = result.design, library_of("statsmodels")
    at = design.cells
    given = design.X[at[0], :, at[1]]
    if design.coordinates is not None:  # effects are those of the columns of the formula
        given = given @ np.linalg.inv(design.coordinates)
    held = given[:, result._kept]
    X, origin = design_of(result.spec.formula, design.frame, result.terms, held)
    of_x, of_z = (np.sqrt((M**2).mean(axis=0)) for M in (X, Z))
    table, reml = result.tidy(), result.spec.reml
    ours = table["estimate"].to_numpy(float)
    start = MixedLMParams.from_components(
        fe_params=ours * of_x, cov_re=G * np.outer(of_z, of_z) / residual
    )
    model = sm.MixedLM(design.y[at], X / of_x, groups=design.person, exog_re=Z / of_z)
    try:
        theirs = model.fit(reml=reml, start_params=start, method=["bfgs", "lbfgs", "powell"])
        beta, cov = theirs.fe_params / of_x, np.asarray(theirs.cov_re) / np.outer(of_z, of_z)
        error = _errors(X, design.y[at], Z, design.person, cov, float(theirs.scale))
    except UNABLE as failure:
        yield not_compared("mixed model", unable("statsmodels", failure))
        return
    # REML holds log |X'V^-1 X|, which the size of the columns changes by a constant.
    loglik = float(theirs.llf) - (float(np.log(of_x).sum()) if reml else 0.0)
    yield compare("log-likelihood", result.loglik, loglik, library, LOGLIK, note=_BEGUN)
    adjusted = getattr(result.spec, "ddf", "").startswith("kenward-roger")
    for j, row in enumerate(each_row(table)):
        yield compare(f"effect, {row.term}", row.estimate, beta[j], library, SEARCH,
                      scale=float(error[j]), note=origin)  # fmt: skip
        if not adjusted:
            yield compare(f"standard error, {row.term}", row.std_error, error[j], library, ERRORS)
    rows, columns = np.tril_indices(len(G))
    for name, a, b in zip(names, rows, columns, strict=True):
        spread = float(np.sqrt(cov[a, a] * cov[b, b]))
        yield compare(name, G[a, b], cov[a, b], library, COVARIANCES, scale=spread)
    yield compare("residual variance", residual, float(theirs.scale), library, VARIANCES)


def _errors(
    X: FloatArray, y: FloatArray, Z: FloatArray, group: IntArray, G: FloatArray, residual: float
) -> FloatArray:
    """Return standard errors of the effects given the variances, by generalised least squares.

    Those that MixedLM prints come from the observed information of effects and variances
    together, which is another quantity.
    """
    import statsmodels.api as sm

    white = np.empty((len(y), X.shape[1] + 1))
    for members in np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]):
        V = Z[members] @ G @ Z[members].T + residual * np.eye(len(members))
        rows = np.column_stack([X[members], y[members]])
        white[members] = np.linalg.solve(np.linalg.cholesky(V), rows)
    fit = sm.OLS(white[:, -1], white[:, :-1]).fit()
    return np.asarray(np.sqrt(np.diag(fit.normalized_cov_params)))
