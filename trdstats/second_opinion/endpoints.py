"""Analyses at one time, recomputed with statsmodels and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

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

SEARCH = Tolerance(1e-5, "standard error", "both search for the maximum of one likelihood")
ERRORS = Tolerance(1e-5, "value", "information at nearly one point")
NUMERIC = Tolerance(0.005, "value", "statsmodels differentiates the likelihood numerically")
LOGLIK = Tolerance(1e-8, "value", "one sum of logarithms at nearly one point")


def recompute_logistic(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield coefficients, standard errors and log-likelihood of a logistic regression."""
    import statsmodels.api as sm

    sample = result._data.sample
    if result.is_penalised or sample.weighted:
        yield not_compared("odds ratios", "statsmodels has no penalised likelihood, and compared "
                           "without weights of subjects only")  # fmt: skip
        return
    analysed, library = sample.observed, library_of("statsmodels")
    try:
        fit = sm.Logit(sample.y[analysed], result._data.full[analysed]).fit(disp=0, method="newton",
                                                                  tol=1e-12)  # fmt: skip
    except UNABLE as failure:
        yield not_compared("odds ratios", unable("statsmodels", failure))
        return
    estimates = result.estimates()
    yield from _coefficients(estimates, np.asarray(fit.params)[1:], np.asarray(fit.bse)[1:], ERRORS)
    yield compare("log-likelihood", result._fit.loglik, fit.llf, library, LOGLIK)


def recompute_proportional(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield coefficients, standard errors and log-likelihood of proportional odds."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    sample, library = result._data.sample, library_of("statsmodels")
    if sample.weighted:
        yield not_compared("odds ratios", "compared without weights of subjects only")
        return
    analysed, X = sample.observed, result._data.design.X
    scaled = (X[analysed] - X[analysed].mean(axis=0)) / X[analysed].std(axis=0)
    try:
        model = OrderedModel(sample.y[analysed].astype(int), scaled, distr="logit")
        fit = model.fit(disp=0, method="bfgs", gtol=1e-8, maxiter=1000)
        fit = model.fit(start_params=fit.params, disp=0, method="newton", tol=1e-9)
    except UNABLE as failure:
        yield not_compared("odds ratios", unable("statsmodels", failure))
        return
    size, q = X[analysed].std(axis=0), X.shape[1]
    estimates = result.estimates()
    theirs, errors = np.asarray(fit.params)[:q] / size, np.asarray(fit.bse)[:q] / size
    yield from _coefficients(estimates, theirs, errors, NUMERIC)
    yield compare("log-likelihood", result._fit.loglik, fit.llf, library, LOGLIK)


def _coefficients(
    estimates: Any, theirs: Any, errors: Any, tolerance: Tolerance
) -> Iterator[Recomputed]:
    """Yield logarithms of odds ratios and their standard errors."""
    library, ours = library_of("statsmodels"), np.log(estimates.value)
    for k, term in enumerate(estimates.keys["term"]):
        error = estimates.std_error[k]
        yield compare(f"coefficient, {term}", ours[k], theirs[k], library, SEARCH, scale=error)
        yield compare(f"standard error, {term}", error, errors[k], library, tolerance)


def recompute_ranks(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield the rank tests without strata and covariates."""
    from scipy import stats

    if result.spec.strata:
        yield not_compared("tests", "SciPy has no rank tests within strata")
        return
    ranked, library = result._data, library_of("scipy")
    tests = result.tests().set_index(["test", result.spec.by])
    groups = [ranked.y[ranked.group == k] for k in range(len(ranked.levels))]
    for k in range(1, len(groups)):
        name, both = ranked.levels[k], np.concatenate([groups[0], groups[k]])
        if len(np.unique(both)) < 2:
            continue
        exact = len(np.unique(both)) == len(both) and max(map(len, (groups[0], groups[k]))) < 50
        other = stats.mannwhitneyu(groups[k], groups[0], method="exact" if exact else "asymptotic")
        ours = tests.loc[("Wilcoxon-Mann-Whitney", name), "p_value"]
        yield compare(f"Wilcoxon-Mann-Whitney, {name}", ours, other.pvalue, library, CLOSED)
        proportion = other.statistic / (len(groups[k]) * len(groups[0]))
        proportion = proportion if result.better == "higher" else 1 - proportion
        estimates = result.estimates().only(measure="probability of superiority")
        at = estimates.keys[result.spec.by].tolist().index(name)
        yield compare(f"probability of superiority, {name}", estimates.value[at], proportion,
                      library, CLOSED)  # fmt: skip
        ours = tests.loc[("Brunner-Munzel", name), "p_value"]
        if np.isfinite(ours):
            theirs = stats.brunnermunzel(groups[0], groups[k]).pvalue
            yield compare(f"Brunner-Munzel, {name}", ours, theirs, library, CLOSED)
    if len(groups) > 2 and np.isfinite(tests.loc[("Kruskal-Wallis", ""), "p_value"]):
        ours = tests.loc[("Kruskal-Wallis", ""), "p_value"]
        yield compare("Kruskal-Wallis", ours, stats.kruskal(*groups).pvalue, library, CLOSED)


def recompute_time_in_state(result: Any, data: object) -> Iterator[Recomputed]:
    """Yield Welch's tests of the mean proportions of time."""
    from scipy import stats

    frame, table, library = result.frame, result.tidy(), library_of("scipy")
    gaps = table[(table["measure"] == "difference") & table["std_error"].notna()]
    for name, reference, p in gaps[["treatment", "reference", "p_value"]].itertuples(index=False):
        x, y = (
            frame.loc[frame["treatment"] == a, "proportion"].dropna() for a in (name, reference)
        )
        other = stats.ttest_ind(x, y, equal_var=False)
        yield compare(f"p value, {name} v {reference}", p, other.pvalue, library, CLOSED)
