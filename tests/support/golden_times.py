"""Packaged cases of times: curves, tests, regressions, visits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from golden import ARMS, PRINTED, PRINTED_P, R_TERMS, SURVIVAL, Values, case, read, relative


def curves() -> Iterator[dict[str, Any]]:
    R = read("time_to_event")
    onset, later = R["onset"], R["durability"]
    columns = {"survival": "surv", "standard error": "se", "low": "lower", "high": "upper",
               "at risk": "n_risk"}  # fmt: skip
    for recipe, rows, days, title, call in (
        ("kaplan_meier", onset["km"], [7, 14, 28, 84], "Time to response",
         "survfit(Surv(time, status) ~ arm, conf.type = 'log-log')"),
        ("kaplan_meier_of_relapse", later["km_relapse_free"], [28, 84, 140], "Time to relapse",
         "survfit(Surv(dur_time, dur_status == 1) ~ arm, conf.type = 'log-log')"),
    ):  # fmt: skip
        values = {
            f"{ours}, {row['arm'].removeprefix('arm=')}, day {row['time']}": float(row[theirs])
            for row in rows
            for ours, theirs in columns.items()
            if theirs in row
        }
        yield case("survival", recipe, title, f"{SURVIVAL}: {call}", PRINTED, values,
                   relative(2e-9), days=days)  # fmt: skip
    values = {}
    for name, key in (("day", "q"), ("low", "lower"), ("high", "upper")):
        for arm, row in zip(ARMS, onset["quantiles"][key], strict=True):
            values |= {f"{name}, {arm}, {p:g}": v for p, v in zip((0.25, 0.5, 0.75), row,
                                                               strict=True)}  # fmt: skip
    yield case("survival", "quantiles", "Quartiles of time to response",
               f"{SURVIVAL}: quantile(survfit(...))", "whole days: no difference", values,
               lambda n, v: 0.0)  # fmt: skip
    values = {}
    for name, key in (("log-rank", "logrank"), ("Peto-Peto", "peto_peto"),
                      ("strata", "logrank_stratified_sex")):  # fmt: skip
        values[f"chi-squared, {name}"] = onset[key]["chisq"]
        if "p" in onset[key]:
            values[f"p value, {name}"] = onset[key]["p"]
    yield case("survival", "log_rank", "Log-rank tests", f"{SURVIVAL}: survdiff", PRINTED, values,
               relative(2e-9))  # fmt: skip
    values, asked = {}, []
    for row in onset["rmst"]:
        tau, control, treated = row["tau"], row["control"], row["treated"]
        asked.append([tau, control, treated])
        for arm, key in ((control, "arm0"), (treated, "arm1")):
            what = f"restricted mean, {arm}, day {tau}"
            names = (what, f"{what}, standard error", f"{what}, low", f"{what}, high")
            values |= dict(zip(names, row[key], strict=True))
        for measure, own in zip(("difference", "ratio", "ratio of time lost"), row["contrasts"],
                                strict=True):  # fmt: skip
            what = f"{measure}, {treated}, day {tau} v {control}"
            names = (what, f"{what}, low", f"{what}, high", f"{what}, p value")
            values |= dict(zip(names, own, strict=True))
    yield case("survival", "restricted_means", "Restricted means", "R 4.2.2, survRM2 1.0-4: rmst2",
               PRINTED_P, values, relative(1e-8), comparisons=asked)  # fmt: skip
    values = {}
    for what, key in (("incidence", "est"), ("variance", "var")):
        for row in later["aalen_johansen"][key]:
            arm, code = row["curve"].rsplit(" ", 1)
            values |= {f"{what}, {arm}, cause {code}, day {d}": row[str(d)] for d in (28, 84, 140)}
    yield case("survival", "aalen_johansen", "Cumulative incidence of relapse",
               "R 4.2.2, cmprsk 2.2-11: cuminc, timepoints", PRINTED, values,
               relative(2e-9), days=[28, 84, 140])  # fmt: skip
    values = {}
    for row in later["gray"]:
        values[f"chi-squared, cause {row['cause']}"] = row["stat"]
        values[f"p value, cause {row['cause']}"] = row["pv"]
    yield case("survival", "gray", "Gray's test", "R 4.2.2, cmprsk 2.2-11: cuminc(...)$Tests",
               PRINTED_P, values, relative(2e-8))  # fmt: skip
    R = read("in_response")
    names = {"(s0)": "not responding", "response": "in response", "relapse": "relapsed"}
    values = {}
    for row in R["pstate"]:
        arm = row["arm"].removeprefix("arm=")
        values |= {f"probability of {ours}, {arm}, day {row['time']}": float(row[theirs])
                   for theirs, ours in names.items()}  # fmt: skip
    for row in R["mean_days_to_168"]:
        arm, state = row["group"].removeprefix("arm=").split(", ")
        values[f"mean days {names[state]}, {arm}"] = row["rmean"]
    yield case("survival", "response_state", "Being in response", f"{SURVIVAL}: survfit of states",
               PRINTED, values, relative(2e-9, 1e-12), days=[7, 28, 84, 168])  # fmt: skip


def regression() -> Iterator[dict[str, Any]]:
    R = read("time_to_event")
    onset, later = R["onset"], R["durability"]
    for recipe, own, error, title, call in (
        ("cox", onset["cox_efron"], "se(coef)", "Cox regression of response",
         "coxph(Surv(time, status) ~ arm + msm + age, ties = 'efron')"),
        ("cox_robust", onset["cox_efron_robust"], "robust se", "The same, robust",
         "coxph(..., robust = TRUE, cluster = usubjid)"),
        ("cox_of_relapse", later["cause_specific_cox"], "se(coef)", "Cox regression of relapse",
         "coxph(Surv(dur_time, dur_status == 1) ~ arm + msm + age)"),
    ):  # fmt: skip
        values: Values = {}
        for row, limits in zip(own["coef"], own["conf"], strict=True):
            term = R_TERMS[row["term"]]
            values |= {
                f"coefficient, {term}": row["coef"], f"standard error, {term}": row[error],
                f"statistic, {term}": row["z"], f"hazard_ratio_low, {term}": limits[2],
                f"hazard_ratio_high, {term}": limits[3],
            }  # fmt: skip
        if recipe != "cox_robust":
            values |= {
                "log-likelihood without covariates": own["loglik"][0],
                "log-likelihood": own["loglik"][1], "concordance": own["concordance"][0],
                "standard error of concordance": own["concordance"][1],
            }  # fmt: skip
        yield case(
            "survival", recipe, title, f"{SURVIVAL}: {call}",
            "coxph stops when the log-likelihood moves by less than 1e-9 of itself: 1e-8 of the "
            "value, 5e-10 near 0", values, relative(1e-8, 5e-10),
        )  # fmt: skip
    values = {}
    names = {"arm": "treatment", "GLOBAL": "all together"}
    for row in onset["cox_zph_km"]:
        term = names.get(row["term"], row["term"])
        values[f"chi-squared, {term}"], values[f"p value, {term}"] = row["chisq"], row["p"]
    yield case("survival", "proportional_hazards", "Proportional hazards", f"{SURVIVAL}: cox.zph",
               PRINTED_P, values, relative(1e-8))  # fmt: skip
    own = later["fine_gray"]
    values = {"log-likelihood": own["loglik"]}
    for term, coef, se in zip(own["term"], own["coef"], own["se"], strict=True):
        values[f"coefficient, {R_TERMS[term]}"] = coef
        values[f"standard error, {R_TERMS[term]}"] = se
    yield case(
        "survival", "fine_gray", "Fine-Gray regression of relapse", "R 4.2.2, cmprsk 2.2-11: crr",
        "crr stops when the log-likelihood moves by less than 1e-6 of itself: 1e-6 of the value",
        values, relative(1e-6),
    )  # fmt: skip
    for distribution, key, location, sign, shape in (
        ("weibull", "ic_weibull_aft", "log_scale", -1, "log_shape"),
        ("log-normal", "ic_lognormal_aft", "mu", 1, "log_s"),
    ):
        own = onset[key]
        coef, se = own["coef"], dict(zip(own["coef"], own["se"], strict=True))
        values = {"log-likelihood": own["loglik"], "location at the means": coef[location],
                  "coefficient, log(scale)": sign * coef[shape],
                  "standard error, log(scale)": se[shape]}  # fmt: skip
        for theirs, ours in R_TERMS.items():
            values[f"coefficient, {ours}"] = coef[theirs]
            values[f"standard error, {ours}"] = se[theirs]
        yield case(
            "survival", "accelerated", f"{distribution} times between visits",
            "R 4.2.2, icenReg 2.0-16: ic_par(cbind(left, right) ~ arm + msm + age, model = 'aft')",
            "icenReg stops early, 2e-7 of the estimates, and takes second derivatives by wide "
            "differences, 2e-3 of the errors; 1e-10 of log-likelihoods", values, _of_icenreg,
            distribution=distribution,
        )  # fmt: skip
    own = onset["ic_weibull_cure"]
    values = {"log-likelihood": own["loglik"]}
    for k, (par, se) in enumerate(zip(own["par"].values(), own["se"], strict=True), 1):
        values[f"coefficient {k}"] = -par if k == 7 else par
        values[f"standard error {k}"] = se
    yield case(
        "survival", "mixture_cure", "Weibull mixture cure model between visits",
        "R 4.2.2: optim(method = 'BFGS', reltol = 1e-14) of the written likelihood",
        "optim stops early: 5e-6 of the value", values, relative(5e-6),
    )  # fmt: skip


def _of_icenreg(name: str, value: float) -> float:
    size = {"log-likelihood": 1e-12}.get(name, 2e-3 if name.startswith("standard") else 2e-7)
    return max(size * abs(value), 1e-10 if name == "log-likelihood" else 0.0)


def interval() -> Iterator[dict[str, Any]]:
    R = read("interval_censored")
    values: Values = {}
    for own in R["turnbull"]:
        values[f"log-likelihood, {own['arm']}"] = own["loglik"]
        values |= {f"mass {k}, {own['arm']}": m for k, m in enumerate(own["mass"], 1)}
    yield case(
        "survival", "turnbull", "Turnbull's estimate of time to response",
        "R 4.2.2, icenReg 2.0-16: ic_np(cbind(left, right))",
        "R printed ten digits and stops at a gap of 1e-10 in a mass: 1e-9 of the value", values,
        relative(1e-9),
    )  # fmt: skip
    own = R["ic_semiparametric_ph"]
    values = {f"coefficient, {R_TERMS[k]}": v for k, v in own["coef"].items()}
    values["log-likelihood"] = own["loglik"]
    yield case(
        "survival", "interval_ph", "Proportional hazards between visits",
        "R 4.2.2, icenReg 2.0-16: ic_sp(cbind(left, right) ~ arm + msm + age, model = 'ph')",
        "icenReg ends before its coefficients settle: 1e-6 of the value", values,
        lambda n, v: max(abs(v) * (1e-9 if n.startswith("log") else 1e-6), 1e-8),
    )  # fmt: skip
