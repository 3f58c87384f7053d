"""Write the packaged cases of `trdstats selfcheck` from the reference values of the tests.

Run ``python tests/selfcheck/build_cases.py`` after reference values have changed; a test compares
the packaged files with what this script would write.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "support"))

from r_models import by_term, in_r  # noqa: E402

from trdstats.selfcheck.cases import FOLDER  # noqa: E402
from trdstats.selfcheck.recipes import RECIPES  # noqa: E402

REFERENCE = TESTS / "reference"
Values = dict[str, float]
Allowed = Callable[[str, float], float]


def read(name: str) -> Any:
    return json.loads((REFERENCE / name / "values.json").read_text("utf-8"))


def relative(size: float, floor: float = 0.0) -> Allowed:
    return lambda name, value: max(size * abs(value), floor)


def case(
    room: str, recipe: str, title: str, provenance: str, tolerance: str, values: Values,
    allowed: Allowed, **inputs: Any,
) -> dict[str, Any]:  # fmt: skip
    figures = {k: [v, float(f"{allowed(k, v):.3g}")] for k, v in values.items() if v is not None}
    return {
        "room": room, "recipe": recipe, "title": title, "provenance": provenance,
        "tolerance": tolerance, "inputs": inputs, "figures": figures,
    }  # fmt: skip


SURVIVAL = "R 4.2.2, survival 3.5-3"
PRINTED = "R printed ten digits: 2e-9 of the value"
PRINTED_P = "R printed ten digits, of which tails of statistics lose one or two: 1e-8 of the value"
ARMS = ("TMS", "ECT", "ketamine")
R_TERMS = {"armECT": "treatment[T.ECT]", "armketamine": "treatment[T.ketamine]", "msm": "msm",
           "age": "age"}  # fmt: skip


def rates() -> Iterator[dict[str, Any]]:
    published = tomllib.loads((REFERENCE / "published_counts" / "values.toml").read_text("utf-8"))
    values: Values = {}
    for name, row in published.items():
        values[f"difference, {name}"] = row["difference"]
        for method, key in (("wald", "wald"), ("newcombe", "newcombe"),
                            ("miettinen-nurminen", "miettinen_nurminen")):  # fmt: skip
            values[f"{method} low, {name}"], values[f"{method} high, {name}"] = row[key]
        names = ("odds ratio", "odds ratio low", "odds ratio high")
        values |= {f"{n}, {name}": v for n, v in zip(names, row["odds_ratio"], strict=True)}
    sources = "; ".join(f"{k}: {v['source']}" for k, v in published.items())
    yield case(
        "rates", "published_counts", "Published trials recomputed from their counts",
        f"a stand-alone script that shares no code with trdstats, on printed counts. {sources}",
        "two decimals of points of per cent and three of odds ratios are printed: half a unit of "
        "the last digit", values,
        lambda name, value: 0.00051 if name.startswith("odds") else 0.00501,
        counts={k: v["counts"] for k, v in published.items()},
    )  # fmt: skip
    R = read("rates")["rates"]
    values = {}
    for row in R["counts"]:
        values[f"responders, {row['arm']}"] = row["responders"]
        values[f"remitters, {row['arm']}"] = row["remitters"]
    values = {k: float(v) for k, v in values.items()}
    for measure, key in (("difference", "RD"), ("ratio", "RR"), ("odds ratio", "OR")):
        own = R["miettinen_nurminen"][key]
        values |= {f"{measure}, score, low": own["lower"], f"{measure}, score": own["est"],
                   f"{measure}, score, high": own["upper"]}  # fmt: skip
    own = R["newcombe"]
    values |= {"difference, Newcombe, low": own["lower"], "difference, Newcombe": own["est"],
               "difference, Newcombe, high": own["upper"]}  # fmt: skip
    yield case(
        "rates", "rates_of_trial", "Response at day 28 of the packaged trial",
        "R 4.2.2, ratesci 1.0.0: scoreci(skew = FALSE, bcf = TRUE), moverci(type = 'wilson')",
        "ratesci halves its intervals down to about 1e-7: 1e-6 of the value", values,
        relative(1e-6),
    )  # fmt: skip
    R = read("comparison")["rates"]
    own, cmh = R["stratified_mn_sex"], R["cmh_sex"]
    values = {
        "difference low": own["lower"], "difference": own["est"], "difference high": own["upper"],
        "common odds ratio": cmh["common_or"], "chi-squared": cmh["statistic"],
        "p value": cmh["p"], "odds ratio low": cmh["conf"][0], "odds ratio high": cmh["conf"][1],
    }  # fmt: skip
    yield case(
        "rates", "strata_of_trial", "Rates within sex",
        "R 4.2.2, ratesci 1.0.0: scoreci(stratified = TRUE, weighting = 'MH'); mantelhaen.test",
        "ratesci halves its intervals: 1e-6 of the value; mantelhaen.test printed ten digits",
        values, lambda n, v: abs(v) * (1e-6 if n.startswith("difference") else 1e-9),
    )  # fmt: skip
    strata = [
        {"stratum": "female", "events": 16, "n": 27, "reference_events": 5, "reference_n": 25},
        {"stratum": "male", "events": 12, "n": 28, "reference_events": 7, "reference_n": 26},
    ]
    values = {"common odds ratio": 3.3132, "odds ratio low": 1.4456, "odds ratio high": 7.5934,
              "chi-squared": 8.3052, "p value": 0.0040}  # fmt: skip
    yield case(
        "rates", "strata_of_counts", "Migraine treatment within gender",
        "SAS documentation, PROC FREQ, example Cochran-Mantel-Haenszel statistics",
        "four decimals are printed: half a unit of the last digit", values,
        lambda n, v: 0.0000501, strata=strata,
    )  # fmt: skip


def outcomes() -> Iterator[dict[str, Any]]:
    import pandas as pd

    events = pd.read_csv(REFERENCE / "trial" / "trial_events.csv")
    values = {f"subjects with another {c} of response": 0.0
              for c in ("left", "right", "time", "status")}  # fmt: skip
    values["responders"] = float(events["dur_time"].notna().sum())
    values |= {f"responders with another {c} of relapse": 0.0 for c in ("time", "status", "left")}
    values["days to response or last visit, sum"] = float(events["time"].sum())
    values["days from response to relapse or last visit, sum"] = float(events["dur_time"].sum())
    yield case(
        "outcomes", "event_times", "Times to response and relapse of 240 subjects",
        "a stand-alone script that shares no code with trdstats (trial_events.csv)",
        "whole days: no difference", values, lambda n, v: 0.0,
    )  # fmt: skip
    links = [
        ("HAMD17", "QIDSSR16", 7, 5, 5), ("HAMD17", "QIDSSR16", 8, 6, 6),
        ("QIDSSR16", "HAMD17", 11, 14, 15), ("HAMD17", "IDSSR30", 7, 12, 13),
        ("QIDSSR16", "IDSSR30", 5, 12, 13), ("QIDSSR16", "HAMD21", 10, 14, 15),
        ("QIDSSR16", "HAMD24", 20, 34, 34), ("IDSSR30", "HAMD17", 40, 20, 20),
        ("HAMD24", "QIDSSR16", 50, 27, 27), ("QIDSSR16", "HAMD17", 27, 36, 52),
    ]  # fmt: skip
    values = {}
    for source, target, score, low, high in links:
        values[f"{source} {score} on {target}, low"] = float(low)
        values[f"{source} {score} on {target}, high"] = float(high)
    yield case(
        "scales", "links_of_scales", "Totals on other scales",
        "Rush 2003, Biol Psychiatry 54:573-583, doi:10.1016/S0006-3223(02)01866-8, table of "
        "corresponding totals",
        "whole points: no difference", values, lambda n, v: 0.0, links=[list(x[:3]) for x in links],
    )  # fmt: skip
    ranges = {"MADRS": 60, "HAMD17": 52, "QIDSSR16": 27, "PHQ9": 27}
    values = {f"{k}, highest total": float(v) for k, v in ranges.items()}
    values |= {f"{k}, lowest total": 0.0 for k in ranges}
    values |= {"HAMD17, remission at most": 7.0, "QIDSSR16, remission at most": 5.0}
    yield case(
        "scales", "scales", "Ranges and cut-offs of instruments",
        "Montgomery and Asberg 1979; Hamilton 1967 with Frank 1991; Rush 2003; Kroenke 2001",
        "whole points: no difference", values, lambda n, v: 0.0,
        scales=list(ranges), remission=["HAMD17", "QIDSSR16"],
    )  # fmt: skip


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


OF_MMRM = (
    "R mmrm stops its search early: 1e-3 of R's standard error for effects, 2e-4 of errors, 6e-4 "
    "of degrees of freedom, 3e-5 of log-likelihoods"
)
OF_LMER = "lme4 stops its search early: 2e-5 of the standard error, 1e-5 of errors and df"


def _effects(recipe: str, rows: list[dict[str, Any]], inputs: dict[str, Any]) -> Values:
    """Return R's effects by our names of the terms."""
    of_r, found = by_term(rows), {}
    for name in RECIPES[recipe](inputs):
        what, _, term = name.partition(", ")
        keys = {"effect": "estimate", "standard error": "se", "degrees of freedom": "df"}
        if what in keys:
            found[name] = float(of_r[in_r(term)][keys[what]])
    return found


