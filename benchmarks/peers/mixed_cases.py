"""Models of repeated measures beside statsmodels and mixedlm, and lme4, nlme, geepack of R."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from cases import Case, has
from in_r import InR

import trdstats as trd


def courses(n: int, visits: int, *, seed: int = 2) -> pd.DataFrame:
    """Return scores on days of their own, with an intercept and a slope of each subject."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), visits)
    week = np.sort(rng.uniform(0, 8, (n, visits)), axis=1).ravel()
    b = rng.normal(size=(n, 2)) * [3.0, 0.6]
    arm = np.where(np.arange(n) % 2 == 0, "A", "B")[subject]
    score = 30 + b[subject, 0] + (b[subject, 1] - 1.5 - 0.4 * (arm == "B")) * week
    return pd.DataFrame({"subject": subject, "treatment": arm, "week": week,
                         "score": score + 3 * rng.normal(size=len(subject))})  # fmt: skip


NORMAL = "normal tests; trdstats adds degrees of freedom by Satterthwaite"


def _mixedlm(formula: str, frame: pd.DataFrame, spec: trd.LMM) -> Callable[[], Any]:
    """Return a fit by mixedlm, after a look at whether it reaches the estimates of ours."""

    def fit() -> Any:
        from mixedlm import lmer, tidy

        result = lmer(formula, frame)
        return result, tidy(result)

    if has("mixedlm"):
        theirs, ours = fit()[0], spec.fit(frame)
        variance = ours.residual_variance
        apart = np.abs(ours.tidy()["estimate"].to_numpy() - list(theirs.fixef().values()))
        if apart.max() > 1e-4 or abs(theirs.sigma**2 / variance - 1) > 1e-4:
            raise ValueError(f"mixedlm and trdstats differ on {formula!r}: not the same fit")
    return fit


def _in_lmer(formula: str, frame: pd.DataFrame, spec: trd.LMM) -> dict[str, InR]:
    """Return fits by lme4, and by lmerTest with degrees of freedom."""

    def ours() -> list[float]:
        fit = spec.fit(frame)
        return [*fit.tidy()["estimate"], fit.residual_variance]

    def with_df() -> list[float]:
        return [*ours(), *np.log(spec.fit(frame).tidy()["df"])]

    fitted, table = "c(lme4::fixef(done[[1]]), sigma(done[[1]])^2{})", {"d": frame}
    work = f"fit <- lmer({formula}, data = d)\nlist(fit, coef(summary(fit)))"
    return {
        "R lme4": InR(work, table, fitted.format(""), ours, 1e-4, ("lme4",)),
        "R lmerTest": InR(work, table, fitted.format(', log(done[[2]][, "df"])'), with_df, 1e-3,
                          ("lmerTest",)),
    }  # fmt: skip


def _slope(n: int) -> Case:
    frame = courses(n, 10)
    spec = trd.LMM("score ~ week * treatment", random="1 + week")

    def statsmodels() -> Any:
        from statsmodels.regression.mixed_linear_model import MixedLM

        is_b = (frame["treatment"] == "B").to_numpy(dtype=float)
        X = np.column_stack([np.ones(len(frame)), frame["week"], is_b, frame["week"] * is_b])
        Z = np.column_stack([np.ones(len(frame)), frame["week"]])
        return MixedLM(frame["score"].to_numpy(), X, frame["subject"].to_numpy(), Z).fit()

    formula = "score ~ week * treatment + (1 + week | subject)"
    lmer = _in_lmer(formula, frame, spec)
    nlme = InR(
        """fit <- lme(score ~ week * treatment, random = ~ 1 + week | subject, data = d)
        list(fit, summary(fit)$tTable)""",
        {"d": frame}, "c(fixef(done[[1]]), sigma(done[[1]])^2)", lmer["R lme4"].ours, 1e-4,
        ("nlme",),
    )  # fmt: skip
    return Case(
        f"Mixed model, random slope, days of their own, {n:,} x 10",
        lambda: spec.fit(frame).tidy(),
        {"statsmodels": statsmodels, "mixedlm": _mixedlm(formula, frame, spec), "R nlme": nlme}
        | lmer,
        {"statsmodels": NORMAL, "mixedlm": NORMAL, "R lme4": NORMAL,
         "R nlme": "degrees of freedom from counts of rows and subjects"},
    )  # fmt: skip


