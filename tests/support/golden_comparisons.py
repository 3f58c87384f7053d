"""Packaged cases of comparisons, small tables and families."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from golden import case, read, relative


def comparison() -> Iterator[dict[str, Any]]:
    R = read("comparison")
    W = R["weights"]
    terms = ("msm", "age", "female", "baseline")
    for estimand in ("ate", "att", "overlap"):
        own = W[estimand]
        values = {f"coefficient {k}": v for k, v in enumerate(W["ps_coef"].values(), 1)}
        values |= {f"standardised difference, {t}": v
                   for t, v in zip(terms, own["smd"].values(), strict=True)}  # fmt: skip
        values |= {
            "effective sample size, ketamine": float(own["ess_treated"]),
            "effective sample size, ECT": float(own["ess_control"]),
            "risk difference": own["risk_difference"],
            "standard error of the risk difference": own["rd_se_robust"],
            "log hazard ratio": own["cox_log_hr"],
            "standard error of the log hazard ratio": own["cox_robust_se"],
            "survival at day 28, ECT": own["km_day28"][0],
            "survival at day 28, ketamine": own["km_day28"][1],
        }
        yield case(
            "comparison", "propensity", f"Propensity weights, {estimand}",
            "R 4.2.2: glm(family = binomial), survey 4.1.1 svyglm, survival 3.5-3 coxph(robust)",
            "R printed ten digits: 1e-8 of the value, 1e-11 near 0", values,
            relative(1e-8, 1e-11), estimand=estimand,
        )  # fmt: skip
    own = R["maic"]
    yield case(
        "comparison", "matching_adjusted", "Matching-adjusted weights of ketamine",
        "R 4.2.2: optim(method = 'BFGS', reltol = 1e-15) of the sum of weights",
        "optim's numeric gradient has a step of 1e-3, so that it stops beside the minimum: 2e-5 "
        "of the value",
        {"effective sample size": own["ess"], "weighted response": own["weighted_response"]},
        relative(2e-5), target=own["target"],
    )  # fmt: skip
    rows = R["rates"]["logistic"]
    names = ["Intercept", "treatment[T.ECT]", "treatment[T.ketamine]", "baseline", "msm"]
    values = {f"coefficient, {n}": r["Estimate"] for n, r in zip(names, rows, strict=True)}
    values["difference"] = R["rates"]["standardised_rd"]["estimate"]
    values["standard error of the difference"] = R["rates"]["standardised_rd"]["se"]
    yield case(
        "comparison", "standardised", "Response standardised to all subjects",
        "R 4.2.2: glm(response ~ arm + madrs_bl + msm, binomial), numeric delta method",
        "R printed ten digits; its errors are those of the step before the last: 2e-8", values,
        lambda n, v: 2e-8 if n.startswith("standard") else 1e-10,
    )  # fmt: skip
    methods = {
        "EE": ("fixed", False), "DL": ("dersimonian-laird", False), "REML": ("reml", False),
        "PM": ("paule-mandel", False), "REML_HKSJ": ("reml", True),
    }  # fmt: skip
    trials = [
        {"trial": s["study"], "events": s["ai"], "n": s["n1"], "reference_events": s["ci"],
         "reference_n": s["n2"]} for s in R["meta"]["studies"]
    ]  # fmt: skip
    for short, measure in (("RR", "risk ratio"), ("OR", "odds ratio"), ("RD", "risk difference")):
        values = {
            f"{key}, {kind}": float(v)
            for kind in methods
            for key, v in R["meta"][short][kind].items()
            if isinstance(v, float | int)
        }
        yield case(
            "comparison", "pooled_trials", f"Eight trials pooled, {measure}",
            "R 4.2.2, metafor 3.8.1: rma(yi, vi, method), test = 'knha', predict",
            "R printed ten digits: 1e-9 of the value, 1e-12 near 0", values, relative(1e-9, 1e-12),
            trials=trials, measure=measure, methods=[[k, *v] for k, v in methods.items()],
        )  # fmt: skip


def small() -> Iterator[dict[str, Any]]:
    six = {
        "subject": list("abcdef"), "treatment": ["x", "y", "x", "y", "x", "y"],
        "time": [1, 2, 2, 3, 4, 5], "status": [1, 1, 2, 0, 1, 0],
    }  # fmt: skip
    values = {
        "survival, day 1": 5 / 6, "survival, day 2": 2 / 3, "survival, day 3": 2 / 3,
        "survival, day 4": 1 / 3, "Greenwood sum, day 1": 1 / 30, "Greenwood sum, day 2": 1 / 12,
        "Greenwood sum, day 3": 1 / 12, "Greenwood sum, day 4": 7 / 12,
        "incidence of relapse, day 1": 1 / 6, "incidence of relapse, day 2": 1 / 3,
        "incidence of relapse, day 4": 7 / 12, "incidence of switch, day 1": 0.0,
        "incidence of switch, day 2": 1 / 6, "incidence of switch, day 4": 1 / 6,
        "variance of relapse, day 2": 41 / 900, "restricted mean to day 4": 19 / 6,
        "variance of the restricted mean": 53 / 216, "expected events, x": 7 / 5,
        "expected events, y": 8 / 5, "chi-squared": 18 / 37,
    }  # fmt: skip
    exact = "fractions: 1e-12 of the value"
    yield case("handworked", "six_subjects", "Six subjects", "worked by hand, "
               "tests/handworked/test_six_subjects.py", exact, values,
               relative(1e-12, 1e-15), subjects=six)  # fmt: skip
    worked = {
        "bonferroni": (0.03, 0.12, 0.09), "holm": (0.03, 0.06, 0.06),
        "hochberg": (0.03, 0.04, 0.04), "hommel": (0.03, 0.04, 0.04),
        "benjamini-hochberg": (0.03, 0.04, 0.04), "fixed sequence": (0.01, 0.04, 0.04),
    }  # fmt: skip
    values = {f"{m}, p value {k}": p for m, row in worked.items() for k, p in enumerate(row, 1)}
    yield case("multiplicity", "p_values", "Three p values", "worked by hand from the definitions "
               "of Holm 1979, Hochberg 1988, Hommel 1988, Benjamini and Hochberg 1995", exact,
               values, relative(1e-12), p_values=[0.01, 0.04, 0.03],
               methods=list(worked))  # fmt: skip
    printed = {
        (1, 20): 2.09, (2, 20): 2.38, (3, 20): 2.54, (4, 20): 2.65, (2, 60): 2.27, (3, 60): 2.41,
        (1, None): 1.96, (2, None): 2.21, (3, None): 2.35, (4, None): 2.44, (5, None): 2.51,
    }  # fmt: skip
    values = {f"{k} comparisons, {df or 'infinite'} df": v for (k, df), v in printed.items()}
    yield case("multiplicity", "dunnett", "Comparisons with one reference",
               "Dunnett 1964, Biometrics 20:482-491, doi:10.2307/2528490, table II, two-sided 5 %; "
               "typed by hand",
               "two decimals are printed: half a unit of the last digit", values,
               lambda n, v: 0.00501, families=[list(k) for k in printed])  # fmt: skip
