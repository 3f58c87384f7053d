"""Regressions behind weights and adjusted comparisons, recomputed with statsmodels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from trdstats.arrays import FloatArray
from trdstats.comparison.adjusted.analysis_set import read_analysis_set
from trdstats.comparison.adjusted.subject_outcomes import read_outcomes
from trdstats.formulas import read_covariates
from trdstats.second_opinion.recomputed import (
    CLOSED,
    UNABLE,
    Recomputed,
    Tolerance,
    compare,
    library_of,
    not_compared,
    unable,
)
from trdstats.survival.parametric.parametric_data import design_at, with_intercept

SEARCH = Tolerance(1e-6, "value", "both search for the maximum of one likelihood")


def recompute_propensity(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the probability of each treatment for the subject on whom it differs most."""
    spec, scores = result.spec, result._fitted.scores
    if spec.scores is not None or spec.method != "likelihood" or scores is None:
        yield not_compared("scores", "statsmodels has scores from logistic likelihood only")
        return
    import statsmodels.api as sm

    model, library = result._model, library_of("statsmodels")
    X = with_intercept(_scaled(model.columns))
    try:
        if model.k == 2:
            fit = sm.GLM(model.treatment, X, family=sm.families.Binomial()).fit(tol=1e-14)
            second = np.asarray(fit.fittedvalues)
            theirs = np.column_stack([1 - second, second])
        else:
            theirs = np.asarray(sm.MNLogit(model.treatment, X).fit(
                disp=0, method="newton", maxiter=100, tol=1e-14
            ).predict())  # fmt: skip
    except UNABLE as failure:
        yield not_compared("scores", unable("statsmodels", failure))
        return
    for k, label in enumerate(result.covariates.labels):
        yield _worst(f"score of {label}", scores.probability[:, k], theirs[:, k], library)


def recompute_censoring(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the probability of being observed for the subject on whom it differs most."""
    import statsmodels.api as sm

    library, ours = library_of("statsmodels"), result.weights["probability"].to_numpy(float)
    for model in result.models:
        if model.fit is None:
            continue
        X = result._X[model.members]
        observed = result.observed[model.members].astype(float)
        try:
            fit = sm.GLM(observed, X, family=sm.families.Binomial()).fit(tol=1e-14)
        except UNABLE as failure:
            yield not_compared("probability of being observed", unable("statsmodels", failure))
            continue
        name = f"probability of being observed, {model.label}"
        yield _worst(name, ours[model.members], np.asarray(fit.fittedvalues), library)


def recompute_standardisation(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield standardised rates or means from the predictions of a regression."""
    import statsmodels.api as sm

    spec = result.spec
    if spec.outcome is None:
        yield not_compared("standardised curves", "the libraries do not standardise curves")
        return
    if data is None:
        yield not_compared("standardised values", "the result does not keep the subjects: pass "
                           "them, second_opinion(result, study)")  # fmt: skip
        return
    known = read_outcomes(
        data, spec.outcome, day=spec.day, missing=spec.missing, reference=spec.reference
    )
    sample = read_analysis_set(known, (spec.formula,), spec.by, None)
    design, seen = read_covariates(sample.frame, spec.formula), sample.observed
    is_logistic = dict(result.header)["Model"] == "logistic"
    family = sm.families.Binomial() if is_logistic else sm.families.Gaussian()
    if any(name == "Weights" for name, _ in result.header):
        yield not_compared("standardised values", "compared without weights of subjects only")
        return
    fit = sm.GLM(sample.y[seen], with_intercept(design.X)[seen], family=family).fit(tol=1e-14)
    among = np.ones(len(sample.frame), dtype=bool)
    if spec.estimand == "att":
        among = (sample.frame[spec.by].astype(str) == str(spec.treated)).to_numpy()
    values, library = result._values, library_of("statsmodels")
    for k, level in enumerate(sample.levels):
        theirs = float(np.mean(fit.predict(design_at(design, spec.by, level))[among]))
        yield compare(f"{values.keys['quantity'].iloc[k]}, {level}", values.value[k], theirs,
                      library, SEARCH)  # fmt: skip


def recompute_strata(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the common odds ratio, its limits and the test of Cochran, Mantel and Haenszel."""
    from statsmodels.stats.contingency_tables import StratifiedTable

    library = library_of("statsmodels")
    table = result.tidy()
    rows = table[table["measure"] == "odds ratio"].set_index(["treatment", "reference"])
    for (a, b), strata in result._pairs.items():
        counts = strata[["events", "n", "reference_events", "reference_n"]].to_numpy(float)
        tables = [np.array([[x1, n1 - x1], [x0, n0 - x0]]) for x1, n1, x0, n0 in counts]
        ours, name = rows.loc[(a, b)], f"{a} v {b}"
        # Empty cells are no error of a sum over strata.
        theirs = StratifiedTable(tables)
        yield compare(f"common odds ratio, {name}", ours["estimate"], theirs.oddsratio_pooled,
                      library, CLOSED)  # fmt: skip
        ends = theirs.oddsratio_pooled_confint(alpha=1 - result.conf_level)
        for end, column, other in zip(("lower", "upper"), ("conf_low", "conf_high"), ends,
                                      strict=True):  # fmt: skip
            yield compare(f"{end} limit, {name}", ours[column], other, library, CLOSED)
        test = theirs.test_null_odds(correction=False)
        yield compare(f"p value, {name}", ours["p_value"], test.pvalue, library, CLOSED)
    yield not_compared("differences and ratios", "statsmodels has no score limits over strata")


def _scaled(X: FloatArray) -> FloatArray:
    """Return columns of mean 0 and standard deviation 1: fitted values stay what they are."""
    return np.asarray((X - X.mean(axis=0)) / X.std(axis=0))


def _worst(quantity: str, ours: FloatArray, theirs: FloatArray, library: str) -> Recomputed:
    at = int(np.argmax(np.abs(ours - theirs)))
    what = f"{quantity} (largest difference of {len(ours):,} subjects)"
    return compare(what, ours[at], theirs[at], library, SEARCH)