def nested(sites: int, each: int, visits: int, *, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = sites * each
    subject = np.repeat(np.arange(n), visits)
    site = subject // each
    week = np.tile(np.arange(visits), n)
    effect = rng.normal(size=sites)[site] * 1.5 + rng.normal(size=n)[subject] * 3
    score = 30 - week + effect + 3 * rng.normal(size=len(subject))
    return pd.DataFrame(
        {"subject": subject, "site": site, "week": week.astype(float), "score": score}
    )


def _nested(sites: int, each: int, visits: int) -> Case:
    frame = nested(sites, each, visits)
    spec = trd.LMM("score ~ week", random={"site": "1", "subject": "1"})
    formula = "score ~ week + (1 | site) + (1 | subject)"

    def statsmodels() -> Any:
        import statsmodels.formula.api as smf

        return smf.mixedlm(
            "score ~ week", frame, groups="site", vc_formula={"s": "0 + C(subject)"}
        ).fit()

    return Case(
        f"Mixed model, subjects in sites, {sites} sites of {each} x {visits}",
        lambda: spec.fit(frame).tidy(),
        {"mixedlm": _mixedlm(formula, frame, spec)}
        | ({"statsmodels": statsmodels} if sites * each <= 200 else {})
        | _in_lmer(formula, frame, spec),
        {"mixedlm": NORMAL, "statsmodels": NORMAL, "R lme4": NORMAL},
    )


def responses(n: int, visits: int, *, seed: int = 8) -> pd.DataFrame:
    """Return yes or no at each visit, with an effect of the subject."""
    rng = np.random.default_rng(seed)
    subject, week = np.repeat(np.arange(n), visits), np.tile(np.arange(visits), n)
    is_b = subject % 2 == 1
    eta = -1 + 0.2 * week + 0.1 * week * is_b + rng.normal(0, 1.5, n)[subject]
    return pd.DataFrame({"subject": subject, "visit": week, "week": week.astype(float),
                         "treatment": np.where(is_b, "B", "A"),
                         "y": (rng.random(n * visits) < 1 / (1 + np.exp(-eta))) * 1})  # fmt: skip


def _equations(n: int, visits: int) -> Case:
    frame = responses(n, visits)
    formula = "y ~ week * treatment"

    def ours() -> pd.DataFrame:
        return trd.GEE(formula).fit(frame).tidy()

    def statsmodels() -> Any:
        import statsmodels.api as sm
        import statsmodels.formula.api as smf

        structure = sm.cov_struct.Exchangeable()
        family = sm.families.Binomial()
        return smf.gee(formula, "subject", frame, family=family, cov_struct=structure).fit()

    geepack = InR(
        f"""coef(summary(geeglm({formula}, binomial, d, id = subject, corstr = "exchangeable")))""",
        {"d": frame}, "c(done[, 1], done[, 2])",
        lambda: ours()[["estimate", "std_error"]].to_numpy().T, 1e-4, ("geepack",),
    )  # fmt: skip
    return Case(
        f"Estimating equations, binary, exchangeable, {n:,} x {visits}", ours,
        {"statsmodels": statsmodels, "R geepack": geepack},
    )  # fmt: skip


def cases() -> Iterator[Case]:
    yield _slope(1_000)
    yield _slope(10_000)
    yield _nested(20, 10, 5)
    yield _nested(100, 10, 5)
    yield _nested(20, 50, 5)
    yield _nested(50, 20, 8)
    yield _equations(2_000, 6)
