"""Which result is recomputed by what: one entry a class of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from trdstats.second_opinion import (
    adjusted,
    curves,
    endpoints,
    equations,
    evidence,
    hazards,
    mixed,
    multiplicity,
    parametric,
    proportions,
    rank_tests,
)
from trdstats.second_opinion.recomputed import CLOSED, ROOTS, Recomputed, Tolerance
from trdstats.second_opinion.without import WITHOUT


@dataclass(frozen=True, slots=True)
class Recomputation:
    """How the results of a class are recomputed.

    Attributes
    ----------
    result : str
        Name of the class.
    libraries : tuple of str
    quantities : str
        What is recomputed, in words.
    tolerances : tuple of Tolerance
    compute : callable
        From the result and the data that it does not keep, None where it keeps all.
    """

    result: str
    libraries: tuple[str, ...]
    quantities: str
    tolerances: tuple[Tolerance, ...]
    compute: Callable[[Any, object], Iterator[Recomputed]]


_OF_MIXED = (
    mixed.SEARCH, mixed.ERRORS, mixed.VARIANCES, mixed.COVARIANCES, mixed.LOGLIK,
)  # fmt: skip
_ENTRIES = (
    Recomputation(
        "Rates", ("statsmodels",),
        "rates, Wilson, Agresti-Coull and Clopper-Pearson limits; differences, ratios and odds "
        "ratios with score, Newcombe and Wald limits and their tests",
        (CLOSED, ROOTS), proportions.recompute_rates,
    ),
    Recomputation(
        "CountComparison", ("statsmodels", "scipy"),
        "difference, ratio and odds ratio with limits and tests; chi-squared and Fisher's test",
        (CLOSED, ROOTS), proportions.recompute_counts,
    ),
    Recomputation(
        "EventCounts", ("statsmodels",),
        "proportions with Wilson limits, rates per 100 person-years with exact Poisson limits",
        (CLOSED, ROOTS), proportions.recompute_event_counts,
    ),
    Recomputation(
        "StratifiedRates", ("statsmodels",),
        "Mantel-Haenszel odds ratio with limits, test of Cochran, Mantel and Haenszel",
        (CLOSED,), adjusted.recompute_strata,
    ),
    Recomputation(
        "KaplanMeierResult", ("statsmodels", "lifelines"),
        "curve, Greenwood standard errors, log-log limits, median",
        (curves.SUMS,), curves.recompute_kaplan_meier,
    ),
    Recomputation(
        "AalenJohansenResult", ("statsmodels",), "cumulative incidence of every cause",
        (curves.SUMS,), curves.recompute_incidence,
    ),
    Recomputation(
        "MeanCumulativeResult", ("lifelines",), "mean number of events, without a terminal event",
        (curves.SUMS,), curves.recompute_mean_number,
    ),
    Recomputation(
        "RMSTResult", ("lifelines",), "restricted mean of every group",
        (curves.SUMS,), curves.recompute_restricted_mean,
    ),
    Recomputation(
        "TurnbullResult", ("lifelines",), "curve between visits",
        (curves.NPMLE,), curves.recompute_turnbull,
    ),
    Recomputation(
        "LogRankResult", ("statsmodels", "lifelines"),
        "chi-squared and p value of all groups and of every pair, with strata and early weights",
        (rank_tests.TESTS,), rank_tests.recompute_log_rank,
    ),
    Recomputation(
        "CoxResult", ("statsmodels", "lifelines"),
        "coefficients, model standard errors, log partial likelihood",
        (hazards.SEARCH, hazards.EARLY, hazards.ERRORS, hazards.LOGLIK), hazards.recompute_cox,
    ),
    Recomputation(
        "AFTResult", ("lifelines", "scipy"),
        "coefficients, standard errors and scale of Weibull, log-normal and log-logistic times, "
        "right- and interval-censored; log-likelihood of every distribution at the estimates",
        (parametric.SEARCH, parametric.ERRORS, parametric.LOGLIK), parametric.recompute_aft,
    ),
    Recomputation(
        "LMMResult", ("statsmodels",),
        "effects, standard errors, variances, log-likelihood; one level of random effects",
        _OF_MIXED, mixed.recompute_lmm,
    ),
    Recomputation(
        "MMRMResult", ("statsmodels",),
        "the same under compound symmetry with a positive covariance; no other covariance",
        _OF_MIXED, mixed.recompute_mmrm,
    ),
    Recomputation(
        "GEEResult", ("statsmodels",),
        "effects under independence, or with an exchangeable correlation held at ours; robust "
        "standard errors and those of Mancl and DeRouen",
        (equations.SEARCH, equations.ERRORS), equations.recompute_equations,
    ),
    Recomputation(
        "DropoutWeightsResult", ("statsmodels",), "log odds ratios of staying",
        (equations.SEARCH,), equations.recompute_dropout,
    ),
    Recomputation(
        "PropensityResult", ("statsmodels",), "probability of each treatment",
        (adjusted.SEARCH,), adjusted.recompute_propensity,
    ),
    Recomputation(
        "CensoringWeightsResult", ("statsmodels",), "probability of being observed",
        (adjusted.SEARCH,), adjusted.recompute_censoring,
    ),
    Recomputation(
        "StandardisationResult", ("statsmodels",),
        "standardised rates and means; needs the study, `second_opinion(result, study)`",
        (adjusted.SEARCH,), adjusted.recompute_standardisation,
    ),
    Recomputation(
        "LogisticResult", ("statsmodels",),
        "coefficients, standard errors, log-likelihood; not penalised",
        (endpoints.SEARCH, endpoints.ERRORS, endpoints.LOGLIK), endpoints.recompute_logistic,
    ),
    Recomputation(
        "ProportionalOddsResult", ("statsmodels",), "coefficients, standard errors, log-likelihood",
        (endpoints.SEARCH, endpoints.NUMERIC, endpoints.LOGLIK), endpoints.recompute_proportional,
    ),
    Recomputation(
        "RankResult", ("scipy",),
        "probability of superiority, tests of Wilcoxon, Mann and Whitney, Brunner and Munzel, "
        "Kruskal and Wallis; without strata", (CLOSED,), endpoints.recompute_ranks,
    ),
    Recomputation(
        "TimeShareResult", ("scipy",), "Welch's tests of the means", (CLOSED,),
        endpoints.recompute_time_in_state,
    ),
    Recomputation(
        "PooledEffect", ("statsmodels",),
        "Q, variance between trials (not REML), pooled effect and standard error",
        (CLOSED, evidence.ITERATED), evidence.recompute_meta,
    ),
    Recomputation(
        "Estimates", ("statsmodels", "scipy"),
        "adjusted p values: Bonferroni, Holm, Hochberg, Hommel, Dunnett and max-T",
        (CLOSED, multiplicity.DRAWN), multiplicity.recompute_estimates,
    ),
    Recomputation(
        "DataFrame", ("statsmodels",), "adjusted p values of `adjust_p_values`",
        (CLOSED,), multiplicity.recompute_adjusted_frame,
    ),
)  # fmt: skip

RECOMPUTED: dict[str, Recomputation] = {e.result: e for e in _ENTRIES}


def names_of(result: object) -> list[str]:
    """Return the names of the class of a result and of those it derives from."""
    return [c.__name__ for c in type(result).__mro__]


def find(result: object) -> Recomputation | str | None:
    """Return how a result is recomputed, or why not; None for a class that is not known."""
    for name in names_of(result):
        if name in RECOMPUTED:
            return RECOMPUTED[name]
        if name in WITHOUT:
            return WITHOUT[name]
    return None


def registry_markdown() -> str:
    """Return the table of the documentation: result, libraries, quantities, tolerances."""
    lines = [
        "| result | libraries | what is recomputed | largest difference that agrees |",
        "|---|---|---|---|",
    ]
    for e in _ENTRIES:
        words = "; ".join(dict.fromkeys(t.in_words() for t in e.tolerances))
        lines.append(f"| `{e.result}` | {', '.join(e.libraries)} | {e.quantities} | {words} |")
    lines += ["", "| result | no independent implementation, because |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in WITHOUT.items()]
    return "\n".join(lines) + "\n"
