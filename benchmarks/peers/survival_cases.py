"""Times to events beside lifelines, comprisk and greenwood, and survival and cmprsk of R."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from cases import Case
from in_r import InR

import trdstats as trd

SURVIVAL = ("survival",)
# Of Fine-Gray in R: finegray has a row for every later censoring, above 12 GB at 100,000; crr takes
# hours there.
MOST_IN_R = 4_000
FOUR = "x0 + x1 + x2 + x3"


def competing(n: int, *, tied: bool, seed: int = 1) -> pd.DataFrame:
    """Return two arms with two causes; tied times are whole weeks of three years."""
    rng = np.random.default_rng(seed)
    time = rng.exponential(400, n)
    gone = rng.uniform(200, 1100, n)
    status = np.where(time < gone, rng.integers(1, 3, n), 0)
    time = np.minimum(time, gone)
    time = np.ceil(time / 7) * 7 if tied else time
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": rng.choice(["A", "B"], n),
                          "time": time, "status": status})  # fmt: skip
    for j in range(4):
        frame[f"x{j}"] = rng.normal(size=n)
    return frame


def _curves(n: int) -> Case:
    frame = competing(n, tied=True)
    frame["status"] = (frame["status"] == 1).astype(int)
    time, event = frame["time"].to_numpy(), frame["status"].to_numpy()
    is_b = (frame["treatment"] == "B").to_numpy()
    times = trd.EventTimes(frame)

    def ours() -> Any:
        return trd.KaplanMeier().fit(times).tidy(), trd.LogRank().fit(times).glance()

    def lifelines() -> Any:
        from lifelines import KaplanMeierFitter
        from lifelines.statistics import logrank_test

        curves = [
            KaplanMeierFitter().fit(time[a], event[a]).survival_function_ for a in (is_b, ~is_b)
        ]
        return curves, logrank_test(time[is_b], time[~is_b], event[is_b], event[~is_b]).p_value

    survival = InR(
        "list(survfit(Surv(time, status) ~ treatment, data = d), "
        "survdiff(Surv(time, status) ~ treatment, data = d))",
        {"d": frame[["time", "status", "treatment"]]},
        "c(summary(done[[1]], times = 364)$surv, done[[2]]$chisq)",
        lambda: [*trd.KaplanMeier().fit(times).at([364])["estimate"],
                 *trd.LogRank().fit(times).glance()["statistic"]],
        1e-9, SURVIVAL,
    )  # fmt: skip
    return Case(
        f"Kaplan-Meier of two arms and log-rank, {n:,}, tied", ours,
        {"lifelines": lifelines, "R survival": survival},
        {"lifelines": "no errors, no limits"},
    )  # fmt: skip


def _cox(n: int) -> Case:
    frame = competing(n, tied=True)
    frame["status"] = (frame["status"] == 1).astype(int)
    times = trd.EventTimes(frame)
    theirs = frame[["time", "status", "x0", "x1", "x2", "x3"]]

    def lifelines() -> Any:
        from lifelines import CoxPHFitter

        return CoxPHFitter().fit(theirs, "time", "status")

    def greenwood() -> Any:
        from greenwood import CoxPH, Surv

        return CoxPH().fit(Surv(frame["time"], frame["status"]), frame[["x0", "x1", "x2", "x3"]])

    def ours() -> pd.DataFrame:
        return trd.CoxPH(FOUR).fit(times).tidy()

    survival = InR(
        f"coef(summary(coxph(Surv(time, status) ~ {FOUR}, data = d)))", {"d": theirs},
        'c(done[, "coef"], done[, "se(coef)"])',
        lambda: ours()[["estimate", "std_error"]].to_numpy().T, 1e-6, SURVIVAL,
    )  # fmt: skip
    return Case(
        f"Cox regression, 4 covariates, {n:,}, tied", ours,
        {"lifelines": lifelines, "greenwood": greenwood, "R survival": survival},
    )  # fmt: skip


def _incidence(n: int, *, tied: bool) -> Case:
    frame = competing(n, tied=tied)
    times = trd.EventTimes(frame)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()
    day = 364

    def ours() -> trd.AalenJohansenResult:
        return trd.AalenJohansen(by=None).fit(times)

    def comprisk() -> Any:
        from comprisk import CumulativeIncidence

        return CumulativeIncidence().fit(time, status)

    survival = InR(
        "survfit(Surv(time, factor(status)) ~ 1, data = d)", {"d": frame[["time", "status"]]},
        f"summary(done, times = {day})$pstate[1, 2:3]", lambda: ours().at([day])["estimate"], 1e-9,
        SURVIVAL,
    )  # fmt: skip
    return Case(
        f"Aalen-Johansen with errors, one group, {n:,}, {'tied' if tied else 'untied'}", ours,
        {"comprisk": comprisk, "R survival": survival},
    )  # fmt: skip


def _gray(n: int) -> Case:
    frame = competing(n, tied=False)
    times = trd.EventTimes(frame)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()
    group = (frame["treatment"] == "B").to_numpy().astype(int)

    def comprisk() -> Any:
        from comprisk import gray_test

        return [gray_test(time, status, group, cause=k) for k in (1, 2)]

    def ours() -> pd.DataFrame:
        return trd.GrayTest().fit(times).tidy()

    cmprsk = InR(
        "cuminc(d$time, d$status, d$treatment)", {"d": frame[["time", "status", "treatment"]]},
        'done$Tests[, "stat"]', lambda: ours()["statistic"], 1e-6, ("cmprsk",),
    )  # fmt: skip
    return Case(
        f"Gray's test of two causes, {n:,}", ours, {"comprisk": comprisk, "R cmprsk": cmprsk}
    )


def _fine_gray(n: int) -> Case:
    frame = competing(n, tied=False)
    times = trd.EventTimes(frame)
    time, status = frame["time"].to_numpy(), frame["status"].to_numpy()
    X = frame[["x0", "x1", "x2", "x3"]].to_numpy()

    def comprisk() -> Any:
        from comprisk import FineGrayRegression

        return FineGrayRegression(robust_se=True).fit(X, time=time, event=status)

    def ours() -> pd.DataFrame:
        return trd.FineGray(FOUR).fit(times).tidy()

    table = {"d": frame[["subject", "time", "status", "x0", "x1", "x2", "x3"]]}
    survival = InR(
        f"""long <- finegray(Surv(time, factor(status)) ~ ., data = d)
        coxph(Surv(fgstart, fgstop, fgstatus) ~ {FOUR}, data = long, weights = fgwt,
              cluster = subject)""",
        table,
        "coef(done)",
        lambda: ours()["estimate"],
        1e-4,
        SURVIVAL,
    )
    cmprsk = InR(
        "crr(d$time, d$status, d[c('x0', 'x1', 'x2', 'x3')])", table,
        "c(done$coef, sqrt(diag(done$var)))",
        lambda: ours()[["estimate", "std_error"]].to_numpy().T, 1e-4, ("cmprsk",),
    )  # fmt: skip
    return Case(
        f"Fine-Gray with robust errors, 4 covariates, {n:,}", ours,
        {"comprisk": comprisk}
        | ({"R survival": survival, "R cmprsk": cmprsk} if n <= MOST_IN_R else {}),
        {"R survival": "errors with weights taken as known"},
    )  # fmt: skip


def _rmst(n: int) -> Case:
    frame = competing(n, tied=False)
    frame["status"] = (frame["status"] == 1).astype(int)
    times = trd.EventTimes(frame)

    def greenwood() -> Any:
        from greenwood import Surv, rmst_test

        return rmst_test(Surv(frame["time"], frame["status"]), 300.0, frame["treatment"])

    def ours() -> pd.DataFrame:
        return trd.RMST(tau=300.0).fit(times).tidy()

    survival = InR(
        """fit <- survfit(Surv(time, status) ~ treatment, data = d)
        means <- summary(fit, rmean = 300)$table[, c("rmean", "se(rmean)")]
        c(means, diff(means[, 1]), sqrt(sum(means[, 2]^2)))""",
        {"d": frame[["time", "status", "treatment"]]}, "done",
        lambda: [*(t := ours())["estimate"][:2], *t["std_error"][:2],
                 t["estimate"][2], t["std_error"][2]],
        1e-9, SURVIVAL,
    )  # fmt: skip
    return Case(
        f"Restricted means of two arms and their difference, {n:,}", ours,
        {"greenwood": greenwood, "R survival": survival},
        {"R survival": "no ratios, no limits, no tests"},
    )  # fmt: skip


def _intervals(n: int) -> tuple[trd.EventTimes, pd.DataFrame]:
    rng = np.random.default_rng(4)
    time = 60 * rng.weibull(1.3, n)
    left = np.floor(time / 7) * 7
    seen = left < 84
    frame = pd.DataFrame({
        "subject": np.arange(n), "treatment": rng.choice(["A", "B"], n),
        "left": np.where(seen, left, 84), "right": np.where(seen, left + 7, np.inf),
    })  # fmt: skip
    frame["time"] = np.where(seen, frame["right"], 84)
    frame["status"] = seen.astype(int)
    return trd.EventTimes(frame), frame


def _turnbull(n: int) -> Case:
    rng = np.random.default_rng(4)
    time = 60 * rng.weibull(1.3, n)
    step = rng.uniform(3, 20, n)
    left = np.floor(time / step) * step
    frame = pd.DataFrame({"subject": np.arange(n), "treatment": "A", "left": left,
                          "right": left + step, "time": left + step, "status": 1})  # fmt: skip
    times = trd.EventTimes(frame)

    def greenwood() -> Any:
        from greenwood import Surv, Turnbull

        return Turnbull().fit(Surv(frame["left"], frame["right"], type="interval2"))

    def ours() -> trd.TurnbullResult:
        return trd.Turnbull().fit(times)

    return Case(
        f"Turnbull's estimate, visits of their own, {n:,}",
        ours,
        {"greenwood": greenwood},  # survfit of R needs minutes, and stops before the maximum
    )


def _aft(n: int) -> Case:
    times, frame = _intervals(n)
    theirs = frame[["left", "right"]].assign(b=(frame["treatment"] == "B").astype(float))
    theirs["left"] = np.maximum(theirs["left"], 1e-8)

    def lifelines() -> Any:
        from lifelines import WeibullAFTFitter

        return WeibullAFTFitter().fit_interval_censoring(theirs, "left", "right")

    def ours() -> pd.DataFrame:
        return trd.AFT("treatment").fit(times).tidy()

    survival = InR(
        'summary(survreg(Surv(left, right, type = "interval2") ~ treatment, data = d))',
        {"d": frame[["left", "right", "treatment"]]}, "done$table[, 1:2]",
        lambda: ours()[["estimate", "std_error"]].to_numpy().T, 1e-5, SURVIVAL,
        setup="d$left[d$left == 0] <- NA; d$right[d$right == Inf] <- NA",
    )  # fmt: skip
    return Case(
        f"Weibull AFT, interval-censored, {n:,}",
        ours,
        {"lifelines": lifelines, "R survival": survival},
    )


def cases() -> Iterator[Case]:
    yield _curves(1_000_000)
    for n in (200, 100_000):
        yield _cox(n)
    for n in (10_000, 100_000):
        yield _incidence(n, tied=True)
        yield _gray(n)
    yield _incidence(10_000, tied=False)
    for n in (4_000, 100_000):
        yield _fine_gray(n)
    yield _rmst(1_000)
    yield _turnbull(1_000)
    for n in (200, 1_000, 10_000):
        yield _aft(n)
