"""Packaged cases of mixed models and imputation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from golden import Allowed, Values, case, read, relative
from r_models import by_term, in_r

from trdstats.selfcheck.recipes import RECIPES

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
            "Potthoff and Roy 1964, Biometrika 51:313-326, doi:10.1093/biomet/51.3-4.313; "
            "typed by hand",
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