def _within(values: Values, effect: float, error: float, df: float, loglik: float) -> Allowed:
    def allowed(name: str, value: float) -> float:
        what, _, term = name.partition(", ")
        if what == "effect":
            return effect * values[f"standard error, {term}"]
        sizes = {"standard error": error, "degrees of freedom": df, "variance": 1e-4}
        return loglik if what == "log-likelihood" else sizes[what] * abs(value)

    return allowed


def mixed() -> Iterator[dict[str, Any]]:
    R = read("longitudinal")
    mmrm = "R 4.2.2, mmrm 0.3.18: mmrm(chg ~ madrs_bl * visit + arm * visit + site + "
    asked = [
        ("us", "satterthwaite", R["reml"]["us"]["coef"], "Satterthwaite", "us"),
        ("us", "kenward-roger", R["us_inference"]["kr_linear"]["coef"],
         "Kenward-Roger-Linear, as SAS TYPE=UN", "us"),
        *((c, "satterthwaite", R["reml"][c]["coef"], "Satterthwaite", c)
          for c in ("cs", "ar1h", "toep")),
    ]  # fmt: skip
    for covariance, ddf, rows, label, key in asked:
        inputs = {"covariance": covariance, "ddf": ddf}
        values = _effects("mmrm", rows, inputs) | {"log-likelihood": R["reml"][key]["loglik"]}
        yield case("longitudinal", "mmrm", f"MMRM, {covariance}, {label}",
                   f"{mmrm}{covariance}(visit | usubjid)), {label}", OF_MMRM, values,
                   _within(values, 1e-3, 2e-4, 6e-4, 3e-5), **inputs)  # fmt: skip
    for ddf, key in (("satterthwaite", "satterthwaite"), ("kenward-roger", "kr_linear")):
        values, errors = {}, {}
        for row in R["us_inference"][key]["lsmeans"]["contrasts"]:
            if not row["contrast"].endswith("- TMS"):
                continue
            what = f"{row['contrast']}, day {row['visit']}"
            values[what], errors[what] = row["estimate"], row["SE"]
            values[f"{what}, standard error"] = row["SE"]
            values[f"{what}, degrees of freedom"] = row["df"]
        yield case(
            "longitudinal", "mmrm_contrasts", f"Differences of marginal means, {ddf}",
            f"R 4.2.2, mmrm 0.3.18 ({key}), emmeans 1.8.4.1: pairs(emmeans(fit, ~ arm | visit))",
            OF_MMRM, values,
            lambda n, v, e=errors: (
                1e-3 * e[n] if n in e else abs(v) * (6e-4 if n.endswith("freedom") else 2e-4)
            ), ddf=ddf,
        )  # fmt: skip
    for key, random in (("random_intercept", "1"), ("random_slope", "1 + week")):
        for ddf, table in (("satterthwaite",) * 2, ("kenward-roger", "kenward_roger")):
            own, inputs = R["lmm"][key], {"random": random, "ddf": ddf}
            values = _effects("random_effects", own[table], inputs)
            values["log-likelihood"] = own["loglik_reml"]
            for row in own["varcorr"]:
                if row["var2"] is None:
                    name = row["var1"] or "residual"
                    values[f"variance, {name.strip('()')}"] = row["vcov"]
            yield case(
                "longitudinal", "random_effects", f"Random {random}, {ddf}",
                "R 4.2.2, lme4 1.1.31, lmerTest, pbkrtest 0.5.2: "
                f"lmer(madrs ~ week * arm + madrs_bl + ({random} | usubjid))",
                f"{OF_LMER}, 1e-4 of variances", values,
                _within(values, 2e-5, 1e-5, 1e-5, 1e-6), **inputs,
            )  # fmt: skip
    yield from _growth()


GIRLS = [
    [21.0, 20.0, 21.5, 23.0], [21.0, 21.5, 24.0, 25.5], [20.5, 24.0, 24.5, 26.0],
    [23.5, 24.5, 25.0, 26.5], [21.5, 23.0, 22.5, 23.5], [20.0, 21.0, 21.0, 22.5],
    [21.5, 22.5, 23.0, 25.0], [23.0, 23.0, 23.5, 24.0], [20.0, 21.0, 22.0, 21.5],
    [16.5, 19.0, 19.0, 19.5], [24.5, 25.0, 28.0, 28.0],
]  # fmt: skip
BOYS = [
    [26.0, 25.0, 29.0, 31.0], [21.5, 22.5, 23.0, 26.5], [23.0, 22.5, 24.0, 27.5],
    [25.5, 27.5, 26.5, 27.0], [20.0, 23.5, 22.5, 26.0], [24.5, 25.5, 27.0, 28.5],
    [22.0, 22.0, 24.5, 26.5], [24.0, 21.5, 24.5, 25.5], [23.0, 20.5, 31.0, 26.0],
    [27.5, 28.0, 31.0, 31.5], [23.0, 23.0, 23.5, 25.0], [21.5, 23.5, 24.0, 28.0],
    [17.0, 24.5, 26.0, 29.5], [22.5, 25.5, 25.5, 26.0], [23.0, 24.5, 26.0, 30.0],
    [22.0, 21.5, 23.5, 25.0],
]  # fmt: skip


def _growth() -> Iterator[dict[str, Any]]:
    """Potthoff and Roy's children as the SAS documentation prints them."""
    terms = ("Intercept", "sex[T.F]", "age", "sex[T.F]:age")
    printed: dict[str, tuple[str, list[tuple[str, str]]]] = {
        "us": ("419.5", [("15.8423", "0.9356"), ("1.5831", "1.4658"), ("0.8268", "0.07911"),
                         ("-0.3504", "0.1239")]),
        "cs": ("428.6", [("16.3406", "0.9631"), ("1.0321", "1.5089"), ("0.7844", "0.07654"),
                         ("-0.3048", "0.1199")]),
    }  # fmt: skip
    for covariance, (deviance, effects) in printed.items():
        texts = {"-2 log-likelihood": deviance}
        for term, (value, error) in zip(terms, effects, strict=True):
            texts[f"effect, {term}"], texts[f"standard error, {term}"] = value, error
        unit = {k: 10.0 ** -len(v.partition(".")[2]) for k, v in texts.items()}
        yield case(
            "longitudinal", "growth", f"Growth of 27 children, {covariance}",
            "SAS documentation, PROC MIXED, example Repeated Measures (method = ML), data of "
            "Potthoff and Roy 1964, Biometrika 51:313-326, doi:10.1093/biomet/51.3-4.313",
            "four digits are printed: half a unit of the last digit",
            {k: float(v) for k, v in texts.items()}, lambda n, v, u=unit: 0.501 * u[n],
            girls=GIRLS, boys=BOYS, covariance=covariance,
        )  # fmt: skip


def imputation() -> Iterator[dict[str, Any]]:
    R = read("imputation")
    names = {
        "trt_14": "difference at day 14", "trt_28": "difference at day 28",
        "lsm_ref_28": "mean of TMS at day 28", "lsm_alt_28": "mean of ketamine at day 28",
    }  # fmt: skip

    def figures(rows: list[dict[str, Any]]) -> Values:
        found: Values = {}
        for row in rows:
            what = names[row["parameter"]]
            found |= {what: row["est"], f"{what}, standard error": row["se"],
                      f"{what}, low": row["lci"], f"{what}, high": row["uci"]}  # fmt: skip
        return found

    why = "rbmi's refits stop early: 1e-4 of the value, 1e-5 near 0"
    source = "R 4.2.2, rbmi 1.5.2: method_condmean(type = 'jackknife'), ancova, "
    for strategy, rows in R["condmean_jackknife"].items():
        yield case("imputation", "imputation_strategy", f"Conditional means, {strategy}",
                   f"{source}strategy {strategy}", why, figures(rows), relative(1e-4, 1e-5),
                   strategy=strategy)  # fmt: skip
    for name, rows in R["delta_mar"].items():
        delta = int(name.removeprefix("delta_"))
        yield case("imputation", "imputation_delta", f"Missing at random, shifted by {delta}",
                   f"{source}delta {delta}", why, figures(rows), relative(1e-4, 1e-5),
                   delta=delta)  # fmt: skip


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
               "Dunnett 1964, Biometrics 20:482-491, doi:10.2307/2528490, table II, two-sided 5 %",
               "two decimals are printed: half a unit of the last digit", values,
               lambda n, v: 0.00501, families=[list(k) for k in printed])  # fmt: skip


FILES: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    "rates": rates, "outcomes": outcomes, "curves": curves, "regression": regression,
    "interval": interval, "mixed": mixed, "imputation": imputation, "comparison": comparison,
    "small": small,
}  # fmt: skip


def text_of(name: str) -> str:
    """Return what a packaged file should hold."""
    return json.dumps(list(FILES[name]()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in FILES:
        (FOLDER / f"{name}.json").write_text(text_of(name), "utf-8")
